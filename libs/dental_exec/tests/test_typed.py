"""The typed layer means, cell by cell, what the canonical layer reads."""

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from bridgework_contracts.errors import ConfigurationError, SourceUnreadable
from bridgework_contracts.runs import SourceSpec
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.cells import RowReader
from bridgework_dental_exec.context import stream_cells
from bridgework_dental_exec.corrections import Fix, apply_fixes, row_facts
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from bridgework_dental_exec.moments import cut_moments, is_odd
from bridgework_dental_exec.parsers.dates import DateRule, parse_moment, parse_time
from bridgework_dental_exec.profile import TYPED_PARSERS
from bridgework_dental_exec.snapshot import LINE, Snapshot
from hypothesis import example, given
from hypothesis import strategies as st

synthetic = pytest.importorskip("bridgework_synthetic")
Open = Callable[..., CanonicalSource]
SEAL = bytes(range(32))


def canonical(value: Any) -> Any:
    """Return a typed value as canonical fields hold it."""
    match value:
        case dt.datetime():
            return value.isoformat()
        case dt.date() | dt.time():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
    return value


def read_cells(source: CanonicalSource) -> Iterator[tuple[str, str, int, Any]]:
    """Yield (table, column, line, value) of every typed cell as objects are read."""
    context = source.context
    for name, spec in context.profile.objects.items():
        reader: RowReader = context.reader(name)
        typed = {f: c.column for f, c in spec.fields.items() if c.parser in TYPED_PARSERS}
        connection = source.snapshot.connect([spec.table])
        for cells, line in stream_cells(connection, spec, reader.columns):
            values = reader.read(cells, line, keyed=False).values
            for field, column in typed.items():
                if column in source.snapshot.tables[spec.table].columns:
                    yield spec.table, column, line, values[field]
        connection.close()


def typed_cells(snapshot: Snapshot) -> dict[tuple[str, str, int], Any]:
    """Return (table, column, line) → value of the typed layer."""
    found = {}
    for name in snapshot.tables:
        layer = snapshot.typed(name)
        for row in layer.to_table().to_pylist() if layer is not None else ():
            line = row.pop(LINE)
            found.update({(name, column, line): canonical(v) for column, v in row.items()})
    return found


def differing(source: CanonicalSource) -> tuple[int, list[tuple[Any, ...]]]:
    """Return how many cells were compared, and those that differ."""
    typed = typed_cells(source.snapshot)
    cells = [((table, column, line), value) for table, column, line, value in read_cells(source)]
    return len(cells), [(at, value, typed[at]) for at, value in cells if typed[at] != value]


@pytest.mark.parametrize("dialect", ["a", "b", "c", "d"])
def test_typed_cells_are_what_the_canonical_layer_reads(
    tmp_path: Path, open_practice: Open, dialect: str
) -> None:
    """Every date, moment, time, amount, number and flag of every object, all defects on."""
    synthetic.generate(tmp_path / "p", patients=120, seed=5, dialect=dialect, defects=1.5,
                       documents=False, images=False)  # fmt: skip
    compared, wrong = differing(open_practice(tmp_path / "p", tmp_path / "w"))
    assert compared > 10_000
    assert wrong == []


def test_a_real_practice_is_typed_as_it_is_read(harbor: CanonicalSource) -> None:
    """Blocks that one workstation wrote the other way round included."""
    assert harbor.snapshot.dates.swapped_lines
    compared, wrong = differing(harbor)
    assert compared > 100_000
    assert wrong == []


MIXED = {
    "ledger.csv": "entry_id,acct_id,pat_id,post_date,kind,amount\n"
    '1,1,1,13/02/2024,Charge,"1,234.50"\n'
    "2,1,1,03/04/2024,Charge,(45.00)\n"
    "3,1,1,31/31/2024,Charge,ask Bob\n"
    "4,1,1,,Charge,\n",
    "notes.csv": "note_id,pat_id,entered_at,body,signed\n"
    "1,1,03/04/2024 8:05 AM,a,Y\n"
    "2,1,2024-04-03T09:00:00,b,n\n"
    "3,1,03/04/2024,c,\n"
    "4,1,03/04/2024 25:99,d,maybe\n",
}


def test_types_decisions_and_what_nobody_can_read(
    practice: Callable[..., CanonicalSource],
) -> None:
    """Order is the column's; a cell that says something without a meaning is counted."""
    snapshot = practice(MIXED).snapshot
    ledger = snapshot.typed("ledger")
    assert ledger is not None
    assert {f.name: str(f.type) for f in ledger.schema} == {
        "post_date": "date32[day]", "amount": "decimal128(16, 2)", LINE: "int64",
    }  # fmt: skip
    assert ledger.to_table().to_pydict() == {
        "post_date": [dt.date(2024, 2, 13), dt.date(2024, 4, 3), None, None],
        "amount": [Decimal("1234.50"), Decimal("-45.00"), None, None],
        LINE: [2, 3, 4, 5],
    }
    told = {c.name: (c.type, c.filled, c.read) for c in snapshot.tables["ledger"].typed}
    assert told["post_date"] == ("date32[day]", 3, 2)
    assert told["amount"] == ("decimal128(16, 2)", 3, 2)
    notes = snapshot.typed("notes")
    assert notes is not None
    day = dt.datetime(2024, 4, 3)  # noqa: DTZ001 - wall-clock time of the practice
    assert notes.to_table(["entered_at", "signed"]).to_pydict() == {
        "entered_at": [day.replace(hour=8, minute=5), day.replace(hour=9), day, day],
        "signed": [True, False, None, None],
    }


