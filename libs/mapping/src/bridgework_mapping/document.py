"""The mapping document: one reviewable file that says where every source value goes.

It is data. Loading checks it whole (unknown keys refused, with their path), hashing makes versions
comparable, and everything else (waves, schema plan, compiled mapper, coverage) is computed from it.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self

from bridgework_contracts.errors import MappingError
from bridgework_contracts.runs import Wave
from pydantic import BeforeValidator, Field, ValidationError, model_validator

from bridgework_mapping.loading import read_file, read_yaml
from bridgework_mapping.objects import ObjectMap, Part
from bridgework_mapping.transforms import Strict
from bridgework_mapping.waves import compute_waves

if TYPE_CHECKING:
    from bridgework_mapping.plan import SchemaPlan

DEFAULT_DOCUMENT = "dental_exec_v1.yaml"


class CoverageRow(NamedTuple):
    """Where one canonical field ends."""

    field: str
    end: Literal["mapped", "transformed", "archived", "dropped"]
    specs: tuple[str, ...]
    reason: str


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class MappingDocument(Strict):
    """A whole mapping; immutable, and equal documents have equal hashes."""

    language: Literal[1] = Field(description="Version of this language, its defaults included.")
    name: str
    profile: str = Field(description="Source profile the canonical fields come from.")
    objects: Annotated[tuple[ObjectMap, ...], BeforeValidator(_as_tuple)]
    parts: Annotated[tuple[Part, ...], BeforeValidator(_as_tuple)] = ()

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a YAML file.

        Raises:
            MappingError: unreadable or not a valid document; the message names the path in it.
        """
        return cls.parse(read_file(Path(path)))

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Check a document given as plain data, e.g. ``RunSpec.mapping``.

        Raises:
            MappingError: as for :meth:`load`.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as exc:
            faults = exc.errors(include_input=False, include_url=False, include_context=False)
            listed = "; ".join(
                f"{_path(fault['loc'], data)}: {fault['msg']}" for fault in faults[:5]
            )
            more = f" (and {len(faults) - 5} more)" if len(faults) > 5 else ""  # noqa: PLR2004  # five are listed
            raise MappingError(
                f"Mapping document is not valid: {listed}{more}.", code="mapping_invalid"
            ) from None

    @classmethod
    def default(cls) -> "MappingDocument":
        """Return the packaged document for Dental-Exec profile v1."""
        return _default()

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [entry.object for entry in self.objects]
        if len(set(names)) != len(names):
            raise ValueError("an object stands twice")
        modules = [entry.module for entry in self.objects if entry.kind == "record"]
        if len(set(modules)) != len(modules):
            raise ValueError("two record objects share a module")
        for part in self.parts:
            if part.of not in names:
                raise ValueError(f"part {part.part} belongs to unknown object {part.of}")
        for entry in self.objects:
            for parent in entry.parents:
                if parent not in names:
                    raise ValueError(f"{entry.object} names unknown parent {parent}")
        try:
            compute_waves(self.objects)
        except MappingError as exc:
            raise ValueError(str(exc)) from None
        return self

    @cached_property
    def hash(self) -> str:
        """sha256 (hex) of the document as canonical JSON."""
        return hashlib.sha256(canonical_json(self.dump()).encode()).hexdigest()

    def dump(self) -> dict[str, Any]:
        """Return plain data that :meth:`parse` takes back to an equal document."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @cached_property
    def _by_name(self) -> dict[str, ObjectMap]:
        return {entry.object: entry for entry in self.objects}

    def object(self, name: str) -> ObjectMap:
        """Return one object's mapping.

        Raises:
            MappingError: the document does not know it.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise MappingError(
                f"Object {name} is not in mapping {self.name}.", code="unknown_object"
            ) from None

    @property
    def records(self) -> tuple[ObjectMap, ...]:
        """The objects that become Zoho records."""
        return tuple(entry for entry in self.objects if entry.kind == "record")

    def report_name(self, object_or_part: str) -> str:
        """Return the name used in counts: patient → Contacts, coverage → Coverage.

        Raises:
            MappingError: neither an object nor a part of this document.
        """
        for part in self.parts:
            if part.part == object_or_part:
                return part.report
        return self.object(object_or_part).report

    def waves(self) -> tuple[Wave, ...]:
        """Return the order of writing; see :func:`~bridgework_mapping.waves.compute_waves`."""
        return compute_waves(self.objects)

    def coverage_rows(self, name: str) -> tuple[CoverageRow, ...]:
        """Return where each canonical field of an object ends, in order of first mention."""
        entry = self.object(name)
        carriers: dict[str, list[str]] = {}
        unchanged: set[str] = set()
        for line in entry.fields:
            for path in line.carries:
                field = path.split(".")[0]
                carriers.setdefault(field, []).append(line.spec)
                if line.is_unchanged:
                    unchanged.add(field)
        if entry.owner and entry.owned:
            carriers.setdefault(entry.owner, []).append("Owner")
        rows = [
            CoverageRow(field, "mapped" if field in unchanged else "transformed", tuple(specs), "")
            for field, specs in carriers.items()
        ]
        rows += [
            CoverageRow(rule.source, "transformed", (), rule.sentence)
            for rule in entry.skip_when
            if rule.source not in carriers
        ]
        rows += [CoverageRow(row.field, row.end, (), row.reason) for row in entry.not_mapped]
        return tuple(rows)

    def coverage(self, name: str) -> dict[str, str]:
        """Return canonical field → mapped, transformed, archived or dropped(why)."""
        return {
            row.field: f"dropped({row.reason})" if row.end == "dropped" else row.end
            for row in self.coverage_rows(name)
        }

    def schema_plan(self, picklists: Mapping[str, tuple[str, ...]] | None = None) -> "SchemaPlan":
        """Return what the org must have; see :func:`~bridgework_mapping.plan.build_plan`."""
        from bridgework_mapping.plan import build_plan  # noqa: PLC0415  # plan reads documents

        return build_plan(self, picklists or {})


@cache
def _default() -> MappingDocument:
    packaged = resources.files("bridgework_mapping") / "documents" / DEFAULT_DOCUMENT
    return MappingDocument.parse(
        read_yaml(packaged.read_text(encoding="utf-8"), name=DEFAULT_DOCUMENT)
    )


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _path(loc: tuple[int | str, ...], data: Any) -> str:
    """Return a readable path: ``objects[patient].fields[Last_Name].lenght``."""
    text = ""
    here: Any = data
    for step in loc:
        if isinstance(step, int):
            here = here[step] if isinstance(here, list | tuple) and step < len(here) else None
            name = here.get("object") or here.get("spec") if isinstance(here, dict) else None
            text += f"[{name or step}]"
        else:
            inside = here.get(step) if isinstance(here, dict) else None
            if inside is None and isinstance(here, dict) and here.get("kind") == step:
                continue
            here = inside
            text += f".{step}" if text else step
    return text or "document"
