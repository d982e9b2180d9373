"""Shows the shape of a value without the value, for problems that people must find again."""

SHAPE_CHARACTERS = 40


def masked(value: object) -> str:
    """Replace digits by 9, letters by a or A, keep the rest; cut after 40 characters.

    ``"555-12ab"`` becomes ``"999-99aa"``; what is no text or number is shown by its type alone.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return type(value).__name__
    text = str(value)
    shape = "".join(map(_mask, text[:SHAPE_CHARACTERS]))
    return shape if len(text) <= SHAPE_CHARACTERS else f"{shape}… ({len(text)})"


def _mask(character: str) -> str:
    if character.isdigit() or character.isnumeric():
        return "9"
    if character.isalpha():
        return "A" if character.isupper() else "a"
    return character if character.isascii() else "?"
