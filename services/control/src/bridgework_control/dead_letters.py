"""Dead letters: kept whole and sealed, shown without content, replayed as they were."""

import base64
from datetime import datetime
from typing import Any

from bridgework_contracts.codec import encode
from bridgework_contracts.deadletters import DeadLetter
from bridgework_service.outbox import ServiceOutbox
from bridgework_service.tenants import Tenant
from bridgework_store.outbox import OutboxMessage
from bridgework_store.pool import Connection, Pool
from bridgework_store.statements import Statements

from bridgework_control.http.problems import ApiError


class DeadLetters:
    """The dead letters of every tenant."""

    def __init__(self, *, pool: Pool, outbox: ServiceOutbox, statements: Statements) -> None:
        self._pool = pool
        self._outbox = outbox
        self._sql = statements

    async def keep(self, connection: Connection, tenant: Tenant, letter: DeadLetter) -> None:
        """Keep one dead letter; keeping it again changes nothing."""
        sealed = tenant.sealer.seal(encode(letter), _aad(letter.dead_letter_id))
        await connection.execute(
            self._sql.put_dead_letter,
            letter.dead_letter_id,
            tenant.tenant_id,
            letter.topic,
            letter.partition,
            letter.offset,
            letter.service,
            letter.error_class,
            letter.code,
            letter.hint,
            letter.attempts,
            sealed,
            datetime.fromisoformat(letter.at),
        )

    async def page(
        self, tenant_id: str, before: tuple[datetime, str] | None, limit: int
    ) -> list[dict[str, Any]]:
        """Return dead letters without content, newest first."""
        rows = await self._pool.fetch(
            self._sql.dead_letters, tenant_id, *(before or (None, None)), limit
        )
        return [dict(row) for row in rows]

    async def show(self, tenant_id: str, dead_letter_id: str) -> dict[str, Any]:
        """Return one dead letter without content.

        Raises:
            ApiError: ``not_found``.
        """
        row = await self._row(tenant_id, dead_letter_id)
        return {name: value for name, value in row.items() if name != "letter_sealed"}

    async def replay(self, tenant: Tenant, dead_letter_id: str, operator: str) -> None:
        """Put the message back on its topic with its own key, headers and id."""
        row = await self._row(tenant.tenant_id, dead_letter_id)
        opened = tenant.sealer.open(row["letter_sealed"], _aad(dead_letter_id))
        letter = DeadLetter.model_validate_json(opened)
        key = letter.key.encode() if letter.key is not None else None
        value = base64.b64decode(letter.value_b64)
        async with self._outbox.transaction() as connection:
            await self._outbox.add_many(
                connection, [OutboxMessage(letter.topic, key, value, letter.headers)]
            )
            await connection.execute(self._sql.replayed, tenant.tenant_id, dead_letter_id, operator)

    async def _row(self, tenant_id: str, dead_letter_id: str) -> dict[str, Any]:
        row = await self._pool.fetchrow(self._sql.dead_letter, tenant_id, dead_letter_id)
        if row is None:
            raise ApiError("There is no such dead letter.", code="not_found")
        return dict(row)


def _aad(dead_letter_id: str) -> bytes:
    return f"dead_letter:{dead_letter_id}".encode()
