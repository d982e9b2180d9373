"""Carriers, locations and providers: the small tables other records point at."""

from collections.abc import Iterator
from typing import ClassVar

import duckdb
from bridgework_contracts.outcomes import Reason
from bridgework_contracts.records import Problem, Provenance

from bridgework_dental_exec.cells import Row
from bridgework_dental_exec.context import SourceContext, fold_name
from bridgework_dental_exec.objects.base import Builder, street
from bridgework_dental_exec.parsers.contact import parse_zip
from bridgework_dental_exec.parsers.people import npi_is_valid
from bridgework_dental_exec.problems import problem
from bridgework_dental_exec.records import CanonicalRecord, Decided, Provider


def read_zip(builder: Builder, row: Row, field: str, state: str | None) -> str | None:
    """Read a zip code with its state; what was restored or odd becomes a problem."""
    printed = row.values[field]
    if printed is None:
        return None
    value, code = parse_zip(printed, state)
    if code is not None:
        column = builder.spec.fields[field].column
        row.problems.append(problem(builder.file, row.line, column, code, printed))
    return value


class CarrierBuilder(Builder):
    """Insurance carriers, one record per payer; spellings are kept."""

    object: ClassVar[str] = "carrier"

    def records(self, keys: set[str] | None) -> Iterator[CanonicalRecord]:
        """Yield surviving carriers with all rows merged into them."""
        connection = self.connect()
        try:
            rows: dict[str, list[Row]] = {}
            for row in self.main_rows(connection, None):
                survivor = self.context.survivor_of_carrier.get(row.key)
                if survivor is not None and (keys is None or survivor in keys):
                    rows.setdefault(survivor, []).append(row)
        finally:
            connection.close()
        for key, members in rows.items():
            members.sort(key=lambda r: (r.key != key, len(r.key), r.key, r.line))
            yield self._carrier(members)

    def _carrier(self, members: list[Row]) -> CanonicalRecord:
        first = members[0]
        unique = list({m.key: m for m in reversed(members)}.values())[::-1]

        def known(field: str) -> str | None:
            return next((m.values[field] for m in members if m.values[field] is not None), None)

        payers = [m.values["payer_id"] for m in members if m.values["payer_id"]]
        state = known("state")
        with_zip = next((m for m in members if m.values["zip"]), first)
        phones = next((m for m in members if m.values["phone"]), first)
        flags = [m.values["active"] for m in members if m.values["active"] is not None]
        carrier = self.context.carriers[first.key]
        fields = {
            "name": known("name"),
            "names": list(carrier.names),
            "payer_id": max(payers, key=len) if payers else None,
            "street": street(known("address1"), known("address2")),
            "city": known("city"),
            "state": state,
            "zip": read_zip(self, with_zip, "zip", state),
            "phone": phones.values["phone"],
            "phone_raw": phones.values["phone_raw"],
            "active": any(flags) if flags else None,
            "merged_keys": list(carrier.merged),
        }
        others = [(self.file, m) for m in unique[1:]]
        return self.record(first, fields, patient_key=None, folded=others)

    def decided_rows(self, connection: duckdb.DuckDBPyConnection) -> Iterator[Decided]:
        """Yield spellings merged into a survivor, and rows that stand twice."""
        del connection
        own = self.connect()
        try:
            yield from super().decided_rows(own)
            repeated = self.skipped_lines(own)
            for row in self.main_rows(own, None):
                survivor = self.context.survivor_of_carrier.get(row.key)
                if survivor is None or survivor == row.key or row.line in repeated:
                    continue
                yield Decided(
                    object=self.object,
                    key=row.key,
                    outcome="merged",
                    merged_into=survivor,
                    reason=Reason(
                        code="same_carrier",
                        sentence="Same payer id or same name as another carrier: kept as one.",
                    ),
                    provenance=(Provenance(file=self.file, line=row.line),),
                )
        finally:
            own.close()


class LocationBuilder(Builder):
    """Offices."""

    object: ClassVar[str] = "location"

    def build(self, row: Row) -> CanonicalRecord:
        """Return one office."""
        v = row.values
        fields = {
            "name": v["name"],
            "street": street(v["address1"], v["address2"]),
            "city": v["city"],
            "state": v["state"],
            "zip": read_zip(self, row, "zip", v["state"]),
            "phone": v["phone"],
            "phone_raw": v["phone_raw"],
            "timezone": v["timezone"],
        }
        return self.record(row, fields, patient_key=None)


def read_providers(context: SourceContext) -> Iterator[Provider]:
    """Yield providers with every form their name is printed in."""
    connection = context.snapshot.connect(["providers", "staff_users"])
    try:
        staff: dict[str, list[tuple[str | None, str | None]]] = {}
        for row in context.rows(connection, "staff"):
            if row.values["provider_key"]:
                staff.setdefault(row.values["provider_key"], []).append(
                    (row.values["name"], row.values["email"])
                )
        file = context.snapshot.file("providers")
        for row in context.rows(connection, "provider"):
            if row.key:
                yield _provider(row, staff.get(row.key, []), file)
    finally:
        connection.close()


def _provider(row: Row, staff: list[tuple[str | None, str | None]], file: str) -> Provider:
    v = row.values
    first, last = v["first_name"], v["last_name"]
    problems: list[Problem] = row.problems
    npi = v["npi"]
    valid = npi is not None and npi_is_valid(npi)
    if npi is not None and not valid:
        problems.append(problem(file, row.line, "npi", "npi_check_digit", npi))
    names = [
        " ".join(p for p in (first, last) if p),
        f"{last}, {first}" if first and last else "",
        f"{first} {last} {v['suffix']}" if first and last and v["suffix"] else "",
        f"Dr. {last}" if last and (v["type"] or "").lower() == "dentist" else "",
        *(name for name, _ in staff if name),
    ]
    unique: dict[str, str] = {}
    for name in names:
        if name:
            unique.setdefault(fold_name(name), name)
    return Provider(
        key=row.key,
        abbr=v["abbr"],
        last_name=last,
        first_name=first,
        suffix=v["suffix"],
        type=v["type"],
        specialty=v["specialty"],
        npi=npi,
        npi_valid=valid,
        email=v["email"],
        active=v["active"],
        names=tuple(unique.values()),
        provenance=(Provenance(file=file, line=row.line),),
        problems=tuple(problems),
    )
