"""A task's text prepared for the recall parser: its clauses, and what they name or refuse."""

import re
from dataclasses import dataclass
from typing import Literal

from bridgework_dental_exec import recall_grammar as g

Field = Literal["subject", "body"]


READ_CHARS = 4_000
"""A task is a line or a few; the work grows faster than the text, so a longer one is cut here."""


@dataclass(slots=True)
class TaskText:
    """One field, prepared; ``low`` is its beginning."""

    field: Field
    raw: str
    low: str
    clauses: list[tuple[int, int]]

    @classmethod
    def of(cls, field: Field, raw: str | None) -> "TaskText":
        """Prepare one field: lower case of unchanged length, cut into clauses."""
        text = raw or ""
        low = "".join(c.lower() if len(c.lower()) == 1 else c for c in text[:READ_CHARS])
        low = low.translate(
            str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2019\t\u00a0", "-----'  ")
        )
        low = g.MARKUP.sub(_blank, low)
        cuts = [0]
        ends = [m.span() for m in g.CLAUSE_END.finditer(low)]
        for match in g.ASIDE.finditer(low):
            if g.MONEY_OR_OFFICE.search(match[0]):
                ends += [(match.start(), match.start() + 1), (match.end() - 1, match.end())]
        for start, end in sorted(ends):
            cuts += [max(start, cuts[-1]), max(end, cuts[-1])]
        cuts.append(len(low))
        clauses = [(cuts[i], cuts[i + 1]) for i in range(0, len(cuts), 2) if cuts[i + 1] > cuts[i]]
        return cls(field, text, low, clauses)

    def unread(self) -> tuple[int, int] | None:
        """Return what lies beyond, where it names a recall."""
        rest = self.raw[READ_CHARS:]
        return (READ_CHARS, len(self.raw)) if g.RECALL.search(rest.lower()) else None

    def clause(self, at: int) -> tuple[int, int]:
        """Return the clause a place lies in."""
        for start, end in self.clauses:
            if start <= at < end:
                return start, end
        return 0, len(self.low)


def _blank(match: re.Match[str]) -> str:
    """Return spaces in place of markup, a new line where it ends one."""
    told = "\n" if g.MARKUP_BREAK.match(match[0]) else "&" if match[0] == "&amp;" else " "
    return told.ljust(len(match[0]))


class TaskContext:
    """What the whole task says: is a recall named, is something else the subject."""

    def __init__(self, texts: list[TaskText]) -> None:
        self.texts = texts
        self.recall = {t.field: true_recalls(t) for t in texts}
        self.types = {t.field: kinds_of(t) for t in texts}
        self.office = {t.field: bool(g.MONEY_OR_OFFICE.search(t.low)) for t in texts}
        self.seen = {t.field: [m.span() for m in g.SEEN.finditer(t.low)] for t in texts}
        self.other_care = {t.field: bool(g.OTHER_CARE.search(t.low)) for t in texts}
        self.false_recall = any(g.FALSE_RECALL.search(t.low) for t in texts)

    def named_elsewhere(self, field: Field) -> bool:
        """True where the other field names a recall or a kind of visit, and no other business."""
        return any(
            (self.recall[t.field] or self.types[t.field])
            and not self.office[t.field]
            and not refused(t, 0, len(t.low))
            for t in self.texts
            if t.field != field
        )

    def wanted_types(self, text: TaskText) -> list[tuple[int, int, str]]:
        """Return the kinds of visit in a field that nobody refuses."""
        wanted = []
        for kind in self.types[text.field]:
            start, _ = text.clause(kind[0])
            if not g.REFUSAL.search(text.low[start : kind[0]]):
                wanted.append(kind)
        return wanted

    def only_refused(self, text: TaskText) -> bool:
        """True where a field names recalls and refuses every one of them."""
        spans = self.recall[text.field]
        clauses = {text.clause(start) for start, _ in spans}
        return bool(spans) and all(refused(text, *one) for one in clauses)

    def type_elsewhere(self, field: Field) -> str | None:
        """Return the kind of visit the other field names."""
        for text in self.texts:
            if text.field != field and self.types[text.field]:
                return self.types[text.field][0][2]
        return None


def true_recalls(text: TaskText) -> list[tuple[int, int]]:
    """Return where the text says recall and means a visit."""
    false = [m.span() for m in g.FALSE_RECALL.finditer(text.low)]
    return [
        m.span()
        for m in g.RECALL.finditer(text.low)
        if not any(a < m.end() and m.start() < b for a, b in false)
    ]


def kinds_of(text: TaskText) -> list[tuple[int, int, str]]:
    """Return start, end and name of every kind of visit, the more telling where two overlap."""
    found: list[tuple[int, int, str]] = []
    for name, pattern in g.TYPES:
        for match in pattern.finditer(text.low):
            if all(match.start() >= b or match.end() <= a for a, b, _ in found):
                found.append((match.start(), match.end(), name))
    return found


def refused(text: TaskText, start: int, end: int) -> bool:
    """True where a stretch says that the recall is not wanted."""
    part = text.low[start:end]
    for match in g.RECALL.finditer(part):
        before = part[max(match.start() - 30, 0) : match.start()]
        after = part[match.end() : match.end() + 20]
        if g.REFUSAL.search(before) or g.REFUSED_AFTER.search(after):
            return True
    return False
