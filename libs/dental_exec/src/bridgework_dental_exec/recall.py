"""Recalls hidden in the text of tasks: interval, kind of visit, due date, how sure, and where.

An interval counts only where something says that it is a recall's; nothing is ever assumed. What
is named but not settled (``recall ?mo``, ``12 recall``, ``6/12``) is given with a low confidence
and no default, for a person to decide.
"""

import datetime as dt
import re
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from bridgework_dental_exec import recall_grammar as g

REVIEW_BELOW = 0.75
"""Recalls below this confidence go to the review list."""

_SURE, _BY_OTHER_FIELD, _DUE_ONLY, _UNSURE = 0.96, 0.9, 0.85, 0.4
_NEAR_CHARS = 48
_YEARS_AHEAD = 6
Field = Literal["subject", "body"]
_LABELS = {"D": "day", "W": "week", "M": "month", "Y": "year"}


@dataclass(frozen=True, slots=True)
class Recall:
    """One recall.

    Attributes:
        interval: ISO 8601 form (``P6M``, ``P6M1D``, ``P12W``, ``P180D``), ``None`` where the
            text gives none.
        unit: Leading unit of the interval: D, W, M or Y.
        type: Prophy, Perio maintenance, Hygiene, Bitewings, Pano, FMX, Exam or ``None``.
        due: ``YYYY-MM-DD`` or ``YYYY-MM``.
        due_precision: day, month or none.
        confidence: 0 to 1; below :data:`REVIEW_BELOW` a person decides.
        field: Where it stands.
        span: Start and end in that field.
        text: The field's text there.
    """

    interval: str | None
    unit: str | None
    type: str | None
    due: str | None
    due_precision: Literal["day", "month", "none"]
    confidence: float
    field: Field
    span: tuple[int, int]
    text: str

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        data = asdict(self)
        data["span"] = list(self.span)
        return data


def readable_interval(interval: str | None) -> str | None:
    """Return ``6 months + 1 day`` for ``P6M1D``; ``None`` for ``None``."""
    if interval is None:
        return None
    parts = []
    for amount, letter in re.findall(r"(\d+)([DWMY])", interval):
        name = _LABELS[letter]
        parts.append(f"{amount} {name}{'' if amount == '1' else 's'}")
    return " + ".join(parts)


@dataclass(slots=True)
class _Text:
    """One field, prepared."""

    field: Field
    raw: str
    low: str
    clauses: list[tuple[int, int]]

    @classmethod
    def of(cls, field: Field, raw: str | None) -> "_Text":
        text = raw or ""
        low = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
        low = low.translate(
            str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2019\t\u00a0", "-----'  ")
        )
        cuts = [0]
        for match in g.CLAUSE_END.finditer(low):
            cuts += [match.start(), match.end()]
        cuts.append(len(low))
        clauses = [(cuts[i], cuts[i + 1]) for i in range(0, len(cuts), 2) if cuts[i + 1] > cuts[i]]
        return cls(field, text, low, clauses)

    def clause(self, at: int) -> tuple[int, int]:
        """Return the clause a place lies in."""
        for start, end in self.clauses:
            if start <= at < end:
                return start, end
        return 0, len(self.low)


def parse_recalls(
    subject: str | None, body: str | None, due: str | None, created: str | None
) -> list[Recall]:
    """Find the recalls in a task.

    Args:
        subject: The task's subject.
        body: The task's body.
        due: The task's due column, ISO; used where the text gives an interval but no day.
        created: When the task was written, ISO; dates without a year lie after it.
    """
    texts = [t for t in (_Text.of("subject", subject), _Text.of("body", body)) if t.raw]
    if not texts:
        return []
    written = _day(created)
    context = _Context(texts)
    found: list[Recall] = []
    for text in texts:
        found += _intervals(text, context)
    found = _once(found)
    dues = [d for text in texts for d in _due_dates(text, context, written)]
    if found:
        return _with_due(found, dues, due)
    if dues:
        return [_due_recall(d, context) for d in dues[:1]]
    return _unsettled(texts, context)


