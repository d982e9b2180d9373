"""A closed-world sample: some plans with all their parents and children, rare shapes included.

For every record in the sample everything it points at is in the sample too, as far as it exists,
so that a rehearsal parks nothing that the full run would not park.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable

import duckdb

from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.context import SourceContext, sql_key
from bridgework_dental_exec.objects.base import register_keys

_CHILDREN_OF_PATIENT = (
    "treatment_plan", "claim", "perio_exam", "appointment", "task", "note",
)  # fmt: skip
_RARE_PER_SHAPE = 2


def closed_sample(
    source: CanonicalSource, *, plans: int = 150, seed: int = 1
) -> dict[str, set[str]]:
    """Choose a sample of plans and close it over parents and children.

    Args:
        source: The canonical source.
        plans: Number of plans; all of them where there are fewer.
        seed: The same seed gives the same sample for the same snapshot.

    Returns:
        Object → source keys, ``document`` and ``note_image`` parents excluded (files follow
        their patients). Stratified: plans are drawn evenly from every kind of patient (status,
        second insurance, guarantor, chart …), and every rare shape brings in its records.
    """
    context = source.context
    connection = context.snapshot.connect()
    try:
        drawn = _draw_plans(context, connection, plans, seed)
        patients = _column_of(connection, context, "treatment_plan", "patient_key", drawn)
        patients |= _rare_patients(context, connection, seed)
        return _close(context, connection, drawn, patients)
    finally:
        connection.close()


def _order(seed: int, key: str) -> bytes:
    return hashlib.blake2b(f"{seed}\x1f{key}".encode(), digest_size=8).digest()


def _draw_plans(
    context: SourceContext, connection: duckdb.DuckDBPyConnection, plans: int, seed: int
) -> set[str]:
    """Draw plans evenly over strata of plan and patient."""
    plan, patient = context.profile.objects["treatment_plan"], context.profile.objects["patient"]
    p, q = plan.fields, patient.fields
    rows = connection.execute(
        f"""
        SELECT t."{plan.key[0].column}", t."{p["status"].column}", u."{q["status"].column}",
               u."{q["secondary_carrier_printed"].column}" IS NOT NULL,
               u."{q["primary_carrier_printed"].column}" IS NOT NULL,
               u."{q["guarantor_key"].column}" IS NULL,
               coalesce(try_cast(t."{p["phase_count"].column}" AS INT), 0)
        FROM "{plan.table}" t
        LEFT JOIN "{patient.table}" u
          ON {sql_key(patient.key[0].column, "u")} = {sql_key(p["patient_key"].column, "t")}
        WHERE t."{plan.key[0].column}" IS NOT NULL
        """
    )
    strata: dict[tuple[object, ...], list[str]] = defaultdict(list)
    while chunk := rows.fetchmany(10_000):
        for key, *facts in chunk:
            strata[tuple(facts)].append(key)
    for members in strata.values():
        members.sort(key=lambda k: _order(seed, k))
    drawn: set[str] = set()
    order = sorted(strata, key=lambda s: (len(strata[s]), repr(s)))
    depth = 0
    while len(drawn) < plans and any(len(strata[s]) > depth for s in order):
        for stratum in order:
            if len(strata[stratum]) > depth and len(drawn) < plans:
                drawn.add(strata[stratum][depth])
        depth += 1
    return drawn


def _rare_patients(
    context: SourceContext, connection: duckdb.DuckDBPyConnection, seed: int
) -> set[str]:
    """Return a few patients of every rare shape."""
    objects = context.profile.objects
    q = objects["patient"].fields
    patient, note, appointment, ledger, task = (
        objects[n] for n in ("patient", "note", "appointment", "ledger_entry", "task")
    )
    own = sql_key(patient.key[0].column)

    def of(spec_name: str, condition: str) -> str:
        spec = objects[spec_name]
        column = (
            spec.parent_key.column
            if spec.parent_key is not None
            else spec.fields["patient_key"].column
        )
        return f'SELECT DISTINCT {sql_key(column)} FROM "{spec.table}" WHERE {condition}'

    body = note.fields["body"].column
    shapes = [
        *(
            f'SELECT {own} FROM "{patient.table}" WHERE "{q["status"].column}" = \'{word}\''
            for word in ("Inactive", "Archived", "Deceased", "Deleted", "NonPatient", "Prospect")
        ),
        f'SELECT {own} FROM "{patient.table}" WHERE "{q["birth_date"].column}" IS NULL',
        (
            f'SELECT {own} FROM "{patient.table}" WHERE NOT regexp_full_match(coalesce('
            f"\"{q['last_name'].column}\", ''), '[ -~]*')"
        ),
        f'SELECT {own} FROM "{patient.table}" WHERE "{q["drug_interaction"].column}" = \'Y\'',
        of("coverage", f"\"{objects['coverage'].fields['ordinal'].column}\" NOT IN ('1', '2')"),
        of("note", f"contains(\"{body}\", '\\pict')"),
        of("note", f"contains(lower(\"{body}\"), '<img')"),
        of("note", f'length("{body}") > 20000'),
        of("note", f'"{note.fields["addendum_of"].column}" IS NOT NULL'),
        of("appointment", f'"{appointment.fields["date"].column}" IS NULL'),
        of("appointment", f"\"{appointment.fields['status'].column}\" IN ('Broken', 'ASAP')"),
        *(
            of("ledger_entry", f"\"{ledger.fields['kind'].column}\" = '{kind}'")
            for kind in ("Transfer", "Starting balance", "Refund", "Finance charge")
        ),
        of("ledger_entry", f"\"{ledger.fields['flag'].column}\" = '+'"),
        of("task", f"lower(\"{task.fields['subject'].column}\") LIKE '%recall%'"),
        of("perio_exam", "true"),
    ]
    chosen: set[str] = set(context.reused)
    for sql in shapes:
        keys = [k for (k,) in connection.execute(sql).fetchall() if k]
        keys.sort(key=lambda k: _order(seed, k))
        chosen.update(keys[:_RARE_PER_SHAPE])
    return chosen


def _close(
    context: SourceContext,
    connection: duckdb.DuckDBPyConnection,
    plans: set[str],
    patients: set[str],
) -> dict[str, set[str]]:
    """Follow every reference until nothing new comes in."""
    objects = context.profile.objects
    patient = objects["patient"]
    merges = context.merges
    accounts: set[str] = set()
    size = -1
    while size != len(patients) + len(accounts):
        size = len(patients) + len(accounts)
        patients |= {merges[p] for p in patients & merges.keys()}
        patients |= {d for d, s in merges.items() if s in patients}
        accounts |= _column_of(connection, context, "patient", "account_key", patients)
        patients |= _column_of(connection, context, "patient", "guarantor_key", patients)
        register_keys(connection, accounts)
        column = sql_key(patient.fields["account_key"].column)
        members = connection.execute(
            f'SELECT {sql_key(patient.key[0].column)} FROM "{patient.table}" '
            f"WHERE {column} IN (SELECT k FROM wanted)"
        ).fetchall()
        patients |= {k for (k,) in members if k}
    sample: dict[str, set[str]] = {"patient": patients, "account": accounts}
    for name in _CHILDREN_OF_PATIENT:
        sample[name] = _keys_where(connection, context, name, "patient_key", patients)
    sample["treatment_plan"] |= plans
    sample["treatment_item"] = _keys_where(
        connection, context, "treatment_item", "plan_key", sample["treatment_plan"]
    )
    sample["ledger_entry"] = _keys_where(
        connection, context, "ledger_entry", "account_key", accounts
    ) | _keys_where(connection, context, "ledger_entry", "patient_key", patients)
    sample["document"] = _keys_where(connection, context, "document", "", patients)
    sample["carrier"] = set(context.carriers)
    sample["location"] = _all_keys(connection, context, "location")
    return sample


def _column_of(
    connection: duckdb.DuckDBPyConnection,
    context: SourceContext,
    name: str,
    field: str,
    keys: Iterable[str],
) -> set[str]:
    """Return the values one reference field has in the rows with these keys."""
    spec = context.profile.objects[name]
    register_keys(connection, set(keys))
    rows = connection.execute(
        f'SELECT DISTINCT {sql_key(spec.fields[field].column)} FROM "{spec.table}" '
        f"WHERE {sql_key(spec.key[0].column)} IN (SELECT k FROM wanted)"
    ).fetchall()
    return {k for (k,) in rows if k}


def _keys_where(
    connection: duckdb.DuckDBPyConnection,
    context: SourceContext,
    name: str,
    field: str,
    values: set[str],
) -> set[str]:
    """Return keys of rows whose reference field (or parent) is one of the values."""
    spec = context.profile.objects[name]
    column = (
        spec.fields[field].column if field else spec.parent_key.column if spec.parent_key else ""
    )
    register_keys(connection, values)
    rows = connection.execute(
        f'SELECT {sql_key(spec.key[0].column)} FROM "{spec.table}" '
        f"WHERE {sql_key(column)} IN (SELECT k FROM wanted)"
    ).fetchall()
    return {k for (k,) in rows if k}


def _all_keys(connection: duckdb.DuckDBPyConnection, context: SourceContext, name: str) -> set[str]:
    spec = context.profile.objects[name]
    rows = connection.execute(
        f'SELECT {sql_key(spec.key[0].column)} FROM "{spec.table}"'
    ).fetchall()
    return {k for (k,) in rows if k}
