"""COQL text into a tree: tokens, recursive descent, and a clear ``SYNTAX_ERROR`` beyond it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from .errors import ZohoError

CRITERIA_MAX = 25
DEPTH_MAX = 30
GROUP_MAX = 4
ORDER_MAX = 10
AGGREGATES_MAX = 5
AGGREGATES = frozenset({"count", "sum", "min", "max", "avg"})
_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?)(?![\w.])|(?P<word>[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*)"
    r"|(?P<text>'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\")|(?P<sign><=|>=|!=|<>|[=<>(),*]))"
)
_CLAUSES = frozenset({"from", "where", "group", "order", "limit", "offset", "and", "or", "as"})


@dataclass(frozen=True, slots=True)
class Token:
    """One token with its place in the text."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Column:
    """A selected column: a dotted path, an aggregate over it, and its alias."""

    path: str
    aggregate: str | None = None
    alias: str | None = None

    @property
    def key(self) -> str:
        """Return the name under which the value is returned."""
        if self.alias is not None:
            return self.alias
        return self.path if self.aggregate is None else f"{self.aggregate}({self.path})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """``path operator values``; ``values`` is empty for ``is null``."""

    path: str
    operator: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Both:
    """Two conditions joined by ``and`` or ``or``."""

    word: str
    left: Condition
    right: Condition


@dataclass(frozen=True, slots=True)
class Not:
    """A negated condition."""

    inner: Condition


Condition = Comparison | Both | Not


@dataclass(slots=True)
class Query:
    """A parsed select statement."""

    columns: list[Column]
    module: str
    where: Condition
    group_by: list[str] = field(default_factory=list)
    order_by: list[tuple[str, bool]] = field(default_factory=list)
    limit: int | None = None
    offset: int = 0


def tokens_of(text: str) -> list[Token]:
    """Split a query into tokens.

    Raises:
        ZohoError: 400 ``SYNTAX_ERROR`` at the first character that starts none.
    """
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        if text[at:].isspace():
            break
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise syntax_error(text, at, "query")
        tokens.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    return tokens


def syntax_error(text: str, at: int, clause: str, **details: Any) -> ZohoError:
    """Return a ``SYNTAX_ERROR`` that says where."""
    before = text[:at]
    return ZohoError(
        400,
        "SYNTAX_ERROR",
        "error occurred while parsing the query",
        {
            "clause": clause,
            "near": text[at : at + 20],
            "line": before.count("\n") + 1,
            "column": at - (before.rfind("\n") + 1) + 1,
            **details,
        },
    )


def limit_exceeded(limit: int, clause: str) -> ZohoError:
    """Return a ``LIMIT_EXCEEDED`` of a clause."""
    return ZohoError(
        400, "LIMIT_EXCEEDED", f"{clause} limit exceeded", {"limit": limit, "clause": clause}
    )


class Parser:
    """Recursive descent over the tokens of one query."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens_of(text)
        self._at = 0
        self._criteria = 0

    def parse(self) -> Query:
        """Return the query.

        Raises:
            ZohoError: 400 ``SYNTAX_ERROR``, ``LIMIT_EXCEEDED`` or ``DUPLICATE_ALIAS``.
        """
        self._expect("select", "select")
        columns = self._columns()
        self._expect("from", "from")
        module = self._word("from")
        self._expect("where", "where")
        query = Query(columns, module, self._condition(0))
        if self._take("group"):
            self._expect("by", "group by")
            query.group_by = self._paths("group by", GROUP_MAX)
        if self._take("order"):
            self._expect("by", "order by")
            query.order_by = self._order()
        self._limits(query)
        if self._at != len(self._tokens):
            raise self._error("query")
        return query

    def _limits(self, query: Query) -> None:
        if self._take("limit"):
            query.limit = self._whole("limit")
            if self._take(","):
                query.offset, query.limit = query.limit, self._whole("limit")
        if self._take("offset"):
            query.offset = self._whole("offset")

    def _columns(self) -> list[Column]:
        columns = [self._column()]
        while self._take(","):
            columns.append(self._column())
        aliases = [column.alias for column in columns if column.alias is not None]
        for alias in aliases:
            if aliases.count(alias) > 1:
                raise ZohoError(400, "DUPLICATE_ALIAS", "duplicate alias", {"alias": alias})
        if sum(column.aggregate is not None for column in columns) > AGGREGATES_MAX:
            raise limit_exceeded(AGGREGATES_MAX, "aggregate")
        return columns

    def _column(self) -> Column:
        path = self._word("select")
        aggregate = None
        if path.lower() in AGGREGATES and self._take("("):
            aggregate = path.lower()
            path = "id" if aggregate == "count" and self._take("*") else self._word("select")
            self._expect(")", "select")
        alias = self._word("select") if self._take("as") else None
        return Column(path, aggregate, alias)

    def _condition(self, depth: int) -> Condition:
        left = self._conjunction(depth)
        while self._take("or"):
            left = Both("or", left, self._conjunction(depth))
        return left

    def _conjunction(self, depth: int) -> Condition:
        left = self._operand(depth)
        while self._take("and"):
            left = Both("and", left, self._operand(depth))
        return left

    def _operand(self, depth: int) -> Condition:
        if depth > DEPTH_MAX:
            raise limit_exceeded(DEPTH_MAX, "where")
        if self._take("not"):
            return Not(self._operand(depth + 1))
        if self._take("("):
            inner = self._condition(depth + 1)
            self._expect(")", "where")
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        self._criteria += 1
        if self._criteria > CRITERIA_MAX:
            raise limit_exceeded(CRITERIA_MAX, "where")
        path = self._word("where")
        if self._take("is"):
            operator = "is not null" if self._take("not") else "is null"
            self._expect("null", "where")
            return Comparison(path, operator, ())
        negated = self._take("not")
        if self._take("in"):
            return Comparison(path, "not in" if negated else "in", self._list())
        if self._take("like"):
            return Comparison(path, "not like" if negated else "like", (self._value(),))
        if self._take("between"):
            low = self._value()
            self._expect("and", "where")
            word = "not between" if negated else "between"
            return Comparison(path, word, (low, self._value()))
        token = self._next("where")
        if negated or token.text not in {"=", "!=", "<>", "<", ">", "<=", ">="}:
            raise syntax_error(self._text, token.at, "where", operator=token.text)
        operator = "!=" if token.text == "<>" else token.text
        return Comparison(path, operator, (self._value(),))

    def _list(self) -> tuple[Any, ...]:
        self._expect("(", "where")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._expect(")", "where")
        return tuple(values)

    def _value(self) -> Any:
        token = self._next("where")
        if token.kind == "number":
            return float(token.text) if "." in token.text else int(token.text[:19])
        if token.kind == "text":
            quote, inner = token.text[0], token.text[1:-1]
            return re.sub(r"\\(.)", r"\1", inner.replace(quote * 2, quote), flags=re.DOTALL)
        word = token.text.lower()
        if token.kind == "word" and word in {"true", "false", "null"}:
            return {"true": True, "false": False, "null": None}[word]
        raise syntax_error(self._text, token.at, "where")

    def _paths(self, clause: str, most: int) -> list[str]:
        paths = [self._word(clause)]
        while self._take(","):
            paths.append(self._word(clause))
        if len(paths) > most:
            raise limit_exceeded(most, clause)
        return paths

    def _order(self) -> list[tuple[str, bool]]:
        order: list[tuple[str, bool]] = []
        while True:
            path = self._word("order by")
            descending = self._take("desc")
            if not descending:
                self._take("asc")
            order.append((path, descending))
            if len(order) > ORDER_MAX:
                raise limit_exceeded(ORDER_MAX, "order by")
            if not self._take(","):
                return order

    def _next(self, clause: str) -> Token:
        if self._at >= len(self._tokens):
            raise self._error(clause)
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, text: str) -> bool:
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.kind in {"word", "sign"} and token.text.lower() == text:
                self._at += 1
                return True
        return False

    def _expect(self, text: str, clause: str) -> None:
        if not self._take(text):
            raise self._error(clause)

    def _word(self, clause: str) -> str:
        token = self._next(clause)
        if token.kind != "word" or token.text.lower() in _CLAUSES:
            raise syntax_error(self._text, token.at, clause)
        return token.text

    def _whole(self, clause: str) -> int:
        token = self._next(clause)
        if token.kind != "number" or not token.text.isdigit():
            raise syntax_error(self._text, token.at, clause)
        return int(token.text[:12])

    def _error(self, clause: str) -> ZohoError:
        if self._at < len(self._tokens):
            return syntax_error(self._text, self._tokens[self._at].at, clause)
        return syntax_error(self._text, len(self._text), clause)
