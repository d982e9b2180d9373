"""The pool: JSON, time limits, and our errors at its border."""

import asyncio
from datetime import UTC, datetime

import asyncpg
import pytest
from bridgework_contracts.errors import BridgeworkError
from bridgework_store.errors import (
    ConstraintViolated,
    StatementRefused,
    StoreContended,
    StoreDefect,
    StoreMisconfigured,
    StoreUnavailable,
    translate_errors,
)
from bridgework_store.pool import Pool, StoreSettings, open_pool
from pydantic import SecretStr


async def test_jsonb_travels_as_python_objects(pool: Pool) -> None:
    """A nested document comes back equal, alone and inside an array."""
    document = {"a": [1, None, "é"], "b": {"c": 1.5}}
    assert await pool.fetchval("select $1::jsonb", document) == document
    assert await pool.fetchval("select $1::jsonb[]", [document, {}]) == [document, {}]
    assert await pool.fetchval("select $1::jsonb->'b'->>'c'", document) == "1.5"


async def test_sessions_carry_limits_and_name(pool: Pool) -> None:
    """Time limits reach the server; times come back aware, in UTC."""
    assert await pool.fetchval("show statement_timeout") == "30s"
    assert await pool.fetchval("show lock_timeout") == "10s"
    assert await pool.fetchval("show application_name") == "bridgework-tests"
    moment = await pool.fetchval("select '2026-01-02 03:04:05+02'::timestamptz")
    assert moment == datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)


async def test_a_slow_statement_is_contended_and_may_be_tried_again(
    store_settings: StoreSettings,
) -> None:
    """The server's statement timeout becomes a transient error."""
    quick = store_settings.model_copy(update={"statement_timeout_s": 0.05})
    async with open_pool(quick) as pool:
        with pytest.raises(StoreContended), translate_errors():
            await pool.execute("select pg_sleep(5)")


async def test_a_violated_constraint_is_named_and_its_values_are_not(pool: Pool) -> None:
    """Callers match on the constraint; the row's value is nowhere in our error."""
    await pool.execute("create table t (name text constraint t_name_once unique)")
    await pool.execute("insert into t values ('Anna Example')")
    with pytest.raises(ConstraintViolated) as caught, translate_errors():
        await pool.execute("insert into t values ('Anna Example')")
    assert caught.value.constraint == "t_name_once"
    assert caught.value.table == "public.t"
    assert "Anna" not in f"{caught.value} {caught.value.details}"


@pytest.mark.parametrize(
    ("statement", "arguments", "expected"),
    [
        ("select * from no_such_table", [], StoreDefect),
        ("selekt 1", [], StoreDefect),
        ("select $1::int", ["Anna"], StatementRefused),
        ("select ($1::text)::int", ["Anna"], StatementRefused),
        ("select 1/0", [], StatementRefused),
    ],
)
async def test_what_can_never_work_is_not_transient(
    pool: Pool, statement: str, arguments: list[object], expected: type[BridgeworkError]
) -> None:
    """Bad SQL is a defect, a bad value is refused; neither text quotes the value."""
    with pytest.raises(expected) as caught, translate_errors():
        await pool.fetch(statement, *arguments)
    assert "Anna" not in str(caught.value)


async def test_a_deadlock_is_contended(pool: Pool) -> None:
    """One of two transactions that wait for each other gets a transient error."""
    await pool.execute("create table t (id int primary key, n int)")
    await pool.execute("insert into t values (1, 0), (2, 0)")
    both_hold_one = asyncio.Barrier(2)

    async def update(first: int, second: int) -> None:
        with translate_errors():
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute("update t set n = 1 where id = $1", first)
                await both_hold_one.wait()
                await connection.execute("update t set n = 2 where id = $1", second)

    results = await asyncio.gather(update(1, 2), update(2, 1), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["NoneType", "StoreContended"]


async def test_a_cut_connection_is_unavailable_and_the_next_one_works(pool: Pool) -> None:
    """After an operator ended the session, the statement fails as transient and the pool heals."""
    with pytest.raises(StoreUnavailable):  # noqa: PT012  # the second statement is the one that fails
        async with pool.acquire() as connection:
            pid = await connection.fetchval("select pg_backend_pid()")
            await pool.execute("select pg_terminate_backend($1)", pid)
            with translate_errors():
                await connection.execute("select 1")
                await connection.execute("select 1")
    assert await pool.fetchval("select 1") == 1


async def test_a_closed_pool_is_unavailable(store_settings: StoreSettings) -> None:
    """Using a pool after its end is no defect: it happens at every shutdown."""
    async with open_pool(store_settings) as pool:
        pass
    with pytest.raises(StoreUnavailable), translate_errors():
        await pool.execute("select 1")


async def test_no_server_is_unavailable() -> None:
    """Nobody listening gives a transient error."""
    nobody = StoreSettings(dsn=SecretStr("postgresql://u:hidden@127.0.0.1:1/x"))
    with pytest.raises(StoreUnavailable) as caught:
        async with open_pool(nobody):
            pass
    assert "hidden" not in str(caught.value)


async def test_a_wrong_password_or_database_is_a_configuration_error(
    database: str,
) -> None:
    """What no retry can heal refuses the start."""
    for wrong in (database.replace("@", "x@", 1), database + "_missing"):
        with pytest.raises(StoreMisconfigured):
            async with open_pool(StoreSettings(dsn=SecretStr(wrong))):
                pass


async def test_closing_does_not_wait_for_ever_for_a_busy_connection(
    store_settings: StoreSettings,
) -> None:
    """A connection that was never given back is cut after the close timeout."""
    quick = store_settings.model_copy(update={"close_timeout_s": 0.1})
    async with open_pool(quick) as pool:
        connection = await pool.acquire()
    with pytest.raises((asyncpg.InterfaceError, asyncpg.PostgresConnectionError)):
        await connection.execute("select 1")


def test_settings_hide_the_connection_string() -> None:
    """Printing settings shows no password."""
    assert "hidden" not in repr(StoreSettings(dsn=SecretStr("postgresql://u:hidden@h/d")))
