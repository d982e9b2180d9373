"""The later export of the same practice, against an independent comparison of the files."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bridgework_synthetic import Truth, evolve, generate
from bridgework_synthetic.schema import HEADERS, KEYS

Make = Callable[..., Any]
Table = dict[str, list[dict[str, str]]]


def read(folder: Path, file: str) -> list[dict[str, str]]:
    """Records of a dialect (a) file."""
    text = (folder / "export" / f"{file}.csv").read_bytes().decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def key(file: str, row: dict[str, str]) -> str:
    """A record's key, with dates and months of it as ISO days."""
    parts = []
    for column in KEYS[file]:
        text = row[column]
        if column == "date":
            text = f"{text[6:]}-{text[:2]}-{text[3:5]}"
        elif column == "month":
            text = month(text)
        parts.append(text)
    return "|".join(parts)


def month(text: str) -> str:
    """Any of the three spellings of a month as its first day."""
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    if text[:3] in names:
        return f"20{text[4:]}-{names.index(text[:3]) + 1:02d}-01"
    if "/" in text:
        number, _, year = text.split("/")
        return f"{year}-{int(number):02d}-01"
    return f"{text}-01"


def by_key(folder: Path, file: str) -> Table:
    """Records by key; a number given out twice has two."""
    table: Table = {}
    for row in read(folder, file):
        table.setdefault(key(file, row), []).append(row)
    return table


