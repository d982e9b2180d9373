"""Documents, tasks and perio exams of a household."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, time, timedelta
from typing import Final

from bridgework_synthetic import cells, pictures, recalls
from bridgework_synthetic.dice import Dice
from bridgework_synthetic.numbering import Numbers
from bridgework_synthetic.practice import Practice
from bridgework_synthetic.procedures import WORK_TEETH
from bridgework_synthetic.quota import Quotas
from bridgework_synthetic.rows import Household, Person, Picture, Row
from bridgework_synthetic.visits import Visit

_CATEGORIES: Final = (
    ("X-ray", 45.0), ("Consent", 20.0), ("Photo", 14.0), ("Insurance card", 12.0), ("Letter", 9.0),
)  # fmt: skip
_PREFIX: Final = {
    "X-ray": "BW",
    "Consent": "CF",
    "Photo": "PX",
    "Insurance card": "IC",
    "Letter": "LR",
}
_MIME: Final = {"jpg": "image/jpeg", "png": "image/png", "pdf": "application/pdf",
                "dcm": "application/dicom"}  # fmt: skip
HUGE_BYTES: Final = 21 * 1024 * 1024
_MOST_HUGE_FILES: Final = 2
"""Enough to meet the limit without filling a disk."""


def add_tasks(
    practice: Practice, household: Household, person: Person, dice: Dice, numbers: Numbers
) -> None:
    """What the front office must not forget about this patient; recalls hide here."""
    for _ in range(dice.weighted(((0, 3.0), (1, 4.0), (2, 2.0), (3, 1.0)))):
        task_id = numbers.take("tasks")
        first = person.facts["created"].date()
        on = dice.day(max(first, practice.today - timedelta(days=620)), practice.today)
        created = datetime.combine(on, time(8)) + timedelta(minutes=dice.between(0, 540))
        label, task = recalls.compose(dice, created)
        due: date | None = task["due"]
        nobody = label in ("ordinary", "decoy") and dice.chance(0.08)
        status = dice.weighted((("Open", 8.0), ("Done", 1.4), ("Deferred", 0.6)))
        body = task["body"]
        row = Row(
            "tasks",
            task_id,
            {
                "task_id": task_id,
                "pat_id": "" if nobody else person.pat_id,
                "assigned_to": dice.pick([name for name, _ in practice.staff] + ["HYG", ""]),
                "subject": task["subject"],
                "body": body,
                "due": cells.day(due),
                "status": status,
                "created": cells.moment(created),
            },
            {
                "Contact": None if nobody else person.pat_id,
                "Subject": task["subject"],
                "Body": body or None,
                "Status": status,
                "Due_Date": due.isoformat() if due else None,
                "Recall_Interval": sorted(
                    {answer["interval"] for answer in task["recalls"] if answer["interval"]}
                ),
            },
        )
        row.facts["recall"] = {
            "task_id": task_id,
            "label": label,
            "hard": task["hard"],
            "wording": "generated",
            "subject": task["subject"],
            "body": body or None,
            "created": cells.iso_minute(created),
            "due_column": due.isoformat() if due else None,
            "recalls": task["recalls"],
        }
        household.add(row)


def add_perio(
    household: Household, person: Person, visits: list[Visit], dice: Dice, numbers: Numbers
) -> None:
    """Full-mouth probing at some visits of perio patients, in Open Dental's encoding."""
    if not person.facts["perio"] or not visits or not dice.chance(0.13):
        return
    for visit in visits[:: max(1, len(visits) // 2)][:2]:
        exam_id = numbers.take("perio_exams")
        on = visit.at.date()
        teeth = [str(n) for n in range(2, 32) if n not in (16, 17)]
        measures = ["Probing", "Gingival margin", "Bleeding"]
        if dice.chance(0.5):
            measures.append("Mobility")
        household.add(
            Row(
                "perio_exams",
                exam_id,
                {"exam_id": exam_id, "pat_id": person.pat_id, "date": cells.day(on),
                 "prov": visit.provider},
                {"Contact": person.pat_id, "Date": on.isoformat(),
                 "Readings": len(teeth) * len(measures)},
            )
        )  # fmt: skip
        for tooth in teeth:
            for measure in measures:
                household.add(_reading(exam_id, tooth, measure, dice))


def _reading(exam_id: str, tooth: str, measure: str, dice: Dice) -> Row:
    """Six sites; a gingival margin over 100 is negative; mobility stands in ``b`` alone."""
    sites = ("mb", "b", "db", "ml", "l", "dl")
    match measure:
        case "Probing":
            values = [
                str(dice.weighted(((2, 5.0), (3, 5.0), (1, 1.0), (4, 2.0), (6, 0.6))))
                for _ in sites
            ]
        case "Gingival margin":
            values = [
                str(100 + dice.between(1, 2)) if dice.chance(0.08) else str(dice.between(0, 3))
                for _ in sites
            ]
        case "Bleeding":
            values = [
                str(dice.weighted(((0, 8.0), (1, 2.0), (4, 1.0), (5, 0.4), (8, 0.4))))
                for _ in sites
            ]
        case _:
            values = ["", str(dice.weighted(((0, 8.0), (1, 2.0), (2, 0.3)))), "", "", "", ""]
    return Row(
        "perio_readings",
        f"{exam_id}|{tooth}|{measure}",
        {
            "exam_id": exam_id,
            "tooth": tooth,
            "measure": measure,
            **dict(zip(sites, values, strict=True)),
        },
    )


class Archive:
    """Writes document rows and makes their files."""

    def __init__(self, practice: Practice, numbers: Numbers, quotas: Quotas) -> None:
        """One per export: it counts the over-limit files."""
        self._practice = practice
        self._numbers = numbers
        self._quotas = quotas
        self._huge = 0

    def file(self, household: Household, person: Person, visits: list[Visit], dice: Dice) -> None:
        """A patient's documents: about 1.2, most of them pictures."""
        if not visits:
            return
        for number in range(1, dice.weighted(((1, 4.0), (2, 4.0), (3, 2.0), (5, 0.8)))):
            visit = dice.pick(visits)
            self.add(household, person, visit.at, number, dice)

    def add(
        self, household: Household, person: Person, at: datetime, number: int, dice: Dice
    ) -> Row:
        """One document."""
        doc_id = self._numbers.take("documents")
        category = dice.weighted(_CATEGORIES)
        label = f"{category} {doc_id}"
        kind = "pdf" if category in ("Consent", "Letter") else dice.pick(("jpg", "jpg", "png"))
        if category == "X-ray" and dice.chance(0.1):
            kind = "dcm"
        other = ""
        if kind == "dcm":
            name, born = f"{person.last}^{person.first}", f"{person.born:%Y%m%d}"
            if self._quotas.strikes("dicom identity differs"):
                name = other = f"{dice.pick(('Fallow', 'Tarrant', 'Ullswater'))}^{person.first}"
            content = pictures.dicom(label, name, born, person.pat_id)
        else:
            content = {"jpg": pictures.jpeg, "png": pictures.png, "pdf": pictures.pdf}[kind](label)
        file_name = f"{_PREFIX[category]}{at:%y%m%d}_{number}.{kind}"
        folder = f"{int(person.pat_id) % 100:02d}/{person.pat_id}"
        taken = at + timedelta(minutes=dice.between(5, 40))
        stored = f"{folder}/{file_name}"
        printed = (
            file_name.replace(f".{kind}", f".{kind.upper()}") if dice.chance(0.02) else file_name
        )
        share = "\\\\DXSRV\\dexec\\docs" if dice.chance(0.3) else "X:\\DEXEC\\DOCS"
        teeth = ""
        if category == "X-ray" and dice.chance(0.5):
            first = dice.pick(WORK_TEETH)
            teeth = first if dice.chance(0.6) else f"{first},{int(first) + 1}"
        values = {
            "doc_id": doc_id,
            "pat_id": person.pat_id,
            "category": category,
            "path": f"{share}\\" + f"{folder}/{printed}".replace("/", "\\"),
            "taken_at": cells.moment(taken),
            "tooth_list": teeth,
            "size": str(len(content)),
            "mime": _MIME[kind],
            "note": dice.pick(("sent to endo", "redo")) if dice.chance(0.08) else "",
        }
        row = Row(
            "documents",
            doc_id,
            values,
            {
                "Parent": person.pat_id,
                "Category": category,
                "File_Name": file_name,
                "Path": f"documents/{stored}",
                "Size": len(content),
                "Sha256": hashlib.sha256(content).hexdigest(),
                "Mime": _MIME[kind],
                "State": "present",
                "Taken_At": cells.iso_minute(taken),
            },
        )
        row.facts["label"] = label
        picture = Picture(stored, content, len(content))
        if other:
            self._note(household, row, "dicom identity differs", "flag", dicom_name=other)
        self._damage(household, row, picture, dice)
        return household.add(row)

    def _note(self, household: Household, row: Row, kind: str, expect: str, **more: object) -> None:
        household.defects.append(
            {"kind": kind, "file": "documents", "columns": [], "expect": expect, **more, "raw": {},
             "true": {}, "key": row.key}
        )  # fmt: skip

    def _damage(self, household: Household, row: Row, picture: Picture, dice: Dice) -> None:
        """File missing, empty, or over the limit; media type wrong."""
        quotas, true = self._quotas, row.true
        if quotas.strikes("document file missing"):
            true |= {"Sha256": None, "State": "missing"}
            row.expect = "parked"
            self._note(household, row, "document file missing", "parked")
            return
        household.pictures.append(picture)
        if quotas.strikes("document file empty"):
            picture.content, picture.size = b"", 0
            true |= {"Sha256": hashlib.sha256(b"").hexdigest(), "State": "empty"}
            row.expect = "policy"
            self._note(household, row, "document file empty", "flag")
        elif quotas.strikes("document file above the limit") and self._huge < _MOST_HUGE_FILES:
            self._huge += 1
            picture.size = HUGE_BYTES
            digest = hashlib.sha256(picture.content)
            digest.update(b"\x00" * (HUGE_BYTES - len(picture.content)))
            true |= {"Size": HUGE_BYTES, "Sha256": digest.hexdigest(), "State": "huge"}
            row.cells["size"] = str(HUGE_BYTES)
            row.expect = "policy"
            self._note(household, row, "document file above the limit", "flag", size=HUGE_BYTES)
        elif quotas.strikes("document type wrong"):
            right = true["Mime"]
            wrong = dice.pick(
                [m for m in ("application/pdf", "image/bmp", "image/png") if m != right]
            )
            row.cells["mime"] = wrong
            household.defects.append(
                {"kind": "document type wrong", "file": "documents", "columns": ["mime"],
                 "expect": "normalised", "raw": {"mime": wrong}, "true": {"mime": right},
                 "key": row.key}
            )  # fmt: skip
