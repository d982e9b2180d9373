"""Patients whose records have rare shapes: a rehearsal must meet them before the full run does."""

import hashlib

import duckdb

from bridgework_dental_exec.context import SourceContext, sql_key

_RARE_PER_SHAPE = 2


def rare_patients(context: SourceContext, seed: int) -> set[str]:
    """Return the keys of a few patients of every rare shape; see ``CanonicalSource``."""
    connection = context.snapshot.connect()
    try:
        return _of_every_shape(context, connection, seed)
    finally:
        connection.close()


def _of_every_shape(
    context: SourceContext, connection: duckdb.DuckDBPyConnection, seed: int
) -> set[str]:
    objects = context.profile.objects
    q = objects["patient"].fields
    patient, note, appointment, ledger, task = (
        objects[n] for n in ("patient", "note", "appointment", "ledger_entry", "task")
    )
    own = sql_key(patient.key[0].column)

    def of(spec_name: str, condition: str) -> str:
        spec = objects[spec_name]
        column = (
            spec.parent_key.column
            if spec.parent_key is not None
            else spec.fields["patient_key"].column
        )
        return f'SELECT DISTINCT {sql_key(column)} FROM "{spec.table}" WHERE {condition}'

    body = note.fields["body"].column
    shapes = [
        *(
            f'SELECT {own} FROM "{patient.table}" WHERE "{q["status"].column}" = \'{word}\''
            for word in ("Inactive", "Archived", "Deceased", "Deleted", "NonPatient", "Prospect")
        ),
        f'SELECT {own} FROM "{patient.table}" WHERE "{q["birth_date"].column}" IS NULL',
        (
            f'SELECT {own} FROM "{patient.table}" WHERE NOT regexp_full_match(coalesce('
            f"\"{q['last_name'].column}\", ''), '[ -~]*')"
        ),
        f'SELECT {own} FROM "{patient.table}" WHERE "{q["drug_interaction"].column}" = \'Y\'',
        of("coverage", f"\"{objects['coverage'].fields['ordinal'].column}\" NOT IN ('1', '2')"),
        of("note", f"contains(\"{body}\", '\\pict')"),
        of("note", f"contains(lower(\"{body}\"), '<img')"),
        of("note", f'length("{body}") > 20000'),
        of("note", f'"{note.fields["addendum_of"].column}" IS NOT NULL'),
        of("appointment", f'"{appointment.fields["date"].column}" IS NULL'),
        of("appointment", f"\"{appointment.fields['status'].column}\" IN ('Broken', 'ASAP')"),
        *(
            of("ledger_entry", f"\"{ledger.fields['kind'].column}\" = '{kind}'")
            for kind in ("Transfer", "Starting balance", "Refund", "Finance charge")
        ),
        of("ledger_entry", f"\"{ledger.fields['flag'].column}\" = '+'"),
        of("task", f"lower(\"{task.fields['subject'].column}\") LIKE '%recall%'"),
        of("perio_exam", "true"),
    ]
    chosen: set[str] = set(context.reused)
    for sql in shapes:
        keys = [k for (k,) in connection.execute(sql).fetchall() if k]
        keys.sort(key=lambda k: _order(seed, k))
        chosen.update(keys[:_RARE_PER_SHAPE])
    return chosen


def _order(seed: int, key: str) -> bytes:
    return hashlib.blake2b(f"{seed}\x1f{key}".encode(), digest_size=8).digest()