class _Context:
    """What the whole task says: is a recall named, is something else the subject."""

    def __init__(self, texts: list[_Text]) -> None:
        self.texts = texts
        self.recall = {t.field: _true_recalls(t) for t in texts}
        self.types = {t.field: _types(t) for t in texts}
        self.office = {t.field: bool(g.MONEY_OR_OFFICE.search(t.low)) for t in texts}
        self.other_care = {t.field: bool(g.OTHER_CARE.search(t.low)) for t in texts}
        self.false_recall = any(g.FALSE_RECALL.search(t.low) for t in texts)

    def named_elsewhere(self, field: Field) -> bool:
        """True where the other field names a recall or a kind of visit, and no other business."""
        return any(
            (self.recall[t.field] or self.types[t.field])
            and not self.office[t.field]
            and not _refused(t, 0, len(t.low))
            for t in self.texts
            if t.field != field
        )

    def wanted_types(self, text: _Text) -> list[tuple[int, int, str]]:
        """Return the kinds of visit in a field that nobody refuses."""
        wanted = []
        for kind in self.types[text.field]:
            start, _ = text.clause(kind[0])
            if not g.REFUSAL.search(text.low[start : kind[0]]):
                wanted.append(kind)
        return wanted

    def type_elsewhere(self, field: Field) -> str | None:
        """Return the kind of visit the other field names."""
        for text in self.texts:
            if text.field != field and self.types[text.field]:
                return self.types[text.field][0][2]
        return None


def _true_recalls(text: _Text) -> list[tuple[int, int]]:
    false = [m.span() for m in g.FALSE_RECALL.finditer(text.low)]
    return [
        m.span()
        for m in g.RECALL.finditer(text.low)
        if not any(a < m.end() and m.start() < b for a, b in false)
    ]


def _types(text: _Text) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    for name, pattern in g.TYPES:
        for match in pattern.finditer(text.low):
            if all(match.start() >= b or match.end() <= a for a, b, _ in found):
                found.append((match.start(), match.end(), name))
    return found


def _refused(text: _Text, start: int, end: int) -> bool:
    """True where a stretch says that the recall is not wanted."""
    part = text.low[start:end]
    for match in g.RECALL.finditer(part):
        before = part[: match.start()][-30:]
        if g.REFUSAL.search(before) or g.REFUSED_AFTER.search(part[match.end() :][:20]):
            return True
    return False


def _intervals(text: _Text, context: _Context) -> list[Recall]:
    found = []
    all_mentions = g.mentions(text.low)
    for number, mention in enumerate(all_mentions):
        if not mention.iso:
            continue
        following = all_mentions[number + 1] if number + 1 < len(all_mentions) else None
        if _is_over(text, mention, following):
            continue
        recall = _judge(text, mention, context, alone=len(all_mentions) == 1)
        if recall is not None:
            found.append(recall)
    return found


def _is_over(text: _Text, mention: g.Mention, following: g.Mention | None) -> bool:
    """True for an interval that was, is refused, or is a length of time."""
    start, end = text.clause(mention.start)
    before, after = text.low[start : mention.start], text.low[mention.end : end]
    if g.OLD_BEFORE.search(before) or g.OLD_AFTER.search(after):
        return True
    if g.CONTACT.search(before) and re.search(r"\b(?:in|w/in|after)\s*$", before):
        return True
    if re.search(r"\bper\s*$|\d\s*(?:x\s*)?per\s*$|\d\s*/\s*$", before):
        return True
    if following is not None and g.TURNS_INTO.match(after) and following.end <= end + 12:
        return True
    return _refused(text, start, end) or bool(
        re.search(
            r"(?<![a-z])(?:declin\w*|refus\w*|not interested in|does(?:n'?t| not) want)(?![a-z])",
            before,
        )
    )


