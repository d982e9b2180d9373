"""Perio readings as stored by the program, decoded to millimetres and flags."""

SITES = ("mb", "b", "db", "ml", "l", "dl")
_NEGATIVE_FROM = 100
_BLEEDING = ((1, "bleeding"), (2, "suppuration"), (4, "plaque"), (8, "calculus"))


def decode_site(measure: str, text: str | None) -> tuple[int | list[str] | None, str | None]:
    """Decode one site of one measure.

    Gingival margin over 100 is negative (``102`` = -2); bleeding is a sum of flags; the rest are
    whole numbers. Blank = not taken (``None``).
    """
    if text is None or not text.strip():
        return None, None
    bare = text.strip().removesuffix(".0")
    if not bare.lstrip("-").isdigit():
        return None, "perio_unreadable"
    number = int(bare)
    word = measure.strip().lower()
    if word == "bleeding":
        if not 0 <= number <= 15:  # noqa: PLR2004 - four flags
            return None, "perio_unreadable"
        return [name for bit, name in _BLEEDING if number & bit], None
    if word == "gingival margin" and number > _NEGATIVE_FROM:
        return _NEGATIVE_FROM - number, None
    return number, None
