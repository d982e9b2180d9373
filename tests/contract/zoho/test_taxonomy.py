"""Every code of the taxonomy: what the sandbox answers, and what our client makes of it.

Codes the sandbox has a cause for are provoked elsewhere in this suite (mark ``answers``); here
each of them is scripted, as an answer to a whole request and as one element of a write, so that
none is without a case. Statuses: fact sheet §6.3, else the most frequent of the OpenAPI files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from bridgework_zoho.advice import ADVICE, Action
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.errors import (
    FileRefused,
    GrantLost,
    RequestRefused,
    RunStopped,
    ScanTooLong,
    WriteOutcomeUnknown,
    ZohoBusy,
    ZohoError,
    ZohoUnavailable,
)
from bridgework_zoho.memory import InMemoryCreditLedger, InMemorySlotLimiter, InMemoryTokenStore
from bridgework_zoho.refusals import FILE_CODES
from bridgework_zoho.settings import ZohoConnection, ZohoSettings

from tests.contract.zoho.kit import ADDED, Maker, Org, error, fact

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

# Our own words for two refusals Zoho expresses otherwise; nobody answers them.
OURS = {"CREDITS_EXHAUSTED", "TOKEN_THROTTLED"}
STATUS = {
    "TOO_MANY_REQUESTS": 429,
    "RATE_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "SERVICE_UNAVAILABLE": 503,
    "INVALID_TOKEN": 401,
    "AUTHENTICATION_FAILURE": 401,
    "OAUTH_SCOPE_MISMATCH": 401,
    "NO_PERMISSION": 403,
    "PERMISSION_DENIED": 403,
    "NOT_SUBSCRIBED": 403,
    "ALREADY_MODIFIED": 412,
    "RESOURCE_NOT_FOUND": 404,
    "INVALID_URL_PATTERN": 404,
    "FILE_SIZE_MORE_THAN_ALLOWED_SIZE": 413,
    "BODY_SIZE_REACHED": 413,
    "FILE_TOO_LARGE": 413,
    "MEDIA_TYPE_NOT_SUPPORTED": 415,
}
CODES = sorted(set(ADVICE) - OURS)
BY_ACTION: dict[Action, type[ZohoError]] = {
    Action.RETRY: ZohoUnavailable,
    Action.REJECT_RECORD: RequestRefused,
    Action.STOP_RUN: RunStopped,
    Action.REAUTHORISE: GrantLost,
    Action.ASK: RequestRefused,
}
NEVER_AN_ELEMENT = {401, 429}


def raised_for(code: str, status: int) -> type[ZohoError]:
    """Return the class our client raises when a write is refused as a whole with this code."""
    if status >= 500:
        return WriteOutcomeUnknown
    if status == 429:
        return ZohoBusy
    if code == ScanTooLong.default_code:
        return ScanTooLong
    return FileRefused if code in FILE_CODES else BY_ACTION[ADVICE[code].action]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def org(http: httpx.AsyncClient) -> AsyncIterator[Org]:
    """One org for all codes: what is scripted leaves nothing behind."""
    maker = Maker(http)
    yield await maker()
    await maker.clean()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(org: Org) -> AsyncIterator[ZohoClient]:
    """Our client for that org; one attempt a call."""
    url = str(org.http.base_url).rstrip("/")
    connection: Any = {
        "data_centre": "us",
        "org_id": org.org_id,
        **dict.fromkeys(("accounts_url", "api_domain", "content_url"), url),
        **{key: getattr(org, key) for key in ("client_id", "client_secret", "refresh_token")},
    }
    async with ZohoClient(
        ZohoConnection.model_validate(connection),
        tokens=InMemoryTokenStore(),
        credits=InMemoryCreditLedger(10**6),
        slots=InMemorySlotLimiter(20),
        settings=ZohoSettings(max_attempts=1),
    ) as zoho:
        yield zoho


async def calm(org: Org) -> None:
    """Remove every fault."""
    await org.admin("DELETE", "/faults")


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("code", CODES)
@fact("§6.3", "V", "every code: HTTP status and JSON shape, and the class our client raises")
async def test_code_of_a_whole_request(org: Org, client: ZohoClient, code: str) -> None:
    """code, details, message, status; the client's error names the code and a remedy."""
    status = STATUS.get(code, 400)
    spec = {"status": status, "code": code, "message": "m", "details": {"limit": 7}}
    await org.fault("error", operation="records.insert", **spec)
    (await org.insert("Leads", {"Last_Name": "A"})).is_(status, error(code, "m", limit=7))
    with pytest.raises(ZohoError) as caught:
        await client.records.insert("Leads", [{"Last_Name": "A"}])
    await calm(org)
    assert type(caught.value) is raised_for(code, status)
    assert code in str(caught.value)
    if isinstance(caught.value, RequestRefused | RunStopped | FileRefused):
        assert caught.value.code == code
        assert ADVICE[code].sentence in str(caught.value)
        assert caught.value.details["remedy"] == ADVICE[code].remedy


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("code", [one for one in CODES if STATUS.get(one) not in NEVER_AN_ELEMENT])
@fact("§6.1", "V", "every code as one element: at its place, the neighbours unharmed")
async def test_code_of_one_element(org: Org, client: ZohoClient, code: str) -> None:
    """207; our client's result says what to do about it."""
    await org.fault("partial", elements=[1], code=code, message="m", details={"limit": 7})
    rows = [{"Last_Name": "A"}, {"Last_Name": "B"}, {"Last_Name": "C"}]
    answer = await org.insert("Leads", *rows)
    answer.is_(207, {"data": [ADDED, error(code, "m", limit=7), ADDED]})
    results = await client.records.insert("Leads", rows)
    await calm(org)
    assert [one.ok for one in results] == [True, False, True]
    assert (results[1].code, results[1].id, results[1].advice) == (code, None, ADVICE[code])


def test_the_taxonomy_knows_every_code_the_sandbox_answers() -> None:
    """Codes in the sandbox's source: those it refuses with are all described."""
    import re
    from pathlib import Path

    import bridgework_zoho_sandbox

    source = Path(bridgework_zoho_sandbox.__file__).parent
    refusing = re.compile(
        r'(?:Rejected|ZohoError|refuse|_refuse|_invalid|error_body|bad_\w+)\(\s*(?:\d+,\s*)?"([A-Z_]{6,})"'
        r'|code="([A-Z_]{6,})"'
    )
    found = {
        first or second
        for path in source.glob("*.py")
        for first, second in refusing.findall(path.read_text(encoding="utf-8"))
    }
    assert len(found) > 50
    assert found - {"SUCCESS", "SCHEDULED"} <= set(ADVICE)