def _judge(  # noqa: C901, PLR0912 - the decision table in one place
    text: _Text, mention: g.Mention, context: _Context, *, alone: bool
) -> Recall | None:
    """Decide whether an interval is a recall's, and of what kind."""
    start, end = text.clause(mention.start)
    kinds = [t for t in context.types[text.field] if start <= t[0] < end]
    named = mention.named or any(start <= a < end for a, _ in context.recall[text.field])
    clause = text.low[start:end]
    office = bool(g.MONEY_OR_OFFICE.search(g.OFFICE_REASON.sub(" ", clause)))
    care = bool(g.OTHER_CARE.search(clause))
    back = bool(g.BACK.search(clause))
    span = [mention.start, mention.end]
    if office and not mention.named:
        return None
    if kinds or named:
        if care and not named and not _adjacent(mention, kinds):
            return None
        confidence = _SURE
    elif care or context.false_recall:
        return None
    elif context.recall[text.field] or context.types[text.field]:
        neighbours = _near(
            mention,
            [*context.recall[text.field], *((a, b) for a, b, _ in context.types[text.field])],
        )
        if not neighbours or context.office[text.field]:
            return None
        confidence = _BY_OTHER_FIELD
    elif context.named_elsewhere(text.field) and not context.office[text.field]:
        confidence = _BY_OTHER_FIELD
    elif back:
        confidence = 0.6
    else:
        return None
    kind = _nearest_kind(mention, kinds)
    if kind is not None:
        span = [min(span[0], kind[0]), max(span[1], kind[1])]
    elif alone:
        kind = _nearest_kind(mention, context.wanted_types(text))
    for a, b in context.recall[text.field]:
        if start <= a < end and _gap(span, a, b) <= 12:  # noqa: PLR2004 - "recall - prophy"
            span = [min(span[0], a), max(span[1], b)]
    type_name = kind[2] if kind is not None else context.type_elsewhere(text.field)
    return Recall(
        interval=mention.iso,
        unit=re.findall(r"[DWMY]", mention.iso)[0],
        type=type_name,
        due=None,
        due_precision="none",
        confidence=confidence if mention.sure else _UNSURE,
        field=text.field,
        span=(span[0], span[1]),
        text=text.raw[span[0] : span[1]],
    )


def _once(found: list[Recall]) -> list[Recall]:
    """Say the same recall once, though subject and body both do; the surer words stay."""
    kept: list[Recall] = []
    for recall in found:
        same = next(
            (
                k
                for k in kept
                if _months(k.interval) == _months(recall.interval)
                and (k.type == recall.type or None in {k.type, recall.type})
            ),
            None,
        )
        if same is None:
            kept.append(recall)
        elif recall.type is not None and same.type is None:
            kept[kept.index(same)] = replace(same, type=recall.type)
    return kept


def _months(interval: str | None) -> str | None:
    """Return an interval with years as months, for comparing."""
    match = re.fullmatch(r"P(\d+)Y(.*)", interval or "")
    return f"P{int(match[1]) * 12}M{match[2]}" if match else interval


def _gap(span: list[int], a: int, b: int) -> int:
    return max(a - span[1], span[0] - b, 0)


def _near(mention: g.Mention, spans: list[tuple[int, int]]) -> bool:
    return any(_gap([mention.start, mention.end], a, b) <= _NEAR_CHARS for a, b in spans)


def _adjacent(mention: g.Mention, kinds: list[tuple[int, int, str]]) -> bool:
    """True where a kind of visit stands right beside the interval."""
    return any(_gap([mention.start, mention.end], a, b) <= 6 for a, b, _ in kinds)  # noqa: PLR2004


def _nearest_kind(
    mention: g.Mention, kinds: list[tuple[int, int, str]]
) -> tuple[int, int, str] | None:
    specific = [k for k in kinds if k[2] not in {"Hygiene", "Exam"}] or kinds
    return min(specific, key=lambda k: _gap([mention.start, mention.end], k[0], k[1]), default=None)


# ---------------------------------------------------------------- due dates


@dataclass(frozen=True, slots=True)
class _Due:
    value: str
    precision: Literal["day", "month"]
    field: Field
    span: tuple[int, int]
    text: str
    clause: tuple[int, int]


def _due_dates(text: _Text, context: _Context, written: dt.date | None) -> list[_Due]:
    """Find days or months a recall is due; other dates (calls, appointments) are none."""
    found = []
    for match in g.DUE_DATE.finditer(text.low):
        lead = g.DUE_LEAD.search(text.low[: match.start()])
        if lead is None:
            continue
        start = _clause_from(text, lead.start())
        clause = text.low[start : match.end() + 24].split("\n")[0]
        if g.MONEY_OR_OFFICE.search(clause) or g.FALSE_RECALL.search(text.low):
            continue
        named = (
            g.RECALL.search(clause)
            or any(p.search(clause) for _, p in g.TYPES)
            or re.search(r"(?<![a-z])(?:due\s+back|d/b|db)(?![a-z])", clause)
            or context.recall[text.field]
            or context.types[text.field]
            or context.named_elsewhere(text.field)
        )
        if not named or (g.OTHER_CARE.search(clause) and not g.RECALL.search(clause)):
            continue
        if _refused(text, start, match.end()):
            continue
        value = _due_value(match, written)
        if value is None:
            continue
        kinds = [t for t in context.types[text.field] if start <= t[0] <= match.end() + 24]
        first = min([lead.start(), *(k[0] for k in kinds)])
        span = (first, match.end())
        found.append(
            _Due(
                value[0],
                value[1],
                text.field,
                span,
                text.raw[span[0] : span[1]],
                (start, match.end()),
            )
        )
    return found


