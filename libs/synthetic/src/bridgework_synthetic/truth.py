"""The answer key: written while rows pass, read back section by section.

Short keys are one ``truth.json``. Above ``SPLIT_BYTES`` the long sections stay in ``truth/*.jsonl``
(one JSON value per line; mappings as ``[key, value]`` pairs) and ``truth.json`` names them under
``parts``: ``{"objects.Contacts": {"file": "truth/objects.Contacts.jsonl", "count": n}}``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TextIO

from bridgework_synthetic.rows import MODULES, Fields
from bridgework_synthetic.spool import Spool, dump

FORMAT: Final = "bridgework-truth/1"
SPLIT_BYTES: Final = 96 * 1024 * 1024
_LISTS: Final = ("duplicates", "look_alikes", "recalls", "balances", "owners", "defects",
                 "dialect_losses")  # fmt: skip
_MAPPINGS: Final = ("tooth_charts",)
_OBJECT_ORDER: Final = ("key", "keys", "expect", "merge", "group", "fields")


class TruthWriter:
    """Collects the key of one export; sections are spooled to disk as they come."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is where ``truth.json`` will stand."""
        self._folder = folder
        self._spool = Spool(folder / "truth")
        self.expected: dict[str, Counter[str]] = {module: Counter() for module in MODULES}
        self.listed: Counter[str] = Counter()
        self.habits: Counter[str] = Counter()

    def add(self, section: str, value: Any) -> None:
        """Append one entry to a list section, or a ``[key, value]`` pair to a mapping."""
        self._spool.add(section, value)

    def object(
        self,
        module: str,
        key: str,
        fields: Fields,
        expect: str = "required",
        accept: dict[str, list[Any]] | None = None,
        **aside: Any,
    ) -> None:
        """One expected destination object."""
        entry: Fields = {"key": key, "expect": expect, "fields": fields, **aside}
        if accept is not None:
            entry["accept"] = accept
        entry = {name: entry[name] for name in _OBJECT_ORDER if name in entry} | entry
        self.expected[module][expect] += 1
        self.add(f"objects.{module}", entry)

    def defect(self, entry: Fields) -> None:
        """One injected defect; look-alikes are listed twice, as the format has them."""
        self.listed[entry["kind"]] += 1
        self.add("defects", entry)
        if entry["expect"] == "separate":
            self.add("look_alikes", entry)

    def expected_counts(self) -> dict[str, dict[str, int]]:
        """Objects per module and expectation."""
        return {module: dict(sorted(counts.items())) for module, counts in self.expected.items()}

    def close(
        self,
        meta: Fields,
        source_rows: dict[str, int],
        referral_values: dict[str, list[str]],
        split_bytes: int = SPLIT_BYTES,
    ) -> None:
        """Write ``truth.json`` and, where the key is short, fold the spooled sections into it."""
        whole = self._spool.close() <= split_bytes
        head: Fields = {
            "format": FORMAT,
            "meta": meta,
            "source_rows": source_rows,
            "expected_counts": self.expected_counts(),
        }
        if not whole:
            head["parts"] = {
                name: {"file": f"truth/{name}.jsonl", "count": self._spool.counts[name]}
                for name in self._spool.sections()
            }
        counts = {
            "listed": dict(sorted(self.listed.items())),
            "habits": dict(sorted(self.habits.items())),
        }
        with (self._folder / "truth.json").open("w", encoding="utf-8", newline="\n") as out:
            out.write("{\n")
            out.write("".join(f'"{name}": {dump(value)},\n' for name, value in head.items()))
            if whole:
                self._fold(out)
            out.write(f'"referral_values": {dump(referral_values)},\n')
            out.write(f'"defect_counts": {dump(counts)}\n}}\n')
        if whole:
            self._spool.remove()

    def _fold(self, out: TextIO) -> None:
        out.write('"objects": {\n')
        for place, module in enumerate(MODULES):
            out.write(f'"{module}": [\n')
            self._spool.fold(f"objects.{module}", out)
            out.write("],\n" if place < len(MODULES) - 1 else "]\n")
        out.write("},\n")
        for name in _LISTS:
            out.write(f'"{name}": [\n')
            self._spool.fold(name, out)
            out.write("],\n")
        for name in _MAPPINGS:
            out.write(f'"{name}": {{\n')
            self._spool.fold(name, out, pairs=True)
            out.write("},\n")


class Truth:
    """An answer key read back, whole or split; split sections are streamed."""

    def __init__(self, path: Path) -> None:
        """``path`` is ``truth.json`` or the folder that holds it."""
        self._path = path / "truth.json" if path.is_dir() else path
        self._head: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
        if self._head.get("format") != FORMAT:
            raise ValueError(f"{self._path.name} is not a {FORMAT} file")

    @property
    def meta(self) -> dict[str, Any]:
        """Data set, seed, dialect, zone, and the generator's arguments."""
        meta: dict[str, Any] = self._head["meta"]
        return meta

    @property
    def source_rows(self) -> dict[str, int]:
        """File to its number of records."""
        rows: dict[str, int] = self._head["source_rows"]
        return rows

    @property
    def expected_counts(self) -> dict[str, dict[str, int]]:
        """Module to expectation to count."""
        counts: dict[str, dict[str, int]] = self._head["expected_counts"]
        return counts

    @property
    def referral_values(self) -> dict[str, list[str]]:
        """Meaning of a referral source to its spellings."""
        values: dict[str, list[str]] = self._head["referral_values"]
        return values

    @property
    def defect_counts(self) -> dict[str, dict[str, int]]:
        """``listed`` and ``habits``: kind to count."""
        counts: dict[str, dict[str, int]] = self._head["defect_counts"]
        return counts

    def objects(self, module: str) -> Iterator[dict[str, Any]]:
        """The expected objects of one module."""
        if "parts" in self._head:
            yield from self._part(f"objects.{module}")
        else:
            yield from self._head["objects"][module]

    def section(self, name: str) -> Iterator[Any]:
        """Entries of a list section, or ``(key, value)`` pairs of ``tooth_charts``."""
        if "parts" in self._head:
            yield from self._part(name)
        elif name in _MAPPINGS:
            yield from self._head[name].items()
        else:
            yield from self._head[name]

    def _part(self, name: str) -> Iterator[Any]:
        part = self._head["parts"].get(name)
        if part is None:
            return
        with (self._path.parent / part["file"]).open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
