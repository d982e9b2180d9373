"""One request as handlers see it, and the answer they give back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from .errors import PARTLY, Json, Rejected, ZohoError, param_missing, unparsable
from .org import Org
from .people import Person

JSON_CONTENT = "application/json;charset=UTF-8"
BATCH_MAX = 100
PER_PAGE_MAX = 200


@dataclass(slots=True)
class Upload:
    """One part of a multipart body: a file on disk, or a plain form value."""

    name: str
    filename: str | None
    path: Path | None
    size: int
    sha256: str
    value: str


@dataclass(slots=True)
class Call:
    """An authorised request to one org; ``args`` are the named parts of its path."""

    org: Org
    person: Person
    client_id: str
    method: str
    path: str
    args: dict[str, str]
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes
    base_url: str = ""
    uploads: list[Upload] = field(default_factory=list)
    source: str = "api"
    parsed: Any = None
    # What the request log wants to know, filled in while the body is read.
    elements: int | None = None
    trigger_given: bool = False
    trigger: Any = None
    skip_features: list[str] | None = None
    charge: int | None = None  # credits settled by the handler itself
    forced_failures: dict[int, Json] = field(default_factory=dict)

    def json(self) -> Json:
        """Return the body as a JSON object.

        Raises:
            ZohoError: 400 ``UNABLE_TO_PARSE_DATA_TYPE`` when it is none.
        """
        if self.parsed is None:
            try:
                self.parsed = orjson.loads(self.body)
            except orjson.JSONDecodeError:
                raise unparsable("body") from None
        if not isinstance(self.parsed, dict):
            raise unparsable("body")
        return self.parsed

    def batch(self, key: str = "data", *, limit: int = BATCH_MAX) -> list[Json]:
        """Return the array of objects under ``key``, at most ``limit`` long."""
        body = self.json()
        items = body.get(key)
        place: Json = {"api_name": key, "json_path": f"$.{key}"}
        if items is None:
            raise ZohoError(400, "MANDATORY_NOT_FOUND", "required field not found", place)
        if not isinstance(items, list):
            raise ZohoError(
                400, "INVALID_DATA", "invalid data", {"expected_data_type": "jsonarray", **place}
            )
        if not items:
            raise ZohoError(400, "INVALID_DATA", "invalid data", {"minimum_length": 1, **place})
        if len(items) > limit:
            raise ZohoError(400, "INVALID_DATA", "invalid data", {"maximum_length": limit, **place})
        for index, item in enumerate(items):
            if not isinstance(item, dict):
                details = {
                    "expected_data_type": "jsonobject",
                    "index": index,
                    "api_name": key,
                    "json_path": f"$.{key}[{index}]",
                }
                raise ZohoError(400, "INVALID_DATA", "invalid data", details)
        self.elements = len(items)
        return items

    def param(self, name: str) -> str:
        """Return a mandatory query parameter."""
        value = self.params.get(name)
        if value is None or value == "":
            raise param_missing(name)
        return value

    def number_param(self, name: str, default: int, *, most: int) -> int:
        """Return a positive whole-number parameter, refused when malformed or above ``most``."""
        text = self.params.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10) or int(text) < 1:  # noqa: PLR2004 - fits an int32
            raise ZohoError(
                400,
                "INVALID_DATA",
                "invalid data",
                {"param_name": name, "expected_data_type": "integer"},
            )
        if int(text) > most:
            raise ZohoError(
                400, "INVALID_DATA", "invalid data", {"param_name": name, "maximum_length": most}
            )
        return int(text)


@dataclass(slots=True)
class Answer:
    """What goes back: JSON, a file from disk, or nothing."""

    status: int
    body: bytes = b""
    content_type: str = JSON_CONTENT
    headers: dict[str, str] = field(default_factory=dict)
    file: Path | None = None


def answer_json(status: int, value: Any) -> Answer:
    """Return a JSON answer."""
    return Answer(status, orjson.dumps(value))


def no_content() -> Answer:
    """Return 204 without a body."""
    return Answer(204)


def element_answer(
    elements: list[Any], failed: int, *, ok: int, key: str = "data", refused: int = 400
) -> Answer:
    """Return positional elements: ``ok`` if all succeeded, 207 if some did, else ``refused``."""
    status = ok if failed == 0 else (refused if failed == len(elements) else PARTLY)
    return Answer(status, orjson.dumps({key: elements}))


def refuse_all(rejected: Rejected, key: str) -> Answer:
    """Return an answer whose only element is a refusal."""
    return Answer(400, orjson.dumps({key: [rejected.body()]}))


def file_answer(path: Path, filename: str) -> Answer:
    """Return a file from disk as Zoho sends downloads."""
    quoted = filename.encode("ascii", "replace").decode().replace('"', "'")
    return Answer(
        200,
        content_type="application/octet-stream;charset=UTF-8",
        headers={"content-disposition": f'attachment;filename="{quoted}"'},
        file=path,
    )
