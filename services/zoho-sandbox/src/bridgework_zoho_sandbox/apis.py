"""``GET /__apis``: the price list of every operation, from the table itself (§2.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from .call import Answer, Call, answer_json
from .errors import Json, bad_param
from .operation import Operation

_FILTERS = ("module", "operation_types.method", "operation_types.oauth_scope")


class Apis:
    """Lists the operations; ``operations`` is asked when needed."""

    def __init__(self, operations: Callable[[], tuple[Operation, ...]]) -> None:
        self._operations = operations

    def handle(self, call: Call) -> Answer:
        """``GET /__apis`` with one optional ``equals`` filter."""
        field, value = self._filter(call.params.get("filters"))
        paths: dict[str, list[Json]] = {}
        for operation in self._operations():
            path = operation.path
            if field == "module" and "{module}" not in path:
                continue
            if field == "operation_types.method" and operation.method != value:
                continue
            if field == "operation_types.oauth_scope" and value not in operation.scopes:
                continue
            if field == "module":
                path = path.replace("{module}", str(value))
            least, most = operation.listed_credits
            paths.setdefault(path, []).append(
                {
                    "method": operation.method,
                    "oauth_scope": ",".join(operation.scopes),
                    "min_credits": least,
                    "max_credits": most,
                }
            )
        shown = [{"path": path, "operation_types": types} for path, types in paths.items()]
        return answer_json(200, {"__apis": shown})

    @staticmethod
    def _filter(text: str | None) -> tuple[str | None, Any]:
        if text is None:
            return None, None
        try:
            content = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise bad_param("filters") from None
        field = content.get("field") if isinstance(content, dict) else None
        name = field.get("api_name") if isinstance(field, dict) else None
        if name not in _FILTERS or content.get("comparator") not in {"equal", "equals"}:
            raise bad_param("filters", supported_values=list(_FILTERS))
        return name, content.get("value")
