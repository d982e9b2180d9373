"""SQL is written, not generated: named statements live in ``.sql`` files and are loaded once.

A file holds any number of statements::

    -- name: insert_journal
    -- Adds one outcome to the journal; a replay changes nothing.
    insert into {schema}.journal (message_id, ...) values ($1, ...)
    on conflict (message_id) do nothing;

``{schema}`` stands for the service's own schema, so that a test can have its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from bridgework_store.errors import StoreMisconfigured
from bridgework_store.names import quote_identifier

_NAME = re.compile(r"^--\s*name:\s*(?P<name>\S+)\s*$")
_IDENTIFIER = re.compile(r"^[a-z][a-z0-9_]*$")


class Statements:
    """The statements of one file, reached as attributes: ``statements.insert_journal``.

    Each text starts with a comment naming its file and statement, so that ``pg_stat_activity``
    says which line of our code a slow query is.
    """

    def __init__(self, source: str, texts: dict[str, str], purposes: dict[str, str]) -> None:
        self._source = source
        self._texts = texts
        self._purposes = purposes

    @classmethod
    def load(cls, package: str, path: str, *, schema: str | None = None) -> Statements:
        """Read ``path`` inside ``package`` (once per schema) and check its form.

        Args:
            package: Import name of the package that ships the file, e.g. ``bridgework_loader``.
            path: Path inside the package, e.g. ``sql/journal.sql``.
            schema: Replaces ``{schema}``; a file that mentions it needs it.

        Raises:
            StoreMisconfigured: a statement without name, purpose or text, a name given twice, a
                missing ``schema``.
        """
        return _load(package, path, schema)

    def __getattr__(self, name: str) -> str:
        try:
            return self._texts[name]
        except KeyError:
            msg = f"{self._source} has no statement named {name}"
            raise AttributeError(msg) from None

    def __iter__(self) -> Iterator[str]:
        """Iterate over the statements' names, in the file's order."""
        return iter(self._texts)

    def purpose(self, name: str) -> str:
        """Return the line of purpose of one statement."""
        return self._purposes[name]


@cache
def _load(package: str, path: str, schema: str | None) -> Statements:
    text = files(package).joinpath(path).read_text(encoding="utf-8")
    return parse(text, source=f"{package}/{path}", schema=schema)


def parse(text: str, *, source: str, schema: str | None = None) -> Statements:
    """Split the text of a statement file; ``source`` names it in errors.

    Raises:
        StoreMisconfigured: as :meth:`Statements.load`.
    """
    if "{schema}" in text:
        if schema is None:
            raise _malformed(source, "mentions {schema} and was loaded without one")
        text = text.replace("{schema}", quote_identifier(schema))
    texts: dict[str, str] = {}
    purposes: dict[str, str] = {}
    for name, lines in _sections(text, source):
        if not _IDENTIFIER.match(name):
            raise _malformed(source, f"statement name {name} is not a snake_case identifier")
        if name in texts:
            raise _malformed(source, f"two statements are named {name}")
        if not lines or not lines[0].startswith("--") or not lines[0].strip("- "):
            raise _malformed(source, f"statement {name} lacks its line of purpose")
        body = "\n".join(line for line in lines if not line.lstrip().startswith("--")).strip()
        body = body.rstrip(";").strip()
        if not body:
            raise _malformed(source, f"statement {name} is empty")
        texts[name] = f"/* {source}:{name} */ {body}"
        purposes[name] = lines[0].lstrip("- ").strip()
    return Statements(source, texts, purposes)


def _sections(text: str, source: str) -> Iterator[tuple[str, list[str]]]:
    name: str | None = None
    lines: list[str] = []
    for line in text.splitlines():
        match = _NAME.match(line)
        if match:
            if name is not None:
                yield name, lines
            name, lines = match["name"], []
        elif name is not None:
            if line.strip():
                lines.append(line)
        elif line.strip() and not line.startswith("--"):
            raise _malformed(source, "SQL stands before the first '-- name:' line")
    if name is not None:
        yield name, lines


def _malformed(source: str, what: str) -> StoreMisconfigured:
    return StoreMisconfigured(f"{source}: {what}", code="statement_file_malformed")
