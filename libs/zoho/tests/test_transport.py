"""One call: what is retried, what is asked about, what is charged."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from bridgework_contracts.errors import OutcomeUnknown, StopRun, StoreUnavailable, TransientError
from bridgework_zoho.errors import (
    CreditsExhausted,
    GrantLost,
    RequestRefused,
    RunStopped,
    TokenThrottled,
    WriteOutcomeUnknown,
    ZohoBusy,
    ZohoUnavailable,
)
from bridgework_zoho.memory import InMemoryCreditLedger, InMemoryReservation
from bridgework_zoho.settings import ZohoSettings
from bridgework_zoho.testing import ScriptedZoho, Seen, accepted, refused, scripted_client
from bridgework_zoho.transport import CallReport

ROW = {"Last_Name": "Somebody"}
READ_TIMEOUT = httpx.ReadTimeout("no answer")
LOST_ANSWERS = [
    READ_TIMEOUT,
    httpx.ReadError("reset"),
    httpx.WriteError("broken pipe"),
    httpx.RemoteProtocolError("server disconnected"),
]


@pytest.mark.parametrize("error", LOST_ANSWERS, ids=lambda e: type(e).__name__)
async def test_an_insert_without_answer_is_never_sent_again(error: Exception) -> None:
    """A lost answer of an insert is a question to ask, not a reason to insert twice."""
    zoho = ScriptedZoho().breaks(error)
    async with scripted_client(zoho) as client:
        with pytest.raises(WriteOutcomeUnknown) as caught:
            await client.records.insert("Contacts", [ROW])
    assert len(zoho.seen) == 1
    assert isinstance(caught.value, OutcomeUnknown)
    assert len(caught.value.body_sha256) == 64
    assert "Somebody" not in str(caught.value) + repr(caught.value.details)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_server_error_of_an_insert_is_an_unknown_outcome(status: int) -> None:
    """Zoho may fail after it has saved; HTML from the edge is no different."""
    zoho = ScriptedZoho().answers(status, "<html>Bad gateway</html>")
    async with scripted_client(zoho) as client:
        with pytest.raises(WriteOutcomeUnknown):
            await client.records.insert("Contacts", [ROW])
    assert len(zoho.seen) == 1


async def test_html_with_status_200_is_no_success() -> None:
    """An edge page with status 200 says nothing about the write."""
    zoho = ScriptedZoho().answers(200, "<html>maintenance</html>")
    async with scripted_client(zoho) as client:
        with pytest.raises(WriteOutcomeUnknown):
            await client.records.insert("Contacts", [ROW])


async def test_an_upsert_is_sent_again_and_says_so() -> None:
    """An upsert by a unique field may be repeated; its update may be our own lost insert."""
    zoho = ScriptedZoho().breaks(READ_TIMEOUT).answers(500, refused("INTERNAL_ERROR"))
    zoho.answers(200, accepted("1", action="update", duplicate_field="Source_Patient_ID"))
    async with scripted_client(zoho) as client:
        (result,) = await client.records.upsert(
            "Contacts", [{**ROW, "Source_Patient_ID": "P1"}], ["Source_Patient_ID"]
        )
    assert len(zoho.seen) == 3
    assert (result.ok, result.action, result.repeated) == (True, "update", True)
    assert result.duplicate_field == "Source_Patient_ID"


async def test_an_upsert_row_without_its_key_is_not_repeatable() -> None:
    """Without a key in the row, an upsert is an insert."""
    zoho = ScriptedZoho().breaks(READ_TIMEOUT)
    async with scripted_client(zoho) as client:
        with pytest.raises(WriteOutcomeUnknown):
            await client.records.upsert("Contacts", [ROW], ["Source_Patient_ID"])
    assert len(zoho.seen) == 1


async def test_an_update_guarded_by_time_is_not_repeated() -> None:
    """Our own first attempt would look like somebody else's change."""
    zoho = ScriptedZoho().breaks(READ_TIMEOUT)
    async with scripted_client(zoho) as client:
        with pytest.raises(WriteOutcomeUnknown) as caught:
            await client.records.update(
                "Contacts", [{"id": "7", **ROW}], unmodified_since=datetime(2026, 1, 1, tzinfo=UTC)
            )
    assert caught.value.ids == ("7",)
    assert zoho.seen[0].headers["if-unmodified-since"] == "2026-01-01T00:00:00+00:00"


