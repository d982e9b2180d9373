"""The quarantine: places of the export that people correct or accept, and what became of them."""

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from bridgework_contracts.progress import CorrectionApplied, QuarantinedPlace
from bridgework_contracts.runs import Correction, RunKind, correction_aad
from bridgework_service.tenants import Tenant
from bridgework_store.pool import Connection, Pool
from bridgework_store.statements import Statements

from bridgework_control.domain.quarantine import (
    MAY_ACCEPT,
    MAY_FIX,
    MAY_WITHDRAW,
    WHOLE,
    PlaceState,
    has_source_cause,
    is_fixable,
    shape,
)
from bridgework_control.http.models import PlaceDecision, PlaceFix
from bridgework_control.http.problems import ApiError

Row = Mapping[str, Any]
START = ("", 0, "")
"""Before the first place of a list."""


class Quarantine:
    """The quarantined places of every job.

    Args:
        pool: control's PostgreSQL pool.
        statements: ``sql/quarantine.sql``.
    """

    def __init__(self, *, pool: Pool, statements: Statements) -> None:
        self._pool = pool
        self._sql = statements

    # ---- what audits and runs say -----------------------------------------------------------

    async def heard(
        self,
        connection: Connection,
        job_id: str,
        seen_in: str,
        places: Sequence[QuarantinedPlace] | None,
        left_out: int,
        corrections: Sequence[CorrectionApplied],
    ) -> None:
        """Keep what reading an export showed; hearing it twice changes nothing.

        Args:
            connection: Takes part in the caller's transaction.
            job_id: Whose export.
            seen_in: The audit or run that read it.
            places: Every place of the export; ``None`` where only a sample was read.
            left_out: Places beyond those; then none is taken to be gone.
            corrections: What became of the corrections that went along.
        """
        sql = self._sql
        for place in places or ():
            await connection.execute(
                sql.put_place, job_id, place.item_id, place.object, place.key, place.file,
                place.line, place.column, place.code, place.shape, place.effect, place.sentence,
                place.remedy, place.row_mark, seen_in,
            )  # fmt: skip
        for one in corrections:
            row = await connection.fetchrow(
                sql.said, one.correction_id, one.state, seen_in, one.sentence
            )
            if row is not None and row["state"] == "active" and one.state != "applied":
                await connection.execute(sql.stale, row["job_id"], row["item_id"], one.sentence)
        if places is None:
            return
        await connection.execute(sql.left_out, job_id, left_out)
        await connection.execute(sql.still_bad, job_id, seen_in)
        if not left_out:
            await connection.execute(sql.gone, job_id, seen_in)

    async def concluded(self, connection: Connection, run: Row) -> None:
        """Settle what a finished run settles, once its export was sealed and its report is there.

        A run that moved everything releases the corrections it carried and adds the records that
        other services could not move; an undo takes the release of its run back.
        """
        job_id, run_id, kind = run["job_id"], run["run_id"], RunKind(run["kind"])
        if kind is RunKind.UNDO:
            await connection.execute(self._sql.take_back, job_id, run["spec"]["undo_of"])
            return
        if kind not in WHOLE or run["sealed_at"] is None:
            return
        await connection.execute(self._sql.release, job_id, run_id)
        known = {
            (row["file"], row["line"])
            for row in await connection.fetch(self._sql.known_lines, job_id, run_id)
        }
        for line in (run["report"] or {}).get("quarantined", ()):
            if has_source_cause(line) and (line["file"], line["line"]) not in known:
                await connection.execute(
                    self._sql.put_place, job_id, _reported_id(job_id, line), line["object"],
                    line["key"], line["file"], line["line"], "", line["code"], "",
                    line["outcome"], line["sentence"], line["remedy"], None, run_id,
                )  # fmt: skip

    # ---- what people ask and decide ---------------------------------------------------------

    async def page(
        self,
        job_id: str,
        *,
        state: PlaceState | None,
        file: str | None,
        code: str | None,
        after: tuple[str, int, str],
        limit: int,
    ) -> list[dict[str, Any]]:
        """Return places by file and line."""
        rows = await self._pool.fetch(self._sql.page, job_id, state, file, code, *after, limit)
        return [_view(dict(row)) for row in rows]

    async def item(self, job_id: str, item_id: str) -> dict[str, Any]:
        """Return one place.

        Raises:
            ApiError: ``not_found``.
        """
        row = await self._pool.fetchrow(self._sql.item, job_id, item_id)
        if row is None:
            raise ApiError("There is no such place in the quarantine.", code="not_found")
        return _view(dict(row))

    async def counts(self, job_id: str) -> dict[str, int]:
        """Return state → places; every state is there."""
        found = {
            row["state"]: row["places"] for row in await self._pool.fetch(self._sql.counts, job_id)
        }
        return {state.value: found.get(state, 0) for state in PlaceState}

    async def settled(self, job_id: str) -> list[Row]:
        """Return places of which an earlier run's report no longer holds."""
        return [dict(row) for row in await self._pool.fetch(self._sql.settled, job_id)]

    async def made(self, job_id: str) -> list[dict[str, Any]]:
        """Return every correction ever made, oldest first, with shapes instead of values."""
        return [
            {
                "item_id": row["item_id"],
                "file": row["file"],
                "line": row["line"],
                "column": row["column_name"],
                "value_shape": row["value_shape"],
                "by": row["made_by"],
                "why": row["why"],
                "made_at": row["made_at"].isoformat(),
                "state": row["state"],
                "said": row["said"],
                "said_in": row["said_in"],
            }
            for row in await self._pool.fetch(self._sql.every, job_id)
        ]

    async def fix(
        self, connection: Connection, tenant: Tenant, job_id: str, item_id: str, body: PlaceFix
    ) -> None:
        """Keep a person's correction, sealed; the next run carries it.

        Raises:
            ApiError: ``not_found``, ``illegal_transition``, ``not_fixable``, ``invalid_request``.
        """
        row = await self._locked(connection, job_id, item_id, MAY_FIX, PlaceState.FIXED)
        if not is_fixable(row):
            raise ApiError(
                f"One correction cannot repair this. {row['remedy']}", code="not_fixable"
            )
        column = row["column_name"] if body.column is None else body.column
        if row["row_mark"] is None and not column:
            raise ApiError("Name the column that is corrected.", code="invalid_request")
        await connection.execute(
            self._sql.supersede, job_id, item_id, "superseded", row["row_mark"], column
        )
        correction_id = f"cor_{secrets.token_hex(8)}"
        sealed = tenant.sealer.seal(
            body.value.get_secret_value().encode(), correction_aad(correction_id)
        )
        await connection.execute(
            self._sql.put_correction, correction_id, job_id, item_id, row["file"], row["line"],
            column, row["row_mark"], row["source_key"] if row["row_mark"] else "",
            None if row["row_mark"] else row["last_seen"], sealed,
            shape(body.value.get_secret_value()), body.by, body.why,
        )  # fmt: skip
        await connection.execute(
            self._sql.decide, job_id, item_id, PlaceState.FIXED, body.by, body.why
        )

    async def accept(
        self, connection: Connection, job_id: str, item_id: str, body: PlaceDecision
    ) -> None:
        """Keep that a person accepts a place as it is; a correction of it no longer stands.

        Raises:
            ApiError: ``not_found``, ``illegal_transition``.
        """
        await self._locked(connection, job_id, item_id, MAY_ACCEPT, PlaceState.ACCEPTED)
        await self._settle(connection, job_id, item_id, PlaceState.ACCEPTED, body)

    async def withdraw(
        self, connection: Connection, job_id: str, item_id: str, body: PlaceDecision
    ) -> None:
        """Take a correction or an acceptance back: the place is open again.

        Raises:
            ApiError: ``not_found``, ``illegal_transition``.
        """
        await self._locked(connection, job_id, item_id, MAY_WITHDRAW, PlaceState.OPEN)
        await self._settle(connection, job_id, item_id, PlaceState.OPEN, body)

    async def _settle(
        self,
        connection: Connection,
        job_id: str,
        item_id: str,
        state: PlaceState,
        body: PlaceDecision,
    ) -> None:
        await connection.execute(self._sql.supersede, job_id, item_id, "withdrawn", None, "")
        await connection.execute(self._sql.decide, job_id, item_id, state, body.by, body.why)

    async def releasing(self, connection: Connection, job_id: str, by: str) -> None:
        """Note who asks for the corrections to be moved.

        Raises:
            ApiError: ``nothing_to_release``.
        """
        done = await connection.execute(self._sql.releasing, job_id, by)
        if done.endswith(" 0"):
            raise ApiError("No correction waits to be released.", code="nothing_to_release")

    async def corrections(self, connection: Connection, job_id: str) -> tuple[Correction, ...]:
        """Return the corrections that stand, for the specification of a run or an audit."""
        rows = await connection.fetch(self._sql.active, job_id)
        return tuple(
            Correction(
                correction_id=row["correction_id"],
                file=row["file"],
                line=row["line"],
                column=row["column_name"],
                value_sealed=base64.b64encode(row["value_sealed"]).decode(),
                row_mark=row["row_mark"],
                row_key=row["row_key"],
                seen_in=row["seen_in"],
            )
            for row in rows
        )

    async def _locked(
        self,
        connection: Connection,
        job_id: str,
        item_id: str,
        allowed: frozenset[PlaceState],
        to: PlaceState,
    ) -> Row:
        row = await connection.fetchrow(self._sql.lock_item, job_id, item_id)
        if row is None:
            raise ApiError("There is no such place in the quarantine.", code="not_found")
        if row["state"] not in allowed:
            raise ApiError(
                f"A place that is {row['state']} cannot become {to}.", code="illegal_transition"
            )
        return dict(row)


