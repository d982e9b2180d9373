"""Deleting records: what goes away, and with what."""

from __future__ import annotations

import orjson

from .addressing import path_record, record_module
from .call import Answer, Call, element_answer
from .errors import Json, Rejected, ZohoError, param_missing
from .metadata import Module
from .org import Org
from .paging import ids_param
from .people import Person
from .record_ids import record_id
from .table import Record, Table, match_key
from .writing import Writer

DELETE_MAX = 100


def bin_record(org: Org, table: Table, person: Person, record: Record) -> None:
    """Move one live record into the recycle bin, its notes and attachments with it."""
    database, module = org.database, table.module
    database.execute(
        "insert or replace into bin values (?, ?, ?, ?, 'recycle', ?, ?, null)",
        (
            record.id,
            module.id,
            org.clock.now_s(),
            person.id,
            record.name,
            orjson.dumps(tuple(record)).decode(),
        ),
    )
    table.delete(record.id)
    if not org.behaviour.bin_blocks_unique:
        drop_keys(org, table, record)
    if org.behaviour.delete_cascades_children:
        for child in ("note", "attachment"):
            _bin_children(org, child, person, record.id)


def drop_keys(org: Org, table: Table, record: Record) -> None:
    """Let go of the values a record holds in indexed fields."""
    values = record.values()
    case = org.behaviour.unique_case_sensitive
    for _, field in org.checks(table.module).match:
        key = match_key(field, values.get(field.api_name), case_sensitive=case)
        if key is not None:
            table.drop_key(field, key, record.id)


def _bin_children(org: Org, kind: str, person: Person, parent: int) -> None:
    database = org.database
    module = org.modules["Notes" if kind == "note" else "Attachments"]
    for row in database.all(f"select * from {kind} where parent = ?", (parent,)):
        database.execute(
            "insert or replace into bin values (?, ?, ?, ?, 'recycle', ?, ?, ?)",
            (
                row[0],
                module.id,
                org.clock.now_s(),
                person.id,
                row[3],
                orjson.dumps(row).decode(),
                parent,
            ),
        )
    database.execute(f"delete from {kind} where parent = ?", (parent,))


class Deleter:
    """Deletes records of one module for one person."""

    def __init__(self, org: Org, module: Module, person: Person) -> None:
        self._org = org
        self._person = person
        self._table = Table(org.database, module)
        self._writer = Writer(org, module, person)
        self._ahead: dict[int, Record] = {}

    def read_ahead(self, texts: list[str]) -> None:
        """Read the records of a whole call at once."""
        ids = [found for text in texts if (found := record_id(text)) is not None]
        self._ahead = self._table.get_many(ids)

    def delete(self, text: str, message: str) -> Json:
        """Delete one record by its id text and return the success element.

        Raises:
            Rejected: ``INVALID_DATA`` "record not deleted" when there is no such live record.
        """
        found = record_id(text)
        record = None
        if found is not None:
            record = self._ahead.pop(found, None) or self._table.get(found)
        if record is None:
            raise Rejected("INVALID_DATA", "record not deleted", {"id": text})
        self._writer.refuse_locked(record.id, "delete")
        bin_record(self._org, self._table, self._person, record)
        return {
            "code": "SUCCESS",
            "details": {"id": str(record.id)},
            "message": message,
            "status": "success",
        }


def delete_many(
    call: Call, module: Module, ids: list[str], message: str
) -> tuple[Answer, list[int]]:
    """Delete records and return the answer and the ids that are gone."""
    elements: list[Json] = []
    deleted: list[int] = []
    call.elements = len(ids)
    deleter = Deleter(call.org, module, call.person)
    deleter.read_ahead(ids)
    for index, text in enumerate(ids):
        if index in call.forced_failures:
            elements.append(call.forced_failures[index])
            continue
        try:
            elements.append(deleter.delete(text, message))
            deleted.append(int(text))
        except Rejected as refusal:
            elements.append(refusal.body())
    return element_answer(elements, len(ids) - len(deleted), ok=200), deleted


def _fires(call: Call) -> bool:
    wanted = call.params.get("wf_trigger")
    call.trigger_given = wanted is not None
    call.trigger = wanted
    return wanted != "false"


def delete_records(call: Call) -> Answer:
    """``DELETE /{module}?ids=``: up to 100 records into the recycle bin."""
    module = record_module(call)
    ids = ids_param(call, most=DELETE_MAX)
    if not ids:
        raise param_missing("ids")
    if any(record_id(text) is None for text in ids):
        raise ZohoError(
            400,
            "UNABLE_TO_PARSE_DATA_TYPE",
            "either the request body or parameters is in wrong format",
            {"param_name": "ids"},
        )
    answer, deleted = delete_many(call, module, ids, "record deleted")
    if _fires(call) and deleted:
        call.org.fire(["workflow"], module.api_name, "delete", deleted, call.source)
    return answer


def delete_record(call: Call) -> Answer:
    """``DELETE /{module}/{id}``."""
    module = record_module(call)
    record = path_record(call, module)
    answer, deleted = delete_many(call, module, [str(record)], "record deleted")
    if _fires(call) and deleted:
        call.org.fire(["workflow"], module.api_name, "delete", deleted, call.source)
    return answer