async def test_after_one_lost_attempt_nothing_claims_that_nothing_was_applied() -> None:
    """Unknown, then unreachable until patience ends: the outcome stays unknown."""
    zoho = ScriptedZoho().breaks(READ_TIMEOUT)
    for _ in range(4):
        zoho.breaks(httpx.ConnectError("down"))
    async with scripted_client(zoho) as client:
        with pytest.raises(WriteOutcomeUnknown):
            await client.records.update("Contacts", [{"id": "7", **ROW}])


async def test_an_insert_that_never_left_is_sent_again() -> None:
    """A refused connection cannot have inserted anything."""
    zoho = ScriptedZoho().breaks(httpx.ConnectError("refused")).answers(201, accepted("1"))
    async with scripted_client(zoho) as client:
        (result,) = await client.records.insert("Contacts", [ROW])
    assert (result.id, result.repeated) == ("1", False)


async def test_a_read_is_repeated_until_patience_ends() -> None:
    """Reads are harmless; after five attempts the caller hears that Zoho is unavailable."""
    zoho = ScriptedZoho()
    for _ in range(5):
        zoho.answers(503, "<html></html>")
    async with scripted_client(zoho) as client:
        with pytest.raises(ZohoUnavailable):
            await client.records.count("Contacts")
    assert len(zoho.seen) == 5


async def test_429_is_repeated_for_an_insert() -> None:
    """A throttled call was not applied, so even an insert may be sent again."""
    zoho = ScriptedZoho().answers(429, refused("TOO_MANY_REQUESTS")).answers(201, accepted("1"))
    async with scripted_client(zoho) as client:
        (result,) = await client.records.insert("Contacts", [ROW])
    assert result.ok


async def test_retry_after_beyond_our_patience_is_told_to_the_caller() -> None:
    """A long Retry-After is not slept through inside the call."""
    zoho = ScriptedZoho().answers(429, refused("RATE_LIMIT_EXCEEDED"), {"retry-after": "900"})
    async with scripted_client(zoho) as client:
        with pytest.raises(ZohoBusy) as caught:
            await client.records.count("Contacts")
    assert caught.value.retry_after_s == 900.0
    assert len(zoho.seen) == 1


async def test_429_with_an_empty_ledger_is_about_credits() -> None:
    """The body does not say which limit it was; our own count does."""
    ledger = InMemoryCreditLedger(10)
    zoho = ScriptedZoho().answers(
        429, refused("TOO_MANY_REQUESTS"), {"X-API-CREDITS-REMAINING": "0"}
    )
    async with scripted_client(zoho, credits=ledger) as client:
        with pytest.raises(CreditsExhausted) as caught:
            await client.records.count("Contacts")
    assert caught.value.retry_after_s is not None
    assert caught.value.retry_after_s > 86_000
    assert ledger.spent == 10


async def test_without_credits_nothing_is_sent() -> None:
    """An empty ledger stops the call before it leaves, and says when to come back."""
    zoho = ScriptedZoho()
    async with scripted_client(zoho, credits=InMemoryCreditLedger(3)) as client:
        with pytest.raises(CreditsExhausted) as caught:
            await client.records.insert("Contacts", [ROW] * 31)
    assert zoho.seen == []
    assert caught.value.details["cost"] == 4


async def test_a_dead_token_is_replaced_once() -> None:
    """401 INVALID_TOKEN refreshes the token and repeats even an insert: it was not applied."""
    zoho = ScriptedZoho().answers(401, refused("INVALID_TOKEN")).answers(201, accepted("1"))
    async with scripted_client(zoho) as client:
        assert (await client.records.insert("Contacts", [ROW]))[0].ok
    assert zoho.minted == 2
    assert zoho.seen[1].headers["authorization"] == "Zoho-oauthtoken token-2"