def test_the_typed_layer_is_sealed_and_found_again(tmp_path: Path) -> None:
    """Decisions come back with the snapshot; without the key nothing is read."""
    folder = _exported(tmp_path, MIXED)
    with open_export(folder, tmp_path / "work") as export:
        sealed = seal_snapshot(export, tmp_path / "snapshot", seal=SEAL)
    again = Snapshot.load(tmp_path / "snapshot", SEAL)
    assert again.dates == sealed.dates
    assert again.tables == sealed.tables
    assert typed_cells(again) == typed_cells(sealed)
    assert typed_cells(sealed)
    assert b"2024" not in sealed.typed_path("ledger").read_bytes()
    wrong = Snapshot.load(tmp_path / "snapshot", SEAL[::-1]).typed
    with pytest.raises(OSError, match="decrypt"):
        wrong("ledger")


def test_a_pin_decides_the_order(tmp_path: Path) -> None:
    """For one column or for all; an answer nobody knows is refused."""
    text = {"ledger.csv": "entry_id,acct_id,pat_id,post_date\n1,1,1,03/04/2024\n"}
    folder = _exported(tmp_path, text)
    days = {}
    for pins in ({}, {"date_order": "dmy"}, {"ledger.post_date.date_order": "dmy"}):
        name = "-".join(pins) or "none"
        with open_export(folder, tmp_path / "work", pins) as export:
            typed = seal_snapshot(export, tmp_path / name).typed("ledger")
        assert typed is not None
        days[name] = typed.to_table()["post_date"][0].as_py()
    assert days["none"] == dt.date(2024, 3, 4)
    assert days["date_order"] == days["ledger.post_date.date_order"] == dt.date(2024, 4, 3)
    with (
        open_export(folder, tmp_path / "work", {"date_order": "ymd"}) as export,
        pytest.raises(ConfigurationError, match="mdy or dmy"),
    ):
        seal_snapshot(export, tmp_path / "refused")


def test_a_correction_is_typed_and_may_change_how_a_column_is_read(tmp_path: Path) -> None:
    """The corrected cell is the only one that tells day from month."""
    text = {"ledger.csv": "entry_id,acct_id,pat_id,post_date\n1,1,1,03/04/2024\n2,1,1,99/99/2024\n"}
    folder = _exported(tmp_path, text)
    with open_export(folder, tmp_path / "work") as export:
        snapshot = seal_snapshot(export, tmp_path / "snapshot", seal=SEAL)
        mark = row_facts(snapshot, {"ledger": {3}}, SEAL)["ledger", 3].mark
        fix = Fix("a", "ledger.csv", "post_date", "25/04/2024", mark)
        assert apply_fixes(snapshot, export, [fix], SEAL)[0].state == "applied"
    typed = Snapshot.load(tmp_path / "snapshot", SEAL).typed("ledger")
    assert typed is not None
    assert typed.to_table()["post_date"].to_pylist() == [
        dt.date(2024, 4, 3),
        dt.date(2024, 4, 25),
    ]
    reread = CanonicalSource(
        Snapshot.load(tmp_path / "snapshot", SEAL), SourceSpec(export_path=str(folder))
    )
    assert {r.fields["post_date"] for r in reread.records("ledger_entry")} == {
        "2024-04-03",
        "2024-04-25",
    }


def test_a_snapshot_of_another_version_is_refused(tmp_path: Path) -> None:
    """It has no typed layer, or another one."""
    folder = _exported(tmp_path, MIXED)
    with open_export(folder, tmp_path / "work") as export:
        seal_snapshot(export, tmp_path / "snapshot")
    index = tmp_path / "snapshot" / "snapshot.json"
    index.write_text(index.read_text().replace("bridgework-snapshot/2", "bridgework-snapshot/1"))
    with pytest.raises(SourceUnreadable) as caught:
        Snapshot.load(tmp_path / "snapshot")
    assert caught.value.code == "snapshot_format"


PIECES = st.sampled_from(
    ["3", "03", "13", "2024", "24", "/", "-", ".", " ", "  ", ":", "8", "05", "AM", "a", "p.m.",
     "T", "Z", "x", "\u00a0", "0.5", "45231", "/  /", "none", "Apr", ","]
)  # fmt: skip
MOMENTS = st.one_of(
    st.lists(PIECES, max_size=10).map("".join),
    st.text(max_size=20),
    st.datetimes().map(lambda m: m.strftime("%m/%d/%Y %I:%M %p")),
)


@given(MOMENTS.filter(lambda text: bool(text.strip(" \t"))).map(lambda text: text.strip(" \t")))
@example("2024-04-03T09:00:00Z")
@example("3/4/2024  T08:00")
@example("45231.5")
def test_a_moment_cut_in_two_is_the_moment_read_whole(text: str) -> None:
    """Whatever stands in a cell: cut plainly, its parts mean what the whole means; or it is odd."""
    rule = DateRule(today=dt.date(2026, 1, 1), kind="moment")
    days, clocks = cut_moments(pa.array([text]))
    if is_odd(days, clocks)[0].as_py():
        return
    day, clock = days[0].as_py(), clocks[0].as_py()
    whole = parse_moment(text, rule)[0]
    cut = parse_moment(day, rule)[0]
    assert whole == (cut and f"{cut[:10]}T{parse_time(clock)[0] or '00:00:00'}")


def _exported(folder: Path, files: dict[str, str]) -> Path:
    export = folder / "export"
    export.mkdir()
    for name, text in files.items():
        (export / name).write_text(text, encoding="utf-8")
    return export
