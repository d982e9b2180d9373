"""Property: what pre-validation accepts, Zoho accepts, and the other way round.

Random metadata becomes a real module of the local Zoho through the client; random records, good
and bad, are judged by both. The switches for what Zoho would silently drop are on at both ends,
so that "accepted" means "stored as sent".
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.local import LocalOrg, LocalZoho
from bridgework_zoho.memory import InMemoryCreditLedger, InMemorySlotLimiter, InMemoryTokenStore
from bridgework_zoho.meta import NewField, NewModule
from bridgework_zoho.metadata import ModuleMeta
from bridgework_zoho.results import ElementResult
from bridgework_zoho.validation import Policy, PolicyAction, Validator, Verdict
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

RECORDS_PER_CALL = 60
# One record is judged alone: finding the smallest one costs calls, not insight.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
DIGITS = st.text("0123456789", min_size=1, max_size=20)
PHONE = st.one_of(
    st.from_regex(r"\A[+]?[0-9]{3}[ .-][0-9]{3}[ .-]{1,2}[0-9]{4}( ?x[0-9]{2})?[#;/]?\Z"),
    st.from_regex(r"\A[(]?[0-9]{3}[)]? ?[0-9]{3}-?[0-9]{4}\Z"),
    st.text("0123456789()+-. xX#;,/a", max_size=34),
)
EMAIL = st.one_of(
    st.emails(),
    st.from_regex(r"\A[a-zA-Z0-9_.+-]{1,8}@[a-z0-9.-]{1,12}[.][a-z0-9]{1,4}\Z"),
    st.from_regex(r"\A[éüa-z.]{1,5}@[éüa-z-]{1,5}[.]([éüa-z]{1,3}|[a-z]{22,23})\Z"),
    st.text("ab@.-_ ", max_size=12),
)
WEBSITE = st.one_of(
    st.from_regex(r"\A(https?://|ftp://|www[.]|)[a-z.]{1,12}([/?#][a-z ]{0,5})?\Z"), TEXT
)
DATE = st.one_of(
    st.dates().map(str),
    st.from_regex(r"\A[0-9]{4}-(0[0-9]|1[0-3])-[0-3][0-9]\Z"),
    st.sampled_from(["", "2026-1-1", "01/02/2026", "2026-W01-1", "20260101"]),
)
MOMENT = st.one_of(
    st.datetimes().map(lambda at: f"{at:%Y-%m-%dT%H:%M:%S}+00:00".rjust(25, "0")),
    st.from_regex(
        r"\A20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9][+-][0-2][0-9]:[0-6][0-9]\Z"
    ),
    st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01 00:00:00+00:00", "2026-01-01T00:00:00"]),
)
NUMBER = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1e6, 1e6),
    st.sampled_from([10**9, 10**9 - 1, 10**16, 10**16 - 1, -(10**5), 99_999, 0]),
    DIGITS,
)
GARBAGE = st.one_of(
    st.none(), st.booleans(), TEXT, NUMBER, st.lists(TEXT, max_size=2), st.just({"id": "12"})
)


def choices(known: list[str]) -> st.SearchStrategy[Any]:
    """Mostly defined choices, sometimes others."""
    return st.one_of(st.sampled_from(known), st.sampled_from(["", "-None-", "nobody", "x" * 121]))


def values_of(kind: str, length: int, known: list[str], parents: list[str]) -> Any:
    """Values for a field of this type: good, nearly good and hopeless."""
    ids = st.one_of(st.sampled_from(parents), st.sampled_from(["1", "abc", "", "9" * 19, "9" * 20]))
    good: st.SearchStrategy[Any] = {
        "text": st.one_of(TEXT, st.text("ä1", min_size=length - 1, max_size=length + 1)),
        "textarea": TEXT,
        "phone": PHONE,
        "email": EMAIL,
        "website": WEBSITE,
        "date": DATE,
        "datetime": MOMENT,
        "boolean": st.booleans(),
        "picklist": choices(known),
        "multiselectpicklist": st.lists(choices(known), max_size=4),
        "lookup": st.one_of(ids.map(lambda one: {"id": one}), ids, st.just({"name": "x"})),
        "ownerlookup": ids.map(lambda one: {"id": one}),
    }.get(kind, NUMBER)
    sure: st.SearchStrategy[Any] = {
        "text": st.text("ab é1", min_size=1, max_size=length),
        "textarea": st.text("ab é\n", max_size=60),
        "phone": st.sampled_from(["555-123-4567", "+1 (555) 123-4567"]),
        "email": st.sampled_from(["a@b.co", "ann.o'neil+x@mail.example.org", "é@exämple.org"]),
        "website": st.just("https://example.org/a?b=c"),
        "date": st.dates().map(str),
        "datetime": st.just("2026-03-01T10:00:00-05:00"),
        "boolean": st.booleans(),
        "picklist": st.sampled_from(known),
        "multiselectpicklist": st.lists(st.sampled_from(known), max_size=3),
        "lookup": st.just({"id": parents[0]}),
        "ownerlookup": st.just({"id": parents[-1]}),
    }.get(kind, st.integers(-9, 9))
    return st.sampled_from(range(12)).flatmap(
        lambda at: sure if at < 9 else good if at < 11 else GARBAGE
    )


KINDS = ["text", "textarea", "phone", "email", "website", "date", "datetime", "boolean"]
KINDS += ["picklist", "multiselectpicklist", "integer", "bigint", "double", "currency", "percent"]


@st.composite
def new_fields(draw: st.DrawFn) -> list[NewField]:
    """A random module: up to ten fields of random types, lengths and choices, one lookup."""
    fields = [NewField(label="Parent", data_type="lookup", lookup_module="Accounts")]
    for at, kind in enumerate(draw(st.lists(st.sampled_from(KINDS), min_size=3, max_size=9))):
        picks: list[str] = []
        length = None
        if "picklist" in kind:
            picks = draw(
                st.lists(
                    st.text("abcABC ", min_size=1, max_size=5).map(str.strip).filter(bool),
                    min_size=1,
                    max_size=4,
                    unique_by=str.casefold,
                )
            )
        elif kind == "text":
            length = draw(st.integers(2, 255))
        elif kind == "integer":
            length = draw(st.integers(1, 9))
        fields.append(
            NewField(
                label=f"F{at} {kind}",
                data_type=kind,
                length=length,
                unique=at == 0 and kind in ("text", "email", "phone"),
                textarea="small" if kind == "textarea" else None,
                pick_values=picks,
                decimal_places=2 if kind in ("double", "currency", "percent") else None,
            )
        )
    return fields


def records_of(meta: ModuleMeta, parents: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Random records of a module: any subset of its fields, and now and then a field it lacks."""
    fields = {
        name: values_of(
            one.data_type,
            one.length or 5,
            [v.display_value for v in one.pick_values] or ["x"],
            parents,
        )
        for name, one in meta.fields.items()
        if one.data_type not in ("profileimage", "tags") and name not in STEERED
    }
    fields["Not_A_Field"] = TEXT
    required = {one.api_name for one in meta.required_fields}
    rare = st.sampled_from(sorted(fields)).flatmap(
        lambda name: fields[name].map(lambda value: {name: value})
    )
    always = st.fixed_dictionaries({name: fields[name] for name in sorted(required)})
    wanted = [
        name
        for name, one in meta.fields.items()
        if name in fields and one.creatable and name not in required
    ]
    some = st.lists(st.sampled_from(wanted), max_size=4, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: fields[name] for name in names})
    )
    return st.tuples(always, some, st.one_of(st.just({}), st.just({}), rare)).map(
        lambda parts: parts[0] | parts[1] | parts[2]
    )


