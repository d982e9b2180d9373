"""Reads mapping YAML strictly: no duplicate keys, and ``yes``/``no`` stay the words they are."""

import re
from pathlib import Path
from typing import Any

import yaml
from bridgework_contracts.errors import MappingError

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _StrictLoader(_Base):  # type: ignore[misc]  # the C loader is chosen at run time
    """SafeLoader without YAML 1.1's yes/no/on/off booleans, refusing keys that stand twice."""


def _mapping(loader: Any, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  # PyYAML's constructor signature
    seen: set[str] = set()
    for key_node, _ in node.value:
        key = str(key_node.value)
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"key {key!r} stands twice", key_node.start_mark
            )
        seen.add(key)
    return dict(yaml.SafeLoader.construct_mapping(loader, node, deep=deep))


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_StrictLoader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in {"tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"}
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf")
)


def read_yaml(text: str, *, name: str) -> dict[str, Any]:
    """Return the mapping a YAML text holds.

    Raises:
        MappingError: not YAML, a key stands twice, or it is not a mapping; names the line.
    """
    try:
        loaded = yaml.load(text, Loader=_StrictLoader)  # noqa: S506  # a SafeLoader subclass
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"{name}, line {mark.line + 1}" if mark is not None else name
        raise MappingError(
            f"{where}: {getattr(exc, 'problem', None) or 'not YAML'}.", code="mapping_unreadable"
        ) from None
    if not isinstance(loaded, dict):
        raise MappingError(f"{name}: a mapping document is a mapping.", code="mapping_unreadable")
    return loaded


def read_file(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file; errors as for :func:`read_yaml`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise MappingError(
            f"{path.name}: cannot be read ({type(exc).__name__}).", code="mapping_unreadable"
        ) from exc
    return read_yaml(text, name=path.name)
