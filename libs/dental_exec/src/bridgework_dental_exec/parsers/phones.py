"""North American telephone numbers as ten digits, with an extension where one is printed."""

import re

Parsed = tuple[str | None, str | None]

_NOTHING = {
    "none",
    "na",
    "n a",
    "no",
    "unknown",
    "unk",
    "same",
    "unlisted",
    "null",
    "nil",
    "no phone",
}
_EXTENSION = re.compile(
    r"(?:\bext(?:ension|n)?\b\.?|\bx\.?|\bX|#)\s*:?\s*(\d{1,6})\s*\)?\s*$", re.IGNORECASE
)
_TIGHT_EXTENSION = re.compile(r"(?<=\d)\s*[xX]\s*(\d{1,6})\s*$")
_NUMBER = re.compile(
    r"(?<!\d)(?:\+?1[\s.\-/]*)?\(?\s*([2-9]\d{2})\s*\)?[\s.\-/]*([2-9]\d{2})[\s.\-/]*(\d{4})(?!\d)"
)
_SEVEN = re.compile(r"(?<!\d)([2-9]\d{2})[\s.\-]*(\d{4})(?!\d)")
_VANITY = re.compile(r"\d{3}\W*\d{0,3}\W*[A-Za-z]{3,}")
_FOREIGN = re.compile(r"^\+(?!1\b)(\d[\d\s().\-]{7,17}\d)$")
_SCIENTIFIC = re.compile(r"^\d(?:\.\d+)?[eE]\+?\d+$")


def parse_phone(text: str) -> Parsed:  # noqa: C901, PLR0911 - one return per form
    """Read one printed telephone number.

    Returns:
        ``("8575550176", None)``, ``("8575550176x334", "phone_extension")``, or ``None`` with a
        code where the text is no complete number; the caller keeps the text.
    """
    if len(text) == 10 and text.isdigit() and text[0] > "1" and text[3] > "1":  # noqa: PLR2004
        return text, None
    bare = text.strip()
    if not bare.strip(" ()-./_"):
        return None, None
    if re.sub(r"[^a-z]+", " ", bare.lower()).strip() in _NOTHING and not re.search(r"\d", bare):
        return None, "phone_none"
    bare = re.sub(r"\.0$", "", bare)
    if _SCIENTIFIC.match(bare):
        return None, "number_destroyed"
    extension = ""
    match = _EXTENSION.search(bare) or _TIGHT_EXTENSION.search(bare)
    if match and _NUMBER.search(bare[: match.start()]):
        extension, bare = match[1], bare[: match.start()]
    numbers = _NUMBER.findall(bare)
    if numbers:
        value = "".join(numbers[0])
        if extension:
            return f"{value}x{extension}", "phone_extension"
        if len({"".join(n) for n in numbers}) > 1:
            return value, "phone_two_numbers"
        rest = _NUMBER.sub("", bare).strip(" ()-./,:;+")
        if re.search(r"\d{3}", rest):
            return value, "phone_two_numbers"
        return value, "phone_words" if re.search(r"[^\W\d_]", rest) else None
    foreign = _FOREIGN.match(bare)
    if foreign:
        return "+" + re.sub(r"\D", "", foreign[1]), None
    if _VANITY.search(bare) and not _SEVEN.search(bare):
        return None, "phone_letters"
    if _SEVEN.search(bare):
        return None, "phone_no_area_code"
    return None, "phone_unreadable"
