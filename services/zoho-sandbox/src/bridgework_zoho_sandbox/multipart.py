"""Multipart bodies written to disk as they arrive: a 100 MB file never stands in memory."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from .call import Upload
from .errors import ZohoError

FORM_VALUE_MAX = 65_536


@dataclass(slots=True)
class _Part:
    headers: dict[str, bytes] = field(default_factory=dict)
    name: str = ""
    filename: str | None = None
    file: BinaryIO | None = None
    path: Path | None = None
    size: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    value: bytearray = field(default_factory=bytearray)


class MultipartReader:
    """Collects the parts of one body; files go into ``folder`` under temporary names."""

    def __init__(self, content_type: str, folder: Path) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise not_multipart()
        self._folder = folder
        self._parts: list[_Part] = []
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, s, e: self._header[0].extend(data[s:e]),
                "on_header_value": lambda data, s, e: self._header[1].extend(data[s:e]),
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end,
            },
        )

    async def read(self, chunks: AsyncIterator[bytes], *, most: int) -> list[Upload]:
        """Read the whole body.

        Raises:
            ZohoError: 400 when it is no multipart body, 413 when it is longer than ``most``.
        """
        total = 0
        try:
            async for chunk in chunks:
                total += len(chunk)
                if total > most:
                    raise body_too_large(most)
                self._parser.write(chunk)
            self._parser.finalize()
        except MultipartParseError:
            self.discard()
            raise not_multipart() from None
        except ZohoError:
            self.discard()
            raise
        return [
            Upload(
                name=part.name,
                filename=part.filename,
                path=part.path,
                size=part.size,
                sha256=part.digest.hexdigest(),
                value=part.value.decode("utf-8", "replace"),
            )
            for part in self._parts
        ]

    def discard(self) -> None:
        """Delete the temporary files."""
        for part in self._parts:
            if part.file is not None:
                part.file.close()
            if part.path is not None:
                part.path.unlink(missing_ok=True)

    def _begin(self) -> None:
        self._parts.append(_Part())

    def _header_end(self) -> None:
        name, value = self._header
        self._parts[-1].headers[name.decode("latin-1").lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _headers_finished(self) -> None:
        part = self._parts[-1]
        _, options = parse_options_header(part.headers.get("content-disposition", b""))
        part.name = options.get(b"name", b"").decode("utf-8", "replace")
        filename = options.get(b"filename")
        if filename is not None:
            part.filename = filename.decode("utf-8", "replace")
            handle, path = tempfile.mkstemp(dir=self._folder, prefix="upload-")
            part.path = Path(path)
            part.file = os.fdopen(handle, "wb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        part = self._parts[-1]
        piece = data[start:end]
        part.size += len(piece)
        if part.file is not None:
            part.digest.update(piece)
            part.file.write(piece)
        elif part.size <= FORM_VALUE_MAX:
            part.value.extend(piece)

    def _end(self) -> None:
        part = self._parts[-1]
        if part.file is not None:
            part.file.close()
            part.file = None


def not_multipart() -> ZohoError:
    """Refuse a body that should have been multipart/form-data."""
    return ZohoError(
        400,
        "INVALID_REQUEST",
        "unable to process your request. please verify whether you have entered proper method"
        " name, parameter and parameter values.",
    )


def body_too_large(limit: int) -> ZohoError:
    """Refuse a body over the cap: 413 ``BODY_SIZE_REACHED``."""
    return ZohoError(
        413, "BODY_SIZE_REACHED", "the size of the request body is too large", {"limit": limit}
    )
