"""Migrations: once each, in order, by one process at a time, never changed."""

import asyncio
from pathlib import Path

import pytest
from bridgework_store.errors import StoreContended, StoreDefect, StoreMisconfigured
from bridgework_store.leases import LEASES_PART
from bridgework_store.migrations import migrate
from bridgework_store.names import advisory_key
from bridgework_store.outbox import OUTBOX_PART
from bridgework_store.pool import Pool, StoreSettings, open_pool


def write(folder: Path, **files: str) -> None:
    """Write migration files, name to SQL."""
    for name, sql in files.items():
        (folder / f"{name}.sql").write_text(sql)


async def tables(pool: Pool, schema: str) -> set[str]:
    """Return the names of a schema's tables."""
    rows = await pool.fetch("select tablename from pg_tables where schemaname = $1", schema)
    return {row["tablename"] for row in rows}


async def test_files_are_applied_in_order_into_the_schema_and_only_once(
    pool: Pool, tmp_path: Path
) -> None:
    """Statements name tables without schema; a second start changes nothing."""
    write(
        tmp_path,
        **{"0001_pre_a": "create table a (id int);", "0002_pre_b": "alter table a rename to b;"},
    )
    first = await migrate(pool, schema="loader", path=tmp_path)
    second = await migrate(pool, schema="loader", path=tmp_path)
    assert first == ["own/0001_pre_a.sql", "own/0002_pre_b.sql"]
    assert second == []
    assert await tables(pool, "loader") == {"migrations", "b"}


async def test_shared_parts_come_first_and_have_their_own_numbers(
    pool: Pool, tmp_path: Path
) -> None:
    """Outbox, leases and the service's own 0001 live side by side."""
    write(tmp_path, **{"0001_pre_a": "create table a (id int);"})
    applied = await migrate(pool, schema="loader", path=tmp_path, parts=[OUTBOX_PART, LEASES_PART])
    assert applied == [
        "outbox/0001_pre_outbox.sql",
        "leases/0001_pre_leases.sql",
        "own/0001_pre_a.sql",
    ]
    assert await tables(pool, "loader") == {"migrations", "outbox", "leases", "a"}


async def test_several_processes_starting_at_once_apply_each_file_once(
    store_settings: StoreSettings, tmp_path: Path
) -> None:
    """Six pools migrate together: exactly one applies, nobody fails."""
    write(
        tmp_path,
        **{
            f"{n:04d}_pre_t": f"create table t{n} (id int); select pg_sleep(0.02);"
            for n in range(1, 6)
        },
    )

    async def start() -> list[str]:
        async with open_pool(store_settings) as pool:
            return await migrate(pool, schema="loader", path=tmp_path)

    results = await asyncio.gather(*(start() for _ in range(6)))
    assert sorted(len(result) for result in results) == [0, 0, 0, 0, 0, 5]


async def test_a_changed_file_is_refused_and_named(pool: Pool, tmp_path: Path) -> None:
    """What was applied may not be rewritten afterwards."""
    write(tmp_path, **{"0001_pre_a": "create table a (id int);"})
    await migrate(pool, schema="loader", path=tmp_path)
    write(tmp_path, **{"0001_pre_a": "create table a (id bigint);"})
    with pytest.raises(StoreMisconfigured, match=r"0001_pre_a\.sql was changed") as caught:
        await migrate(pool, schema="loader", path=tmp_path)
    assert caught.value.details["migration"] == "0001_pre_a.sql"


async def test_line_endings_are_no_change(pool: Pool, tmp_path: Path) -> None:
    """A checkout with other line endings has the same checksums."""
    (tmp_path / "0001_pre_a.sql").write_bytes(b"create table a (\n id int\n);\n")
    await migrate(pool, schema="loader", path=tmp_path)
    (tmp_path / "0001_pre_a.sql").write_bytes(b"create table a (\r\n id int\r\n);\r\n")
    assert await migrate(pool, schema="loader", path=tmp_path) == []


