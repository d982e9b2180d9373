"""``/sandbox/…``: what tests and demos need and real Zoho does not have."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .admin_bodies import Advance, Freeze, Lock, NewCredentials, Plan
from .behaviour import Behaviour
from .errors import Json, Rejected
from .faults import FaultSpec
from .fingerprint import all_rows, org_fingerprint, record_modules
from .modules_api import new_module
from .org import Org
from .orgs import NewOrg, NewPerson, OrgRegistry
from .people_edits import Edit, apply_edit, find_person
from .record_ids import record_id
from .storage import RECORD_KB
from .subforms import NewSubform, add_subform
from .users import user_json

Model = TypeVar("Model", bound=BaseModel)


class Refused(Exception):
    """The admin call is refused with an HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


def _since(request: Request) -> int:
    text = request.query_params.get("since", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 19):  # noqa: PLR2004 - fits an int64
        raise Refused(422, "since is no sequence number")
    return int(text)


Endpoint = Callable[[Request], Awaitable[Response]]


def _guarded(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refused as refusal:
            return _json({"error": refusal.reason}, refusal.status)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False, include_context=False)
            return _json({"error": "invalid", "fields": found}, 422)
        except Rejected as refusal:
            return _json({"error": refusal.code, **refusal.body()}, 400)

    return guarded


