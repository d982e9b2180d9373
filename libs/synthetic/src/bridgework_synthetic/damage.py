"""The defects of SOURCE_DATA §3.5 that strike single cells and single rows.

Each is written down beside what should have stood there. A cell is struck at most once, so that the
answer key can name one cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from bridgework_synthetic import cells
from bridgework_synthetic.dice import Dice
from bridgework_synthetic.notes import body
from bridgework_synthetic.numbering import Numbers
from bridgework_synthetic.practice import Practice
from bridgework_synthetic.procedures import RETIRED, universal_to_fdi, universal_to_palmer
from bridgework_synthetic.quota import Quotas
from bridgework_synthetic.rows import Household, Row

_ORPHANED: Final[dict[str, tuple[str, ...]]] = {
    "appointments": ("pat_id",),
    "notes": ("pat_id",),
    "treatment_plans": ("pat_id",),
    "treatment_items": ("tp_id",),
    "coverage": ("pat_id",),
    "tasks": ("pat_id",),
    "ledger": ("acct_id", "pat_id"),
    "claims": ("pat_id",),
    "tooth_chart": ("pat_id",),
    "alerts": ("pat_id",),
}
_PHONES: Final = (
    ("home_phone", "Home_Phone"),
    ("work_phone", "Other_Phone"),
    ("cell_phone", "Mobile"),
)
_CONTROL: Final = ("\x0b", "\r", "\x07", "\x1f")
_TYPOGRAPHIC: Final = " \u2013 \u201cper pt\u2019s wish\u201d"
_SWAP_DAYS: Final = 45
_SWAP_ENDS_DAYS_BEFORE: Final = 50


class Damage:
    """Strikes households as they pass; remembers what a later one may collide with."""

    def __init__(self, practice: Practice, numbers: Numbers, quotas: Quotas) -> None:
        """One per export."""
        self._practice = practice
        self._numbers = numbers
        self._quotas = quotas
        self._chart_number = ("", "")
        self._household = Household(0)
        self._dice = Dice()
        last = practice.today - timedelta(days=_SWAP_ENDS_DAYS_BEFORE)
        self._swap_block = (last - timedelta(days=_SWAP_DAYS), last)
        self._fdi_writer = practice.departed[0].abbr

    def strike(self, household: Household, dice: Dice) -> None:
        """Everything that can go wrong in one household."""
        if not self._practice.recipe.defects:
            return
        self._household, self._dice = household, dice
        contacts = {
            key: c for c in household.contacts for key in c.facts["keys"] if c.key[0] != "G"
        }
        for row in household.of("patients"):
            self._patient(row, contacts[row.key])
        for row in household.of("treatment_items"):
            self._item(row)
        for row in household.of("appointments"):
            self._appointment(row)
        self._office_rows(household)
        if household.of("ledger") and self._quotas.strikes("stored balance differs from ledger"):
            household.balance_error = dice.money(6, 95)
        self._orphans()

    def _office_rows(self, household: Household) -> None:
        for row in household.of("ledger"):
            self._code(row, "code", "Procedure_Code")
            self._text(row, "memo", None)
        for row in household.of("notes"):
            self._note_body(row)
        for row in household.of("coverage"):
            self._impossible(row, "eff", None, row)
        for row in household.of("claims"):
            self._impossible(row, "sent", "Sent_Date", row)

    def _log(
        self,
        row: Row,
        kind: str,
        expect: str,
        raw: dict[str, Any],
        true: dict[str, Any],
        **more: Any,
    ) -> None:
        row.facts.setdefault("struck", set()).update(raw)
        self._household.defects.append(
            {"kind": kind, "file": row.file, "columns": list(raw), "expect": expect, **more,
             "raw": raw, "true": true, "key": row.key}
        )  # fmt: skip

    @staticmethod
    def _free(row: Row, column: str) -> bool:
        return column not in row.facts.get("struck", ())

    def _patient(self, row: Row, contact: Row) -> None:
        quotas, values = self._quotas, row.cells
        if "twin" not in row.facts and quotas.strikes("impossible birth date"):
            self._break_date(row, "dob", "Date_of_Birth", contact, future=True)
        if "twin" not in row.facts and values.get("ref_date"):
            self._impossible(row, "ref_date", "Referral_Date", contact)
        for column, name in _PHONES:
            if values.get(column) and "twin" not in row.facts and quotas.strikes("phone"):
                self._phone(row, contact, column, name)
        if values.get("zip", "").startswith("0") and quotas.strikes("zip without leading zero"):
            true = values["zip"]
            values["zip"] = true.lstrip("0")
            self._log(
                row, "zip without leading zero", "normalised", {"zip": values["zip"]}, {"zip": true}
            )
        number = values.get("chart_no", "")
        if number and self._chart_number[0] and quotas.strikes("chart number used twice"):
            other, values["chart_no"] = self._chart_number
            self._log(row, "chart number used twice", "flag", {}, {}, other=other)
        elif number:
            self._chart_number = (row.key, number)
        self._flag(row, contact)
        if not values["last"].isascii() and "twin" not in row.facts:
            self._mojibake(row, "last")
        self._text(row, "notes1", None)

    def _flag(self, row: Row, contact: Row) -> None:
        """The drug flag was ticked in the alert window and never reached the patient screen."""
        alert = next(
            (r for r in self._household.of("alerts")
             if r.cells["kind"] == "Drug interaction" and r.cells["pat_id"] == row.key), None
        )  # fmt: skip
        if alert and "twin" not in row.facts and self._quotas.strikes("drug flag only in alerts"):
            row.cells["drug_interaction"] = ""
            alert.cells["flag"] = "Y"
            contact.true["Drug_Interaction_Flag"] = True
            self._log(row, "drug flag only in alerts", "normalised", {"drug_interaction": ""},
                      {"drug_interaction": True})  # fmt: skip

    def _phone(self, row: Row, contact: Row, column: str, name: str) -> None:
        dice, digits = self._dice, str(contact.true[name])
        area, line = digits[:3], digits[6:]
        kind = dice.weighted(
            (
                ("phone with extension", 3.0),
                ("phone without area code", 2.5),
                ("phone says none", 1.5),
                ("phone with letters", 1.0),
                ("phone with words", 2.0),
            )
        )
        more: dict[str, Any] = {}
        true, expect = digits, "normalised"
        match kind:
            case "phone with extension":
                extension = str(dice.between(10, 999))
                printed = f"({area}) 555-{line} {dice.pick(('x', 'ext ', 'ext. '))}{extension}"
                true = f"{digits}x{extension}"
                contact.true[name] = true
                contact.also(name, digits)
            case "phone without area code":
                printed, expect = f"555-{line}", "flag"
                contact.also(name, printed, None)
            case "phone says none":
                printed, expect = dice.pick(("n/a", "none", "unlisted")), "null"
                more["empty"] = True
            case "phone with letters":
                printed, expect = (
                    f"{area}-555-{dice.pick(('CARE', 'TOTH', 'HOME', 'FLOS'))}",
                    "null",
                )
            case _:
                words = dice.pick(("(dad)", "- work", "after 5", "(ask for Jo)"))
                printed = f"({area}) 555-{line} {words}"
        if expect == "null":
            contact.true[name] = None
            contact.also(name, digits)
        row.cells[column] = printed
        self._log(row, kind, expect, {column: printed}, {column: true}, **more)

    def _impossible(self, row: Row, column: str, name: str | None, target: Row) -> None:
        if row.cells.get(column) and self._quotas.strikes("impossible date"):
            self._break_date(row, column, name, target, future=False)

    def _break_date(
        self, row: Row, column: str, name: str | None, target: Row, *, future: bool
    ) -> None:
        """A date no calendar has, or a birth still to come; what it should be is lost."""
        right = row.cells[column]
        iso = f"{right[6:]}-{right[:2]}-{right[3:5]}"
        options = [f"02/30/{right[6:]}", "00/00/0000", f"{right[:2]}/32/{right[6:]}"]
        if future:
            options = [*options[:2], f"{right[:6]}{int(right[6:]) % 40 + 2028}"]
        row.cells[column] = self._dice.pick(options)
        if name:
            target.true[name] = None
            target.also(name, iso)
        self._log(row, "impossible date", "null", {column: row.cells[column]}, {column: iso})

    def _item(self, row: Row) -> None:
        quotas, dice, values = self._quotas, self._dice, row.cells
        self._impossible(row, "date_planned", "Date_Planned", row)
        tooth = values["tooth"]
        if (
            values["prov"] == self._fdi_writer
            and tooth.isdigit()
            and int(tooth) <= 32
            and quotas.strikes("tooth notation")
        ):
            palmer = dice.chance(0.3)
            kind = "tooth in Palmer notation" if palmer else "tooth in FDI notation"
            printed = (universal_to_palmer if palmer else universal_to_fdi)(tooth)
            values["tooth"] = printed
            row.aside |= {"tooth_raw": printed, "tooth_notation": kind}
            if printed.isdigit() and int(printed) <= 32:
                row.also("Tooth_Number", printed)
            self._log(row, kind, "normalised", {"tooth": printed}, {"tooth": tooth},
                      provider=values["prov"])  # fmt: skip
        surface = values["surface"]
        if (
            len(surface) > 1
            and surface not in ("UR", "UL", "LL", "LR")
            and quotas.strikes("surface order variant")
        ):
            backwards = surface[::-1]
            printed = dice.pick(
                (backwards, "/".join(surface), surface + surface[-1], backwards.lower())
            )
            values["surface"] = printed
            self._log(row, "surface order variant", "normalised", {"surface": printed},
                      {"surface": surface})  # fmt: skip
        self._code(row, "code", "Procedure_Code")

    def _code(self, row: Row, column: str, name: str) -> None:
        """Codes as three decades of software left them."""
        code = row.cells.get(column, "")
        if not code.startswith("D") or not self._free(row, column):
            return
        if name == "Procedure_Code" and code in RETIRED and self._quotas.strikes("retired code"):
            code = RETIRED[code]
            row.cells[column] = row.true[name] = code
            self._log(row, "retired code", "flag", {column: code}, {column: code})
        elif self._quotas.strikes("code without D"):
            row.cells[column] = code[1:]
            self._log(row, "code without D", "normalised", {column: code[1:]}, {column: code})
        elif self._quotas.strikes("code as decimal"):
            printed = f"{int(code[1:])}.00"
            row.cells[column] = printed
            self._log(row, "code as decimal", "normalised", {column: printed}, {column: code})

    def _appointment(self, row: Row) -> None:
        for place in range(1, 7):
            self._code(row, f"code{place}", "Codes")
        self._text(row, "note", None)
        at: datetime | None = row.facts.get("at")
        made = row.cells["created"]
        written = date(int(made[6:10]), int(made[:2]), int(made[3:5]))
        first, last = self._swap_block
        if at and row.facts["login"] == "checkout" and first <= written <= last:
            printed = f"{at.day:02d}/{at.month:02d}/{at.year}"
            if printed == row.cells["date"]:
                return
            row.cells["date"] = printed
            if at.day <= 12:
                self._also_swapped(row, at)
            self._log(row, "day and month swapped (one workstation)", "normalised",
                      {"date": printed}, {"date": at.date().isoformat()})  # fmt: skip

    @staticmethod
    def _also_swapped(row: Row, at: datetime) -> None:
        """A day up to the twelfth can be read both ways; nothing in the row says which."""
        start = at.replace(month=at.day, day=at.month)
        length = datetime.fromisoformat(row.true["End_DateTime"]) - at
        row.also("Start_DateTime", cells.iso_minute(start))
        row.also("End_DateTime", cells.iso_minute(start + length))

    def _note_body(self, row: Row) -> None:
        """Plain notes only: inside RTF and HTML a control character is a different defect."""
        if row.true["Format"] != "text" or len(row.cells["body"]) > 30000:
            return
        if not row.cells["body"].isascii():
            self._mojibake(row, "body")
        self._text(row, "body", "Text")

    def _text(self, row: Row, column: str, name: str | None) -> None:
        """A control character, or typographic quotes, inside running text."""
        text = row.cells.get(column, "")
        if len(text) < 6 or not self._free(row, column):
            return
        dice = self._dice
        if self._quotas.strikes("control character in text"):
            character = dice.pick(_CONTROL)
            spaces = [at for at, c in enumerate(text) if c == " "]
            inside = not spaces or dice.chance(0.6)
            letters = [at for at in range(1, len(text)) if text[at - 1 : at + 1].isalpha()]
            if inside and letters:
                at = dice.pick(letters)
            elif spaces:
                inside, at = False, dice.pick(spaces) + 1
            else:
                return
            row.cells[column] = text[:at] + character + text[at:]
            self._log(
                row,
                "control character in text",
                "normalised",
                {column: row.cells[column]},
                {column: text},
                character=f"0x{ord(character):02X}",
                splits_a_word=inside,
            )
        elif self._quotas.strikes("smart quotes"):
            row.cells[column] = text + _TYPOGRAPHIC
            if name:
                row.true[name] = row.cells[column]
            row.facts["smart quotes"] = True

    def _mojibake(self, row: Row, column: str) -> None:
        """UTF-8 was once read as Windows-1252, before it came to us."""
        right = row.cells[column]
        try:
            wrong = right.encode().decode("cp1252")
        except UnicodeDecodeError:
            return
        if self._free(row, column) and self._quotas.strikes("text decoded twice (mojibake)"):
            row.cells[column] = wrong
            self._log(
                row, "text decoded twice (mojibake)", "normalised", {column: wrong}, {column: right}
            )

    def _orphans(self) -> None:
        """Rows whose parent is nowhere; copies of good rows, so that they look alive."""
        for file, parents in _ORPHANED.items():
            rows = self._household.of(file)
            strikes = sum(self._quotas.strikes("orphan row") for _ in rows)
            models = [
                row
                for row in rows
                if not {"old", "struck"} & row.facts.keys() and not row.cells.get("addendum_of")
            ]
            for model in self._dice.sample(models, strikes):
                self._orphan(model, parents)

    def _orphan(self, model: Row, parents: Sequence[str]) -> None:
        row = model.copy()
        row.accept, row.expect = None, "parked"
        missing = self._numbers.take("missing")
        for column in parents:
            row.cells[column] = missing
        match row.file:
            case "tooth_chart" | "alerts":
                row.key = "|".join([missing, *model.key.split("|")[1:]])
            case _:
                row.key = self._numbers.take(row.file)
                row.cells[next(iter(row.cells))] = row.key
        row.facts["orphan"] = True
        if row.file == "notes":
            row.true |= {"Parent": None, "Images": []}
            row.cells["body"] = body(row.true["Format"], row.facts["lines"], "", fancy=False)
            row.true["Text"] = "\n".join(row.facts["lines"])
        elif row.file == "ledger":
            row.true.pop("Patient", None)
            row.true["Deal"] = missing
            row.facts["effect"] = Decimal(0)
        else:
            row.true["Contact"] = None
        if row.file == "treatment_items":
            row.true["Plan"] = missing
        elif row.file == "treatment_plans":
            row.true["Items"] = 0
        elif row.file == "tasks":
            row.facts["recall"] = {**row.facts["recall"], "task_id": row.key}
        self._household.add(row)
        self._log(row, "orphan row", "parked", {}, {}, missing=dict.fromkeys(parents, int(missing)))
