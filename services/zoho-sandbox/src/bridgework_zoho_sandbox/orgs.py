"""Creating, opening and removing orgs; each is a folder with one database and its files."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from .behaviour import Behaviour
from .bulk_read import run_bulk_read
from .bulk_write_run import run_bulk_write
from .database import IdSource
from .errors import Json
from .mass_delete import KIND, run_mass_delete
from .metadata import Choice, FieldMeta, Module, Stage
from .oauth import ALL_SCOPES, TokenBook
from .org import Org
from .people import Person
from .plan import Edition
from .standard import MODULES, STAGES, StandardModule, system_fields

PREFIX_MIN = 4_000_000
PREFIX_SPAN = 5_000_000
STANDARD_PIPELINE = "Standard"
_FIELD_PARTS = 5


class NewPerson(BaseModel):
    """A user of a new org; unknown keys such as ``NPI`` become custom fields' values."""

    model_config = ConfigDict(extra="allow")

    full_name: str = Field(min_length=1)
    email: str = Field(min_length=3)
    role: str = "Manager"
    profile: str = "Administrator"
    status: str = "active"
    confirmed: bool = True
    time_zone: str | None = None


class NewOrg(BaseModel):
    """What ``POST /sandbox/orgs`` takes."""

    model_config = ConfigDict(extra="forbid")

    org_id: str | None = Field(default=None, pattern=r"^[0-9]{4,19}$")
    company_name: str = "Sandbox Dental"
    edition: Edition = "enterprise"
    seats: PositiveInt = 10
    time_zone: str = "America/New_York"
    users: list[NewPerson] = Field(
        default_factory=lambda: [NewPerson(full_name="Ada Admin", email="admin@example.com")],
        min_length=1,
    )
    client_id: str | None = None
    client_secret: str | None = None
    refresh_token: str | None = None
    scopes: str = ALL_SCOPES
    hipaa_compliance_enabled: bool = False
    settings: Behaviour = Field(default_factory=Behaviour)


class OrgRegistry:
    """Every org of this process, by id."""

    def __init__(self, root: Path, *, request_log_size: int) -> None:
        self.root = root
        self.tokens = TokenBook()
        self.orgs: dict[str, Org] = {}
        self._request_log_size = request_log_size

    def open_all(self) -> None:
        """Open every org found in the data folder."""
        for folder in sorted(self.root.glob("org-*")):
            org = self._org(folder)
            org.load()
            self.orgs[org.id] = org
            self.tokens.adopt(org)

    def create(self, wanted: NewOrg) -> tuple[Org, Json]:
        """Create an org and return it with the credentials of its first app.

        Raises:
            FileExistsError: when an org with this id, or an app with this client id, exists.
        """
        prefix = PREFIX_MIN + secrets.randbelow(PREFIX_SPAN)
        zgid = wanted.org_id or str(prefix * 100 + 17)
        client_id = wanted.client_id or f"1000.{secrets.token_hex(15).upper()}"
        if zgid in self.orgs or self.tokens.knows_client(client_id):
            raise FileExistsError(zgid)
        org = self._org(self.root / f"org-{zgid}")
        with org.database.transaction():
            self._fill(org, wanted, zgid, prefix)
        org.load()
        self.orgs[zgid] = org
        client_secret = wanted.client_secret or secrets.token_hex(21)
        self.tokens.add_client(org, client_id, client_secret)
        refresh = self.tokens.add_refresh_token(
            org,
            client_id=client_id,
            person=next(iter(org.people)),
            scope=wanted.scopes,
            token=wanted.refresh_token,
        )
        return org, {
            "org_id": zgid,
            "client_id": client_id,
            "client_secret": client_secret,
            "refresh_token": refresh.token,
        }

    def _fill(self, org: Org, wanted: NewOrg, zgid: str, prefix: int) -> None:
        ids = IdSource(org.database, prefix)
        org.ids = ids
        now = org.clock.now_s()
        org.profile = {
            "id": str(prefix * IdSource.SPAN + 7),
            "zgid": zgid,
            "prefix": prefix,
            "company_name": wanted.company_name,
            "edition": wanted.edition,
            "seats": wanted.seats,
            "time_zone": wanted.time_zone,
            "hipaa": wanted.hipaa_compliance_enabled,
            "profiles": {"Administrator": ids.take(), "Standard": ids.take()},
            "roles": {},
            "created": now,
        }
        for role in ("CEO", "Manager", *[person.role for person in wanted.users]):
            org.profile["roles"].setdefault(role, ids.take())
        org.behaviour = wanted.settings
        org.save_profile()
        modules = [
            build_module(ids, standard, slot, now) for slot, standard in enumerate(MODULES, 1)
        ]
        for module in modules:
            org.database.add_module_tables(module.slot)
            org.save_module(module)
        for new in wanted.users:
            self.add_person(org, new)

    def add_person(self, org: Org, new: NewPerson) -> Person:
        """Add a user; extra keys become custom text fields of Users where they are missing."""
        first, _, last = new.full_name.rpartition(" ")
        now = org.clock.now_s()
        custom: Json = dict(new.model_extra or {})
        users = org.modules["Users"]
        for name in custom:
            if name not in users.fields:
                field = FieldMeta(
                    org.ids.take(), name, name.replace("_", " "), "text", 255, custom=True
                )
                users.fields[name] = field
        org.save_module(users)
        if new.role not in org.profile["roles"]:
            org.profile["roles"][new.role] = org.ids.take()
            org.save_profile()
        person_id = org.ids.take()
        person = Person(
            id=person_id,
            zuid=700_000_000 + person_id % 10**8,
            first_name=first,
            last_name=last,
            email=new.email.lower(),
            role=new.role,
            profile=new.profile if new.profile in org.profiles else "Standard",
            time_zone=new.time_zone or org.profile["time_zone"],
            status=new.status,
            confirmed=new.confirmed,
            created=now,
            modified=now,
            custom=custom,
        )
        org.save_person(person)
        return person

    def _org(self, folder: Path) -> Org:
        org = Org(folder, request_log_size=self._request_log_size)
        org.jobs.runners = {
            "write": run_bulk_write,
            "read": run_bulk_read,
            KIND: run_mass_delete,
        }
        return org

    async def remove(self, org: Org) -> None:
        """Close an org and delete its folder."""
        await org.jobs.close()
        self.tokens.forget(org)
        self.orgs.pop(org.id, None)
        org.close()
        shutil.rmtree(org.folder, ignore_errors=True)

    def resume_jobs(self) -> None:
        """Go on with the jobs a stopped process left behind."""
        for org in self.orgs.values():
            org.jobs.resume()

    async def close(self) -> None:
        """Close every org."""
        for org in self.orgs.values():
            await org.jobs.close()
            org.close()