def _clause_from(text: _Text, at: int) -> int:
    return next((start for start, end in text.clauses if start <= at < end), 0)


def _due_value(
    match: re.Match[str], written: dt.date | None
) -> tuple[str, Literal["day", "month"]] | None:
    if match["iso"]:
        return _valid(match["iso"])
    if match["m"]:
        year = int(match["y"])
        year += 2000 if year < 100 else 0  # noqa: PLR2004 - two digits
        return _valid(f"{year}-{int(match['m']):02d}-{int(match['d']):02d}")
    if match["m2"]:
        return _month_and(int(match["m2"]), match["x"], written)
    month = g.MONTHS[match["name"][:3]]
    day, year_text = match["nd"], match["ny"]
    if year_text:
        year = int(year_text) + (2000 if len(year_text) == 2 else 0)  # noqa: PLR2004
    else:
        year = _next_year(month, int(day) if day else None, written)
        if year == 0:
            return None
    return _valid(f"{year}-{month:02d}-{int(day):02d}") if day else (f"{year}-{month:02d}", "month")


def _month_and(
    month: int, text: str, written: dt.date | None
) -> tuple[str, Literal["day", "month"]] | None:
    """Read ``9/24``: month and year where the year lies ahead, else month and day."""
    if not 1 <= month <= 12:  # noqa: PLR2004 - no month
        return None
    number = int(text)
    if len(text) == 4:  # noqa: PLR2004 - a full year
        return f"{number}-{month:02d}", "month"
    if written is not None and len(text) == 2:  # noqa: PLR2004
        year = 2000 + number
        if written.year <= year <= written.year + _YEARS_AHEAD and (
            year > written.year or month >= written.month
        ):
            return f"{year}-{month:02d}", "month"
    if written is None and number > 31:  # noqa: PLR2004 - no day
        return f"{2000 + number}-{month:02d}", "month"
    year = _next_year(month, number, written)
    return _valid(f"{year}-{month:02d}-{number:02d}") if year and number else None


def _next_year(month: int, day: int | None, written: dt.date | None) -> int:
    """Return the year in which a month (and day) next comes after the task was written."""
    if written is None:
        return 0
    this_year = (month, day or 31) >= (written.month, written.day)
    return written.year if this_year else written.year + 1


def _valid(text: str) -> tuple[str, Literal["day", "month"]] | None:
    try:
        return dt.date.fromisoformat(text).isoformat(), "day"
    except ValueError:
        return None


def _day(text: str | None) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None


def _with_due(found: list[Recall], dues: list[_Due], due: str | None) -> list[Recall]:
    """Give each recall its due date: from its own words, else the only one, else the column."""
    result = []
    for recall in found:
        own = [d for d in dues if d.field == recall.field and _overlaps(d.clause, recall.span)]
        date = own[0] if own else dues[0] if len(dues) == 1 else None
        if date is not None:
            result.append(replace(recall, due=date.value, due_precision=date.precision))
        elif due is not None:
            result.append(replace(recall, due=due[:10], due_precision="day"))
        else:
            result.append(recall)
    return result


def _overlaps(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] < b[1] and b[0] < a[1]


def _due_recall(due: _Due, context: _Context) -> Recall:
    own = [t for t in context.types[due.field] if due.span[0] - 24 <= t[0] <= due.span[1] + 24]
    kind = own[0][2] if own else context.type_elsewhere(due.field)
    return Recall(
        None, None, kind, due.value, due.precision, _DUE_ONLY, due.field, due.span, due.text
    )


def _unsettled(texts: list[_Text], context: _Context) -> list[Recall]:
    """Return what names a recall but leaves its interval open: for a person, without default."""
    for text in texts:
        for start, end in context.recall[text.field]:
            a, b = text.clause(start)
            if _refused(text, a, b) or context.office[text.field]:
                continue
            clause = text.low[a:b]
            open_words = (
                g.UNKNOWN_NUMBER.search(clause)
                or g.BARE.search(clause)
                or g.FRACTION.search(clause)
                or any(not m.iso for m in g.mentions(clause))
                or re.search(r"\bper (?:dr|doctor|dds|rdh)\b", clause)
            )
            if open_words:
                span = (a, b)
                return [
                    Recall(None, None, None, None, "none", _UNSURE, text.field, span, text.raw[a:b])
                ]
            del end
    return []