# Fields whose rules involve other records or people of the org in ways metadata does not tell.
STEERED = {"Who_Id", "What_Id", "Participants", "Remind_At", "Recurring_Activity", "Tag"}


class Judge:
    """One org whose answers are compared with ours."""

    def __init__(self, org: LocalOrg, zoho: ZohoClient, parents: list[str], profile: str) -> None:
        self.org = org
        self.zoho = zoho
        self.parents = parents
        self.profile = profile
        self.made = 0
        self.judged = 0
        self.accepted = 0
        self.repaired: int | None = None  # nobody tried yet

    async def module(self, fields: list[NewField]) -> ModuleMeta:
        """Make a module of these fields and read back what Zoho made of them."""
        self.made += 1
        name = f"Random{self.made}"
        new = NewModule(
            api_name=name,
            singular_label=name,
            plural_label=f"{name}s",
            profile_ids=[self.profile],
        )
        assert (await self.zoho.meta.create_module(new)).ok
        made = await self.zoho.meta.create_fields(name, fields)
        assert all(one.ok for one in made), [one.details for one in made if not one.ok]
        return await self.zoho.meta.module(name)

    async def compare(
        self, meta: ModuleMeta, validator: Validator, records: list[dict[str, Any]]
    ) -> None:
        """Judge new records here and there."""
        verdicts = validator.check_batch(records)
        results = await self.zoho.records.insert(meta.api_name, records)
        ids = [one.id for one in results if one.ok and one.id]
        if ids:  # unique values shall be free again for the next example
            await self.zoho.records.delete(meta.api_name, ids)
        self._same(meta, records, verdicts, results)

    async def compare_changes(
        self, meta: ModuleMeta, validator: Validator, changes: list[dict[str, Any]]
    ) -> None:
        """Judge changes of good records here and there, one record for each change."""
        plain = {one.api_name: "plain" for one in meta.required_fields}
        made = await self.zoho.records.insert(meta.api_name, [plain] * len(changes))
        ids = [one.id or "" for one in made]
        verdicts = validator.check_batch(changes, creating=False)
        rows = [{**change, "id": one} for change, one in zip(changes, ids, strict=True)]
        results = await self.zoho.records.update(meta.api_name, rows)
        await self.zoho.records.delete(meta.api_name, ids)
        self._same(meta, changes, verdicts, results)

    def _same(
        self,
        meta: ModuleMeta,
        records: list[dict[str, Any]],
        verdicts: list[Verdict],
        results: list[ElementResult],
    ) -> None:
        for record, verdict, result in zip(records, verdicts, results, strict=True):
            shown = {
                name: (meta.fields[name].data_type if name in meta.fields else None, value)
                for name, value in record.items()
            }
            ours, theirs = verdict.problems, (result.code, dict(result.details))
            assert verdict.ok == result.ok, f"{shown}: we say {ours}, Zoho says {theirs}"
            self.accepted += result.ok
        self.judged += len(records)