def build_module(ids: IdSource, standard: StandardModule, slot: int, now: int) -> Module:
    """Build one standard module from its table."""
    module = Module(
        id=ids.take(),
        slot=slot,
        api_name=standard.api_name,
        plural_label=standard.plural,
        singular_label=standard.singular,
        upsertable=standard.upsertable,
        bulk_writable=standard.bulk_writable,
        has_notes=standard.has_notes,
        duplicate_field=standard.duplicate_field,
        display_field=standard.display_field,
        layout_id=ids.take(),
        section_id=ids.take(),
        view_id=ids.take(),
        modified_at=now,
    )
    text = standard.fields
    if standard.api_name != "Users":
        text += system_fields(standard.singular)
    for line in text.strip().splitlines():
        if line:
            field = parse_field(ids, line, now)
            module.fields[field.api_name] = field
    if standard.api_name == "Deals":
        stages = [Stage(ids.take(), *stage) for stage in STAGES]
        module.pipelines[STANDARD_PIPELINE] = stages
        module.pipeline_ids[STANDARD_PIPELINE] = ids.take()
    return module


def parse_field(ids: IdSource, line: str, now: int) -> FieldMeta:
    """Read one line of the standard tables."""
    parts = (line + "||||").split("|")[:_FIELD_PARTS]
    api_name, label, kind, flags, rest = parts
    data_type, _, length = kind.partition(":")
    field = FieldMeta(
        id=ids.take(),
        api_name=api_name,
        label=label,
        data_type=data_type,
        length=int(length or 255),
        mandatory="M" in flags,
        read_only="R" in flags,
        decimal_place={"currency": 2, "double": 2, "percent": 2}.get(data_type),
        textarea_type="large" if data_type == "textarea" else None,
        created_at=now,
        modified_at=now,
    )
    if data_type == "lookup":
        field.lookup_module = rest
    elif rest:
        field.choices = [
            Choice(ids.take(), value.strip(), value.strip(), number)
            for number, value in enumerate(rest.split(","), 1)
        ]
    return field
