"""Pure decisions: what is not sent, what a lost upload may be, what a file's bytes say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bridgework_contracts.ids import RunId
from bridgework_contracts.outcomes import Effect, Outcome, Reason
from bridgework_contracts.records import FileExtracted, ParentRef, Provenance
from bridgework_rehoster.domain.deciding import ends_unsent, may_be_tried_again, outcome_of
from bridgework_rehoster.domain.media import mime_of, mime_problem
from bridgework_rehoster.domain.moves import candidates
from bridgework_zoho.attachments import Attachment


def file(**changes: Any) -> FileExtracted:
    """A document."""
    values: dict[str, Any] = {
        "run_id": RunId("r"),
        "object": "document",
        "key": "1",
        "parent": ParentRef(object="patient", key="p"),
        "name": "scan.pdf",
        "mime": "application/pdf",
        "size_bytes": 10,
        "sha256": "0" * 64,
        "path": "/x/scan.pdf",
        "provenance": (Provenance(file="documents.csv", line=7),),
        **changes,
    }
    return FileExtracted(**values)


@pytest.mark.parametrize(
    ("changes", "upload_empty", "expected"),
    [
        ({}, False, None),
        ({"size_bytes": 101}, False, ("skipped", "file_over_limit")),
        ({"size_bytes": 100}, False, None),
        ({"size_bytes": 0}, False, ("skipped", "file_empty")),
        ({"size_bytes": 0}, True, None),
        ({"sha256": None}, False, ("parked", "file_missing")),
        ({"path": None}, False, ("parked", "file_missing")),
        ({"path": None, "content_b64": "eA=="}, False, None),
        ({"change": "deleted"}, False, ("skipped", "deleted_in_source")),
    ],
)
def test_policies_decide_what_is_not_sent(
    changes: dict[str, Any], upload_empty: bool, expected: tuple[str, str] | None
) -> None:
    """Each with its reason."""
    outcome = ends_unsent(file(**changes), limit_bytes=100, upload_empty=upload_empty)
    found = None
    if outcome is not None and outcome.reason is not None:
        found = (outcome.outcome.value, outcome.reason.code)
    assert found == expected


@pytest.mark.parametrize(
    ("head", "told", "wrong"),
    [
        (b"%PDF-1.7", "application/pdf", False),
        (b"%PDF-1.7", "image/jpeg", True),
        (b"\xff\xd8\xff\xe0", "image/jpg", False),
        (b"\x00" * 128 + b"DICM", "application/dicom", False),
        (b"\x00" * 128 + b"DICM", "image/tiff", True),
        (b"hello", "application/pdf", True),
        (b"hello", "text/plain", False),
        (b"PK\x03\x04", "application/vnd.ms-excel", False),
        (b"", "application/pdf", False),
        (b"%PDF-1.7", "application/pdf; charset=binary", False),
    ],
)
def test_a_files_first_bytes_contradict_its_media_type(head: bytes, told: str, wrong: bool) -> None:
    """Only where one of the two is a kind we are sure of."""
    problem = mime_problem(file(mime=told), head)
    assert (problem is not None) is wrong
    if problem is not None:
        assert (problem.file, problem.line, problem.code) == ("documents.csv", 7, "mime_mismatch")


def test_a_kind_we_do_not_know_is_no_kind() -> None:
    """Nothing is guessed."""
    assert mime_of(b"????") == frozenset()


def test_a_lost_upload_is_one_of_the_young_attachments_of_its_name_and_size() -> None:
    """Newest first; not another file of ours, not one that was there before."""
    opened = datetime(2026, 1, 1, tzinfo=UTC)

    def listed(id_: str, name: str = "scan.pdf", size: int = 10, age_s: float = -5) -> Attachment:
        created = (opened - timedelta(seconds=age_s)).isoformat()
        return Attachment(id=id_, file_name=name, size_bytes=size, created_time=created)

    found = candidates(
        [
            listed("1", age_s=3600),
            listed("2"),
            listed("3", name="other.pdf"),
            listed("4", size=11),
            listed("5"),
            listed("6"),
        ],
        file(),
        others_of_ours={"5"},
        opened_at=opened,
        clock_tolerance_s=60,
    )
    assert [one.id for one in found] == ["6", "2"]


def test_a_replay_tries_again_what_was_refused_or_missing_and_nothing_else() -> None:
    """What landed, was skipped, or waits for its parent keeps its outcome."""

    def judged(outcome: Outcome, code: str | None = None) -> bool:
        reason = Reason(code=code, sentence="") if code else None
        effect = Effect.CREATED if outcome is Outcome.INSERTED else Effect.NONE
        return may_be_tried_again(outcome_of(file(), outcome, effect=effect, reason=reason))

    assert judged(Outcome.FAILED, "file_changed")
    assert judged(Outcome.PARKED, "file_missing")
    assert not judged(Outcome.PARKED, "parent_missing")
    assert not judged(Outcome.INSERTED)
    assert not judged(Outcome.SKIPPED, "file_over_limit")
