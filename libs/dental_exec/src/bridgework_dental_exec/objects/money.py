"""Accounts with their guarantors and balances, ledger lines, claims. All sums in whole cents."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, ClassVar

import duckdb
import pyarrow as pa

from bridgework_dental_exec.cells import Row
from bridgework_dental_exec.context import fold_name, sql_key, stream_cells
from bridgework_dental_exec.objects.base import Builder, street
from bridgework_dental_exec.objects.people import read_zip
from bridgework_dental_exec.objects.treatment import cents, money
from bridgework_dental_exec.parsers.money import signed_effect
from bridgework_dental_exec.parsers.people import split_name
from bridgework_dental_exec.problems import problem
from bridgework_dental_exec.records import CanonicalRecord

INVALIDATED = "+"
_BLOCKS = ("g1", "g2", "g3")


def effect(values: dict[str, Any]) -> tuple[str | None, bool, str | None]:
    """Return what a ledger line does to the balance, whether it counts, and a problem code."""
    written, kind = values["amount"], values["kind"]
    counts = INVALIDATED not in (values["flag"] or "")
    if written is None:
        return None, counts, None
    amount, code = signed_effect(written, kind or "")
    return (amount if counts else "0.00"), counts, code


class LedgerBuilder(Builder):
    """Ledger lines with their signed effect."""

    object: ClassVar[str] = "ledger_entry"
    day_field: ClassVar[str | None] = "post_date"

    def build(self, row: Row) -> CanonicalRecord:
        """Return one ledger line."""
        v = row.values
        patient_key, _ = self.patient(row)
        amount, counts, code = effect(v)
        if code is not None:
            column = self.spec.fields["amount"].column
            row.problems.append(problem(self.file, row.line, column, code))
        fields = {
            "account_key": v["account_key"],
            "patient_key": patient_key,
            "post_date": v["post_date"],
            "entry_date": v["entry_date"],
            "kind": v["kind"],
            "amount": amount,
            "written_amount": v["amount"],
            "code": v["code"],
            "code_raw": v["code_raw"],
            "description": self.context.code_labels.get(v["code"] or ""),
            "tooth": v["tooth"],
            "surface": v["surface"],
            "provider_key": self.provider(row, "provider"),
            "check_no": v["check_no"],
            "claim_key": v["claim_key"],
            "applied_to": v["applied_to"],
            "flag": v["flag"],
            "counts": counts,
            "memo": v["memo"],
        }
        return self.record(row, fields, patient_key=patient_key)


class AccountBuilder(Builder):
    """Household accounts: the responsible patient, guarantors, and the balance of the ledger."""

    object: ClassVar[str] = "account"

    def tables(self) -> set[str]:
        """Accounts, their patients and their ledger lines."""
        return super().tables() | {self.context.profile.objects["ledger_entry"].table}

    def records(self, keys: set[str] | None) -> Iterator[CanonicalRecord]:
        """Yield accounts."""
        connection = self.connect()
        try:
            skipped = self.skipped_lines(connection)
            balances = self._balances(connection, keys)
            responsible = self._responsible(connection)
            known = self._people(connection)
            for row in self.main_rows(connection, keys):
                if row.line in skipped or not row.key:
                    continue
                yield self._account(row, balances.get(row.key), responsible, known)
        finally:
            connection.close()

    def counts(self) -> dict[str, int]:
        """Count accounts, and guarantor blocks: one per account whose first block has a name."""
        found = super().counts()
        connection = self.connect()
        try:
            column = self.spec.fields["g1_name"].column
            row = connection.execute(
                f'SELECT count(*) FROM "{self.spec.table}" WHERE "{column}" IS NOT NULL'
            ).fetchone()
        finally:
            connection.close()
        found["guarantor"] = row[0] if row else 0
        return found

    def _balances(
        self, connection: duckdb.DuckDBPyConnection, keys: set[str] | None
    ) -> dict[str, list[int]]:
        """Sum the counting ledger lines of each account: key → [cents, lines]."""
        reader = self.context.reader("ledger_entry")
        spec = reader.spec
        names = ("account_key", "amount", "kind", "flag")
        columns = tuple(spec.fields[n].column for n in names)
        parse = {n: self.context.parsers.parser(spec.table, spec.fields[n]) for n in names}
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        memo: dict[tuple[str | None, str | None, str | None], int] = {}
        skipped = self._repeated_ledger_lines()
        for (account, amount, kind, flag), line in stream_cells(connection, spec, columns):
            if account is None or line in skipped:
                continue
            cell = (amount, kind, flag)
            value = memo.get(cell)
            if value is None:
                read = {
                    n: parse[n](t)[0] if t is not None else None
                    for n, t in zip(names[1:], cell, strict=True)
                }
                value = memo[cell] = cents(effect(read)[0])
                if len(memo) > 200_000:  # noqa: PLR2004 - bounds the memory of distinct amounts
                    memo.clear()
            key = account if account.isdigit() else parse["account_key"](account)[0]
            if keys is not None and key not in keys:
                continue
            entry = sums[key]
            entry[0] += value
            entry[1] += 1
        return sums

    def _repeated_ledger_lines(self) -> set[int]:
        ledger = LedgerBuilder(self.context)
        connection = ledger.connect()
        try:
            return ledger.skipped_lines(connection)
        finally:
            connection.close()

    def _responsible(self, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
        """Return account → patient most of its members name as responsible; ties → oldest."""
        spec = self.context.profile.objects["patient"]
        account, party, own = (
            spec.fields["account_key"].column,
            spec.fields["guarantor_key"].column,
            spec.key[0].column,
        )
        lines = [line for n in self.context.reused.values() for line in n.other_lines]
        rows = connection.execute(
            f'SELECT {sql_key(account)}, {sql_key(party)}, {sql_key(own)} FROM "{spec.table}" '
            f'WHERE "{account}" IS NOT NULL AND "{party}" IS NOT NULL AND _line NOT IN '
            "(SELECT unnest(?::BIGINT[]))",
            [lines],
        )
        votes: dict[str, Counter[str]] = defaultdict(Counter)
        while chunk := rows.fetchmany(10_000):
            for key, named, _ in chunk:
                survivor = self.context.merges.get(named, named)
                votes[key][survivor] += 1
        return {key: min(v, key=lambda p: (-v[p], len(p), p)) for key, v in votes.items()}

    def _people(self, connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str, str], str]:
        """Return (last, first, birth date) → patient, only for names guarantor blocks print."""
        spec = self.spec
        wanted: set[str] = set()
        for block in _BLOCKS:
            column = spec.fields[f"{block}_name"].column
            rows = connection.execute(
                f'SELECT DISTINCT "{column}" FROM "{spec.table}" WHERE "{column}" IS NOT NULL'
            ).fetchall()
            wanted |= {fold_name(split_name(name).last) for (name,) in rows}
        patients = self.context.profile.objects["patient"]
        last = patients.fields["last_name"].column
        folded = f"lower(regexp_replace(strip_accents(\"{last}\"), '[^A-Za-z0-9]', '', 'g'))"
        connection.register("lasts", pa.table({"k": pa.array(sorted(wanted), pa.string())}))
        known: dict[tuple[str, str, str], str] = {}
        for row in self.context.rows(
            connection, "patient", f"WHERE {folded} IN (SELECT k FROM lasts)"
        ):
            v = row.values
            if v["birth_date"] and row.key:
                who = (fold_name(v["last_name"]), fold_name(v["first_name"]), v["birth_date"])
                survivor = self.context.merges.get(row.key, row.key)
                known.setdefault(who, survivor)
        return known

    def _account(
        self,
        row: Row,
        balance: list[int] | None,
        responsible: dict[str, str],
        known: dict[tuple[str, str, str], str],
    ) -> CanonicalRecord:
        v = row.values
        total, lines = balance or (0, 0)
        blocks = [self._block(row, block, known) for block in _BLOCKS]
        patient_key = responsible.get(row.key) or (blocks[0] or {}).get("patient_key")
        first = blocks[0] or {}
        stored = v["stored_balance"]
        agrees = stored is None or cents(stored) == total
        if not agrees:
            column = self.spec.fields["stored_balance"].column
            row.problems.append(problem(self.file, row.line, column, "balance_differs", stored))
        codes = (v["user_codes"] or "").upper()
        billing = (v["billing_type"] or "").lower()
        fields: dict[str, Any] = {
            "patient_key": patient_key,
            "guarantor_name": first.get("name"),
            "guarantor_patient_key": first.get("patient_key"),
            "guarantor_street": first.get("street"),
            "guarantor_city": first.get("city"),
            "guarantor_state": first.get("state"),
            "guarantor_zip": first.get("zip"),
            "guarantor_phone": first.get("phone"),
            "guarantor_birth_date": first.get("birth_date"),
            "guarantor_employer": first.get("employer"),
            "other_guarantors": [b for b in blocks[1:] if b is not None],
            "billing_type": v["billing_type"],
            "user_codes": v["user_codes"],
            "collections": "C" in codes or billing.startswith("collection"),
            "inactive": "I" in codes,
            "balance": money(total),
            "stored_balance": stored,
            "balance_agrees": agrees,
            **{f"aging_{n}": v[f"aging_{n}"] for n in ("0", "30", "60", "90")},
            "last_statement": v["last_statement"],
            "lines": lines,
            "notes": "\n".join(n for n in (v["notes1"], v["notes2"]) if n) or None,
        }
        parts = {"guarantor": 1} if blocks[0] is not None else {}
        return self.record(row, fields, patient_key=patient_key, parts=parts)

    def _block(
        self, row: Row, block: str, known: dict[tuple[str, str, str], str]
    ) -> dict[str, Any] | None:
        """Return one guarantor block, linked to the patient of the same name and birth date."""
        v = row.values
        printed = v[f"{block}_name"]
        if printed is None:
            return None
        name = split_name(printed)
        born = v[f"{block}_birth_date"]
        first = name.first.split(" ")[0]
        patient = known.get((fold_name(name.last), fold_name(first), born or ""))
        zip_code = read_zip(self, row, f"{block}_zip", v[f"{block}_state"])
        return {
            "name": printed,
            "last_name": name.last or None,
            "first_name": name.first or None,
            "birth_date": born,
            "street": street(v[f"{block}_address1"], v[f"{block}_address2"]),
            "city": v[f"{block}_city"],
            "state": v[f"{block}_state"],
            "zip": zip_code,
            "phone": v[f"{block}_home_phone"]
            or v[f"{block}_cell_phone"]
            or v[f"{block}_work_phone"],
            "employer": v[f"{block}_employer"],
            "plan_key": v[f"{block}_plan"],
            "patient_key": patient,
        }


class ClaimBuilder(Builder):
    """Insurance claims with their plan's name and carrier."""

    object: ClassVar[str] = "claim"
    day_field: ClassVar[str | None] = "sent_date"

    def build(self, row: Row) -> CanonicalRecord:
        """Return one claim."""
        v = row.values
        patient_key, _ = self.patient(row)
        plan = self.context.plans.get(v["plan_key"] or "")
        fields = {
            "patient_key": patient_key,
            "plan_name": plan.group_name if plan is not None else None,
            "carrier_key": plan.carrier_key if plan is not None else None,
            "sent_date": v["sent_date"],
            "status": v["status"],
            "billed": v["billed"],
            "paid": v["paid"],
            "write_off": v["write_off"],
        }
        return self.record(row, fields, patient_key=patient_key)
