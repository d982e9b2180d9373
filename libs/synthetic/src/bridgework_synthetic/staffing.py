"""Who works at the practice, who of them has a user in the Zoho org, and by what evidence."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from bridgework_synthetic import cells
from bridgework_synthetic.dice import Dice
from bridgework_synthetic.names import FEMALE, LAST, MALE
from bridgework_synthetic.practice import Practice, Provider
from bridgework_synthetic.rows import Row

_SUFFIX = {"Dentist": ("DMD", "DDS"), "Hygienist": ("RDH",)}
_ROLE = {
    "Dentist": "Doctor",
    "Hygienist": "Hygienist",
    "Office Manager": "Office Manager",
    "Assistant": "Assistant",
}


def npi_with_check_digit(nine: str) -> str:
    """Nine digits and the Luhn digit over ``80840`` + those nine.

    Source: CMS, "Requirements for National Provider Identifier and NPI check digit".
    """
    total = 24
    for place, digit in enumerate(reversed(nine)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return nine + str(-total % 10)


class _Roster:
    """Hires people; no two get the same initials unless their names are given."""

    def __init__(self, practice: Practice, dice: Dice) -> None:
        self._practice = practice
        self._dice = dice
        self._lasts = dice.sample(LAST, 80)
        self._firsts = dice.sample(FEMALE + MALE, 80)
        self._taken: set[str] = set()

    def hire(
        self, abbr: str, kind: str, name: tuple[str, str] | None = None, left: date | None = None
    ) -> Provider:
        """One more provider, with the next number."""
        dice, practice = self._dice, self._practice
        first, last = name or self._name()
        self._taken.add(first[:1] + last[:1])
        alive = kind != "Non-person"
        long_ago = practice.today - timedelta(days=1300)
        provider = Provider(
            prov_id=str(len(practice.providers) + 11),
            abbr=abbr,
            first=first,
            last=last,
            kind=kind,
            npi=npi_with_check_digit(f"1998{dice.digits(5)}") if kind in _SUFFIX else "",
            email=f"{first[:1]}{last}@{practice.domain}".lower() if alive else "",
            active=left is None,
            hired=dice.day(date(2008, 1, 1), long_ago) if alive else None,
            left=left,
        )
        practice.providers.append(provider)
        return provider

    def _name(self) -> tuple[str, str]:
        first, last = self._firsts.pop(), self._lasts.pop()
        while first[:1] + last[:1] in self._taken:
            first, last = self._firsts.pop(), self._lasts.pop()
        return first, last


def add_providers(practice: Practice, dice: Dice) -> None:
    """Fill ``providers``: working and departed clinicians, a specialist, staff, and the office."""
    people = practice.recipe.patients
    roster = _Roster(practice, dice)
    for number in range(1, max(2, min(8, people // 900)) + 1):
        practice.dentists.append(roster.hire(f"DR{number}", "Dentist"))
    for number in range(1, max(2, min(10, people // 700)) + 1):
        practice.hygienists.append(roster.hire(f"HYG{number}", "Hygienist"))
    for abbr, kind, group in (
        ("DRX", "Dentist", practice.dentists),
        ("HYX", "Hygienist", practice.hygienists),
    ):
        left = practice.today - timedelta(days=dice.between(300, 700))
        practice.departed.append(roster.hire(abbr, kind, left=left))
        group.append(practice.departed[-1])
    practice.specialist = roster.hire("ENDO", "Dentist")
    model = practice.hygienists[0]
    first = model.first[:1] + "alinda" if practice.recipe.defects else "Quilla"
    name = (first, model.last[:1] + "enby")
    practice.hygienists.append(roster.hire("HYGT", "Hygienist", name))
    for abbr, kind in (("MGR", "Office Manager"), ("AST1", "Assistant"), ("AST2", "Assistant")):
        roster.hire(abbr, kind)
    roster.hire("OFFICE", "Non-person", ("", "Practice"))
    if "provider without user" in practice.recipe.inject:
        stranger = roster.hire("DRN", "Dentist")
        practice.dentists.append(stranger)
        practice.injected.append(
            {"name": "provider without user", "file": "providers", "key": stranger.prov_id}
        )
    for provider in practice.providers:
        provider.printed_npi, provider.printed_email = provider.npi, provider.email
    if practice.recipe.defects:
        _damage(practice)
    for provider in practice.providers:
        _add_provider_row(practice, dice, provider)


def _damage(practice: Practice) -> None:
    """The defects of §3.5 that concern providers; each once, or as often as the table says."""
    by_abbr = {provider.abbr: provider for provider in practice.providers}

    def note(provider: Provider, kind: str, expect: str, column: str | None, **more: Any) -> None:
        printed = {"npi": provider.printed_npi, "email": provider.printed_email}
        truth = {"npi": provider.npi, "email": provider.email}
        practice.defects.append(
            {
                "kind": kind,
                "file": "providers",
                "columns": [column] if column else [],
                "expect": expect,
                **more,
                "raw": {column: printed[column]} if column else {},
                "true": {column: truth[column]} if column else {},
                "key": provider.prov_id,
            }
        )

    for provider in practice.departed:
        provider.email = provider.printed_email = ""
        note(provider, "departed provider without e-mail", "flag", None)
    twin = by_abbr["HYGT"]
    twin.npi = twin.printed_npi = ""
    note(twin, "npi blank", "flag", None)
    hygienist = by_abbr["HYG2"]
    wrong = str((int(hygienist.npi[-1]) + 4) % 10)
    hygienist.printed_npi = hygienist.npi[:-1] + wrong
    note(hygienist, "npi check digit wrong", "flag", "npi")
    first = by_abbr["HYG1"]
    first.email = first.printed_email = ""
    note(first, "e-mail blank", "flag", None)
    dentist = by_abbr["DR2"]
    local, _, domain = dentist.email.partition("@")
    dentist.printed_email = f"{local.capitalize()}@{domain.title()}"
    note(dentist, "e-mail in mixed case", "normalised", "email")
    for abbr in ("AST1", "AST2"):
        by_abbr[abbr].email = by_abbr[abbr].printed_email = f"assist@{practice.domain}"
    note(
        by_abbr["AST2"], "e-mail shared by two people", "flag", None, other=by_abbr["AST1"].prov_id
    )
    note(
        twin,
        "author initials shared by two people",
        "flag",
        None,
        initials=twin.initials,
        other=first.prov_id,
    )


def _add_provider_row(practice: Practice, dice: Dice, provider: Provider) -> None:
    suffix = dice.pick(_SUFFIX[provider.kind]) if provider.kind in _SUFFIX else ""
    state = practice.town.state
    specialty = {"ENDO": "Endodontics"}.get(provider.abbr, "General")
    practice.add(
        Row(
            "providers",
            provider.prov_id,
            {
                "prov_id": provider.prov_id,
                "abbr": provider.abbr,
                "last": provider.last,
                "first": provider.first,
                "suffix": suffix,
                "type": provider.kind,
                "specialty": specialty if provider.kind == "Dentist" else "",
                "npi": provider.printed_npi,
                "state_license": f"{state}-{suffix}-{dice.between(2000, 29999)}" if suffix else "",
                "dea": f"ZZ{dice.digits(7)}" if provider.kind == "Dentist" else "",
                "email": provider.printed_email,
                "active": "Y" if provider.active else "N",
                "hire_date": cells.day(provider.hired),
                "term_date": cells.day(provider.left),
            },
        )
    )


def add_staff(practice: Practice) -> None:
    """Fill ``staff_users``: the front office and every clinician with a login."""
    people = [
        ("Marigold Tidewell", "reception1", "Front Desk"),
        ("Otis Larkspur", "reception2", "Front Desk"),
        ("Verity Quillfeather", "hygdesk", "Hygiene coordinator"),
        ("Barnaby Saltmarsh", "checkout", "Check-out"),
        ("Cosima Wainscott", "billing", "Billing"),
    ]
    practice.staff = [(name, login) for name, login, _ in people]
    rows = [(name, f"{login}@{practice.domain}", role, "") for name, login, role in people]
    rows += [
        (
            f"{provider.first} {provider.last}",
            f"{provider.first[:1]}{provider.last}@{practice.domain}".lower(),
            _ROLE[provider.kind],
            provider.prov_id,
        )
        for provider in practice.providers
        if provider.active and provider.kind in _ROLE
    ]
    for number, (name, email, role, prov_id) in enumerate(rows, start=1):
        practice.add(
            Row(
                "staff_users",
                str(number),
                {
                    "user_id": str(number),
                    "name": name,
                    "email": email,
                    "role": role,
                    "prov_id": prov_id,
                },
            )
        )


def add_owners(practice: Practice) -> None:
    """Who owns a provider's records: the user found by e-mail, then NPI, then name, else nobody."""
    fallback = f"fallback@{practice.domain}"
    practice.users = [
        {"id": "U-admin", "full_name": "Bridgework Admin", "email": f"admin@{practice.domain}",
         "NPI": None},
        {"id": "U-fallback", "full_name": "Migration Fallback", "email": fallback, "NPI": None},
    ]  # fmt: skip
    strangers = {entry["key"] for entry in practice.injected}
    shared = [provider.email for provider in practice.providers]
    for provider in practice.providers:
        has_user = (
            provider.active and provider.kind != "Non-person" and provider.prov_id not in strangers
        )
        mail = provider.email
        if has_user and (not mail or shared.count(mail) > 1):
            mail = f"{provider.last.lower()}.{provider.prov_id}@example.net"
        evidence = "fallback"
        if has_user and mail == provider.email:
            evidence = "email"
        elif has_user:
            evidence = "npi" if provider.npi and provider.printed_npi == provider.npi else "name"
        if has_user:
            practice.users.append(
                {
                    "id": f"U-{provider.prov_id}",
                    "full_name": f"{provider.first} {provider.last}",
                    "email": mail,
                    "NPI": provider.npi or None,
                }
            )
        practice.owners.append(
            {
                "prov_id": provider.prov_id,
                "abbr": provider.abbr,
                "first": provider.first or None,
                "last": provider.last,
                "email": provider.email or None,
                "npi": provider.npi or None,
                "active": provider.active,
                "user": f"U-{provider.prov_id}" if has_user else None,
                "user_email": mail if has_user else None,
                "fallback_email": fallback,
                "evidence": evidence,
                "review": evidence != "email",
            }
        )
    owner_of = {owner["prov_id"]: owner for owner in practice.owners}
    for row in practice.rows["providers"]:
        owner = owner_of[row.key]
        row.true = {"User": owner["user"], "Evidence": owner["evidence"]}
