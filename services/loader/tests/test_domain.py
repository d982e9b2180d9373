"""Pure decisions: comparing, merging, undoing, settling, rounds, gates."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bridgework_contracts.ids import MessageId, RunId
from bridgework_contracts.writes import Ref, WriteRecord
from bridgework_loader.domain.arrivals import Arrival, Link, fields_hash, rounds
from bridgework_loader.domain.comparing import is_blank, same_value, writable
from bridgework_loader.domain.merging import merge, readable_fields
from bridgework_loader.domain.references import resolve
from bridgework_loader.domain.settling import (
    Finding,
    UpdateFinding,
    creation_found,
    find_note,
    update_found,
)
from bridgework_loader.domain.undoing import UndoVerdict, looked_up_ids, undo_create, undo_update
from hypothesis import given
from hypothesis import strategies as st


def arrival(key: str, *needs: str, id_: str = "") -> Arrival:
    """A write of record ``key`` that looks up to others."""
    refs = tuple(Ref(field=f"L{need}", object="thing", key=need) for need in needs)
    write = WriteRecord(
        run_id=RunId("r"),
        object="thing",
        module="Things",
        key=key,
        external_id_field="Key",
        fields={"Key": key},
        refs=refs,
        content_hash="h",
    )
    return Arrival(MessageId(id_ or key), key.encode(), write)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("2024-03-04T09:00:00-05:00", "2024-03-04T14:00:00+00:00"),
        ({"id": "12"}, {"id": "12", "name": "Somebody"}),
        ("12", {"id": "12", "name": "Somebody"}),
        ("152.45", 152.45),
        (10, 10.0),
        ("Line one\r\nLine two ", "Line one\nLine two"),
        (["b", "a"], ["a", "b"]),
        (None, ""),
        (None, []),
        (False, None),
        ([{"Code": "D1"}], [{"Code": "D1", "id": "9", "Created_Time": "x"}]),
    ],
)
def test_zohos_spelling_of_our_value_is_our_value(ours: Any, theirs: Any) -> None:
    """Both ways round."""
    assert same_value(ours, theirs)
    assert same_value(theirs, ours)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2024-03-04T09:00:00-05:00", "2024-03-04T09:00:00+00:00"),
        ({"id": "12"}, {"id": "13"}),
        ("152.45", 152.46),
        (True, False),
        (True, "true"),
        (0, None),
        (["a"], ["a", "b"]),
        ("abc", {"id": "12"}),
        ("n/a", 5),
        ([{"Code": "D1"}], [{"Code": "D2"}]),
    ],
)
def test_different_values_are_different(one: Any, other: Any) -> None:
    """Both ways round."""
    assert not same_value(one, other)
    assert not same_value(other, one)


JSON = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.text(max_size=12),
    st.decimals(-1000, 1000, places=2).map(str),
)
FIELDS = st.dictionaries(st.sampled_from("ABCDEF"), JSON, max_size=6)


@given(FIELDS, FIELDS, FIELDS)
def test_a_merge_never_writes_over_what_a_person_changed(
    base: dict[str, Any], theirs: dict[str, Any], ours: dict[str, Any]
) -> None:
    """Whatever is written stood in Zoho as we had left it, or stood empty and was never ours."""
    merged = merge(base, theirs, ours)
    for name in merged.to_write:
        untouched = same_value(theirs.get(name), base.get(name))
        assert untouched or (name not in base and is_blank(theirs.get(name)))
        assert same_value(merged.before[name], theirs.get(name))
    after = {**theirs, **merged.to_write}
    listed = {one.field for one in merged.conflicts}
    for name, value in ours.items():
        assert (name in listed) != same_value(after.get(name), value)


@given(FIELDS, FIELDS, FIELDS)
def test_a_second_merge_has_nothing_to_write(
    base: dict[str, Any], theirs: dict[str, Any], ours: dict[str, Any]
) -> None:
    """After a merge the same source value changes nothing more."""
    first = merge(base, theirs, ours)
    second = merge(first.base, {**theirs, **first.to_write}, ours)
    assert second.to_write == {}
    assert {one.field for one in second.conflicts} == {one.field for one in first.conflicts}


@given(FIELDS, FIELDS)
def test_undoing_an_update_at_once_gives_the_old_values_back(
    base: dict[str, Any], ours: dict[str, Any]
) -> None:
    """Nobody touched the record between the run and its undo."""
    merged = merge(base, base, ours)
    after = {**base, **merged.to_write}
    plan = undo_update(merged.to_write, merged.before, after)
    assert plan.kept == ()
    restored = {**after, **plan.to_write}
    assert all(same_value(restored.get(name), base.get(name)) for name in {*base, *ours})


def test_a_hidden_field_is_written_as_if_untouched() -> None:
    """Zoho returns null for restricted fields; null is not an edit (fact sheet §4.6)."""
    merged = merge({"A": "1"}, {"A": None}, {"A": "2"}, unreadable={"A"})
    assert (merged.to_write, merged.before) == ({"A": "2"}, {"A": "1"})


def test_a_companion_travels_with_its_field_and_is_never_compared() -> None:
    """``$se_module`` cannot be read back."""
    ours = {"What_Id": {"id": "2"}, "$se_module": "Accounts"}
    base = {"What_Id": {"id": "1"}}
    merged = merge(base, {"What_Id": {"id": "1", "name": "x"}}, ours)
    assert merged.to_write == {"What_Id": {"id": "2"}, "$se_module": "Accounts"}
    assert merged.before == {"What_Id": {"id": "1"}}
    assert readable_fields(ours, None, base) == ["What_Id"]


def test_a_lookup_is_restored_by_its_id_alone() -> None:
    """Zoho takes back an id, not a name; a name would also be personal data in the journal."""
    assert writable({"id": 5, "name": "Somebody"}) == {"id": "5"}
    assert looked_up_ids({"Owner": {"id": "1"}, "Patient": {"id": "2"}, "Name": "x"}) == {"2"}


@pytest.mark.parametrize(
    ("current", "has_child", "verdict"),
    [
        (None, False, UndoVerdict.GONE),
        ({"A": "1", "Modified_By": {"id": "me"}}, False, UndoVerdict.DELETE),
        ({"A": "later", "Modified_By": {"id": "me"}}, False, UndoVerdict.DELETE),
        ({"A": "1", "Modified_By": {"id": "desk"}}, False, UndoVerdict.KEPT_EDITED),
        ({"A": "2", "Modified_By": {"id": "me"}}, False, UndoVerdict.KEPT_EDITED),
        ({"A": "1", "Modified_By": {"id": "me"}}, True, UndoVerdict.KEPT_FOR_CHILD),
    ],
)
def test_only_what_is_still_ours_is_deleted(
    current: dict[str, Any] | None, has_child: bool, verdict: UndoVerdict
) -> None:
    """By the last modifier and by value, in this or a later run of ours."""
    found = undo_create(
        {"A": "1"},
        current,
        later={"A": "later"},
        migration_user_id="me",
        has_kept_child=has_child,
    )
    assert found is verdict


def test_a_record_found_after_a_lost_request_is_ours_if_it_is_young_and_by_us() -> None:
    """Older ones, and other people's, were there before."""
    opened = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def judged(created: datetime, by: str, opened_at: datetime | None = opened) -> Finding:
        return creation_found(
            {"Created_Time": created.isoformat(), "Created_By": {"id": by}},
            opened_at=opened_at,
            migration_user_id="me",
            clock_tolerance_s=60,
        )

    assert judged(opened + timedelta(seconds=1), "me") is Finding.OURS
    assert judged(opened - timedelta(seconds=30), "me") is Finding.OURS
    assert judged(opened - timedelta(hours=1), "me") is Finding.EARLIER
    assert judged(opened + timedelta(seconds=1), "desk") is Finding.EARLIER
    assert judged(opened + timedelta(seconds=1), "me", None) is Finding.EARLIER