class Admin:
    """The admin API over a registry of orgs."""

    def __init__(self, registry: OrgRegistry) -> None:
        self._registry = registry

    def routes(self) -> list[Route]:
        """Return the routes below ``/sandbox``."""
        one = "/sandbox/orgs/{org}"
        table: list[tuple[str, str, Endpoint]] = [
            ("GET", "/sandbox/health", self.health),
            ("GET", "/sandbox/orgs", self.list_orgs),
            ("POST", "/sandbox/orgs", self.create_org),
            ("POST", "/sandbox/clock/advance", self.advance_all),
            ("GET", one, self.show_org),
            ("DELETE", one, self.delete_org),
            ("PATCH", f"{one}/settings", self.change_settings),
            ("GET", f"{one}/state", self.state),
            ("GET", f"{one}/fingerprint", self.fingerprint),
            ("GET", f"{one}/requests", self.requests),
            ("DELETE", f"{one}/requests", self.clear_requests),
            ("GET", f"{one}/fired", self.fired),
            ("DELETE", f"{one}/fired", self.clear_fired),
            ("GET", f"{one}/meters", self.meters),
            ("GET", f"{one}/faults", self.list_faults),
            ("POST", f"{one}/faults", self.add_fault),
            ("DELETE", f"{one}/faults", self.clear_faults),
            ("DELETE", f"{one}/faults/{{fault}}", self.remove_fault),
            ("POST", f"{one}/clock/advance", self.advance),
            ("POST", f"{one}/clock/freeze", self.freeze),
            ("POST", f"{one}/clock/thaw", self.thaw),
            ("POST", f"{one}/users", self.add_user),
            ("POST", f"{one}/edits", self.edit),
            ("POST", f"{one}/credentials", self.credentials),
            ("POST", f"{one}/tokens/expire", self.expire_tokens),
            ("POST", f"{one}/locks", self.lock),
            ("POST", f"{one}/subforms", self.subform),
        ]
        return [
            Route(path, _guarded(endpoint), methods=[method]) for method, path, endpoint in table
        ]

    def _org(self, request: Request) -> Org:
        org = self._registry.orgs.get(request.path_params["org"])
        if org is None:
            raise Refused(404, "no such org")
        return org

    @staticmethod
    async def _body(request: Request, model: type[Model]) -> Model:
        body = await request.body()
        return model.model_validate_json(body or b"{}")

    def _describe(self, org: Org) -> Json:
        return {
            "org_id": org.id,
            "company_name": org.profile["company_name"],
            "edition": org.edition,
            "seats": org.seats,
            "time_zone": org.profile["time_zone"],
            "now": org.clock.now(),
            "settings": org.behaviour.model_dump(),
            "users": [user_json(org, person) for person in org.people.values()],
            "modules": {m.api_name: m.generated_type for m in org.modules.values()},
        }

    async def health(self, _: Request) -> Response:
        """Say that the process answers."""
        return _json({"status": "ok", "orgs": len(self._registry.orgs)})

    async def list_orgs(self, _: Request) -> Response:
        """List the orgs."""
        return _json({"orgs": list(self._registry.orgs)})

    async def create_org(self, request: Request) -> Response:
        """Create an org and return its credentials."""
        wanted = await self._body(request, NewOrg)
        try:
            org, credentials = self._registry.create(wanted)
        except FileExistsError:
            raise Refused(409, "an org or app with this id exists") from None
        base = str(request.base_url).rstrip("/")
        return _json({**credentials, "accounts_url": base, **self._describe(org)}, 201)

    async def show_org(self, request: Request) -> Response:
        """Describe one org."""
        return _json(self._describe(self._org(request)))

    async def delete_org(self, request: Request) -> Response:
        """Delete one org and its files."""
        await self._registry.remove(self._org(request))
        return Response(status_code=204)

    async def change_settings(self, request: Request) -> Response:
        """Change behaviour settings, edition or seats of a running org."""
        org = self._org(request)
        try:
            changes = orjson.loads(await request.body() or b"{}")
        except orjson.JSONDecodeError:
            raise Refused(422, "JSON is expected") from None
        if not isinstance(changes, dict):
            raise Refused(422, "an object is expected")
        plan = Plan.model_validate(
            {name: changes.pop(name) for name in ("edition", "seats", "hipaa") if name in changes}
        )
        org.behaviour = Behaviour.model_validate({**org.behaviour.model_dump(), **changes})
        org.profile.update(plan.model_dump(exclude_none=True))
        org.save_profile()
        org.forget_checks()
        org.refresh_limits()
        return _json(org.behaviour.model_dump())

    async def state(self, request: Request) -> Response:
        """Dump every row, or the rows of ``?module=``."""
        org = self._org(request)
        only = request.query_params.get("module")
        if only is not None and only not in org.modules:
            raise Refused(404, "no such module")
        every = [*(m.api_name for m in record_modules(org)), "Notes", "Attachments"]
        names = [only] if only is not None else every
        return _json({name: list(all_rows(org, name)) for name in names})

    async def fingerprint(self, request: Request) -> Response:
        """Return the fingerprint per module; ``?ids=false`` to compare two orgs."""
        org = self._org(request)
        wanted = request.query_params.get("modules")
        ids = request.query_params.get("ids", "true") != "false"
        return _json(org_fingerprint(org, wanted.split(",") if wanted else None, ids=ids))

    async def requests(self, request: Request) -> Response:
        """Return the request log after ``?since=`` (a sequence number)."""
        org = self._org(request)
        since = _since(request)
        return _json({"requests": list(org.log.since(since))})

    async def clear_requests(self, request: Request) -> Response:
        """Forget the request log."""
        self._org(request).log.clear()
        return Response(status_code=204)

    async def fired(self, request: Request) -> Response:
        """Return the automations that ran, after ``?since=``."""
        org = self._org(request)
        since = _since(request)
        rows = org.database.all(
            "select seq, at, feature, module, action, record, source from fired where seq > ?"
            " order by seq limit 100000",
            (since,),
        )
        keys = ("seq", "at", "feature", "module", "action", "record", "source")
        shown = [dict(zip(keys, (*row[:5], str(row[5]), row[6]), strict=True)) for row in rows]
        count = org.database.one("select count(*) from fired")
        return _json({"fired": shown, "count": count[0] if count else 0})

    async def clear_fired(self, request: Request) -> Response:
        """Forget the automations that ran."""
        self._org(request).database.execute("delete from fired")
        return Response(status_code=204)

    async def meters(self, request: Request) -> Response:
        """Return credits and concurrency as the org itself counts them."""
        org = self._org(request)
        gates = {
            app: {
                "in_flight": gate.in_flight,
                "limit": gate.limit,
                "highest": gate.highest,
                "highest_heavy": gate.highest_heavy,
                "refused": gate.refused,
            }
            for app, gate in org.gates.items()
        }
        return _json(
            {
                "credits": {
                    "used": org.credits.used(),
                    "allowance": org.credits.allowance,
                    "remaining": org.credits.remaining(),
                    "total": org.credits.total,
                },
                "concurrency": gates,
                "storage": {
                    "records": org.storage.data_limit_kb() // RECORD_KB,
                    "file_bytes": org.storage.file_limit_bytes(),
                },
                "requests": len(org.log),
            }
        )

    async def list_faults(self, request: Request) -> Response:
        """List the faults with their counters."""
        book = self._org(request).faults
        shown = [
            {"id": f.id, "seen": f.seen, "fired": f.fired, **f.spec.model_dump()}
            for f in book.faults
        ]
        return _json({"faults": shown})

    async def add_fault(self, request: Request) -> Response:
        """Add a fault."""
        spec = await self._body(request, FaultSpec)
        try:
            fault = self._org(request).faults.add(spec)
        except re.error:
            raise Refused(422, "path is no regular expression") from None
        return _json({"id": fault.id}, 201)

    async def clear_faults(self, request: Request) -> Response:
        """Remove every fault."""
        self._org(request).faults.faults.clear()
        return Response(status_code=204)

    async def remove_fault(self, request: Request) -> Response:
        """Remove one fault."""
        wanted = request.path_params["fault"]
        if not (wanted.isdigit() and self._org(request).faults.remove(int(wanted))):
            raise Refused(404, "no such fault")
        return Response(status_code=204)

    async def advance_all(self, request: Request) -> Response:
        """Move virtual time of every org."""
        wanted = await self._body(request, Advance)
        for org in self._registry.orgs.values():
            org.clock.advance(wanted.seconds)
            org.save_clock(wanted.seconds)
        return _json({"orgs": len(self._registry.orgs)})

    async def advance(self, request: Request) -> Response:
        """Move virtual time of one org."""
        org = self._org(request)
        wanted = await self._body(request, Advance)
        org.clock.advance(wanted.seconds)
        org.save_clock(wanted.seconds)
        return _json({"now": org.clock.now()})

    async def freeze(self, request: Request) -> Response:
        """Stop virtual time of one org."""
        org = self._org(request)
        wanted = await self._body(request, Freeze)
        org.clock.freeze(wanted.at)
        return _json({"now": org.clock.now()})

    async def thaw(self, request: Request) -> Response:
        """Let virtual time run again."""
        org = self._org(request)
        org.clock.thaw()
        return _json({"now": org.clock.now()})

    async def add_user(self, request: Request) -> Response:
        """Add a user to an org."""
        org = self._org(request)
        new = await self._body(request, NewPerson)
        with org.database.transaction():
            person = self._registry.add_person(org, new)
        return _json(user_json(org, person), 201)

    async def edit(self, request: Request) -> Response:
        """Let a person create, change or delete a record."""
        org = self._org(request)
        wanted = await self._body(request, Edit)
        try:
            return _json(apply_edit(org, wanted), 201)
        except KeyError as missing:
            raise Refused(404, f"no such user or module: {missing}") from None

    async def credentials(self, request: Request) -> Response:
        """Mint a further refresh token, or a grant code to exchange."""
        org = self._org(request)
        wanted = await self._body(request, NewCredentials)
        tokens = self._registry.tokens
        try:
            person = find_person(org, wanted.user)
        except KeyError:
            raise Refused(404, "no such user") from None
        known = org.database.one("select client_id, client_secret from client order by rowid")
        client_id = wanted.client_id or (known[0] if known else "")
        if not tokens.knows_client(client_id):
            tokens.add_client(org, client_id, wanted.client_secret or "secret")
        client = tokens.client(client_id)
        if client is None or client[0] is not org:
            raise Refused(409, "the app belongs to another org")
        answer = {"client_id": client_id, "client_secret": client[1], "user_id": str(person.id)}
        if wanted.grant_code:
            code = tokens.mint(
                org,
                "code",
                client_id=client_id,
                person=person.id,
                scope=wanted.scopes,
                life_s=org.behaviour.grant_code_ttl_s,
            )
            return _json({**answer, "code": code.token}, 201)
        grant = tokens.add_refresh_token(
            org, client_id=client_id, person=person.id, scope=wanted.scopes
        )
        return _json({**answer, "refresh_token": grant.token}, 201)

    async def expire_tokens(self, request: Request) -> Response:
        """Invalidate every access token of an org."""
        org = self._org(request)
        return _json({"expired": self._registry.tokens.expire_access_tokens(org)})

    async def lock(self, request: Request) -> Response:
        """Lock or release a record."""
        org = self._org(request)
        wanted = await self._body(request, Lock)
        found = record_id(wanted.id)
        if found is None:
            raise Refused(422, "id is no id")
        if wanted.code is None:
            org.locked.pop(found, None)
            org.database.execute("delete from locked where id = ?", (found,))
        else:
            org.locked[found] = wanted.code
            org.database.execute(
                "insert or replace into locked values (?, ?)", (found, wanted.code)
            )
        return Response(status_code=204)

    async def subform(self, request: Request) -> Response:
        """Add a subform to a module, as an administrator does in the layout editor."""
        org = self._org(request)
        wanted = await self._body(request, NewSubform)
        if wanted.module not in org.modules:
            raise Refused(404, "no such module")
        with org.database.transaction():
            return _json(add_subform(org, wanted, new_module), 201)