async def test_a_failing_file_leaves_nothing_behind_and_can_be_repaired(
    pool: Pool, tmp_path: Path
) -> None:
    """File and note are one transaction: after the repair it is applied as if new."""
    write(tmp_path, **{"0001_pre_a": "create table a (id int); create table a (id int);"})
    with pytest.raises(StoreDefect):
        await migrate(pool, schema="loader", path=tmp_path)
    assert await tables(pool, "loader") == {"migrations"}
    write(tmp_path, **{"0001_pre_a": "create table a (id int);"})
    assert await migrate(pool, schema="loader", path=tmp_path) == ["own/0001_pre_a.sql"]


async def test_post_files_wait_for_the_old_code_to_go(pool: Pool, tmp_path: Path) -> None:
    """In phase pre a post file stays pending, and a pre file behind it refuses the start."""
    write(tmp_path, **{"0001_pre_a": "create table a (x int);"})
    await migrate(pool, schema="loader", path=tmp_path, phase="pre")
    write(tmp_path, **{"0002_post_b": "alter table a drop column x;"})
    assert await migrate(pool, schema="loader", path=tmp_path, phase="pre") == []
    write(tmp_path, **{"0003_pre_c": "alter table a add column y int;"})
    with pytest.raises(StoreMisconfigured, match=r"waits behind 0002_post_b\.sql"):
        await migrate(pool, schema="loader", path=tmp_path, phase="pre")
    applied = await migrate(pool, schema="loader", path=tmp_path, phase="all")
    assert applied == ["own/0002_post_b.sql", "own/0003_pre_c.sql"]


async def test_a_new_schema_gets_post_files_even_in_phase_pre(pool: Pool, tmp_path: Path) -> None:
    """Where nothing was ever applied there is no old code to protect."""
    write(tmp_path, **{"0001_post_a": "create table a (x int);"})
    assert await migrate(pool, schema="fresh", path=tmp_path, phase="pre") == [
        "own/0001_post_a.sql"
    ]


@pytest.mark.parametrize(
    ("extra", "complaint"),
    [
        ("1_pre_b", "is not named"),
        ("0002_mid_b", "is not named"),
        ("0001_post_b", "has the number of"),
        ("0000_pre_b", "is new but number 0001 was applied"),
    ],
)
async def test_names_that_break_the_order_are_refused(
    pool: Pool, tmp_path: Path, extra: str, complaint: str
) -> None:
    """Odd names, double numbers and late insertions stop the start."""
    write(tmp_path, **{"0001_pre_a": "create table a (id int);"})
    await migrate(pool, schema="loader", path=tmp_path)
    write(tmp_path, **{extra: "select 1;"})
    with pytest.raises(StoreMisconfigured, match=complaint):
        await migrate(pool, schema="loader", path=tmp_path)


async def test_older_code_starts_over_a_newer_schema(pool: Pool, tmp_path: Path) -> None:
    """A rolled-back release does not know the newest file and starts all the same."""
    write(tmp_path, **{"0001_pre_a": "select 1;", "0002_pre_b": "select 1;"})
    await migrate(pool, schema="loader", path=tmp_path)
    (tmp_path / "0002_pre_b.sql").unlink()
    assert await migrate(pool, schema="loader", path=tmp_path) == []


async def test_a_file_that_queues_for_a_lock_gives_up_and_tries_again(
    pool: Pool, tmp_path: Path
) -> None:
    """A long reader delays the change; it is applied as soon as the reader is gone."""
    write(tmp_path, **{"0001_pre_a": "create table a (id int);"})
    await migrate(pool, schema="loader", path=tmp_path)
    write(tmp_path, **{"0002_pre_b": "alter table a add column b int;"})
    async with pool.acquire() as reader:
        transaction = reader.transaction()
        await transaction.start()
        await reader.execute("select * from loader.a")
        running = asyncio.create_task(
            migrate(pool, schema="loader", path=tmp_path, lock_timeout_s=0.05)
        )
        await asyncio.sleep(0.12)
        assert not running.done()
        await transaction.rollback()
    assert await running == ["own/0002_pre_b.sql"]


async def test_waiting_for_another_migrating_process_ends(pool: Pool, tmp_path: Path) -> None:
    """A process that hangs while migrating does not hang everyone."""
    async with pool.acquire() as other:
        await other.execute("select pg_advisory_lock($1)", advisory_key("migrate", "loader"))
        with pytest.raises(StoreContended, match="another process"):
            await migrate(pool, schema="loader", path=tmp_path, wait_s=0.1)
