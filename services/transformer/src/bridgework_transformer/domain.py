"""One canonical record → one write, or an outcome that says why there is none."""

from bridgework_contracts.errors import MappingError
from bridgework_contracts.outcomes import Outcome, Reason, RecordOutcome
from bridgework_contracts.records import Change, RecordExtracted
from bridgework_contracts.writes import Op, WriteRecord
from bridgework_mapping.compile import Mapper, Rejected

SERVICE = "transformer"


def transform(record: RecordExtracted, mapper: Mapper) -> WriteRecord | RecordOutcome:
    """Apply the mapping to one record.

    A record the source deleted becomes a ``flag_deleted`` write: only the loader knows whether it
    was ever in Zoho. A record the mapping refuses ends here, with the mapping's reason.
    """
    if record.change is Change.DELETED:
        return WriteRecord(
            run_id=record.run_id,
            op=Op.FLAG_DELETED,
            change=record.change,
            object=record.object,
            module=mapper.module(record.object),
            key=record.key,
            external_id_field=mapper.external_id_field(record.object),
            fields={},
            content_hash=f"deleted:{record.content_hash}",
            provenance=record.provenance,
        )
    try:
        made = mapper.write_for(record)
    except MappingError as exc:
        made = Rejected(
            outcome=Outcome.FAILED,
            reason=Reason(
                code=exc.code,
                sentence=str(exc),
                remedy="Repair the mapping or the record in the source and run a delta.",
            ),
        )
    if isinstance(made, WriteRecord):
        return made
    return RecordOutcome(
        run_id=record.run_id,
        object=record.object,
        key=record.key,
        outcome=made.outcome,
        reason=made.reason,
        content_hash=record.content_hash,
        parts=record.parts,
        provenance=record.provenance,
        problems=record.problems,
        decided_by=SERVICE,
    )
