"""Teeth and surfaces: Universal numbering, whatever notation a provider prefers.

Universal: 1-32 permanent, A-T primary, 51-82 and AS-TS supernumerary. FDI: quadrant and number
(``11``-``48``, primary ``51``-``85``). Palmer: quadrant mark and 1-8 or A-E.
"""

import re

Parsed = tuple[str | None, str | None]

_PRIMARY = "ABCDEFGHIJKLMNOPQRST"
_SUPERNUMERARY = {str(n) for n in range(51, 83)} | {f"{c}S" for c in _PRIMARY}
UNIVERSAL = {str(n) for n in range(1, 33)} | set(_PRIMARY) | _SUPERNUMERARY
ANTERIOR = {str(n) for n in (*range(6, 12), *range(22, 28))} | set("CDEFGHMNOPQR")
"""Incisors and canines: no occlusal surface."""

_FDI_PERMANENT = {
    **{f"1{n}": str(9 - n) for n in range(1, 9)},
    **{f"2{n}": str(8 + n) for n in range(1, 9)},
    **{f"3{n}": str(25 - n) for n in range(1, 9)},
    **{f"4{n}": str(24 + n) for n in range(1, 9)},
}
_FDI_PRIMARY = {
    **{f"5{n}": _PRIMARY[5 - n] for n in range(1, 6)},
    **{f"6{n}": _PRIMARY[4 + n] for n in range(1, 6)},
    **{f"7{n}": _PRIMARY[15 - n] for n in range(1, 6)},
    **{f"8{n}": _PRIMARY[14 + n] for n in range(1, 6)},
}
_QUADRANT_OF = {"UR": "1", "UL": "2", "LL": "3", "LR": "4"}
_PRIMARY_QUADRANT_OF = {"UR": "5", "UL": "6", "LL": "7", "LR": "8"}
_PALMER_MARKS = {"\u23ba": "U", "\u2518": "UR", "\u2514": "UL", "\u2510": "LR", "\u250c": "LL"}
_PALMER = re.compile(r"^(UR|UL|LL|LR)[\s\-#]*([1-8A-E])$|^([1-8A-E])[\s\-#]*(UR|UL|LL|LR)$")
_MONTH_DAY = re.compile(r"^(?:(\d{1,2})-([A-Z]{3})|([A-Z]{3})-(\d{1,2}))$")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NOTHING = {"", "0", "00", "NA", "N/A", "NONE", "-"}


def fdi_to_universal(text: str) -> str | None:
    """Return the Universal number of an FDI number, ``None`` where it is none."""
    return _FDI_PERMANENT.get(text) or _FDI_PRIMARY.get(text)


def only_fdi(text: str) -> bool:
    """True where a printed tooth exists in FDI but not in Universal (``33``-``48``)."""
    bare = text.strip().lstrip("#")
    return bare in _FDI_PERMANENT and bare not in UNIVERSAL


def reads_both_ways(text: str) -> bool:
    """True where a printed tooth exists in both notations (``11``-``28``, ``31``, ``32``)."""
    bare = text.strip().lstrip("#")
    return bare in _FDI_PERMANENT and bare in UNIVERSAL


def parse_tooth(text: str, *, fdi: bool = False) -> Parsed:
    """Read a printed tooth, range or list.

    Args:
        text: ``3``, ``#3``, ``03``, ``A``, ``AS``, ``51``, ``3-5``, ``8,9``, ``UR6``, ``43``.
        fdi: True reads numbers that exist in both notations as FDI.

    Returns:
        The Universal form (``3-5`` and ``8,9`` keep their shape) and what was converted.
    """
    bare = text.strip().upper().removeprefix("TOOTH").strip().removesuffix(".0")
    if bare in _NOTHING:
        return None, None
    match = _MONTH_DAY.match(bare)
    if match:
        return _undo_excel_date(match)
    if "," in bare or ";" in bare or "&" in bare or (" " in bare and not _PALMER.match(bare)):
        return _many([p for p in re.split(r"[\s,;&]+", bare) if p], ",", fdi=fdi)
    if "-" in bare and not _PALMER.match(bare):
        ends = [p.strip() for p in bare.split("-")]
        if len(ends) != 2 or not all(ends):  # noqa: PLR2004 - from and to
            return None, "tooth_unreadable"
        return _many(ends, "-", fdi=fdi)
    return _one(bare, fdi=fdi)


