"""Insert, update and upsert of records: the one place where a record changes.

The API, bulk write and people editing in the user interface all come through here, so all of them
meet the same validation, unique fields and rules.
"""

from __future__ import annotations

from typing import Any

import orjson

from .errors import Json, Rejected, bad_id, error_body, invalid_data
from .external import ExternalPaths
from .metadata import FieldMeta, Module
from .org import Org
from .people import Person
from .record_ids import record_id
from .rules import RULES, display_name, number_automatically
from .table import Record, Table, match_key
from .validation import ModuleChecks

SUBFORM = "subform"
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
        fields = module.match_fields()
        self._match = [(item.api_name, item) for item in fields]
        self._keyed = frozenset(item.id for item in fields if item.keyed)
        self._case = org.behaviour.unique_case_sensitive
        self._subforms = tuple(
            item.api_name for item in module.live_fields() if item.data_type == SUBFORM
        )
        self._rows: list[tuple[Any, ...]] = []
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
            self._finish_subforms(doc, {})
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

    def update(self, record: int, sent: Json, path: str, *, unmodified_since: float | None) -> None:
        """Change one record.

        Raises:
            Rejected: with the element's error; ``ALREADY_MODIFIED`` answers 412.
        """
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
        if self._keyed:
            self._refuse_duplicates(new_keys, path, record)
        self._change_keys(record, old_keys, new_keys)
        lag_s = self.org.behaviour.search_index_lag_s
        if lag_s:
            self.table.keep_for_search(old, self.now + lag_s)
        self.table.update(
            old._replace(
                modified=self.now,
                modified_by=self.person.id,
                owner=owner,
                name=display_name(self.module, doc),
                doc=orjson.dumps(doc).decode(),
            )
        )
        self.updated.append(record)

    def _merged(self, sent: Json, before: Json, path: str) -> Json:
        """Return the stored values with the sent ones over them; an explicit null clears."""
        layout = self._layout(sent, path)
        self.se_module = sent.get("$se_module") or before.get("$se_module")
        self.checks.keep_mandatory(sent, path)
        changes = self.checks.build(sent, self, path)
        if layout:
            for name in self.checks.off_layout:
                changes.pop(name, None)
        self._append_values(sent, before, changes)
        self._finish_subforms(changes, before)
        both = {**before, **changes}
        doc = {name: value for name, value in both.items() if value is not None}
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
        for field, key in after:
            if (field, key) not in before:
                self.table.add_key(field, key, record)

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
        """Write the new rows kept so far."""
        if self._rows:
            self.table.insert(self._rows, self._keys)
            self._rows.clear()
            self._keys.clear()
            self._pending.clear()
            self._known.clear()

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
        record = self.table.get(holder)
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

    def _append_values(self, sent: Json, before: Json, changes: Json) -> None:
        append = sent.get("$append_values")
        if not isinstance(append, dict):
            return
        for name, wanted in append.items():
            field = self.module.fields.get(name)
            if wanted is True and field is not None and field.data_type == "multiselectpicklist":
                both = [*(before.get(name) or ()), *(changes.get(name) or ())]
                changes[name] = list(dict.fromkeys(both)) or None

    def _finish_subforms(self, changes: Json, before: Json) -> None:
        for name in self._subforms:
            rows = changes.get(name)
            if rows is None:
                continue
            kept = {row["id"]: row for row in before.get(name) or ()}
            for row in rows:
                if "_delete" in row:
                    kept.pop(row["id"], None)
                else:
                    kept[row["id"]] = {**kept.get(row["id"], {}), **row}
            changes[name] = list(kept.values()) or None
