"""Applying a schema plan to an org and reading it back."""

from typing import Any

import structlog
from bridgework_contracts.errors import StopRun
from bridgework_mapping.plan import Payload, SchemaPlan
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.meta import NewField, NewModule
from bridgework_zoho.results import ElementResult

log = structlog.get_logger(__name__)

_ALREADY_THERE = "DUPLICATE_DATA"


async def live_metadata(client: ZohoClient, plan: SchemaPlan) -> dict[str, Any]:
    """Return what the org has of the plan's modules, as ``bridgework_mapping`` reads it."""
    modules = await client.meta.modules()
    wanted = {
        name
        for module in plan.modules
        for name in (module.spec, module.api_name, *module.alternatives)
    }
    labels = {module.plural for module in plan.modules if module.plural}
    found = [m for m in modules if m.api_name in wanted or m.plural_label in labels]
    return {
        "modules": [module.raw for module in found],
        "fields": {
            module.api_name: [field.raw for field in await client.meta.fields(module.api_name)]
            for module in found
        },
    }


async def apply_plan(client: ZohoClient, plan: SchemaPlan) -> dict[str, Any]:
    """Create what is missing: modules, then fields, then picklist values; return the metadata.

    Safe to repeat: what exists is not asked for again. Modules come first because lookups need
    them, and the API name Zoho gave them is read back before their fields are created.

    Raises:
        StopRun: Zoho refuses a piece; the message names module and labels, never values.
    """
    profile_ids = [str(row["id"]) for row in await client.meta.profiles()]
    metadata = await live_metadata(client, plan)
    for payload in plan.payloads(metadata, profile_ids=profile_ids):
        if payload.path == "/settings/modules":
            await _create_module(client, payload)
    metadata = await live_metadata(client, plan)
    for payload in plan.payloads(metadata, profile_ids=profile_ids):
        if payload.path != "/settings/modules":
            await _change_fields(client, payload)
    return await live_metadata(client, plan)


async def _create_module(client: ZohoClient, payload: Payload) -> None:
    row = payload.body["modules"][0]
    refused: ElementResult | None = None
    for name in filter(None, (row["api_name"], payload.alternative)):
        result = await client.meta.create_module(
            NewModule(
                api_name=name,
                singular_label=row["singular_label"],
                plural_label=row["plural_label"],
                profile_ids=[profile["id"] for profile in row["profiles"]],
                display_label=row["display_field"]["field_label"],
            )
        )
        if result.ok or result.code == _ALREADY_THERE:
            log.info("module_created", module=name, credits=payload.credits)
            return
        refused = result
    if refused is not None:
        _refuse(payload, [row["plural_label"]], refused)


async def _change_fields(client: ZohoClient, payload: Payload) -> None:
    module = payload.params["module"]
    rows = payload.body["fields"]
    if payload.method == "POST":
        results = await client.meta.create_fields(module, [_new_field(row) for row in rows])
    else:
        field_id = payload.path.rpartition("/")[2]
        results = [await client.meta.update_field(module, field_id, row) for row in rows]
    for row, result in zip(rows, results, strict=True):
        if not result.ok and result.code != _ALREADY_THERE:
            _refuse(payload, [str(row.get("field_label") or payload.specs[0])], result)
    log.info("fields_changed", module=module, count=len(rows), credits=payload.credits)


def _new_field(row: dict[str, Any]) -> NewField:
    rest = {k: v for k, v in row.items() if k not in {"field_label", "data_type"}}
    return NewField(label=row["field_label"], data_type=row["data_type"], more=rest)


def _refuse(payload: Payload, labels: list[str], result: ElementResult) -> None:
    raise StopRun(
        f"Zoho refuses {', '.join(labels)} in {payload.module}: {result.code}. Create it by hand "
        "as the schema plan says, then apply the plan again.",
        code="schema_refused",
        module=payload.module,
        zoho_code=result.code,
    )
