"""Recalls hidden in the text of tasks: interval, kind of visit, due date, how sure, and where.

An interval counts only where something says that it is a recall's; nothing is ever assumed. What
is named but not settled (``recall ?mo``, ``12 recall``, ``6/12``) is given with a low confidence
and no default, for a person to decide.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from bridgework_dental_exec import recall_grammar as g
from bridgework_dental_exec.recall_due import Due, day_of, due_dates
from bridgework_dental_exec.recall_text import Field, TaskContext, TaskText, refused

REVIEW_BELOW = 0.75
"""Recalls below this confidence go to the review list."""

_SURE, _BY_OTHER_FIELD, _DUE_ONLY, _TENTATIVE, _UNSURE = 0.96, 0.9, 0.85, 0.6, 0.4
_NEAR_CHARS = 48
_SHORTEST_DAYS = 28
"""Nobody is cleaned more often: a shorter stretch is when to call, or when a visit is."""
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
    texts = [t for t in (TaskText.of("subject", subject), TaskText.of("body", body)) if t.raw]
    if not texts:
        return []
    written = day_of(created)
    context = TaskContext(texts)
    found: list[Recall] = []
    for text in texts:
        found += _intervals(text, context)
    found = _contradicting(_once(found))
    if any(g.ASKED.search(text.low) for text in texts):
        found = [replace(one, confidence=min(one.confidence, _TENTATIVE)) for one in found]
    dues = [d for text in texts for d in due_dates(text, context, written)]
    beyond = [_to_review(text, place) for text in texts if (place := text.unread()) is not None]
    if found:
        return _with_due(found, dues, due) + beyond
    if dues:
        return [_due_recall(d, context) for d in dues[:1]] + beyond
    return _unsettled(texts, context) or beyond


def leading_recall(recalls: Sequence[Recall]) -> Recall | None:
    """Return the recall whose interval stands for a task: the visit's before those of pictures."""
    told = [one for one in recalls if one.interval]
    visits = [one for one in told if _kind_group(one) in {"visit", "Exam"}]
    return next(iter(visits or told), None)


def _intervals(text: TaskText, context: TaskContext) -> list[Recall]:
    found: list[Recall] = []
    all_mentions = g.mentions(text.low)
    for number, mention in enumerate(all_mentions):
        if not mention.iso:
            continue
        following = all_mentions[number + 1] if number + 1 < len(all_mentions) else None
        if _is_over(text, mention, following):
            continue
        recall = _judge(text, mention, context, all_mentions)
        if recall is None:
            continue
        before = text.low[text.clause(mention.start)[0] : mention.start]
        if recall.confidence >= REVIEW_BELOW and g.CORRECTS.search(before):
            found = [one for one in found if _kind_group(one) != _kind_group(recall)]
        found.append(recall)
    return found


def _kind_group(recall: Recall) -> str:
    """Return what the interval is of: the visit, or one kind of pictures."""
    return recall.type if recall.type in {"Bitewings", "Pano", "FMX", "Exam"} else "visit"


def _is_over(text: TaskText, mention: g.Mention, following: g.Mention | None) -> bool:
    """True for an interval that was, is refused, or is a length of time."""
    start, end = text.clause(mention.start)
    before, after = text.low[start : mention.start], text.low[mention.end : end]
    turns = g.TURNS_INTO.match(after) is not None
    return (
        _is_past(text, mention, before, after)
        or _is_something_else(text, mention, before, after)
        or (turns and following is not None and following.end <= end + 12)
        or refused(text, start, end)
        or g.NOT_WANTED.search(before) is not None
    )


def _is_past(text: TaskText, mention: g.Mention, before: str, after: str) -> bool:
    """True where the words beside it say ``ago``, ``was``, ``for the last``, ``no visit in``."""
    old = g.OLD_AFTER.search(after)
    if old is not None and not (mention.named and g.STILL_NAMED.search(old[0])):
        return True
    if g.NEVER_SINCE.search(before) or g.IGNORED.search(before):
        return True
    return bool(g.OLD_BEFORE.search(before)) and not _names_a_visit(text, mention, before)


def _is_something_else(text: TaskText, mention: g.Mention, before: str, after: str) -> bool:
    """True for when to call, how often is paid, when a visit is, and a tooth's surfaces."""
    if g.CONTACT.search(before) and re.search(r"\b(?:in|w/in|after)\s*$", before):
        return True
    if g.PER.search(before) or _shorter_than_any_recall(mention.iso):
        return True
    clause = before + text.low[mention.start : mention.end] + after
    if g.STATIONERY.search(clause) or (mention.repeats and g.ROUTINE.search(clause)):
        return True
    ahead = g.AHEAD.search(after) is not None
    if re.match(r"P\d+[DW]", mention.iso) and (g.SOON.search(before) or ahead):
        return True
    if ahead and g.BOOKING.search(before):
        return True
    words = text.low[mention.start : mention.end].strip(". ")
    return bool(g.SURFACE_AFTER.match(after)) or bool(
        re.fullmatch(r"\d+\s*(?:m|mo|d|do)", words) and g.SURFACE.search(before + words + after)
    )


def _shorter_than_any_recall(iso: str) -> bool:
    amount, unit = int(re.findall(r"\d+", iso)[0]), iso.lstrip("P0123456789")[0]
    return (unit == "D" and amount < _SHORTEST_DAYS) or (
        unit == "W" and amount * 7 < _SHORTEST_DAYS
    )