@pytest.fixture(scope="module")
def pair(make: Make, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A practice and itself two days later, with enough going on to see everything."""
    first = make(patients=300, seed=6).folder
    second = tmp_path_factory.mktemp("later")
    evolve(first, second, seed=77, changed=0.05, added=0.02, deleted=0.01)
    return first, second


def test_changes_equal_an_independent_comparison_by_key(pair: tuple[Path, Path]) -> None:
    """Added, deleted and changed records, cell by cell, in all 25 files."""
    first, second = pair
    changes = json.loads((second / "changes.json").read_text())
    for file in HEADERS:
        old, new, told = by_key(first, file), by_key(second, file), changes[file]
        assert told["rows_before"] == sum(map(len, old.values()))
        assert told["rows_after"] == sum(map(len, new.values()))
        assert sorted(told["added"]) == sorted(new.keys() - old.keys()), file
        assert sorted(told["deleted"]) == sorted(old.keys() - new.keys()), file
        found = {}
        for name in old.keys() & new.keys():
            if len(old[name]) > 1:
                assert Counter(map(str, old[name])) == Counter(map(str, new[name]))
                continue
            cells = {
                column: [was, new[name][0][column]]
                for column, was in old[name][0].items()
                if new[name][0][column] != was
            }
            if cells:
                found[name] = cells
        assert told["changed"] == found, file
        summary = changes["summary"][file]
        assert summary["changed"] == len(found)
        assert told["unchanged"] == summary["unchanged"]


def test_everything_that_can_happen_happens(pair: tuple[Path, Path]) -> None:
    """People, money, charts and documents all move at these rates."""
    changes = json.loads((pair[1] / "changes.json").read_text())
    summary = changes["summary"]
    for file in ("patients", "accounts", "notes", "ledger", "appointments", "treatment_items",
                 "tasks", "tooth_chart", "claims", "documents", "providers", "plans"):  # fmt: skip
        assert summary[file]["changed"], file
    for file in ("patients", "appointments", "notes", "ledger", "tasks", "treatment_plans"):
        assert summary[file]["added"], file
    for file in ("notes", "ledger", "appointments", "treatment_items"):
        assert summary[file]["deleted"], file
    assert changes["document_bytes_changed"]


def test_the_later_key_agrees_with_the_later_files(pair: tuple[Path, Path]) -> None:
    """Rows, balances, plan lines and documents of the second export are again exact."""
    second = pair[1]
    truth = Truth(second)
    assert {file: len(read(second, file)) for file in HEADERS} == truth.source_rows
    stored = {row["acct_id"]: Decimal(row["balance"]) for row in read(second, "accounts")}
    for entry in truth.section("balances"):
        assert Decimal(entry["stored"]) == stored[entry["acct_id"]]
        assert entry["agrees"] == (entry["stored"] == entry["ledger_sum"])
    items = Counter(row["tp_id"] for row in read(second, "treatment_items"))
    for plan in truth.objects("Treatment_Plans"):
        assert plan["fields"]["Items"] == items[plan["key"]]
    items_true = {entry["key"]: entry["fields"] for entry in truth.objects("Treatment_Items")}
    for row in read(second, "treatment_items"):
        assert items_true[row["item_id"]]["Status"] == row["status"]
    wanted = set()
    for entry in truth.objects("Attachments"):
        fields = entry["fields"]
        if fields.get("Path") and fields["State"] != "missing":
            path = second / "export" / fields["Path"]
            assert path.stat().st_size == (0 if fields["State"] == "empty" else fields["Size"])
            wanted.add(path)
    on_disk = {p for p in (second / "export" / "documents").rglob("*") if p.is_file()}
    assert wanted == {p for p in on_disk if "NOTEIMG" not in p.parts}


def test_patients_changed_in_the_file_are_changed_in_the_key(pair: tuple[Path, Path]) -> None:
    """Telephone, street, mail and status of the later Contact are those of the later row."""
    second = pair[1]
    contacts = {entry["key"]: entry for entry in Truth(second).objects("Contacts")}
    changes = json.loads((second / "changes.json").read_text())["patients"]["changed"]
    rows = {row["pat_id"]: row for row in read(second, "patients")}
    for name, cells in changes.items():
        fields = contacts[name]["fields"]
        if "status" in cells:
            assert fields["Patient_Status"] == rows[name]["status"]
        if "email" in cells:
            assert fields["Email"] == rows[name]["email"]
        if "address1" in cells:
            assert fields["Mailing_Street"] == rows[name]["address1"]
        if "cell_phone" in cells:
            digits = "".join(c for c in rows[name]["cell_phone"] if c.isdigit())
            assert fields["Mobile"] == digits


def test_rows_are_shuffled_and_quoted_otherwise(pair: tuple[Path, Path]) -> None:
    """Another order, every cell in quotes, lines ending in LF."""
    first, second = pair
    order = [row["entry_id"] for row in read(second, "ledger")]
    assert order != sorted(order, key=int)
    assert [row["entry_id"] for row in read(first, "ledger")] != order
    raw = (second / "export" / "patients.csv").read_bytes()
    assert raw.startswith(b'"pat_id","acct_id"')
    assert b"\r\n" not in raw


def test_nothing_happens_when_nothing_is_asked_for(tmp_path: Path) -> None:
    """Shares of zero: only the age of balances may move between buckets."""
    generate(tmp_path / "a", patients=60, seed=2, defects=1.0)
    evolve(tmp_path / "a", tmp_path / "b", seed=1, changed=0, added=0, deleted=0)
    changes = json.loads((tmp_path / "b" / "changes.json").read_text())
    for file, summary in changes["summary"].items():
        assert summary["added"] == summary["deleted"] == 0
        if file == "accounts":
            columns = {column for cells in changes[file]["changed"].values() for column in cells}
            assert columns <= {"aging_0", "aging_30", "aging_60", "aging_90"}
        else:
            assert summary["changed"] == 0, file


def test_an_evolved_practice_evolves_again(tmp_path: Path) -> None:
    """The third export starts where the second stopped, and gives out no number twice."""
    generate(tmp_path / "1", patients=80, seed=2)
    evolve(tmp_path / "1", tmp_path / "2", seed=1, changed=0.05, added=0.05, deleted=0.02)
    evolve(tmp_path / "2", tmp_path / "3", seed=2, changed=0.05, added=0.05, deleted=0.02)
    changes = json.loads((tmp_path / "3" / "changes.json").read_text())
    assert changes["first_export"] == Truth(tmp_path / "2").meta["exported_at"]
    for file in HEADERS:
        old, new = by_key(tmp_path / "2", file), by_key(tmp_path / "3", file)
        assert all(len(rows) == 1 for rows in new.values()), file
        assert sorted(changes[file]["added"]) == sorted(new.keys() - old.keys()), file
        same = {n for n in old.keys() & new.keys() if old[n] == new[n]}
        assert changes[file]["unchanged"] == len(same), file


@pytest.mark.parametrize("dialect", ["b", "c", "d"])
def test_other_dialects_evolve_too(tmp_path: Path, dialect: Any) -> None:
    """The same practice evolves to the same practice in every dialect."""
    for name in ("a", dialect):
        generate(tmp_path / name / "1", patients=40, seed=2, dialect=name, defects=1.0)
        evolve(tmp_path / name / "1", tmp_path / name / "2", seed=1, changed=0.1, added=0.05)
    plain, other = Truth(tmp_path / "a" / "2"), Truth(tmp_path / dialect / "2")
    assert other.expected_counts == plain.expected_counts
    assert list(other.section("balances")) == list(plain.section("balances"))
