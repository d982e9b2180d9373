"""Reads and changes an org's schema: modules, fields, layouts, pipelines (fact sheet §3.15).

Zoho generates a field's API name from its label and does not say which one it chose: after a
create, read the fields again and resolve the name (``names.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bridgework_zoho.costs import Operation
from bridgework_zoho.errors import PositionsLost
from bridgework_zoho.metadata import FieldMeta, LayoutMeta, ModuleMeta, Pipeline
from bridgework_zoho.paging import chunks
from bridgework_zoho.requests import Call, JsonObject
from bridgework_zoho.results import ElementResult, element_result, elements_of
from bridgework_zoho.transport import Answer, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class NewField:
    """A custom field to create; it lands in the Standard layout only.

    Attributes:
        label: What people see; Zoho derives the API name from it. 25 characters are safe.
        data_type: text, textarea, picklist, lookup, datetime, currency … (§3.15).
        length: Characters; None for Zoho's own choice.
        unique: At most two fields per module may be.
        external: ``org`` or ``user`` to address records by it (text only).
        textarea: ``small`` 2,000, ``large`` 32,000 or ``rich_text`` 50,000 characters.
        pick_values: Choices of a picklist.
        lookup_module: API name of the module a lookup points to.
        more: Further keys, as Zoho takes them.
    """

    label: str
    data_type: str
    length: int | None = None
    unique: bool = False
    external: Literal["org", "user"] | None = None
    textarea: Literal["small", "large", "rich_text"] | None = None
    pick_values: Sequence[str] = ()
    lookup_module: str | None = None
    decimal_places: int | None = None
    more: JsonObject | None = None

    def as_row(self) -> JsonObject:
        """Write it as Zoho takes it; there is no ``api_name`` key (§0 fact 2)."""
        row: JsonObject = {"field_label": self.label, "data_type": self.data_type}
        if self.length is not None:
            row["length"] = self.length
        if self.unique:
            row["unique"] = {"case_sensitive": False}
        if self.external:
            row["external"] = {"type": self.external, "show": True}
        if self.textarea:
            row["textarea"] = {"type": self.textarea}
        if self.pick_values:
            row["pick_list_values"] = [
                {"display_value": value, "actual_value": value} for value in self.pick_values
            ]
        if self.lookup_module:
            row["lookup"] = {
                "module": {"api_name": self.lookup_module},
                "display_label": self.label,
            }
        if self.decimal_places is not None:
            row["decimal_place"] = self.decimal_places
        return {**row, **(self.more or {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewModule:
    """A custom module to create.

    Attributes:
        api_name: Letters and digits only: the strictest of the published rules (§3.15).
        profile_ids: Profiles that may see it; at least one.
        display_label: Label of its mandatory name field.
    """

    api_name: str
    singular_label: str
    plural_label: str
    profile_ids: Sequence[str]
    display_label: str | None = None

    def as_row(self) -> JsonObject:
        """Write it as Zoho takes it."""
        row: JsonObject = {
            "api_name": self.api_name,
            "singular_label": self.singular_label,
            "plural_label": self.plural_label,
            "profiles": [{"id": one} for one in self.profile_ids],
        }
        if self.display_label is not None:
            row["display_field"] = {"field_label": self.display_label, "data_type": "text"}
        return row


class MetaApi:
    """Calls on the schema; reads cost one credit each."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def modules(self) -> list[ModuleMeta]:
        """List the org's modules, without fields."""
        rows = await self._read(Operation.META_MODULES, "/settings/modules", "modules")
        return [ModuleMeta.parse(row) for row in rows if "api_name" in row]

    async def module(self, api_name: str) -> ModuleMeta:
        """Read one module with its fields; two credits."""
        path = f"/settings/modules/{api_name}"
        rows = await self._read(Operation.META_MODULES, path, "modules", module=api_name)
        return ModuleMeta.parse(rows[0]).with_fields(await self.fields(api_name))

    async def fields(self, module: str) -> list[FieldMeta]:
        """List a module's fields, used and unused."""
        rows = await self._read(
            Operation.META_FIELDS,
            "/settings/fields",
            "fields",
            module=module,
            params={"module": module},
        )
        return [FieldMeta.parse(row) for row in rows if "api_name" in row]

    async def layouts(self, module: str) -> list[LayoutMeta]:
        """List a module's layouts."""
        rows = await self._read(
            Operation.META_LAYOUTS,
            "/settings/layouts",
            "layouts",
            module=module,
            params={"module": module},
        )
        return [LayoutMeta.parse(row) for row in rows]

    async def pipelines(self, layout_id: str) -> list[Pipeline]:
        """List the pipelines of a layout of Deals."""
        rows = await self._read(
            Operation.META_PIPELINES,
            "/settings/pipeline",
            "pipeline",
            module="Deals",
            params={"layout_id": layout_id},
        )
        return [Pipeline.parse(row) for row in rows]

    async def profiles(self) -> list[JsonObject]:
        """List the org's profiles as Zoho describes them."""
        return await self._read(Operation.META_PROFILES, "/settings/profiles", "profiles")

    async def related_lists(self, module: str) -> list[JsonObject]:
        """List what can hang on a module's records: Notes, Attachments and the like."""
        return await self._read(
            Operation.META_RELATED_LISTS,
            "/settings/related_lists",
            "related_lists",
            module=module,
            params={"module": module},
        )

    async def price_list(self) -> list[JsonObject]:
        """Read Zoho's own price list: path, method, least and most credits (§2.1)."""
        answer = await self._transport.send(Call(Operation.META_PRICE_LIST, "GET", "/__apis"))
        body = answer.body
        return elements_of(body, "__apis") or elements_of(body, "apis") or []

    async def create_field(self, module: str, new: NewField) -> ElementResult:
        """Create one custom field; ten credits. Never sent twice."""
        return (await self.create_fields(module, [new]))[0]

    async def create_fields(self, module: str, new: Sequence[NewField]) -> list[ElementResult]:
        """Create custom fields, ``fields_per_create`` per request, ten credits each.

        Returns:
            One result per field, in order; ``id`` is the field's.

        Raises:
            WriteOutcomeUnknown: Read the fields to see which exist. Idempotent: no.
        """
        results: list[ElementResult] = []
        for some in chunks(list(new), self._transport.settings.fields_per_create):
            call = Call(
                Operation.META_CREATE_FIELD,
                "POST",
                "/settings/fields",
                elements=len(some),
                params={"module": module},
                body={"fields": [one.as_row() for one in some]},
                repeatable=False,
                module=module,
            )
            answer = await self._transport.send(call)
            results.extend(_results(answer, call, "fields", "insert", offset=len(results)))
        return results

    async def update_field(self, module: str, field_id: str, changes: JsonObject) -> ElementResult:
        """Change label, length or choices of a field; never its type. Idempotent: yes."""
        call = Call(
            Operation.META_UPDATE_FIELD,
            "PATCH",
            f"/settings/fields/{field_id}",
            params={"module": module},
            body={"fields": [changes]},
            module=module,
            ids=[field_id],
        )
        return _results(await self._transport.send(call), call, "fields", "update", offset=0)[0]

    async def delete_field(self, module: str, field_id: str) -> ElementResult:
        """Delete a custom field; its label may stay taken for a while (§8, gotcha 20)."""
        call = Call(
            Operation.META_DELETE_FIELD,
            "DELETE",
            f"/settings/fields/{field_id}",
            params={"module": module},
            module=module,
            ids=[field_id],
        )
        return _results(await self._transport.send(call), call, "fields", "delete", offset=0)[0]

    async def create_module(self, new: NewModule) -> ElementResult:
        """Create a custom module; 500 credits, and the API cannot delete it. Never sent twice."""
        call = Call(
            Operation.META_CREATE_MODULE,
            "POST",
            "/settings/modules",
            body={"modules": [new.as_row()]},
            repeatable=False,
            module=new.api_name,
        )
        return _results(await self._transport.send(call), call, "modules", "insert", offset=0)[0]

    async def _read(
        self,
        operation: Operation,
        path: str,
        key: str,
        *,
        module: str | None = None,
        params: dict[str, Any] | None = None,
    ) -> list[JsonObject]:
        answer = await self._transport.send(
            Call(operation, "GET", path, params=params or {}, module=module)
        )
        return elements_of(answer.body, key) or []


def _results(
    answer: Answer,
    call: Call,
    key: str,
    action: Literal["insert", "update", "delete"],
    *,
    offset: int,
) -> list[ElementResult]:
    rows = elements_of(answer.body, key)
    if rows is None or len(rows) != call.elements:
        raise PositionsLost(
            f"{call.operation}: the answer does not match what was sent; read the schema again.",
            operation=call.operation.value,
            module=call.module,
            http_status=answer.status,
        )
    return [
        element_result(offset + at, row, default_action=action, repeated=answer.repeated)
        for at, row in enumerate(rows)
    ]