def _names_a_visit(text: TaskText, mention: g.Mention, before: str) -> bool:
    """True where the words before an interval lead to a visit (``here for 6 mo recall``)."""
    if g.SET_FOR.search(before):
        return True
    if g.VISIT_LEAD.search(before):
        after = text.low[mention.end :].lstrip(" -.")
        if mention.named or g.starts_with_visit(after):
            return True
    times = re.search(r"\s*-?\s*x\s*$", before)
    return (
        times is not None
        and g.ends_with_visit(before[: times.start()])
        and not g.mentions(before[: times.start()])  # ``3 mo PMs x 1 yr``: for how long
    )


def _judge(  # noqa: C901, PLR0912 - the decision table in one place
    text: TaskText, mention: g.Mention, context: TaskContext, told: list[g.Mention]
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
        confidence = _UNSURE if context.only_refused(text) else _BY_OTHER_FIELD
    elif context.named_elsewhere(text.field) and not context.office[text.field]:
        confidence = _BY_OTHER_FIELD
    elif mention.repeats and _near(mention, context.seen[text.field]):
        confidence = _DUE_ONLY
    elif back or _near(mention, context.seen[text.field]):
        confidence = _TENTATIVE
    else:
        return None
    if g.TENTATIVE.search(text.low[start : mention.start]):
        confidence = min(confidence, _TENTATIVE)
    first = min(one.start for one in told if start <= one.start < end)
    kind = _nearest_kind(mention, kinds, first)
    if kind is not None:
        span = [min(span[0], kind[0]), max(span[1], kind[1])]
    elif len(told) == 1:
        kind = _nearest_kind(mention, context.wanted_types(text), first)
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


def _contradicting(found: list[Recall]) -> list[Recall]:
    """Leave it to a person where a task names two intervals for one kind of visit."""
    told: dict[str, set[str | None]] = {}
    # What somebody only thinks about contradicts nothing; what is asked about (``3 mo?``) does.
    said = [one for one in found if one.interval and one.confidence != _TENTATIVE]
    for one in said:
        told.setdefault(_kind_group(one), set()).add(_months(one.interval))
    return [
        replace(one, confidence=min(one.confidence, _TENTATIVE))
        if len(told.get(_kind_group(one), ())) > 1
        else one
        for one in found
    ]


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
    mention: g.Mention, kinds: list[tuple[int, int, str]], first: int
) -> tuple[int, int, str] | None:
    """Return the kind an interval belongs to; of two at the same distance as the clause begins.

    ``PRO 6M BWX 1Y`` names kinds first, ``6M PRO 1Y BWX`` the intervals.
    """
    specific = [k for k in kinds if k[2] not in {"Hygiene", "Exam"}] or kinds
    kind_first = any(k[0] < first for k in kinds)

    def distance(kind: tuple[int, int, str]) -> tuple[int, bool]:
        before = kind[0] < mention.start
        return _gap([mention.start, mention.end], kind[0], kind[1]), before != kind_first

    return min(specific, key=distance, default=None)


def _with_due(found: list[Recall], dues: list[Due], due: str | None) -> list[Recall]:
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


def _due_recall(due: Due, context: TaskContext) -> Recall:
    own = [t for t in context.types[due.field] if due.span[0] - 24 <= t[0] <= due.span[1] + 24]
    kind = own[0][2] if own else context.type_elsewhere(due.field)
    return Recall(
        None, None, kind, due.value, due.precision, _DUE_ONLY, due.field, due.span, due.text
    )


def _unsettled(texts: list[TaskText], context: TaskContext) -> list[Recall]:
    """Return what names a recall but leaves its interval open: for a person, without default."""
    for text in texts:
        if context.office[text.field]:
            continue
        for span in dict.fromkeys(text.clause(start) for start, _ in context.recall[text.field]):
            if not refused(text, *span) and _is_open(text.low[span[0] : span[1]]):
                return [_to_review(text, span)]
    for text in texts if not any(context.office.values()) else ():
        place = _left_over(text, context)
        if place is not None:
            return [_to_review(text, place)]
    return []


def _is_open(clause: str) -> bool:
    return bool(
        g.UNKNOWN_NUMBER.search(clause)
        or g.BARE.search(clause)
        or g.FRACTION.search(clause)
        or any(not m.iso for m in g.mentions(clause))
        or re.search(r"\bper (?:dr|doctor|dds|rdh)\b", clause)
    )


def _left_over(text: TaskText, context: TaskContext) -> tuple[int, int] | None:
    """Return a place that may well name a recall in words that are not read.

    Another language, a habit (``6's``), or an interval of months among words of people who come
    again; never where money, other care or a refusal is the subject.
    """
    if context.other_care[text.field] or context.false_recall:
        return None
    foreign = g.FOREIGN.search(text.low)
    if foreign is not None and not g.FOREIGN_OTHER.search(text.low):
        return foreign.span()
    habit = g.HABIT.search(text.low)
    if habit is not None and context.types[text.field]:
        return habit.span()
    told = g.mentions(text.low)
    for number, mention in enumerate(told):
        following = told[number + 1] if number + 1 < len(told) else None
        if not re.match(r"P\d+[MY]", mention.iso) or _is_over(text, mention, following):
            continue
        before, words = text.low[: mention.start], text.low[mention.start : mention.end]
        every = re.match(r"(?:every|evry|each|q)\W*\w", words) is not None
        if context.seen[text.field] or every or g.CORRECTS.search(before):
            return text.clause(mention.start)
    return None


def _to_review(text: TaskText, span: tuple[int, int]) -> Recall:
    a, b = span
    return Recall(None, None, None, None, "none", _UNSURE, text.field, span, text.raw[a:b])
