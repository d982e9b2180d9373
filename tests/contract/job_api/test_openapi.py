"""The job API keeps its own OpenAPI document, whatever it is asked."""

import asyncio
import copy
import itertools
from contextlib import suppress
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation.case import Case
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.contract.job_api.conftest import KEY, JobApi

EXAMPLES = 30
ZONES = {"enum": ["America/New_York", "UTC"]}
SEMANTIC = {
    "time_zone": ZONES,
    "practice_timezone": ZONES,
    "accounts_url": {"enum": [None, "https://accounts.example"]},
    "api_domain": {"enum": [None, "https://api.example"]},
    "content_url": {"enum": [None, "https://content.example:8443"]},
    "mapping": {"type": "null"},
    "kind": {"enum": ["rehearsal", "full"]},
}
"""What JSON Schema cannot say of a body: which names are time zones, what makes a mapping document,
that a delta needs an export and an undo a run."""


def asked_by(schema: dict[str, Any], mode: GenerationMode) -> dict[str, Any]:
    """Return the document that requests are made from.

    Without security, since the key is always sent; and where requests shall be valid, without the
    cursors that only a page before can give, and with what :data:`SEMANTIC` says.
    """
    made: dict[str, Any] = copy.deepcopy(schema)
    for item in made["paths"].values():
        for operation in item.values():
            operation.pop("security", None)
            if mode is GenerationMode.POSITIVE:
                operation["parameters"] = [
                    one for one in operation.get("parameters", ()) if one["name"] != "cursor"
                ]
    if mode is GenerationMode.POSITIVE:
        for model_name, model in made["components"]["schemas"].items():
            if model_name.endswith("Create"):
                properties = model["properties"]
                properties.update({name: SEMANTIC[name] for name in properties.keys() & SEMANTIC})
    return made


def fuzz(
    api: JobApi, mode: GenerationMode, loop: asyncio.AbstractEventLoop
) -> tuple[list[str], dict[str, set[int]]]:
    """Ask every operation; return what broke the document, and the statuses of each operation."""
    schema: OpenApiSchema = schemathesis.openapi.from_dict(asked_by(api.schema, mode))
    # PostgreSQL keeps no NUL, which JSON Schema cannot say either.
    schema.config.generation.allow_x00 = mode is not GenerationMode.POSITIVE
    broken: list[str] = []
    statuses: dict[str, set[int]] = {}
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        asyncio.run_coroutine_threadsafe(api.reset(), loop).result(30)
        try:
            ask(api, operation, mode, statuses.setdefault(operation.label, set()))
        except (AssertionError, FailureGroup, ExceptionGroup) as exc:
            broken.append(f"{operation.label}: {exc}")
    return broken, statuses


def ask(api: JobApi, operation: Any, mode: GenerationMode, statuses: set[int]) -> None:
    """Ask one operation many times; note the statuses it answered with."""
    numbers = itertools.count()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def once(case: Case[Any]) -> None:
        number = next(numbers)
        if number % 2 and mode is GenerationMode.POSITIVE:
            # Every other request is about something that exists, each of them in turn.
            for name, there in api.things.items():
                if name in case.path_parameters:
                    case.path_parameters[name] = there[number // 2 % len(there)]
        answer = case.call_and_validate(
            base_url=api.url,
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=10,
        )
        statuses.add(answer.status_code)

    with suppress(Unsatisfiable):  # nothing about the operation can be wrong
        once()


async def fuzzed(api: JobApi, mode: GenerationMode) -> dict[str, set[int]]:
    """Ask everything; return operation → statuses. The requests are made in a thread."""
    loop = asyncio.get_running_loop()
    broken, statuses = await asyncio.to_thread(fuzz, api, mode, loop)
    assert not broken, "\n\n".join(broken)
    return statuses


async def test_every_answer_to_a_valid_request_follows_the_document(job_api: JobApi) -> None:
    """Status, content type, headers and body; and every operation was really reached."""
    statuses = await fuzzed(job_api, GenerationMode.POSITIVE)
    assert len(statuses) >= 33
    never = {name for name, seen in statuses.items() if not seen & {200, 201, 202}}
    assert not never


async def test_every_answer_to_an_invalid_request_follows_the_document(job_api: JobApi) -> None:
    """It is refused, as a problem, with a status the document names."""
    statuses = await fuzzed(job_api, GenerationMode.NEGATIVE)
    silent = {name for name, seen in statuses.items() if 422 not in seen}
    # A list without parameters has nothing that could be wrong.
    assert silent == {"GET /v1/tenants"}
