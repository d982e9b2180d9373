"""One org at run time: its storage, clock, modules, users, meters and memory of requests."""

from __future__ import annotations

import secrets
from collections import deque
from pathlib import Path
from typing import Any

import orjson

from .behaviour import Behaviour
from .clock import Clock, iso
from .database import Database, IdSource
from .errors import Json
from .faults import FaultBook
from .jobs import JobQueue
from .metadata import FieldMeta, Module
from .metering import CreditMeter, FlightGate
from .people import Person
from .plan import PLANS, SUB_CONCURRENCY, Edition, daily_credits
from .request_log import RequestLog
from .storage import Storage
from .table import Table
from .validation import ModuleChecks


class Org:
    """Everything one Zoho org is; opened from its folder, closed with it."""

    def __init__(self, folder: Path, *, request_log_size: int) -> None:
        self.folder = folder
        self.files = folder / "files"
        self.files.mkdir(parents=True, exist_ok=True)
        self.database = Database(folder / "org.sqlite")
        self.clock = Clock()
        self.log = RequestLog(request_log_size)
        self.faults = FaultBook()
        self.jobs = JobQueue(self)
        self.modules: dict[str, Module] = {}
        self.people: dict[int, Person] = {}
        self.gates: dict[str, FlightGate] = {}
        self.locked: dict[int, str] = {}
        self.page_token_key = b""
        self.download_times: deque[float] = deque()
        self._checks: dict[str, ModuleChecks] = {}
        self._index_caught_up: dict[int, float] = {}
        self.behaviour = Behaviour()
        self.profile: Json = {}
        self.ids: IdSource
        self.credits: CreditMeter
        self.storage: Storage

    def load(self) -> None:
        """Read the org's description, modules and users from its database."""
        self.profile = self.database.get_meta("org")
        self.behaviour = Behaviour.model_validate(self.profile["behaviour"])
        self.ids = IdSource(self.database, self.profile["prefix"])
        self.page_token_key = self._kept_key("page_token_key")
        if (offset := self.database.get_meta("clock_offset_s")) is not None:
            self.clock.advance(offset)
        for slot_doc in self.database.all("select doc from module order by slot"):
            module = Module.load(orjson.loads(slot_doc[0]))
            self.modules[module.api_name] = module
        for (doc,) in self.database.all("select doc from person order by id"):
            person = Person(**orjson.loads(doc))
            self.people[person.id] = person
        self.locked = dict(self.database.all("select id, code from locked"))
        self.refresh_limits()

    def _kept_key(self, name: str) -> bytes:
        """Return a secret of this org, the same after every restart."""
        kept = self.database.get_meta(name)
        if kept is None:
            kept = secrets.token_hex(16)
            self.database.put_meta(name, kept)
        return bytes.fromhex(kept)

    def refresh_limits(self) -> None:
        """Derive the credit allowance from edition, seats and overrides."""
        override = self.behaviour.credits_override
        allowance = daily_credits(self.edition, self.seats) if override is None else override
        self.credits = CreditMeter(
            self.database, self.clock, allowance=allowance, add_on=self.behaviour.credits_add_on
        )
        self.storage = Storage(self)
        for gate in self.gates.values():
            gate.limit = self.in_flight_limit

    def save_profile(self) -> None:
        """Write the org's description back."""
        self.profile["behaviour"] = self.behaviour.model_dump()
        self.database.put_meta("org", self.profile)

    @property
    def id(self) -> str:
        """Return the org's id, which is also its zgid."""
        return str(self.profile["zgid"])

    @property
    def edition(self) -> Edition:
        """Return the edition."""
        edition: Edition = self.profile["edition"]
        return edition

    @property
    def seats(self) -> int:
        """Return the licences bought."""
        return int(self.profile["seats"])

    @property
    def in_flight_limit(self) -> int:
        """Return how many calls of one app may be in flight."""
        return self.behaviour.concurrency_override or PLANS[self.edition].in_flight

    @property
    def profiles(self) -> dict[str, int]:
        """Return profile name → id."""
        known: dict[str, int] = self.profile["profiles"]
        return known

    @property
    def roles(self) -> dict[str, int]:
        """Return role name → id."""
        known: dict[str, int] = self.profile["roles"]
        return known

    def gate(self, client_id: str) -> FlightGate:
        """Return the concurrency gate of one app."""
        gate = self.gates.get(client_id)
        if gate is None:
            gate = self.gates[client_id] = FlightGate(self.in_flight_limit, SUB_CONCURRENCY)
        return gate

    def checks(self, module: Module) -> ModuleChecks:
        """Return the compiled validator of a module, rebuilt when its metadata changed."""
        checks = self._checks.get(module.api_name)
        if checks is None or checks.version != module.version:
            checks = self._checks[module.api_name] = ModuleChecks(module, self.behaviour)
        return checks

    def forget_checks(self) -> None:
        """Rebuild every validator: the org's settings changed."""
        self._checks.clear()

    def save_module(self, module: Module) -> None:
        """Persist a module's metadata and invalidate what was compiled from it."""
        module.version += 1
        self.modules[module.api_name] = module
        self.database.execute(
            "insert into module values (?, ?, ?) on conflict do update set doc = excluded.doc",
            (module.id, module.slot, orjson.dumps(module).decode()),
        )

    def save_person(self, person: Person) -> None:
        """Persist a user."""
        self.people[person.id] = person
        self.database.execute(
            "insert into person values (?, ?) on conflict do update set doc = excluded.doc",
            (person.id, orjson.dumps(person).decode()),
        )

    def person_reference(self, person_id: int | None) -> Json | None:
        """Return a user as shown on a record, ``None`` for nobody."""
        if person_id is None:
            return None
        person = self.people.get(person_id)
        return None if person is None else person.reference()

    def stamp(self, seconds: float, person: Person) -> str:
        """Return an instant as this user sees it."""
        return iso(seconds, person.time_zone)

    def save_clock(self, advanced_s: float) -> None:
        """Remember how far virtual time was moved, for the next start."""
        offset = (self.database.get_meta("clock_offset_s") or 0.0) + advanced_s
        self.database.put_meta("clock_offset_s", offset)

    def field(self, module: str, api_name: str) -> FieldMeta | None:
        """Return a live field."""
        found = self.modules[module].fields.get(api_name)
        return None if found is None or found.deleted else found

    def forget_found(self, table: Table, now: int) -> None:
        """Drop old versions kept for the search index, once per time it lags behind."""
        slot = table.module.slot
        due = self._index_caught_up.get(slot, 0.0) + max(1.0, self.behaviour.search_index_lag_s)
        if now >= due:
            self._index_caught_up[slot] = now
            table.forget_found(now)

    def fire(
        self, features: list[str], module: str, action: str, ids: list[int], source: str
    ) -> None:
        """Record that automations ran for these records."""
        now = self.clock.now_s()
        rows: list[tuple[Any, ...]] = [
            (now, feature, module, action, record, source) for record in ids for feature in features
        ]
        self.database.executemany(
            "insert into fired (at, feature, module, action, record, source)"
            " values (?, ?, ?, ?, ?, ?)",
            rows,
        )

    def close(self) -> None:
        """Close the org's storage."""
        self.database.close()