STRICT = {
    "unknown_fields": "reject",
    "read_only_fields": "reject",
    "unknown_picklist_values": "reject",
}


@asynccontextmanager
async def judging(local_zoho: LocalZoho, **switches: str) -> AsyncIterator[Judge]:
    """Open an org with room for many modules; in the end it must have seen enough."""
    wanted = {"credits_override": 10_000_000, **switches}
    org = await local_zoho.create_org(edition="ultimate", settings=wanted)
    async with ZohoClient(
        org.connection,
        tokens=InMemoryTokenStore(),
        credits=InMemoryCreditLedger(10_000_000),
        slots=InMemorySlotLimiter(20),
    ) as zoho:
        profile = (await zoho.meta.profiles())[0]["id"]
        parents = await zoho.records.insert(
            "Accounts", [{"Account_Name": "A"}, {"Account_Name": "B"}]
        )
        made = Judge(org, zoho, [one.id or "" for one in parents], profile)
        yield made
    assert made.judged >= 400
    assert 0.2 < made.accepted / made.judged < 0.97, "the records were not random enough"
    assert made.repaired is None or made.repaired > 20, "policies had nothing to repair"


@pytest.fixture(scope="module")
async def judge(local_zoho: LocalZoho) -> AsyncIterator[Judge]:
    """An org that refuses what Zoho would silently drop."""
    async with judging(local_zoho, **STRICT) as made:
        yield made


@pytest.fixture(scope="module")
async def lenient(local_zoho: LocalZoho) -> AsyncIterator[Judge]:
    """An org as Zoho is by default: what it does not know it drops without a word."""
    async with judging(local_zoho) as made:
        yield made


