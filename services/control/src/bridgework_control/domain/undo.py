"""The waves of an undo: the same objects, backwards."""

from bridgework_contracts.runs import Wave


def undo_waves(waves: tuple[Wave, ...]) -> tuple[Wave, ...]:
    """Return the same waves in reverse order, numbered from 1: children go before parents."""
    backwards = sorted(waves, key=lambda one: one.index, reverse=True)
    return tuple(Wave(index=n, objects=one.objects) for n, one in enumerate(backwards, 1))
