"""A person at work in the user interface: creates, edits and deletes as a normal user would.

Same validation as the API, no credits, automations fire. Tests use it to simulate the practice
working in its CRM while a migration runs.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from .deleting import Deleter
from .errors import Json, Rejected
from .features import TRIGGERS
from .org import Org
from .people import Person
from .record_ids import record_id
from .writing import Writer


class Edit(BaseModel):
    """One edit by a person; ``user`` is an id or an e-mail, default the first user."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["create", "update", "delete"]
    module: str
    user: str | None = None
    id: str | None = None
    data: Json = Field(default_factory=dict)


def find_person(org: Org, user: str | None) -> Person:
    """Return a user by id or e-mail, the first user for ``None``.

    Raises:
        KeyError: when there is no such user.
    """
    people = list(org.people.values())
    if user is None:
        return people[0]
    for person in people:
        if user in (str(person.id), person.email):
            return person
    raise KeyError(user)


def apply_edit(org: Org, edit: Edit) -> Json:
    """Perform the edit and return ``{"id"}``.

    Raises:
        KeyError: unknown user or module.
        Rejected: the values are refused, as they would be in the form.
    """
    person = find_person(org, edit.user)
    module = org.modules[edit.module]
    with org.database.transaction():
        if edit.action == "delete":
            element = Deleter(org, module, person).delete(str(edit.id), "record deleted")
            record = int(element["details"]["id"])
        else:
            writer = Writer(org, module, person)
            if edit.action == "create":
                record = writer.insert(edit.data, "$.data[0]")
            else:
                found = record_id(edit.id)
                if found is None:
                    raise Rejected("INVALID_DATA", "the id given seems to be invalid", {})
                record = found
                writer.update(record, edit.data, "$.data[0]", unmodified_since=None)
            writer.flush()
        org.fire(list(TRIGGERS), module.api_name, edit.action, [record], "person")
    return {"id": str(record)}
