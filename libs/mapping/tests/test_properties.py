"""Whatever the record: what is written equals what is expected, through JSON and back."""

import json
from typing import Any

from bridgework_contracts.codec import decode, encode
from bridgework_contracts.writes import WriteRecord
from bridgework_mapping.compile import Mapper, Rejected
from bridgework_mapping.document import MappingDocument
from bridgework_mapping.fields import FieldMap
from bridgework_mapping.notes import zoho_length
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=60) | st.sampled_from(
    ["", " ", "a\r\nb", "x" * 300, "🦷" * 200, "\u00a0a", "[src:note:1]", "\x00"]
)
DATES = st.dates().map(str)
MOMENTS = st.datetimes().map(lambda moment: moment.replace(microsecond=0).isoformat())
MONEY = st.decimals(min_value=-(10**9), max_value=10**9, places=2).map(lambda d: f"{d:.2f}")
JSONABLE = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXT,
    "textarea": TEXT | st.lists(TEXT, max_size=3),
    "email": TEXT | st.emails(),
    "phone": TEXT | st.from_regex(r"[0-9]{10}(x[0-9]{1,4})?", fullmatch=True),
    "picklist": TEXT,
    "date": DATES | TEXT,
    "datetime": MOMENTS | TEXT,
    "currency": MONEY | TEXT,
    "integer": st.integers(-(10**10), 10**10) | TEXT,
    "boolean": st.booleans() | TEXT,
    "lookup": st.integers(1, 9999).map(str),
    "user": st.sampled_from(["11", "13", "15", "77"]),
    "json": JSONABLE,
}


def values_of(line: FieldMap) -> st.SearchStrategy[Any]:
    """Return values for one line's sources: of its type, from its list, or blank."""
    choices = [st.none(), BY_TYPE[line.type]]
    if line.values:
        choices.append(st.sampled_from(line.values))
    return st.one_of(choices)


def fields_of(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return canonical fields of an object, mostly plausible, often odd."""
    strategies: dict[str, st.SearchStrategy[Any]] = {}
    for line in MappingDocument.default().object(name).fields:
        for source in line.reads:
            strategies.setdefault(source, values_of(line))
    strategies.pop("images", None)
    strategies.pop("key")
    key = st.from_regex(r"[A-Za-z0-9|#_-]{1,20}", fullmatch=True)
    return st.fixed_dictionaries({"key": key}, optional=strategies)


NAMES = [entry.object for entry in MappingDocument.default().records]
RECORDS = st.one_of([st.tuples(st.just(name), fields_of(name)) for name in NAMES])
"""(object, canonical fields) of every object."""


def odd_of(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return fields of an object that hold any JSON at all."""
    sources = sorted(MappingDocument.default().object(name).carried - {"key"})
    return st.dictionaries(st.sampled_from(sources), JSONABLE, max_size=12)


ODD_RECORDS = st.one_of([st.tuples(st.just(name), odd_of(name)) for name in NAMES])


@settings(max_examples=700, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=RECORDS)
def test_what_is_written_equals_what_is_expected(
    drawn: tuple[str, dict[str, Any]], doc: MappingDocument, mapper: Mapper, make_record: Any
) -> None:
    """Every field by its comparator, after the log's JSON and Zoho's JSON; lengths respected."""
    name, fields = drawn
    record = make_record(name, **fields)
    made = mapper.write_for(record)
    expected = mapper.expected_for(record)
    if isinstance(made, Rejected):
        assert expected is None
        return
    assert expected is not None
    travelled = decode(encode(made))
    assert isinstance(travelled, WriteRecord)
    in_zoho = json.loads(json.dumps(travelled.fields))
    assert expected.refs == travelled.refs
    for live, want in expected.fields.items():
        assert mapper.compare(name, live, want, in_zoho[live]), live
    for line in doc.object(name).fields:
        for _, _, live in line.page_fields():
            value = in_zoho.get(live)
            if isinstance(value, str) and line.limit:
                assert zoho_length(value) <= line.limit, live
                assert value == value.strip()
                assert "\x00" not in value


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=ODD_RECORDS)
def test_no_record_whatever_its_values_crashes_the_mapper(
    drawn: tuple[str, dict[str, Any]], mapper: Mapper, make_record: Any
) -> None:
    """A record that breaks the canonical form is written in part or rejected, with a reason."""
    name, fields = drawn
    record = make_record(name, **fields)
    made = mapper.write_for(record)
    assert isinstance(made, Rejected | WriteRecord)
    if isinstance(made, Rejected):
        assert made.reason.code
    assert (mapper.expected_for(record) is None) == isinstance(made, Rejected)


@settings(max_examples=50, deadline=None)
@given(text=TEXT, other=TEXT)
def test_a_different_text_is_seen(text: str, other: str, mapper: Mapper, make_record: Any) -> None:
    """Two notes compare equal only when people would read the same."""
    one = mapper.expected_for(make_record("note", text=text))
    two = mapper.expected_for(make_record("note", text=other))
    assert one is not None
    assert two is not None
    mine, theirs = one.fields["Note_Content"], two.fields["Note_Content"]
    if mine == theirs:
        assert mapper.compare("note", "Note_Content", mine, theirs)
    elif "".join(mine.split()) != "".join(theirs.split()):
        assert not mapper.compare("note", "Note_Content", mine, theirs)