def test_one_field_that_only_we_could_have_written_proves_an_update() -> None:
    """A field that was equal before proves nothing."""
    sent, before = {"A": "2", "B": "x"}, {"A": "1", "B": "x"}
    assert update_found(sent, before, {"A": "2", "B": "x"}) is UpdateFinding.APPLIED
    assert update_found(sent, before, {"A": "2", "B": "edited"}) is UpdateFinding.APPLIED
    assert update_found(sent, before, {"A": "1", "B": "x"}) is UpdateFinding.NOT_APPLIED


def test_a_note_is_found_by_its_marker_and_never_by_anothers() -> None:
    """``[src:thing:1]`` is not ``[src:thing:11]``; without a marker the whole text decides."""
    base = arrival("1").write
    marked = base.model_copy(update={"fields": {"Note_Content": "Hi\n[src:thing:1]"}})
    plain = base.model_copy(update={"fields": {"Note_Content": "Hi"}})
    notes = [
        {"id": "a", "Note_Content": "Hi\n[src:thing:11]"},
        {"id": "b", "Note_Content": "Edited by a person\n[src:thing:1]"},
        {"id": "c", "Note_Content": "Hi "},
    ]
    assert (find_note(marked, notes) or {})["id"] == "b"
    assert (find_note(plain, notes) or {})["id"] == "c"
    assert find_note(marked, notes[:1]) is None


