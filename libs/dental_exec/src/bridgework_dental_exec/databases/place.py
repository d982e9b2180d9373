"""``database.yaml``: which of the operator's connections holds a practice's restored tables.

The file comes with the export, so it is trusted no more than any other: it names a connection and
never says how to reach it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Annotated, Any

import yaml
from bridgework_contracts.errors import SourceUnreadable
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from yaml.constructor import ConstructorError
from yaml.events import AliasEvent
from yaml.nodes import MappingNode, Node

DATABASE_YAML = frozenset({"database.yaml", "database.yml"})
CONNECTION_NAME = r"^[a-z0-9][a-z0-9_.-]{0,62}$"
_MOST_BYTES = 64 << 10
_MOST_PARTS = 4
_PLAIN = re.compile(r"^[A-Za-z][A-Za-z0-9_]{0,40}$")


def _parts(value: Any) -> Any:
    return tuple(value.split(".")) if isinstance(value, str) else value


Name = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$"),
]
StoredName = Annotated[
    tuple[Name, ...], BeforeValidator(_parts), Field(min_length=1, max_length=_MOST_PARTS)
]
"""``dbo.tblPatient``, or a list of parts where a part has a dot in it."""


class DatabasePlace(BaseModel):
    """What ``database.yaml`` says.

    Attributes:
        connection: Name of a connection the operator has set.
        schema_name: Only this schema; ``None`` means the connection's own.
        tables: Profile table → where it is stored; others are looked for.
        order: Profile table → column that numbers its rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    connection: Annotated[str, StringConstraints(strict=True, pattern=CONNECTION_NAME)]
    schema_name: Name | None = Field(default=None, alias="schema")
    tables: dict[Name, StoredName] = Field(default_factory=dict, max_length=200)
    order: dict[Name, Name] = Field(default_factory=dict, max_length=200)


@dataclass(frozen=True, slots=True)
class NamedDatabase:
    """A database that an export names; nothing has been asked of it yet."""

    file: str
    place: DatabasePlace


def is_database_yaml(path: PurePath) -> bool:
    """True for the file that names a database."""
    return path.name.lower() in DATABASE_YAML


def read_place(path: Path) -> NamedDatabase:
    """Read ``database.yaml``.

    Raises:
        SourceUnreadable: It is no YAML mapping, or says what nobody knows; file and field named.
    """
    try:
        raw = path.read_bytes()[: _MOST_BYTES + 1]
        data = yaml.load(raw, Loader=_PlainLoader) if len(raw) <= _MOST_BYTES else None  # noqa: S506  # a SafeLoader
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        data = None
    if not isinstance(data, Mapping):
        raise place_refused(
            path.name, "", "This is no short, plain YAML mapping without anchors and aliases."
        )
    try:
        return NamedDatabase(path.name, DatabasePlace.model_validate(data))
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False, include_context=False)[0]
    # Outside the handler: pydantic's own text may quote what it found.
    field = ".".join(_shown(part) for part in first["loc"])
    sentence = {
        "extra_forbidden": "This field is not known here.",
        "missing": "This field is missing.",
    }.get(first["type"], f"This field is wrong ({first['type']}).")
    raise place_refused(path.name, field, sentence)


def place_refused(
    file: str, field: str, sentence: str, *, code: str = "database_yaml", remedy: str = ""
) -> SourceUnreadable:
    """Return the error of one field of ``database.yaml``."""
    where = f"{file}, {field}: " if field else f"{file}: "
    return SourceUnreadable(
        where + sentence,
        code=code,
        file=file,
        field=field,
        remedy=remedy
        or "Write connection, and where needed schema, tables (table: stored name) and order "
        "(table: column). How to reach the database is the operator's setting, never in this file.",
    )


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases, so that nothing grows, and without a key that stands twice."""

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """Compose one node."""
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it out
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
            raise ConstructorError(None, None, "aliases are not read", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  # theirs
        """Return a mapping of text keys, each there once."""
        keys = [key.value for key, _ in node.value]
        if not all(isinstance(key, str) for key in keys) or len(set(keys)) != len(keys):
            raise ConstructorError(None, None, "keys are text, each once", node.start_mark)
        return super().construct_mapping(node, deep)


def _shown(part: int | str) -> str:
    """Return a step of a field's path; a key that is no plain word is not repeated."""
    return str(part) if isinstance(part, int) or _PLAIN.match(part) else "…"
