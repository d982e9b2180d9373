"""Waves from the lookup graph: a record travels after everything it points at; files go last."""

from collections.abc import Sequence

from bridgework_contracts.errors import MappingError
from bridgework_contracts.runs import Wave

from bridgework_mapping.objects import ObjectMap


def compute_waves(objects: Sequence[ObjectMap]) -> tuple[Wave, ...]:
    """Return the waves, first to last, each with its objects in document order.

    An object's wave is one after the latest of the objects it looks up; files share one wave
    after all records; reference objects (owners) are resolved, not written, and have none.

    Raises:
        MappingError: lookups form a cycle, or point at an object that is not written.
    """
    records = {entry.object: entry for entry in objects if entry.kind == "record"}
    depth: dict[str, int] = {}

    def visit(name: str, trail: tuple[str, ...]) -> int:
        if name in trail:
            cycle = " → ".join((*trail[trail.index(name) :], name))
            raise MappingError(
                f"Lookups form a cycle: {cycle}. Make one of them a text field with the key.",
                code="lookup_cycle",
            )
        if name not in records:
            raise MappingError(
                f"{trail[-1]} looks up {name}, which is not a written object of the mapping.",
                code="unknown_target",
            )
        if name not in depth:
            parents = records[name].parent_objects
            depth[name] = 1 + max((visit(parent, (*trail, name)) for parent in parents), default=0)
        return depth[name]

    for name in records:
        visit(name, ())
    waves = [
        tuple(name for name in records if depth[name] == index)
        for index in range(1, max(depth.values(), default=0) + 1)
    ]
    files = tuple(entry.object for entry in objects if entry.kind == "file")
    if files:
        waves.append(files)
    return tuple(Wave(index=index, objects=names) for index, names in enumerate(waves, start=1))
