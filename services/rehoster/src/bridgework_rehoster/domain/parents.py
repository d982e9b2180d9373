"""What files hang on."""

from collections.abc import Mapping

from bridgework_contracts.runs import RunSpec


def file_parents(spec: RunSpec) -> frozenset[str]:
    """Name the objects that files hang on, from the run's mapping document."""
    return frozenset(
        str(parent)
        for entry in spec.mapping.get("objects", ())
        if isinstance(entry, Mapping) and entry.get("kind") == "file"
        for parent in entry.get("parents", ())
    )
