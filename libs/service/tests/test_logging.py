"""Logs: what gets through, what is masked, and that nothing else can."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import structlog
from bridgework_contracts.errors import RecordRejected
from bridgework_service.logging import MASKED, bind_ids, clean, configure_logging
from bridgework_service.metrics import Metrics
from bridgework_service.redaction import Redacted
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def registry() -> CollectorRegistry:
    """Metrics of this test."""
    return CollectorRegistry()


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str], registry: CollectorRegistry) -> Iterator[Lines]:
    """JSON logging into a list."""
    root = logging.getLogger()
    before = (root.handlers, root.level)
    configure_logging(service="loader", level="debug", metrics=Metrics(registry))
    yield lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    structlog.reset_defaults()
    root.handlers, root.level = before


def masked_so_far(registry: CollectorRegistry) -> float | None:
    """Read the counter of masked values."""
    return registry.get_sample_value("bridgework_log_values_masked_total")


def test_ids_counts_and_times_get_through(lines: Lines, registry: CollectorRegistry) -> None:
    """An outcome line of a unit of work arrives whole."""
    structlog.get_logger().info(
        "record_loaded",
        run_id="run_0a1b",
        attempt=2,
        duration_s=0.125,
        offset=7,
        counts={"inserted": 3, "failed": 0},
        run_ids=["run_1", "run_2"],
        started_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        request_id=UUID(int=1),
    )
    [line] = lines()
    timestamp = line.pop("timestamp")
    assert timestamp.endswith("Z")
    assert line == {
        "event": "record_loaded",
        "level": "info",
        "service": "loader",
        "run_id": "run_0a1b",
        "attempt": 2,
        "duration_s": 0.125,
        "offset": 7,
        "counts": {"inserted": 3, "failed": 0},
        "run_ids": ["run_1", "run_2"],
        "started_at": "2026-01-02T03:04:00+00:00",
        "request_id": "00000000-0000-0000-0000-000000000001",
    }
    assert masked_so_far(registry) == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Anna"),
        ("patient_name", "Anna"),
        ("display_name", "Harbor"),
        ("phone", "5550100"),
        ("birth_date", "1980-02-03"),
        ("amount", 12.5),
        ("payload", {"count": 1}),
        ("subscriber_id", "W12345"),
        ("postal_code", "02110"),
        ("reason", "Anna Example was here"),
        ("code", "anna@example.org"),
        ("source_key", "x" * 201),
        ("status", Redacted("Anna")),
        ("status", object()),
        ("counts", b"bytes"),
    ],
)
def test_everything_else_is_masked_and_counted(
    lines: Lines, registry: CollectorRegistry, field: str, value: object
) -> None:
    """Unknown names, sentences, addresses and objects become a marker."""
    structlog.get_logger().info("record_loaded", **{field: value})
    [line] = lines()
    assert line[field] == MASKED
    assert masked_so_far(registry) == 1


def test_mappings_keep_counts_and_lose_values(lines: Lines) -> None:
    """Inside an allowed mapping numbers stay, text only under allowed keys."""
    structlog.get_logger().info(
        "run_counted", counts={"Contacts": 3, "name": "Anna", "code": "ok", "Anna Example": 1}
    )
    [line] = lines()
    assert line["counts"] == {"Contacts": 3, "name": MASKED, "code": "ok", MASKED: 1}


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("export/patients.csv", "export/patients.csv"),
        ("docs/Example_Anna_xray.JPG", "*.JPG"),
        (Path("docs/Example_Anna.pdf"), "*.pdf"),
        ("notes.txt", "*.txt"),
    ],
)
def test_only_data_files_are_named(lines: Lines, file: object, shown: str) -> None:
    """Documents are often named after their patient: of them only the kind is said."""
    structlog.get_logger().info("file_read", file=file)
    assert lines()[0]["file"] == shown


def test_frames_and_numbers_only_fields_get_through(lines: Lines) -> None:
    """A frame has the one blank that is allowed; an owner may be counted but not named."""
    structlog.get_logger().info("x_failed", frames=["app.py:7 open_app", "Anna Example"], owners=3)
    structlog.get_logger().info("x_failed", owners="Anna")
    first, second = lines()
    assert first["frames"] == ["app.py:7 open_app", MASKED]
    assert first["owners"] == 3
    assert second["owners"] == MASKED


def test_an_event_that_is_a_sentence_is_masked(lines: Lines) -> None:
    """Values cannot hide in the event."""
    structlog.get_logger().info("loaded Anna Example")
    assert lines()[0]["event"] == "event_masked"


@given(st.text(min_size=1), st.text())
def test_no_text_with_a_blank_or_an_at_sign_survives_cleaning(name: str, value: str) -> None:
    """Whatever the name, a value that looks like a sentence or an address is gone."""
    shown = clean(name, value)
    assert shown == MASKED or (" " not in shown and "@" not in shown)


def test_an_exception_of_others_shows_class_and_frames_only(lines: Lines) -> None:
    """Neither the text of a foreign exception nor a frame's values are written."""
    secret = "Anna Example"
    try:
        try:
            int(secret)
        except ValueError as exc:
            raise KeyError(secret) from exc
    except KeyError:
        structlog.get_logger().exception("record_crashed")
    [line] = lines()
    assert line["error"] == "KeyError"
    assert line["causes"] == ["ValueError"]
    assert "test_logging.py" in line["traceback"][-1]
    assert "Anna" not in json.dumps(line)


