"""The chart of one patient: visits, treatment plans, appointments, tooth chart, perio exams."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from bridgework_synthetic import cells
from bridgework_synthetic.dice import Dice
from bridgework_synthetic.numbering import Numbers
from bridgework_synthetic.practice import Practice
from bridgework_synthetic.procedures import (
    FEE,
    FRONT_TEETH,
    MILK_TEETH,
    QUADRANTS,
    SUPERNUMERARY,
    SURFACE_ORDER,
    SURFACES_BACK,
    SURFACES_FRONT,
    WORK_TEETH,
)
from bridgework_synthetic.rows import Household, Person, Row

_APPT_NOTES: Final = (
    "Nervous, offer music", "Bring night guard", "Needs ride home", "Check shade first",
    "Running late usually", "Ask for new ins card", "Mom will sign consent",
)  # fmt: skip
_PLAN_NOTES: Final = (
    "Options given:\n1) watch 2) restore 3) crown", "Pt will think it over",
    "Start after deductible", "Predetermination mailed",
)  # fmt: skip
_RESTORE: Final = (
    ("D2391", 5.0), ("D2392", 4.0), ("D2393", 1.5), ("D2740", 2.5), ("D2750", 1.0), ("D2950", 1.2),
    ("D3330", 1.0), ("D3320", 0.8), ("D7140", 1.2), ("D7210", 0.7), ("D2331", 1.5), ("D4341", 2.0),
    ("D6010", 0.4), ("D9944", 0.4), ("D2150", 0.6), ("D6240", 0.3), ("D3310", 0.4), ("D1351", 0.5),
)  # fmt: skip
_CHARTED: Final = {
    "D2391": "Filling", "D2392": "Filling", "D2393": "Filling", "D2331": "Filling",
    "D2150": "Filling", "D2740": "Crown", "D2750": "Crown", "D3330": "RCT", "D3320": "RCT",
    "D3310": "RCT", "D7140": "Missing", "D7210": "Missing", "D6010": "Implant",
}  # fmt: skip
_LOGINS: Final = ("reception1", "reception1", "reception2", "checkout", "hygdesk")


@dataclass(slots=True)
class Work:
    """One procedure on one tooth, as planned and perhaps as done."""

    code: str
    tooth: str
    surface: str
    fee: Decimal


@dataclass(slots=True)
class Visit:
    """Somebody came: the day, who treated, and what was done. Billing and notes follow from it."""

    person: Person
    at: datetime
    provider: str
    work: list[Work]
    kind: str
    row: Row | None = None
    entries: list[str] = field(default_factory=list)


class Chart:
    """Writes one patient's clinical rows into the household."""

    def __init__(
        self, practice: Practice, household: Household, person: Person, dice: Dice, numbers: Numbers
    ) -> None:
        """All rows go to ``household``; ``dice`` are the household's."""
        self._practice = practice
        self._household = household
        self._person = person
        self._dice = dice
        self._numbers = numbers
        self._charted = {row.key for row in household.of("tooth_chart")}

    def fill(self) -> list[Visit]:
        """The whole history and what lies ahead; the visits that happened, oldest first."""
        person, dice, today = self._person, self._dice, self._practice.today
        if person.first_visit is None:
            return []
        visits = self._hygiene_visits()
        last = visits[-1].at.date()
        visits += self._treatment(person.first_visit, last)
        visits.sort(key=lambda visit: visit.at)
        self._find_things(person.first_visit)
        if person.status == "Active":
            if dice.chance(0.2):
                ahead = self._slot(today + timedelta(days=dice.between(1, 120)))
                work = self._routine(today, first=False)
                self._appointment(ahead, "Hygiene", "Scheduled", work)
            if dice.chance(0.012):
                status = dice.pick(("Unscheduled", "ASAP", "Planned"))
                self._appointment(None, "Restorative", status, [self._work()])
            if dice.chance(0.004):
                self._appointment(
                    self._slot(today + timedelta(days=dice.between(1, 20))), "", "Note", []
                )
        self._dates(visits)
        return visits

    def see(self, at: datetime) -> Visit:
        """An ordinary visit that has taken place."""
        return self._visit(at, "Hygiene", self._routine(at.date(), first=False))

    def book(self, day: date) -> Row:
        """An appointment still to come."""
        work = self._routine(day, first=False)
        return self._appointment(self._slot(day), "Hygiene", "Scheduled", work)

    def propose(self, created: date) -> None:
        """A treatment plan of which nothing is done yet."""
        self._plan(created, done=False)

    def _hygiene_visits(self) -> list[Visit]:
        person, dice, today = self._person, self._dice, self._practice.today
        end = today if person.status == "Active" else today - timedelta(days=dice.between(200, 500))
        day = person.first_visit or today
        visits: list[Visit] = []
        while day <= end or not visits:
            first = not visits
            at = self._slot(min(day, today - timedelta(days=1)))
            work = self._routine(at.date(), first=first)
            kind = "Consult" if first else "Hygiene"
            if not first and dice.chance(0.06):
                self._appointment(at, kind, "Broken", work)
            else:
                visits.append(self._visit(at, kind, work))
            if dice.chance(0.10):
                sooner = at + timedelta(days=dice.between(15, 70))
                if sooner.date() < end:
                    tooth = dice.pick(WORK_TEETH)
                    urgent = [self._plain("D0140"), Work("D0220", tooth, "", self._fee("D0220"))]
                    visits.append(self._visit(self._slot(sooner.date()), "Emergency", urgent))
            day += timedelta(days=round(person.facts["interval"] * 30.4) + dice.between(-6, 45))
        return visits

    def _routine(self, day: date, *, first: bool) -> list[Work]:
        """Exam, cleaning and pictures of an ordinary visit."""
        person, dice = self._person, self._dice
        child = person.role == "child"
        if first:
            codes = ["D0150", dice.pick(("D0210", "D0274", "D0330"))]
            if dice.chance(0.6):
                codes.append("D1120" if child else "D1110")
            return [self._plain(code) for code in codes]
        cleaning = "D4910" if person.facts["perio"] else "D1120" if child else "D1110"
        codes = ["D0120", cleaning]
        if day.month in (3, 4, 9, 10) and dice.chance(0.5):
            codes.append("D0274")
        if child or dice.chance(0.12):
            codes.append("D1206")
        return [self._plain(code) for code in codes]

    def _fee(self, code: str) -> Decimal:
        return Decimal(FEE[code]) + Decimal(self._dice.between(-350, 350)) / 100

    def _plain(self, code: str) -> Work:
        return Work(code, "", "", self._fee(code))

    def _work(self) -> Work:
        """Something a tooth might need."""
        dice = self._dice
        code = dice.weighted(_RESTORE)
        if code == "D4341":
            return Work(code, "", dice.pick(QUADRANTS), self._fee(code))
        if code == "D9944":
            return Work(code, "", "", self._fee(code))
        if code == "D6240":
            return Work(code, dice.pick(("3-5", "12-14", "28-30", "18,19")), "", self._fee(code))
        child = self._practice.today.year - self._person.born.year < 11
        if child:
            tooth = dice.pick(MILK_TEETH)
        elif code in ("D2331", "D3310"):
            tooth = dice.pick(FRONT_TEETH)
        elif dice.chance(0.004):
            tooth = dice.pick(SUPERNUMERARY)
        else:
            tooth = dice.pick(WORK_TEETH)
        surface = ""
        if code in ("D2391", "D2392", "D2393", "D2150", "D2331"):
            length = {"D2391": 1, "D2392": 2, "D2393": 3, "D2150": 2, "D2331": 2}[code]
            pool = SURFACES_FRONT if code == "D2331" else SURFACES_BACK
            surface = dice.pick([s for s in pool if len(s) == length])
            surface = "".join(sorted(surface, key=SURFACE_ORDER.index))
        return Work(code, tooth, surface, self._fee(code))

    def _slot(self, day: date) -> datetime:
        """A working day near ``day`` on the same side of today, at an hour of the book."""
        step = timedelta(days=1 if day > self._practice.today else -1)
        while day.weekday() > 4:
            day += step
        unit = self._practice.unit_min
        minute = 8 * 60 + self._dice.between(0, (8 * 60 + 30) // unit) * unit
        return datetime.combine(day, time(minute // 60, minute % 60))

    def _visit(self, at: datetime, kind: str, work: list[Work]) -> Visit:
        row = self._appointment(at, kind, "Complete", work)
        return Visit(self._person, at, row.facts["provider"], work, kind, row)

    def _appointment(self, at: datetime | None, kind: str, status: str, work: list[Work]) -> Row:
        person, dice, practice = self._person, self._dice, self._practice
        hygiene = kind == "Hygiene"
        group = practice.hygienists if hygiene else practice.dentists
        usual = person.hygienist if hygiene else person.dentist
        day = at.date() if at else practice.today
        there = [provider.abbr for provider in practice.working(group, day)]
        provider = usual if usual in there else dice.pick(there)
        if status == "Note":
            provider = ""
        units = 2 if status == "Note" else max(2, (20 + 15 * len(work)) // practice.unit_min)
        login = dice.pick(_LOGINS)
        appt_id = self._numbers.take("appointments")
        printed_kind = "" if dice.chance(0.03) or not kind else kind
        made = (at or datetime.combine(practice.today, time(11))) - timedelta(
            days=dice.between(1, 60), minutes=dice.between(0, 200)
        )
        made = min(made, practice.as_of - timedelta(days=1))
        touched = made
        if at and at < practice.as_of:
            touched = datetime.combine(at.date(), time(17, 45))
        room = dice.pick(("HYG A", "HYG B") if hygiene else ("ROOM 1", "ROOM 2", "ROOM 3"))
        values = {
            "appt_id": appt_id,
            "pat_id": person.pat_id,
            "date": cells.day(at.date()) if at else "",
            "time": cells.clock(at, login) if at else "",
            "length_units": str(units),
            "operatory": room if at else "",
            "prov": provider,
            "hyg": provider if hygiene else "",
            "type": printed_kind,
            "status": status,
            "confirmed": "Y" if status == "Complete" else dice.pick(("N", "LM", "Y")),
            "note": dice.pick(_APPT_NOTES) if dice.chance(0.18) else "",
            "created": cells.moment(made),
            "created_by": login,
            "last_update": cells.moment(touched),
        }
        for place, item in enumerate(work[:6], start=1):
            values[f"code{place}"] = item.code
            values[f"tooth{place}"] = item.tooth
            values[f"surf{place}"] = item.surface
        end = at + timedelta(minutes=units * practice.unit_min) if at else None
        group_name = {"Complete": "history", "Broken": "broken", "Note": "book_note"}.get(
            status, "upcoming" if at else "undated"
        )
        row = Row(
            "appointments",
            appt_id,
            values,
            {
                "Contact": person.pat_id,
                "Event_Title": printed_kind or None,
                "Start_DateTime": cells.iso_minute(at) if at else None,
                "End_DateTime": cells.iso_minute(end) if end else None,
                "Operatory": room if at else None,
                "Appointment_Status": status,
                "Provider": provider or None,
                "Codes": [item.code for item in work[:6]],
            },
            "optional" if group_name in ("book_note", "undated") else "required",
        )
        row.aside["group"] = group_name
        row.facts = {"provider": provider, "login": login, "at": at}
        return self._household.add(row)

    def _treatment(self, first: date, last: date) -> list[Visit]:
        """Treatment plans; 76 % of patients have something planned that no appointment covers."""
        dice = self._dice
        visits: list[Visit] = []
        pending = dice.chance(0.76)
        for _ in range(dice.weighted(((0, 3.0), (1, 5.0), (2, 1.6)))):
            created = dice.day(first, last)
            visits += self._plan(created, done=True)
        if pending:
            visits += self._plan(dice.day(first, last), done=False)
        return visits

    def _plan(self, created: date, *, done: bool) -> list[Visit]:
        dice, practice, person = self._dice, self._practice, self._person
        tp_id = self._numbers.take("treatment_plans")
        presenter = dice.pick([p.abbr for p in practice.working(practice.dentists, created)])
        work: list[Work] = []
        for _ in range(dice.weighted(((1, 4.0), (2, 3.5), (3, 1.5), (4, 0.6)))):
            item = self._work()
            if all((item.code, item.tooth) != (w.code, w.tooth) for w in work):
                work.append(item)
        visit: Visit | None = None
        if done:
            day = created + timedelta(days=dice.between(6, 70))
            if day < practice.today:
                visit = self._visit(self._slot(day), "Restorative", work)
        partly = visit is not None and len(work) > 1 and dice.chance(0.3)
        status = "Completed" if visit else dice.weighted(
            (("Proposed", 5.0), ("Accepted", 3.0), ("", 1.5), ("Rejected", 0.5), ("Referred", 0.3))
        )  # fmt: skip
        if partly:
            status = "In Progress"
        phases = 2 if len(work) > 2 and dice.chance(0.6) else 1
        made = datetime.combine(created, time(dice.between(8, 16), dice.between(0, 59)))
        title = dice.pick(
            ("Plan A", "Restorative", f"Tx {created:%m/%d/%Y}", "Phase 1", f"{person.last} tx")
        )
        self._household.add(
            Row(
                "treatment_plans",
                tp_id,
                {
                    "tp_id": tp_id,
                    "pat_id": person.pat_id,
                    "title": title,
                    "status": status,
                    "created": cells.moment(made),
                    "presented_by": presenter,
                    "phase_count": str(phases),
                    "note": dice.pick(_PLAN_NOTES) if dice.chance(0.25) else "",
                },
                {
                    "Contact": person.pat_id,
                    "Name": title,
                    "Status": status or None,
                    "Plan_Date": created.isoformat(),
                    "Provider": presenter,
                    "Items": len(work),
                },
            )
        )
        for place, item in enumerate(work):
            performed = visit if visit and not (partly and place == len(work) - 1) else None
            self._item(tp_id, item, created, presenter, performed, min(place + 1, phases), status)
        if visit and partly:
            visit.work.pop()
            self._forget_last_code(visit)
        return [visit] if visit else []

    def _forget_last_code(self, visit: Visit) -> None:
        """The last planned procedure was put off, so the appointment does not carry it."""
        row = visit.row
        if row is None:
            return
        place = len(visit.work) + 1
        for name in ("code", "tooth", "surf"):
            row.cells[f"{name}{place}"] = ""
        row.true["Codes"] = [item.code for item in visit.work]

    def _item(
        self,
        tp_id: str,
        item: Work,
        planned: date,
        presenter: str,
        visit: Visit | None,
        phase: int,
        plan_status: str,
    ) -> None:
        dice, person = self._dice, self._person
        item_id = self._numbers.take("treatment_items")
        status = "C" if visit else "TP"
        if not visit and plan_status == "Referred":
            status = "R"
        elif not visit and dice.chance(0.05):
            status = dice.pick(("EO", "EC", "Condition", "D"))
        provider = visit.provider if visit else ("" if status in ("EO", "EC") else presenter)
        estimate = item.fee + Decimal(dice.between(-500, 500)) / 100 if visit else item.fee
        share = Decimal(dice.pick((0, 50, 80))) if person.coverage else Decimal(0)
        covered = (estimate * share / 100).quantize(Decimal("0.01"))
        done = visit.at.date() if visit else None
        self._household.add(
            Row(
                "treatment_items",
                item_id,
                {
                    "item_id": item_id,
                    "tp_id": tp_id,
                    "code": item.code,
                    "tooth": item.tooth,
                    "surface": item.surface,
                    "prov": provider,
                    "est_fee": cells.amount(estimate, dice),
                    "actual_fee": cells.amount(item.fee, dice) if visit else "",
                    "ins_est": cells.cents(covered),
                    "pat_est": cells.cents(estimate - covered),
                    "status": status,
                    "date_planned": cells.day(planned),
                    "date_done": cells.day(done),
                    "appt_id": visit.row.key if visit and visit.row else "",
                    "priority": str(phase),
                },
                {
                    "Plan": tp_id,
                    "Contact": person.pat_id,
                    "Procedure_Code": item.code,
                    "Tooth_Number": item.tooth or None,
                    "Tooth_Surface": item.surface or None,
                    "Provider": provider or None,
                    "Estimated_Cost": cells.cents(estimate),
                    "Actual_Cost": cells.cents(item.fee) if visit else None,
                    "Status": status,
                    "Date_Planned": planned.isoformat(),
                    "Completed_Date": done.isoformat() if done else None,
                    "Priority": phase,
                },
            )
        )
        condition = _CHARTED.get(item.code)
        if condition and item.tooth and not visit and condition == "Filling":
            self._finding(item.tooth, "Caries", item.surface, planned, presenter)
        elif condition and item.tooth and done:
            self._finding(item.tooth, condition, item.surface, done, provider)

    def _find_things(self, first: date) -> None:
        """What was there when the patient first came."""
        dice, person = self._dice, self._person
        provider = person.dentist
        if person.role != "child":
            for tooth in ("1", "16", "17", "32"):
                if dice.chance(0.3):
                    found = "Missing" if dice.chance(0.7) else "Impacted"
                    self._finding(tooth, found, "", first, provider)
        for _ in range(dice.between(0, 2)):
            tooth = dice.pick(MILK_TEETH if person.role == "child" else WORK_TEETH)
            found = dice.pick(("Filling", "Watch", "Crown", "Watch", "Fracture"))
            surface = dice.pick(("M", "O", "D", "OD")) if found in ("Filling", "Watch") else ""
            self._finding(tooth, found, surface, first, provider)

    def _finding(self, tooth: str, condition: str, surface: str, on: date, provider: str) -> None:
        key = f"{self._person.pat_id}|{tooth}|{condition}|{on.isoformat()}"
        if key in self._charted:
            return
        self._charted.add(key)
        active = not (condition in ("Watch", "Caries") and self._dice.chance(0.12))
        row = Row(
            "tooth_chart",
            key,
            {
                "pat_id": self._person.pat_id,
                "tooth": tooth,
                "condition": condition,
                "surface": surface,
                "date": cells.day(on),
                "prov": provider,
                "active": "Y" if active else "N",
            },
            {"Contact": self._person.pat_id},
        )
        row.facts = {
            "tooth": tooth,
            "entry": {
                "condition": condition,
                "surface": surface or None,
                "date": on.isoformat(),
                "active": active,
            },
        }
        self._household.add(row)

    def _dates(self, visits: list[Visit]) -> None:
        """The dates a front desk keeps on the patient: last seen, last pictures."""
        row = next(r for r in self._household.of("patients") if r.key == self._person.pat_id)
        latest: dict[str, date] = {}
        for visit in visits:
            day = visit.at.date()
            codes = {item.code for item in visit.work}
            for column, marks in (
                ("last_visit", codes), ("last_exam", codes & {"D0120", "D0150", "D0140"}),
                ("last_bw", codes & {"D0274"}), ("last_pano", codes & {"D0330"}),
                ("last_fmx", codes & {"D0210"}), ("last_perio", codes & {"D4910", "D4341"}),
            ):  # fmt: skip
                if marks:
                    latest[column] = day
        row.cells["first_visit"] = cells.day(visits[0].at.date())
        row.cells |= {column: cells.day(day) for column, day in latest.items()}
        seen = datetime.combine(visits[-1].at.date(), time(17, 50))
        row.cells["last_update"] = cells.moment(seen)
