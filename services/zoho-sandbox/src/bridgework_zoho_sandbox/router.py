"""From method and path to an operation: literal path parts win over named ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote

from .operation import Operation


@dataclass(slots=True)
class _Node:
    literal: dict[str, _Node] = field(default_factory=dict)
    named: dict[str, _Node] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """What a path leads to: the operation, or ``None`` when only the method is wrong."""

    operation: Operation | None
    args: dict[str, str]


class Router:
    """A tree of path parts."""

    def __init__(self, operations: tuple[Operation, ...]) -> None:
        self.operations = operations
        self._root = _Node()
        for operation in operations:
            node = self._root
            for part in operation.path.strip("/").split("/"):
                if part.startswith("{"):
                    node = node.named.setdefault(part[1:-1], _Node())
                else:
                    node = node.literal.setdefault(part, _Node())
            node.operations[operation.method] = operation

    def find(self, method: str, path: str) -> Route | None:
        """Return the route of a path, ``None`` when nothing has this URL."""
        parts = [unquote(part) for part in path.strip("/").split("/")]
        best: Route | None = None
        for node, args in self._walk(self._root, parts, 0):
            operation = node.operations.get(method)
            if operation is not None:
                return Route(operation, args)
            best = best or Route(None, args)
        return best

    def _walk(self, node: _Node, parts: list[str], at: int) -> list[tuple[_Node, dict[str, str]]]:
        if at == len(parts):
            return [(node, {})] if node.operations else []
        found: list[tuple[_Node, dict[str, str]]] = []
        part = parts[at]
        literal = node.literal.get(part)
        if literal is not None:
            found += self._walk(literal, parts, at + 1)
        if part:
            for name, child in node.named.items():
                found += [
                    (end, {name: part, **args}) for end, args in self._walk(child, parts, at + 1)
                ]
        return found