async def test_a_fresh_token_refused_means_the_grant_is_lost() -> None:
    """Two refusals in a row are no accident: a person must connect the org again."""
    zoho = ScriptedZoho()
    zoho.answers(401, refused("INVALID_TOKEN")).answers(401, refused("INVALID_TOKEN"))
    async with scripted_client(zoho) as client:
        with pytest.raises(GrantLost) as caught:
            await client.records.count("Contacts")
    assert isinstance(caught.value, StopRun)


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "OAUTH_SCOPE_MISMATCH"), (403, "NO_PERMISSION"), (400, "INVALID_MODULE")],
)
async def test_missing_rights_stop_the_run(status: int, code: str) -> None:
    """No call of this kind can succeed until a person acts, and the remedy says how."""
    zoho = ScriptedZoho().answers(status, refused(code))
    async with scripted_client(zoho) as client:
        with pytest.raises(RunStopped) as caught:
            await client.records.count("Contacts")
    assert caught.value.code == code
    assert caught.value.details["remedy"]


async def test_a_refused_request_does_not_quote_zoho() -> None:
    """Zoho's message may quote a value; our exception names code and field only."""
    body = refused("INVALID_DATA", "bad value jane@example.org", api_name="Email", value="jane")
    zoho = ScriptedZoho().answers(400, body)
    async with scripted_client(zoho) as client:
        with pytest.raises(RequestRefused) as caught:
            await client.records.insert("Contacts", [ROW])
    assert "jane" not in str(caught.value) + repr(caught.value.details)
    assert caught.value.details["api_name"] == "Email"


async def test_credits_follow_how_each_attempt_ended() -> None:
    """429, 401 and unsent calls are free; answers, refusals and lost answers are charged."""
    ledger = InMemoryCreditLedger(1000)
    zoho = ScriptedZoho()
    zoho.answers(429, refused("TOO_MANY_REQUESTS")).answers(401, refused("INVALID_TOKEN"))
    zoho.breaks(httpx.ConnectError("x")).breaks(READ_TIMEOUT).answers(200, {"count": 3})
    zoho.answers(400, refused("INVALID_DATA"))
    reports: list[CallReport] = []
    async with scripted_client(zoho, credits=ledger, on_call=reports.append) as client:
        assert await client.records.count("Contacts") == 3
        with pytest.raises(RequestRefused):
            await client.records.insert("Contacts", [ROW] * 25)
    assert [report.credits for report in reports] == [0, 0, 0, 1, 1, 3]
    assert [report.http_status for report in reports] == [429, 401, None, None, 200, 400]
    assert ledger.spent == 5


async def test_charging_switches_are_obeyed() -> None:
    """Where a probe found refusals and failures to be free, the ledger follows."""
    ledger = InMemoryCreditLedger(1000)
    settings = ZohoSettings(charge_refused_calls=False, charge_server_errors=False, max_attempts=1)
    zoho = ScriptedZoho().answers(400, refused("INVALID_DATA")).answers(500, "")
    async with scripted_client(zoho, credits=ledger, settings=settings) as client:
        with pytest.raises(RequestRefused):
            await client.records.count("Contacts")
        with pytest.raises(ZohoUnavailable):
            await client.records.count("Contacts")
    assert ledger.spent == 0


async def test_the_header_of_remaining_credits_lowers_the_ledger_only() -> None:
    """Other apps' spending is followed; a header older than our own spending is not believed."""
    ledger = InMemoryCreditLedger(1000)
    zoho = ScriptedZoho()
    zoho.answers(200, {"count": 1}, {"X-API-CREDITS-REMAINING": "400"})
    zoho.answers(200, {"count": 1}, {"X-API-CREDITS-REMAINING": "900"})
    async with scripted_client(zoho, credits=ledger) as client:
        await client.records.count("Contacts")
        assert await ledger.available() == 400
        await client.records.count("Contacts")
    assert await ledger.available() == 399


async def test_a_refused_grant_pauses_every_later_call_without_asking_again() -> None:
    """invalid_code in a 200 answer is remembered with its reason."""
    zoho = ScriptedZoho()
    zoho.token_answers.append(httpx.Response(200, json={"error": "invalid_code"}))
    async with scripted_client(zoho) as client:
        for _ in range(2):
            with pytest.raises(GrantLost, match="invalid_code"):
                await client.records.count("Contacts")
    assert zoho.minted == 0