def test_lookups_become_ids_and_notes_name_their_parents_module() -> None:
    """Owner too, except on notes."""
    links = {("patient", "1"): Link("Contacts", "77")}
    ref = Ref(field="Parent_Id", object="patient", key="1")
    base = arrival("n").write
    noted = base.model_copy(update={"module": "Notes", "refs": (ref,)})
    assert resolve(noted, links).fields["Parent_Id"] == {
        "module": {"api_name": "Contacts"},
        "id": "77",
    }
    what = Ref(field="What_Id", object="patient", key="1", se_module="Contacts")
    resolved = resolve(base.model_copy(update={"refs": (what,)}), links)
    assert resolved.fields == {"Key": "n", "What_Id": {"id": "77"}, "$se_module": "Contacts"}
    gone = Ref(field="What_Id", object="patient", key="2", required=False)
    left = resolve(base.model_copy(update={"refs": (gone,)}), links)
    assert (left.fields, left.missing) == ({"Key": "n"}, None)
    assert left.left_out[0].field == "What_Id"


@given(st.lists(st.tuples(st.integers(0, 5), st.lists(st.integers(0, 5), max_size=2)), max_size=12))
def test_rounds_keep_every_write_once_and_in_its_records_order(
    given_: list[tuple[int, list[int]]],
) -> None:
    """Each round holds a record once; parents in the batch go first unless they form a circle."""
    arrivals = [
        arrival(str(key), *(str(need) for need in needs), id_=str(at))
        for at, (key, needs) in enumerate(given_)
    ]
    found = list(rounds(arrivals))
    flat = [one for some in found for one in some]
    assert sorted(flat, key=lambda one: int(one.message_id)) == arrivals
    for some in found:
        assert len({one.record_key for one in some}) == len(some)
    for key in {one.record_key for one in arrivals}:
        ids = [int(one.message_id) for one in flat if one.record_key == key]
        assert ids == sorted(ids)


def test_a_parent_in_the_same_batch_goes_in_an_earlier_round() -> None:
    """So that a child is not parked for a parent that stands beside it."""
    found = list(rounds([arrival("child", "parent"), arrival("parent")]))
    assert [[one.write.key for one in some] for some in found] == [["parent"], ["child"]]


def test_the_hash_of_fields_does_not_depend_on_their_order() -> None:
    """And it does depend on every value."""
    assert fields_hash({"a": 1, "b": 2}) == fields_hash({"b": 2, "a": 1})
    assert fields_hash({"a": 1}) != fields_hash({"a": "1"})
