"""Small text templates, ``{kind} {post_date}``; a missing value takes its separator along."""

import re
from collections.abc import Callable, Mapping
from typing import Any

_PART = re.compile(r"([^{}]*)\{([a-z0-9_]+)\}")
_EDGES = " -·,;:/|"

Render = Callable[[Mapping[str, Any]], str | None]


def names_in(template: str) -> tuple[str, ...]:
    """Return the field names a template mentions, in order, once each."""
    return tuple(dict.fromkeys(match.group(2) for match in _PART.finditer(template)))


def is_well_formed(template: str) -> bool:
    """Tell whether every brace belongs to a ``{name}``."""
    rest = _PART.sub(r"\1", template)
    return "{" not in rest and "}" not in rest


def compile_template(template: str) -> Render:
    """Return a function that fills the template, or gives None when no named value is present.

    The literal text before a missing value is left out with it, and a separator left in front is
    trimmed: ``{name} - account {key}`` without a name gives ``account 607``. A value that is
    neither text nor number raises ``TypeError`` with the field's name.
    """
    parts = [(match.group(1), match.group(2)) for match in _PART.finditer(template)]
    first = parts[0][1] if parts else ""
    tail = template[sum(len(literal) + len(name) + 2 for literal, name in parts) :]

    def render(fields: Mapping[str, Any]) -> str | None:
        pieces: list[str] = []
        for literal, name in parts:
            value = fields.get(name)
            if value is None or value == "":
                continue
            pieces.append(literal if pieces or name == first else literal.lstrip(_EDGES))
            if type(value) is not str:
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise TypeError(name)
                value = str(value)
            pieces.append(value)
        if not pieces:
            return None
        return ("".join(pieces) + tail).strip() or None

    return render