async def test_a_throttled_token_endpoint_says_when_to_come_back() -> None:
    """Zoho's own words for ten tokens in ten minutes are recognised."""
    zoho = ScriptedZoho()
    body = {"error": "Access Denied", "error_description": "too many requests continuously"}
    zoho.token_answers.append(httpx.Response(400, json=body))
    async with scripted_client(zoho) as client:
        with pytest.raises(TokenThrottled) as caught:
            await client.records.count("Contacts")
    assert isinstance(caught.value, TransientError)
    assert caught.value.retry_after_s == 600.0


async def test_the_api_domain_of_the_token_answer_is_used() -> None:
    """Zoho asks clients to believe the token answer rather than a table."""
    hosts: list[str] = []

    class Recording(ScriptedZoho):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            hosts.append(request.url.host)
            return await super().handle_async_request(request)

    async with scripted_client(Recording().answers(200, {"count": 1})) as client:
        await client.records.count("Contacts")
    assert hosts == ["accounts.zoho.com", "www.zohoapis.test"]


async def test_a_token_is_refreshed_before_it_dies_and_used_meanwhile() -> None:
    """Five minutes before its end the token is replaced; calls never wait for a dead one."""
    now = [datetime(2026, 11, 23, tzinfo=UTC)]
    zoho = ScriptedZoho(lambda _: httpx.Response(200, json={"count": 1}))
    async with scripted_client(zoho, clock=lambda: now[0]) as client:
        await client.records.count("Contacts")
        now[0] += timedelta(minutes=54)
        await client.records.count("Contacts")
        assert zoho.minted == 1
        now[0] += timedelta(minutes=2)
        await client.records.count("Contacts")
        assert zoho.minted == 2


async def test_a_value_that_json_cannot_carry_is_refused_before_it_is_sent() -> None:
    """Half a surrogate pair from a damaged export must not stop the process."""
    zoho = ScriptedZoho()
    async with scripted_client(zoho) as client:
        with pytest.raises(RequestRefused, match="JSON"):
            await client.records.insert("Contacts", [{"Last_Name": "\ud800"}])
    assert zoho.seen == []


class _BrokenLedger(InMemoryCreditLedger):
    """A ledger whose database goes away between reservation and settlement."""

    def settle(self, *_: object) -> None:
        raise StoreUnavailable("gone")


async def test_a_ledger_that_cannot_be_told_does_not_undo_a_success() -> None:
    """Zoho has inserted the row: raising now would make somebody insert it again."""
    zoho = ScriptedZoho().answers(201, accepted("1"))
    async with scripted_client(zoho, credits=_BrokenLedger(100)) as client:
        assert (await client.records.insert("Contacts", [ROW]))[0].ok


async def test_a_store_that_fails_after_a_lost_answer_leaves_the_outcome_unknown() -> None:
    """The first attempt may have been applied, whatever stopped the second."""

    class Failing(InMemoryCreditLedger):
        async def reserve(self, cost: int, purpose: str) -> InMemoryReservation:
            if self.spent:
                raise StoreUnavailable("gone")
            return await super().reserve(cost, purpose)

    zoho = ScriptedZoho().breaks(READ_TIMEOUT)
    async with scripted_client(zoho, credits=Failing(100)) as client:
        with pytest.raises(WriteOutcomeUnknown):
            await client.records.update("Contacts", [{"id": "1", **ROW}])


async def test_twenty_calls_with_one_dead_token_make_one_new_one() -> None:
    """Late complaints about the old token do not throw the new one away."""

    def answer(seen: Seen) -> httpx.Response:
        dead = seen.headers["authorization"].endswith("token-1")
        body = refused("INVALID_TOKEN") if dead else {"count": 1}
        return httpx.Response(401 if dead else 200, json=body)

    zoho = ScriptedZoho(answer)
    async with scripted_client(zoho) as client:
        counts = await asyncio.gather(*(client.records.count("Contacts") for _ in range(20)))
    assert counts == [1] * 20
    assert zoho.minted == 2