def _reported_id(job_id: str, line: Mapping[str, Any]) -> str:
    told = f"{job_id}\x1f{line['object']}\x1f{line['key']}\x1f{line['code']}"
    return f"q_{hashlib.sha256(told.encode()).hexdigest()[:24]}"


def _view(row: Row) -> dict[str, Any]:
    """Return a place as ``PlaceRead``."""
    correction = None
    if row["correction_id"] is not None:
        correction = {
            "correction_id": row["correction_id"],
            "column": row["fixed_column"],
            "value_shape": row["value_shape"],
            "by": row["made_by"],
            "why": row["fix_why"],
            "made_at": row["made_at"],
            "said": row["said"],
            "said_in": row["said_in"],
            "sentence": row["said_sentence"],
        }
    return {
        "item_id": row["item_id"],
        "state": row["state"],
        "object": row["object"],
        "key": row["source_key"],
        "file": row["file"],
        "line": row["line"],
        "column": row["column_name"],
        "code": row["code"],
        "shape": row["shape"],
        "effect": row["effect"],
        "sentence": row["sentence"],
        "remedy": row["remedy"],
        "fixable": is_fixable(row),
        "first_seen": row["first_seen"],
        "last_seen": row["last_seen"],
        "decided_by": row["decided_by"],
        "why": row["why"],
        "decided_at": row["decided_at"],
        "released_in": row["released_in"],
        "released_by": row["released_by"],
        "note": row["note"],
        "correction": correction,
    }
