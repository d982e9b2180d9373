"""Documents and inline pictures of notes: where their bytes are, what they are, whose they are."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bridgework_contracts.records import Provenance

from bridgework_dental_exec.cells import Row
from bridgework_dental_exec.context import SourceContext, sql_key, stream_cells
from bridgework_dental_exec.export import Export
from bridgework_dental_exec.objects.base import register_keys
from bridgework_dental_exec.parsers import dicom
from bridgework_dental_exec.parsers.dates import parse_date
from bridgework_dental_exec.parsers.inline_images import InlineImage
from bridgework_dental_exec.parsers.media import mime_by_bytes, mime_by_name
from bridgework_dental_exec.parsers.richtext import read_rich_text
from bridgework_dental_exec.problems import problem
from bridgework_dental_exec.records import CanonicalFile, content_hash

_BLOCK = 1 << 20
_HEAD_BYTES = 4_096
_SUFFIX = {
    "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/bmp": "bmp",
    "image/tiff": "tif", "image/x-wmf": "wmf", "image/x-emf": "emf", "image/webp": "webp",
}  # fmt: skip
_WHY_MISSING = {
    "cid": "The picture was part of an e-mail; the export does not hold it.",
    "unc": "The picture lies on a network share; the export does not hold it.",
    "path": "The picture lies on an office computer and was not copied along.",
    "url": "The picture is only linked from the web.",
}


class FileReader:
    """Reads files of a snapshot; without an export only counting works."""

    def __init__(self, context: SourceContext, export: Export | None) -> None:
        self.context = context
        self.export = export

    def count(self, object_name: str) -> int:
        """Count files as :meth:`files` yields them."""
        if object_name == "document":
            rows = self.context.snapshot.rows(self.context.profile.objects["document"].table)
            return rows + self._quarantined("document") + 0
        return sum(len(images) for _, images in self._notes_with_images(None))

    def files(self, object_name: str, keys: set[str] | None) -> Iterator[CanonicalFile]:
        """Yield files of one kind."""
        if object_name == "document":
            yield from self._documents(keys)
        else:
            yield from self._note_images(keys)

    def _quarantined(self, object_name: str) -> int:
        file = self.context.snapshot.file(self.context.profile.objects[object_name].table)
        return sum(1 for q in self.context.snapshot.quarantine if q.file == file)

    @property
    def _unpacked(self) -> bool:
        return self.export is not None and self.export.archive is not None

    # ------------------------------------------------------------ documents

    def _documents(self, keys: set[str] | None) -> Iterator[CanonicalFile]:
        reader = self.context.reader("document")
        spec = reader.spec
        patient = self.context.profile.objects["patient"]
        names = ("last_name", "first_name", "birth_date")
        columns = ", ".join(f'p."{patient.fields[n].column}" AS p_{n}' for n in names)
        parent = spec.parent_key.column if spec.parent_key is not None else ""
        others = [line for n in self.context.reused.values() for line in n.other_lines]
        join = (
            f"LEFT JOIN (SELECT {sql_key(patient.key[0].column, 'p')} AS p_key, {columns} "
            f'FROM "{patient.table}" p WHERE _line NOT IN (SELECT unnest({others}::BIGINT[])) '
            f"QUALIFY row_number() OVER (PARTITION BY p_key ORDER BY _line) = 1) q "
            f"ON q.p_key = {sql_key(parent, 't')}"
        )
        connection = self.context.snapshot.connect([spec.table, patient.table])
        where = join
        if keys is not None:
            register_keys(connection, keys)
            where += f" WHERE {sql_key(spec.key[0].column, 't')} IN (SELECT k FROM wanted)"
        extra = "".join(f", q.p_{n}" for n in names)
        seen: dict[str, int] = {}
        try:
            for cells, line in stream_cells(connection, spec, reader.columns, where, extra):
                row = reader.read(cells[: len(reader.columns)], line)
                person = cells[len(reader.columns) :]
                row.key = row.key or f"{reader.file}:{line}"
                seen[row.key] = seen.get(row.key, 0) + 1
                if seen[row.key] > 1:
                    row.key = f"{row.key}#{seen[row.key]}"
                yield self._document(row, person, reader.file)
        finally:
            connection.close()

    def _document(self, row: Row, person: tuple[Any, ...], file: str) -> CanonicalFile:
        v = row.values
        spec = self.context.profile.objects["document"]
        parent, code = self.context.patient_ref(row.parent_key, v["taken_at"])
        if code is not None and spec.parent_key is not None:
            row.problems.append(problem(file, row.line, spec.parent_key.column, code))
        printed = v["path"] or ""
        name = printed.replace("\\", "/").rsplit("/", 1)[-1] or f"document {row.key}"
        path = self.export.document(printed) if self.export is not None and printed else None
        size, digest, mime = v["size"] or 0, None, v["mime"] or mime_by_name(name)
        state, reason = "missing", None
        if path is None:
            reason = "The file is not in the export's documents folder."
            row.problems.append(problem(file, row.line, spec.fields["path"].column, "file_missing"))
        else:
            size, digest, head = _identify(path)
            state = "present" if size else "empty"
            true_mime = mime_by_bytes(head)
            if not size:
                row.problems.append(
                    problem(file, row.line, spec.fields["path"].column, "file_empty")
                )
            elif true_mime is not None and true_mime != (v["mime"] or "").lower():
                mime = true_mime
                if v["mime"]:
                    column = spec.fields["mime"].column
                    row.problems.append(problem(file, row.line, column, "mime_wrong"))
            if true_mime == "application/dicom":
                self._check_identity(row, path, person, file)
        content = {
            "parent": parent,
            "name": name,
            "mime": mime,
            "sha256": digest,
            "category": v["category"],
            "taken_at": v["taken_at"],
            "teeth": v["teeth"],
            "note": v["note"],
        }
        return CanonicalFile(
            object="document",
            key=row.key,
            parent_object="patient",
            parent_key=parent,
            partition_key=self.context.partition(parent, "document", row.key),
            name=name,
            mime=mime,
            size_bytes=size,
            sha256=digest,
            state=state,  # type: ignore[arg-type]  # one of the three literals above
            content_hash=content_hash(content, self.context.hash_key),
            path=str(path) if path is not None else None,
            temporary=path is not None and self._unpacked,
            missing_reason=reason,
            category=v["category"],
            taken_at=v["taken_at"],
            provenance=(Provenance(file=file, line=row.line),),
            problems=tuple(row.problems),
        )

    def _check_identity(self, row: Row, path: Path, person: tuple[Any, ...], file: str) -> None:
        named = dicom.read_person(path)
        if named is None:
            return
        last, first, born = person
        patient = self.context.profile.objects["patient"]
        rule = self.context.rules.rule(patient.table, patient.fields["birth_date"].column)
        birth_date = parse_date(born, rule)[0] if born else None
        if dicom.disagrees(named, last, first, birth_date):
            column = self.context.profile.objects["document"].fields["path"].column
            row.problems.append(problem(file, row.line, column, "dicom_identity"))

    # ------------------------------------------------------------ pictures in notes

    def _notes_with_images(
        self, keys: set[str] | None
    ) -> Iterator[tuple[Row, tuple[InlineImage, ...]]]:
        reader = self.context.reader("note")
        spec = reader.spec
        connection = self.context.snapshot.connect([spec.table])
        body = spec.fields["body"].column
        where = f"WHERE (contains(t.\"{body}\", '\\pict') OR contains(lower(t.\"{body}\"), '<img'))"
        if keys is not None:
            register_keys(connection, {k.rpartition("#")[0] for k in keys})
            where += f" AND {sql_key(spec.key[0].column, 't')} IN (SELECT k FROM wanted)"
        seen: set[str] = set()
        try:
            for cells, line in stream_cells(connection, spec, reader.columns, where):
                row = reader.read(cells, line)
                if not row.key or row.key in seen:
                    continue
                seen.add(row.key)
                rich = read_rich_text(row.values["body"] or "", row.values["format"] or "")
                if rich.images:
                    yield row, rich.images
        finally:
            connection.close()

    def _note_images(self, keys: set[str] | None) -> Iterator[CanonicalFile]:
        for row, images in self._notes_with_images(keys):
            for number, image in enumerate(images, start=1):
                key = f"{row.key}#{number}"
                if keys is None or key in keys:
                    yield self._note_image(row, key, image)

    def _note_image(self, row: Row, key: str, image: InlineImage) -> CanonicalFile:
        spec = self.context.profile.objects["note"]
        file = self.context.snapshot.file(spec.table)
        v = row.values
        parent, _ = self.context.patient_ref(v["patient_key"], v["note_date"])
        column = spec.fields["body"].column
        path: Path | None = None
        problems = []
        reason = None
        content = image.content
        if content is None and image.kind == "path" and self.export is not None:
            path = self.export.note_image(image.file_name) or self.export.document(image.target)
        size, digest, mime = 0, None, image.mime
        if content is not None:
            size, digest = len(content), image.sha256
        elif path is not None:
            size, digest, head = _identify(path)
            mime = mime_by_bytes(head) or mime
        else:
            reason = (
                "The picture's data in the note is damaged."
                if image.broken
                else _WHY_MISSING.get(image.kind, "The picture is not in the export.")
            )
            problems.append(
                problem(file, row.line, column, "image_broken" if image.broken else "image_missing")
            )
        if image.broken and content is not None:
            problems.append(problem(file, row.line, column, "image_broken"))
        state = "missing" if digest is None else "present" if size else "empty"
        name = image.file_name or f"note {key.replace('#', ' picture ')}.{_SUFFIX.get(mime, 'bin')}"
        facts = {"parent": parent, "name": name, "mime": mime, "sha256": digest, "state": state}
        return CanonicalFile(
            object="note_image",
            key=key,
            parent_object="patient",
            parent_key=parent,
            partition_key=self.context.partition(parent, "note_image", key),
            name=name,
            mime=mime,
            size_bytes=size,
            sha256=digest,
            state=state,  # type: ignore[arg-type]  # one of the three literals above
            content_hash=content_hash(facts, self.context.hash_key),
            path=str(path) if path is not None else None,
            temporary=path is not None and self._unpacked,
            content=content,
            missing_reason=reason,
            category="Inline image",
            taken_at=v["entered_at"],
            provenance=(Provenance(file=file, line=row.line),),
            problems=tuple(problems),
        )


def _identify(path: Path) -> tuple[int, str, bytes]:
    """Return size, SHA-256 and first bytes of a file, read once in blocks."""
    digest = hashlib.sha256()
    size = 0
    head = b""
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            head = head or block[:_HEAD_BYTES]
            size += len(block)
            digest.update(block)
    return size, digest.hexdigest(), head
