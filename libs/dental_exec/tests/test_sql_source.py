"""A restored database gives the same canonical records as the files it came from."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from bridgework_contracts.errors import SourceUnreadable
from bridgework_contracts.runs import SourceSpec
from bridgework_dental_exec import sql_source
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.snapshot import Snapshot
from bridgework_dental_exec.sql_source import Database, seal_database

TABLES = ("patients", "ledger", "accounts", "providers", "carriers", "proc_codes", "tasks")


def restored(source: CanonicalSource, file: Path) -> Database:
    """Copy tables of a snapshot into a DuckDB file, some keys as numbers, like a restore."""
    reader = source.snapshot.connect(TABLES)
    with duckdb.connect(str(file)) as target:
        for name in TABLES:
            table = reader.sql(f'SELECT * EXCLUDE (_line, _hash) FROM "{name}"').to_arrow_table()
            target.register("incoming", table)
            key = source.snapshot.profile.tables[name].key[0]
            cast = f'"{key}"::BIGINT AS "{key}"' if name in {"ledger", "tasks"} else f'"{key}"'
            rest = f'* EXCLUDE ("{key}")'
            target.execute(f'CREATE TABLE "de_{name}" AS SELECT {cast}, {rest} FROM incoming')
    return Database(
        open=lambda: duckdb.connect(str(file), read_only=True),
        tables={name: f"de_{name}" for name in TABLES},
        errors=(duckdb.Error,),
    )


def test_a_database_gives_the_records_of_its_export(
    harbor: CanonicalSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read in many parallel ranges, every ledger line and patient is the same."""
    monkeypatch.setattr(sql_source, "_ROWS_PER_RANGE", 1_000)
    database = restored(harbor, tmp_path / "restored.duckdb")
    snapshot = seal_database(database, tmp_path / "s", seal=b"x" * 32, parallel=3)
    assert isinstance(snapshot, Snapshot)
    source = CanonicalSource(snapshot, SourceSpec(export_path=""))

    def content(from_source: CanonicalSource, name: str, *without: str) -> dict[str, Any]:
        return {
            r.key: {k: v for k, v in r.fields.items() if k not in without}
            for r in from_source.records(name)
        }

    assert content(source, "ledger_entry") == content(harbor, "ledger_entry")
    assert content(source, "account") == content(harbor, "account")
    parts = ("care_team", "alerts", "documents", "tooth_chart", "tooth_condition",
             "tooth_condition_tooth", "drug_interaction", "premedication", "other_coverage",
             "primary_annual_max", "secondary_annual_max")  # fmt: skip
    assert content(source, "patient", *parts) == content(harbor, "patient", *parts)
    first = next(source.records("ledger_entry"))
    assert first.provenance[0].file == "de_ledger (database)"


def test_a_table_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    """The table is named, the driver's text is not."""
    database = Database(
        open=duckdb.connect,
        tables={"patients": "nowhere"},
        errors=(duckdb.Error,),
    )
    with pytest.raises(SourceUnreadable) as caught:
        seal_database(database, tmp_path / "s")
    assert (caught.value.code, caught.value.details["file"]) == ("table_missing", "nowhere")