def lists_of(record: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Enough records for one call."""
    return st.lists(record, min_size=RECORDS_PER_CALL, max_size=RECORDS_PER_CALL)


def exists(judge: Judge) -> Any:
    """Answers as the org would: its two accounts and its one user."""
    known = {("Accounts", one) for one in judge.parents} | {("Users", judge.org.user_id)}
    return lambda module, one: (module, one) in known


@settings(max_examples=15, deadline=None, phases=PHASES, suppress_health_check=CHECKS)
@given(data=st.data())
async def test_random_modules_and_records(judge: Judge, data: st.DataObject) -> None:
    """Metadata nobody has seen before, read back and compiled."""
    meta = await judge.module(data.draw(new_fields()))
    validator = Validator(meta, exists=exists(judge))
    records = lists_of(records_of(meta, [*judge.parents, judge.org.user_id]))
    await judge.compare(meta, validator, data.draw(records))


@pytest.mark.parametrize("module", ["Contacts", "Accounts", "Deals", "Events", "Tasks", "Leads"])
@settings(max_examples=8, deadline=None, phases=PHASES, suppress_health_check=CHECKS)
@given(data=st.data())
async def test_standard_modules_and_random_records(
    judge: Judge, module: str, data: st.DataObject
) -> None:
    """The modules a migration writes to, with their rules over several fields."""
    meta = await judge.zoho.meta.module(module)
    pipelines = []
    if module == "Deals":
        (layout,) = await judge.zoho.meta.layouts(module)
        pipelines = await judge.zoho.meta.pipelines(layout.id)
    validator = Validator(meta, pipelines=pipelines, exists=exists(judge))
    records = lists_of(records_of(meta, [*judge.parents, judge.org.user_id]))
    await judge.compare(meta, validator, data.draw(records))


@pytest.mark.parametrize("module", ["Contacts", "Deals", "Tasks"])
@settings(max_examples=8, deadline=None, phases=PHASES, suppress_health_check=CHECKS)
@given(data=st.data())
async def test_default_zoho_and_random_records(
    lenient: Judge, module: str, data: st.DataObject
) -> None:
    """Unknown fields, read-only fields and new choices pass on both sides, everything else not."""
    meta = await lenient.zoho.meta.module(module)
    pipelines = []
    if module == "Deals":
        (layout,) = await lenient.zoho.meta.layouts(module)
        pipelines = await lenient.zoho.meta.pipelines(layout.id)
    validator = Validator(
        meta,
        pipelines=pipelines,
        accept_unknown_choices=True,
        exists=exists(lenient),
        silent_loss=False,
    )
    records = lists_of(records_of(meta, [*lenient.parents, lenient.org.user_id]))
    await lenient.compare(meta, validator, data.draw(records))


@pytest.mark.parametrize("module", ["Contacts", "Accounts"])
@settings(max_examples=8, deadline=None, phases=PHASES, suppress_health_check=CHECKS)
@given(data=st.data())
async def test_random_changes_of_records(judge: Judge, module: str, data: st.DataObject) -> None:
    """An update may leave required fields out, but not empty them."""
    meta = await judge.zoho.meta.module(module)
    validator = Validator(meta, exists=exists(judge))
    record = records_of(meta, [*judge.parents, judge.org.user_id])
    required = [one.api_name for one in meta.required_fields]
    change = st.tuples(record, st.booleans()).map(
        lambda parts: {k: v for k, v in parts[0].items() if parts[1] or k not in required}
    )
    await judge.compare_changes(meta, validator, data.draw(lists_of(change)))


@settings(max_examples=10, deadline=None, phases=PHASES, suppress_health_check=CHECKS)
@given(data=st.data())
async def test_what_policies_repair_is_accepted(judge: Judge, data: st.DataObject) -> None:
    """Moved, cut or left out with a note: what is sent then, Zoho takes; nothing is lost."""
    meta = await judge.zoho.meta.module("Contacts")
    raw = {"phone", "email", "website", "date", "datetime"}
    move = Policy(PolicyAction.MOVE_TO_RAW_FIELD, "Description")
    policies = {
        name: move
        if one.data_type in raw
        else Policy(PolicyAction.TRUNCATE_WITH_NOTE)
        if one.data_type == "text"
        else Policy(PolicyAction.DROP_VALUE_WITH_NOTE)
        for name, one in meta.fields.items()
        if name != "Description"
    }
    validator = Validator(meta, policies, exists=exists(judge))
    records = data.draw(lists_of(records_of(meta, [*judge.parents, judge.org.user_id])))
    verdicts = [validator.check(one) for one in records]
    good = [one.record for one in verdicts if one.record is not None]
    repaired = [one for one in verdicts if one.ok and one.notes]
    results = await judge.zoho.records.insert("Contacts", good) if good else []
    assert [one.code for one in results if not one.ok] == []
    await judge.zoho.records.delete("Contacts", [one.id or "" for one in results])
    for record, verdict in zip(records, verdicts, strict=True):
        for note in verdict.notes:
            assert note.original == record[note.field]
            # A value that was left out may have been null: absent is not the same.
            kept = verdict.record is not None and note.field in verdict.record
            assert not kept or (verdict.record or {})[note.field] != note.original
    judge.judged += len(records)
    judge.accepted += sum(one.ok and not one.problems for one in verdicts)
    judge.repaired = (judge.repaired or 0) + len(repaired)
