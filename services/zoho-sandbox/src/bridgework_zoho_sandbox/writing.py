"""Insert, update and upsert of records: the one place where a record changes.

The API, bulk write and people editing in the user interface all come through here, so all of them
meet the same validation, unique fields and rules.
"""

from __future__ import annotations

from typing import Any

import orjson

from .ahead import Ahead
from .errors import Json, Rejected, bad_id, error_body, invalid_data
from .external import ExternalPaths
from .merging import append_values, finish_subforms
from .metadata import FieldMeta, Module
from .org import Org
from .people import Person
from .record_ids import record_id
from .rules import RULES, display_name, number_automatically
from .table import Record, Table, match_key
from .validation import ModuleChecks

UNLINKED = frozenset({"Contacts", "Leads", "Notes", "Attachments", "Users", "Events", "Calls"})


class Writer:
    """Writes the records of one call; new rows are kept until `flush`."""

    def __init__(
        self, org: Org, module: Module, person: Person, *, external: ExternalPaths | None = None
    ) -> None:
        self.org = org
        self.module = module
        self.person = person
        self.external = external or ExternalPaths()
        self.now = org.clock.now_s()
        self.checks = org.checks(module)
        self.table = Table(org.database, module)
        self.se_module: str | None = None
        self.inserted: list[int] = []
        self.updated: list[int] = []
        self._rule = RULES.get(module.api_name)
        self._match = self.checks.match
        self._keyed = self.checks.keyed
        self._case = org.behaviour.unique_case_sensitive
        self._subforms = self.checks.subforms
        self._ahead = Ahead(self.table, case_sensitive=self._case)
        self._rows: list[tuple[Any, ...]] = []
        self._changed: list[Record] = []
        self._before: list[Record] = []
        self._keys: list[tuple[int, str, int]] = []
        self._pending: dict[tuple[int, str], int] = {}
        self._known: dict[tuple[str, int], bool] = {}
        self._tables: dict[str, Table] = {}

    # What the compiled checks ask back (the Lookups protocol).

    def record_exists(self, module: str, record: int) -> bool:
        """Return whether a live record has this id; rows of this call count."""
        known = self._known.get((module, record))
        if known is None:
            if module == self.module.api_name:
                self.flush()
            known = self._table(module).exists(record) if module in self.org.modules else False
            self._known[module, record] = known
        return known

    def active_person(self, value: Any, *, by_email: bool) -> int | None:
        """Return an active user's id for ``{"id"}``, or for an e-mail where that is switched on."""
        if isinstance(value, dict):
            found = record_id(value.get("id"))
            if found is None and by_email:
                return self._person_by_email(value.get("email"))
            person = self.org.people.get(found) if found is not None else None
            return person.id if person is not None and person.active else None
        return self._person_by_email(value)

    def by_external(self, path: str, value: Json) -> tuple[str, int | None] | None:
        """Return (module, id) for a lookup given by an external field of its target."""
        for target, name in self.external.lookups.get(path, ()):
            if name in value:
                return target, self.find(target, name, value[name])
        return None

    def may_link(self, module: str) -> bool:
        """Return whether activities may point to the module with ``What_Id``."""
        return module in self.org.modules and (
            module not in UNLINKED or (module == "Leads" and self.module.api_name != "Calls")
        )

    def file_exists(self, file_id: str) -> bool:
        """Return whether ``POST /files`` gave out this id."""
        row = self.org.database.one("select 1 from file where id = ? and kind = 'zfs'", (file_id,))
        return row is not None

    def new_row_id(self) -> int:
        """Return an id for a subform row."""
        return self.org.ids.take()

    def subform_checks(self, module: str) -> ModuleChecks:
        """Return the validator of a subform's rows."""
        return self.org.checks(self.org.modules[module])

    def find(self, module: str, field_name: str, value: Any) -> int | None:
        """Return the record that holds a value in an indexed field."""
        field = self.org.field(module, field_name)
        key = None if field is None else match_key(field, value, case_sensitive=self._case)
        if field is None or key is None:
            return None
        if module == self.module.api_name:
            return self._holder(field, key)
        held = self._table(module).by_key(field, key)
        return held[0] if held else None

    # Writing.

    def read_ahead(self, data: list[Json], match_by: list[str] | None = None) -> None:
        """Read what a batch is about to ask: holders of its unique values, records it names.

        Args:
            data: The rows of the call.
            match_by: Fields an upsert matches by; their holders' records are read as well.
        """
        ahead = self._ahead
        fields = {item.id: item for item in self.checks.keyed_fields}
        matched = [self.module.fields[name] for name in match_by or ()]
        fields.update({item.id: item for item in matched})
        held = ahead.read_holders(data, fields.values())
        if match_by is not None:
            ahead.read_records(held)
        ahead.read_own(data)

    def insert(self, sent: Json, path: str) -> int:
        """Add one record and return its id.

        Raises:
            Rejected: with the element's error.
        """
        layout = "Layout" in sent and self._layout(sent, path)
        checks = self.checks
        self.se_module = sent.get("$se_module")
        checks.require(sent, path, with_layout=layout)
        doc = checks.build(sent, self, path)
        if layout:
            for name in checks.off_layout:
                doc.pop(name, None)
        if None in doc.values():
            doc = {name: value for name, value in doc.items() if value is not None}
            checks.require(doc, path, with_layout=False)
        if self._subforms:
            finish_subforms(self._subforms, doc, {})
        owner = doc.pop("Owner", None) or self.person.id
        if "What_Id" in doc:
            doc["$se_module"] = self.se_module
        if self._rule is not None:
            self._rule(self.org, self.module, doc, path, new=True, now=self.now)
        if checks.autonumbers:
            number_automatically(self.org, self.module, doc, checks.autonumbers)
        keys = self._keys_of(doc)
        if self._keyed:
            self._refuse_duplicates(keys, path, None)
        new_id = self.org.ids.take()
        shown = display_name(self.module, doc)
        who = self.person.id
        self._rows.append(
            (new_id, self.now, self.now, who, who, owner, shown, orjson.dumps(doc).decode())
        )
        for field, key in keys:
            self._keys.append((field.id, key, new_id))
            self._pending[field.id, key] = new_id
        self.inserted.append(new_id)
        return new_id

    def update(
        self, record: int, sent: Json, path: str, *, unmodified_since: float | None
    ) -> Record:
        """Change one record and return it as it is now.

        Raises:
            Rejected: with the element's error; ``ALREADY_MODIFIED`` answers 412.
        """
        old = self._ahead.records.get(record)
        if old is None:
            self.flush()
            old = self.table.get(record)
            if old is None:
                raise bad_id(path)
        self.refuse_locked(record, "update")
        if unmodified_since is not None and old.modified > unmodified_since:
            raise Rejected(
                "ALREADY_MODIFIED",
                "Record updated time has already passed if-unmodified-since time",
                self.stamps(old),
            )
        before = old.values()
        doc = self._merged(sent, before, path)
        owner = doc.pop("Owner", None) or old.owner
        if self._rule is not None:
            self._rule(self.org, self.module, doc, path, new=False, now=self.now)
        old_keys = self._keys_of(before)
        new_keys = self._keys_of(doc)
        if new_keys != old_keys:
            if self._keyed:
                fresh = [item for item in new_keys if item not in old_keys]
                self._refuse_duplicates(fresh, path, record)
            self._change_keys(record, old_keys, new_keys)
        shown = display_name(self.module, doc)
        text = orjson.dumps(doc).decode()
        who = self.person.id
        new = Record(record, old.created, self.now, old.created_by, who, owner, shown, text)
        self._before.append(old)
        self._changed.append(new)
        self._ahead.records[record] = new
        self.updated.append(record)
        return new

    def _merged(self, sent: Json, before: Json, path: str) -> Json:
        """Return the stored values with the sent ones over them; an explicit null clears."""
        layout = self._layout(sent, path)
        self.se_module = sent.get("$se_module") or before.get("$se_module")
        self.checks.keep_mandatory(sent, path)
        changes = self.checks.build(sent, self, path)
        if layout:
            for name in self.checks.off_layout:
                changes.pop(name, None)
        append_values(self.module, sent, before, changes)
        finish_subforms(self._subforms, changes, before)
        doc = {**before, **changes}
        if None in doc.values():
            doc = {name: value for name, value in doc.items() if value is not None}
        if "What_Id" in doc:
            doc["$se_module"] = self.se_module
        else:
            doc.pop("$se_module", None)
        return doc

    def _change_keys(
        self,
        record: int,
        before: list[tuple[FieldMeta, str]],
        after: list[tuple[FieldMeta, str]],
    ) -> None:
        for field, key in before:
            if (field, key) not in after:
                self.table.drop_key(field, key, record)
                self._ahead.forget(field, key)
        for field, key in after:
            if (field, key) not in before:
                self.table.add_key(field, key, record)
                self._ahead.forget(field, key)

    def match(self, sent: Json, order: list[str]) -> tuple[int, str] | None:
        """Return (id, field) of the first record that matches, by the given fields in order."""
        for name in order:
            value = sent.get(name)
            field = self.module.fields[name]
            key = match_key(field, value, case_sensitive=self._case)
            if key is not None and (held := self._holder(field, key)) is not None:
                return held, name
        return None

    def flush(self) -> None:
        """Write the new and changed rows kept so far."""
        if self._rows:
            self.table.insert(self._rows, self._keys)
            self._ahead.taken(self._pending.items())
            self._rows.clear()
            self._keys.clear()
            self._pending.clear()
            self._known.clear()
        if self._changed:
            lag_s = self.org.behaviour.search_index_lag_s
            if lag_s:
                self.org.forget_found(self.table, self.now)
                visible_at = self.now + lag_s
                self.table.keep_for_search(self._before, now=self.now, visible_at=visible_at)
            self.table.update(*self._changed)
            self._changed.clear()
            self._before.clear()

    def stamps(self, record: Record) -> Json:
        """Return id, times and people of a record, as write answers show them."""
        created_by = self.org.people.get(record.created_by, self.person)
        modified_by = self.org.people.get(record.modified_by, self.person)
        return {
            "id": str(record.id),
            "Created_Time": self.org.stamp(record.created, self.person),
            "Modified_Time": self.org.stamp(record.modified, self.person),
            "Created_By": created_by.short(),
            "Modified_By": modified_by.short(),
        }

    def refuse_locked(self, record: int, action: str) -> None:
        """Refuse to touch a record that a lock, blueprint or approval holds."""
        code = self.org.locked.get(record)
        if code is not None:
            raise Rejected(
                code,
                "Sorry, you cannot perform this operation as the record is locked.",
                {"id": str(record), "api_name": "id", "json_path": "$.data.id", "action": action},
            )

    # Inside.

    def _table(self, module: str) -> Table:
        table = self._tables.get(module)
        if table is None:
            table = self._tables[module] = Table(self.org.database, self.org.modules[module])
        return table

    def _person_by_email(self, value: Any) -> int | None:
        for person in self.org.people.values():
            if person.active and isinstance(value, str) and person.email == value.lower():
                return person.id
        return None

    def _layout(self, sent: Json, path: str) -> bool:
        layout = sent.get("Layout")
        if layout is None:
            return False
        wanted = record_id(layout.get("id")) if isinstance(layout, dict) else record_id(layout)
        if wanted != self.module.layout_id:
            raise invalid_data({"api_name": "Layout", "json_path": f"{path}.Layout"})
        return True

    def _keys_of(self, doc: Json) -> list[tuple[FieldMeta, str]]:
        keys = []
        case = self._case
        for name, field in self._match:
            value = doc.get(name)
            if value is not None and (key := match_key(field, value, case_sensitive=case)):
                keys.append((field, key))
        return keys

    def _holder(self, field: FieldMeta, key: str) -> int | None:
        pending = self._pending.get((field.id, key))
        if pending is not None:
            return pending
        ahead = self._ahead.holders.get((field.id, key), 0)
        if ahead != 0:
            return ahead
        held = self.table.by_key(field, key)
        return held[0] if held else None

    def _refuse_duplicates(
        self, keys: list[tuple[FieldMeta, str]], path: str, own: int | None
    ) -> None:
        taken = []
        for field, key in keys:
            if field.id in self._keyed:
                holder = self._holder(field, key)
                if holder is not None and holder != own:
                    taken.append((field, holder))
        if not taken:
            return
        errors = [self._duplicate(field, holder, path) for field, holder in taken]
        if len(errors) == 1:
            raise Rejected("DUPLICATE_DATA", "duplicate data", errors[0])
        raise Rejected(
            "MULTIPLE_OR_MULTI_ERRORS",
            "Duplicate data in multiple fields",
            {"errors": [error_body("DUPLICATE_DATA", "duplicate data", item) for item in errors]},
        )

    def _duplicate(self, field: FieldMeta, holder: int, path: str) -> Json:
        self.flush()
        record = self._ahead.records.get(holder) or self.table.get(holder)
        owner = self.org.people.get(record.owner) if record is not None else None
        return {
            "api_name": field.api_name,
            "json_path": f"{path}.{field.api_name}",
            "id": str(holder),
            "more_records": False,
            "duplicate_record": {
                "id": str(holder),
                "Owner": None
                if owner is None
                else {"id": str(owner.id), "name": owner.full_name, "zuid": str(owner.zuid)},
                "module": {"api_name": self.module.api_name, "id": str(self.module.id)},
            },
        }