def test_an_exception_of_ours_shows_its_code_text_and_details(lines: Lines) -> None:
    """Our texts hold no values by contract; details pass the same filter."""
    error = RecordRejected("Zoho refuses row 7.", code="invalid_data", row=7, value="Anna")
    structlog.get_logger().error("record_rejected", exc_info=error)
    [line] = lines()
    assert line["error_code"] == "invalid_data"
    assert line["error_message"] == "Zoho refuses row 7."
    assert line["details"] == {"row": 7, "value": MASKED}


def test_members_of_a_group_are_described_each(lines: Lines) -> None:
    """A TaskGroup's failure says what every task died of."""
    group = ExceptionGroup("two", [ValueError("Anna"), RecordRejected("No.", code="x")])
    structlog.get_logger().error("tasks_failed", exc_info=group)
    [line] = lines()
    assert [member["error"] for member in line["errors"]] == ["ValueError", "RecordRejected"]
    assert "Anna" not in json.dumps(line)


def test_error_text_cannot_be_smuggled_in_as_a_field(lines: Lines) -> None:
    """Only the exception formatter writes error_message and traceback."""
    structlog.get_logger().info("record_loaded", error_message="Anna Example", traceback="Anna E")
    assert "Anna" not in json.dumps(lines())


def test_bound_ids_are_on_every_line_of_the_block_and_not_after(lines: Lines) -> None:
    """Ids are bound once per message; None means there is none."""
    with bind_ids(service="rehoster", tenant_id="harbor", run_id=None):
        structlog.get_logger().info("file_sent")
    structlog.get_logger().info("file_sent")
    inside, after = lines()
    assert (inside["service"], inside["tenant_id"]) == ("rehoster", "harbor")
    assert "run_id" not in inside
    assert after["service"] == "loader"
    assert "tenant_id" not in after


def test_only_ids_can_be_bound() -> None:
    """A record's content cannot become context."""
    with pytest.raises(ValueError, match="cannot bind patient"), bind_ids(patient="Anna"):
        pass


def test_libraries_say_where_but_not_what(lines: Lines) -> None:
    """Arguments and ready-made texts of other people's log calls are dropped."""
    library = logging.getLogger("somelib.client")
    library.warning("cannot send %s", "Anna Example")
    library.warning("cannot send Anna Example")  # a library's careless line
    library.info("below warning: %s", "Anna Example")
    first, second = lines()
    assert (first["event"], first["logger"]) == ("library_logged", "somelib.client")
    assert first["template"] == "cannot_send_%s"
    assert "template" not in second
    assert "Anna" not in json.dumps([first, second])


def test_console_format_masks_just_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """The renderer for people comes after the filter."""
    root = logging.getLogger()
    before = (root.handlers, root.level)
    configure_logging(service="x", log_format="console", metrics=Metrics(CollectorRegistry()))
    structlog.get_logger().info("record_loaded", name="Anna", attempt=1)
    structlog.reset_defaults()
    root.handlers, root.level = before
    out = capsys.readouterr().out
    assert "record_loaded" in out
    assert "Anna" not in out


@pytest.mark.parametrize("use", [str, "{}".format, "%s".__mod__, lambda value: f"{value}"])
def test_a_redacted_value_refuses_to_become_text(use: Callable[[object], str]) -> None:
    """Accidental formatting fails loudly; repr shows a marker."""
    hidden = Redacted("Anna Example")
    with pytest.raises(TypeError, match="redacted"):
        use(hidden)
    assert repr(hidden) == "Redacted(***)"
    assert hidden.reveal() == "Anna Example"
    assert hidden == Redacted("Anna Example")
    assert hidden != "Anna Example"
