"""Which fact is proven by which case: writes ``docs/zoho-coverage.md``.

    python -m tests.contract.zoho.coverage [--check]

Collects the suite (nothing is run) and reads the ``fact`` mark of every case. With ``--check``
it only says whether the document is up to date.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from bridgework_zoho.advice import ADVICE

from tests.contract.zoho.kit import declared_codes

SCRIPTED = "test_taxonomy"
ONLY = "scripted only"
OURS = {
    "CREDITS_EXHAUSTED": "our own word; Zoho answers `TOO_MANY_REQUESTS`",
    "TOKEN_THROTTLED": "our own word; Zoho answers `Access Denied`",
}
SUITE = Path(__file__).parent
ROOT = SUITE.parents[2]
DOCUMENT = ROOT / "docs" / "zoho-coverage.md"
INTRO = """# Zoho: fact → case

Every row is a fact of the API fact sheet (section and mark) and the cases of `tests/contract/zoho`
that prove it against the local Zoho: a request goes in, exact status and body come out.

Marks: `V` read in an official source, `V7` read in the official v7 page of the same name, `S`
secondary source, `U` unknown (the sandbox has a named default and a setting), `SIM` the sandbox's
own behaviour. This file is generated: `python -m tests.contract.zoho.coverage`.
"""
CODES = """
## Codes of the taxonomy

Every code our client knows (`bridgework_zoho.advice`), what it does about it, and the cases that
make the sandbox answer it. Each code is also scripted in `test_taxonomy`, as an answer to a whole
request and as one element; *scripted only* means that the sandbox has no cause of its own for it.

| code | action | provoked by |
| --- | --- | --- |
"""
SDK = """
## Zoho's own Python SDK

`zohocrmsdk8_0` from PyPI, unmodified, runs its session of `sdk_session.py` (steps in the table
above). What it cannot do here, and why:

| SDK operation | why not |
| --- | --- |
| mass update, change owner, convert, merge, clone, photo | not on the road of a migration |
| blueprint, cadences, functions, e-mail, webforms, territories | automation and communication |
| custom views | a module has one, of every record; others are not migrated |
| Quotes, Orders, Invoices, Appointments, Services | modules no practice record goes to |
| formula, roll-up, multi-lookup fields | `FIELD_TYPE_UNAVAILABLE`; made by hand in Zoho |
| subforms through the layout API | made by the admin API, as an administrator would by hand |
| notifications, audit log export, backup, digest | inbound or administrative |
| authorise in a browser | the sandbox consents at once; the SDK only uses tokens |
"""


class Collector:
    """Keeps the collected items."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Take the items."""
        self.items = list(session.items)


def _order(section: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", section)) or (99,)


def collected() -> list[pytest.Item]:
    """Return the cases of the suite, without running any."""
    collector = Collector()
    with contextlib.redirect_stdout(io.StringIO()):
        arguments = ["--collect-only", "-q", "-p", "no:cacheprovider", str(SUITE)]
        pytest.main(arguments, plugins=[collector])
    return collector.items


def _name(item: pytest.Item) -> str:
    return f"{item.path.stem}::{item.name.split('[')[0]}"


def _facts(items: list[pytest.Item]) -> list[str]:
    cases: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for item in items:
        mark = item.get_closest_marker("fact")
        if mark is not None:
            section, kind, says = mark.args
            cases[section, kind, says].append(_name(item))
    total = sum(len(names) for names in cases.values())
    lines = [f"{total} cases for {len(cases)} facts.\n"]
    lines.append("| section | mark | fact | cases | number |")
    lines.append("| --- | --- | --- | --- | --- |")
    for section, kind, says in sorted(cases, key=lambda key: (_order(key[0]), key[2])):
        names = cases[section, kind, says]
        shown = "<br>".join(f"`{name}`" for name in sorted(set(names)))
        lines.append(f"| {section} | {kind} | {says.replace('|', '¦')} | {shown} | {len(names)} |")
    return lines


def provoked(items: list[pytest.Item]) -> dict[str, set[str]]:
    """Return code → cases that make the sandbox answer it for a cause of its own."""
    found: dict[str, set[str]] = defaultdict(set)
    for item in items:
        if item.path.stem != SCRIPTED:
            for code in declared_codes(item):
                found[code].add(_name(item))
    return found


def scripted(items: list[pytest.Item]) -> set[str]:
    """Return the codes ``test_taxonomy`` scripts."""
    return {code for one in items if one.path.stem == SCRIPTED for code in declared_codes(one)}


def _codes(items: list[pytest.Item]) -> list[str]:
    cases = provoked(items)
    known = {code: advice.action.value for code, advice in ADVICE.items()}
    lines = []
    for code in sorted({*known, *scripted(items)}):
        shown = "<br>".join(f"`{name}`" for name in sorted(cases.get(code, ())))
        lines.append(f"| `{code}` | {known.get(code, '')} | {shown or OURS.get(code, ONLY)} |")
    return lines


def document() -> str:
    """Return the document's text."""
    items = collected()
    facts = "\n".join([INTRO, *_facts(items)])
    return facts + "\n" + CODES + "\n".join(_codes(items)) + "\n" + SDK


def main() -> int:
    """Write the document, or check it."""
    text = document()
    if "--check" in sys.argv[1:]:
        return 0 if DOCUMENT.exists() and DOCUMENT.read_text(encoding="utf-8") == text else 1
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
