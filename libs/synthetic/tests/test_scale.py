"""The bulk mode: many rows, unique keys, flat counts."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from bridgework_synthetic import Truth, generate_rows
from bridgework_synthetic.schema import HEADERS, KEYS

csv.field_size_limit(10_000_000)


@pytest.fixture(scope="module")
def bulk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred thousand rows: the base practice and a few copies."""
    out = tmp_path_factory.mktemp("bulk")
    generate_rows(out, rows=100_000, seed=4)
    return out


def rows(folder: Path, file: str) -> list[dict[str, str]]:
    """Records of a dialect (a) file."""
    with (folder / "export" / f"{file}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_asked_rows_are_written_and_counted(bulk: Path) -> None:
    """At least the rows asked for, at most one household more; the key counts them."""
    truth = Truth(bulk)
    total = sum(truth.source_rows.values())
    assert 100_000 <= total < 101_000
    assert {file: len(rows(bulk, file)) for file in HEADERS} == truth.source_rows
    per_patient = total / truth.source_rows["patients"]
    assert 30 < per_patient < 46


def test_keys_of_copies_are_unique_and_their_parents_exist(bulk: Path) -> None:
    """No record number occurs twice, and every child finds its patient and account."""
    for file, columns in KEYS.items():
        keys = [tuple(row[column] for column in columns) for row in rows(bulk, file)]
        assert len(keys) == len(set(keys)), file
    patients = {row["pat_id"] for row in rows(bulk, "patients")}
    accounts = {row["acct_id"] for row in rows(bulk, "accounts")}
    for file in ("notes", "appointments", "ledger", "tasks", "coverage"):
        assert {row["pat_id"] for row in rows(bulk, file)} <= patients | {""}
    assert {row["acct_id"] for row in rows(bulk, "ledger")} <= accounts


def test_copies_are_other_people(bulk: Path) -> None:
    """Name with birth date, and mail, belong to one row each; telephones mostly."""
    patients = rows(bulk, "patients")
    people = {(row["last"], row["first"], row["dob"]) for row in patients}
    assert len(people) == len(patients)
    born_with_phone = {(row["dob"], row["cell_phone"]) for row in patients if row["cell_phone"]}
    assert len(born_with_phone) == sum(bool(row["cell_phone"]) for row in patients)


def test_expected_counts_follow_the_rows(bulk: Path) -> None:
    """One object per row where the mode promises one, over all copies."""
    truth = Truth(bulk)
    for file, module in (("notes", "Notes"), ("ledger", "Billing_Ledger"), ("accounts", "Deals"),
                         ("patients", "Contacts"), ("tasks", "Tasks")):  # fmt: skip
        assert sum(truth.expected_counts[module].values()) == truth.source_rows[file]
    assert list(truth.objects("Contacts")) == []