def _many(parts: list[str], joiner: str, *, fdi: bool) -> Parsed:
    values: list[str] = []
    code = None
    for part in parts:
        if "-" in part:
            value, why = _many(part.split("-"), "-", fdi=fdi)
        else:
            value, why = _one(part, fdi=fdi)
        if value is None:
            return None, why or "tooth_unreadable"
        values.append(value)
        code = code or why
    return joiner.join(values), code


def _one(text: str, *, fdi: bool) -> Parsed:
    bare = text.lstrip("#")
    if bare.isdigit():
        bare = bare.lstrip("0") or "0"
    if fdi and (converted := _FDI_PERMANENT.get(bare)):
        return converted, "tooth_fdi"
    if bare in UNIVERSAL:
        return bare, None
    converted = fdi_to_universal(bare)
    if converted:
        return converted, "tooth_fdi"
    for mark, quadrant in _PALMER_MARKS.items():
        if mark in bare:
            bare = quadrant + bare.replace(mark, "")
    match = _PALMER.match(bare)
    if match:
        quadrant, tooth = (match[1], match[2]) if match[1] else (match[4], match[3])
        if tooth.isdigit():
            return _FDI_PERMANENT[_QUADRANT_OF[quadrant] + tooth], "tooth_palmer"
        number = "ABCDE".index(tooth) + 1
        return _FDI_PRIMARY[f"{_PRIMARY_QUADRANT_OF[quadrant]}{number}"], "tooth_palmer"
    return None, "tooth_unreadable"


def _undo_excel_date(match: re.Match[str]) -> Parsed:
    """``5-Mar`` was ``3-5`` before a spreadsheet read it as a date."""
    day, name = (match[1], match[2]) if match[1] else (match[4], match[3])
    if name not in _MONTHS:
        return None, "tooth_unreadable"
    month = _MONTHS.index(name) + 1
    first, last = sorted((month, int(day)))
    if last > 32:  # noqa: PLR2004 - no such tooth
        return None, "tooth_unreadable"
    return f"{first}-{last}", "tooth_excel_date"


def expand_teeth(tooth: str | None) -> list[str]:
    """Return the single teeth of a Universal form (``3-5`` → 3, 4, 5; ``8,9`` → 8, 9)."""
    found: list[str] = []
    for part in (tooth or "").split(","):
        first, dash, last = part.partition("-")
        if dash and first.isdigit() and last.isdigit():
            found += [str(n) for n in range(int(first), int(last) + 1)]
        elif dash and first in _PRIMARY and last in _PRIMARY:
            found += list(_PRIMARY[_PRIMARY.index(first) : _PRIMARY.index(last) + 1])
        elif part:
            found.append(part)
    return found


SURFACE_ORDER = "MODBLFI"
_QUADRANTS = {"UR", "UL", "LL", "LR"}
_QUADRANT_WORDS = {
    "10": "UR", "20": "UL", "30": "LL", "40": "LR", "URQ": "UR", "ULQ": "UL", "LLQ": "LL",
    "LRQ": "LR",
}  # fmt: skip
_AREAS = {"UA", "LA", "MAX", "MAND"} | {f"S{n}" for n in range(1, 7)}


def parse_surface(text: str, tooth: str | None = None) -> Parsed:  # noqa: PLR0911 - one return per form
    """Read surfaces in any order, or a quadrant.

    Args:
        text: ``DOM``, ``MO/D``, ``MODD``, ``LL``.
        tooth: The tooth in Universal numbering; an incisor or canine has no occlusal surface.

    Returns:
        Surfaces in the order M O D B L F I without repeats (``OD``), or the quadrant.
    """
    bare = text.strip().upper()
    if bare in _QUADRANTS:
        return bare, None
    if bare in _QUADRANT_WORDS:
        return _QUADRANT_WORDS[bare], "surface_reordered"
    if bare in _AREAS:
        return bare, None
    letters = re.sub(r"[\s/,.\-+]+", "", bare)
    if not letters:
        return None, None
    if set(letters) - set(SURFACE_ORDER):
        return None, "surface_unreadable"
    value = "".join(s for s in SURFACE_ORDER if s in letters)
    if tooth in ANTERIOR and "O" in value:
        return value, "surface_illegal"
    if tooth is not None and tooth in UNIVERSAL and tooth not in ANTERIOR and "I" in value:
        return value, "surface_illegal"
    return value, None if value == bare else "surface_reordered"
