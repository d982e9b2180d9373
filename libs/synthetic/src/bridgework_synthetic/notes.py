"""Clinical and office notes: plain text, RTF and HTML, template residue, pictures inside."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Final

from bridgework_synthetic import cells, pictures
from bridgework_synthetic.dice import Dice
from bridgework_synthetic.numbering import Numbers
from bridgework_synthetic.practice import Practice, Provider
from bridgework_synthetic.procedures import LABEL
from bridgework_synthetic.quota import Quotas
from bridgework_synthetic.rows import Fields, Household, Person, Picture, Row
from bridgework_synthetic.visits import Visit

_CLINICAL: Final = (
    "Tissue pink and firm.", "Light calculus lower anteriors.", "Gave floss threaders.",
    "1 carp 4% articaine, no reaction.", "Occlusion adjusted.", "Pt pleased with shade.",
    "Reviewed brushing at gumline.", "Bleeding on probing UR.", "Radiographs read with patient.",
    "Margins closed, contacts tight.", "Rubber dam used.", "Tolerated well, left comfortable.",
    "Advised soft diet today.", "Temp 98.4 °F, no swelling.", "Bite ½ mm high, relieved.",
)  # fmt: skip
_OFFICE: Final = (
    "Left voicemail about open time.", "Patient called, running ten minutes late.",
    "Explained the estimate by phone.", "Emailed receipt for HSA.", "Wants a call after 4.",
    "Asked for records release form.", "Confirmed for next visit.", "New address taken at desk.",
    "Spoke to carrier, ref no. on file.", "Mailed statement again.",
)  # fmt: skip
_RESIDUE: Final = (
    "<<PatientName>> seen today", "[ ] Hx reviewed [X] BP [ ] Consent", "BP: ___/___ Pulse: ___",
    "*** COMPLETE NV ***", "{TOOTH} {SURF} - see chart", "Anesthetic: ______ x ____ carps",
)  # fmt: skip
_NEXT: Final = ("NV: recall", "NV: seat crown", "NV: op 45 min", "NV: as planned", "NV: none sched")
_HISTORY: Final = (
    "Continuation of typed chart entry, page {page}: findings as dictated, no change of plan, "
    "patient informed, questions answered, next steps agreed and written down for the front desk."
)
_RTF_HEAD: Final = (
    "{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0\\fnil Tahoma;}}"
    "{\\*\\generator Dental-Exec Notes 5.0;}\\uc1\\pard\\f0\\fs18 "
)
_OFFICE_STYLE: Final = (
    "<!--[if gte mso 9]><xml><o:OfficeDocumentSettings/></xml><![endif]-->"
    "<style>p{margin:0}</style>"
)


class NoteBook:
    """Writes a household's notes."""

    def __init__(
        self, practice: Practice, household: Household, dice: Dice, numbers: Numbers, quotas: Quotas
    ) -> None:
        """All rows go to ``household``."""
        self._practice = practice
        self._household = household
        self._dice = dice
        self._numbers = numbers
        self._quotas = quotas
        self._by_abbr = {provider.abbr: provider for provider in practice.providers}

    def write(self, person: Person, visits: Sequence[Visit]) -> None:
        """One note per visit, some addenda, and what the office jotted down in between."""
        dice = self._dice
        for visit in visits:
            self.chart(person, visit)
        first = person.first_visit or person.facts["created"].date()
        for _ in range(dice.weighted(((0, 4.0), (1, 3.0), (2, 2.0), (3, 1.0)))):
            at = datetime.combine(
                dice.day(first, self._practice.today - timedelta(days=1)), time(9)
            )
            at += timedelta(minutes=dice.between(0, 480))
            author = (
                None
                if dice.chance(0.3)
                else dice.pick(self._practice.working(self._practice.hygienists, at.date()))
            )
            self._note(
                person, author, at, dice.pick(("Phone", "Phone", "Admin")), [dice.pick(_OFFICE)]
            )

    def chart(self, person: Person, visit: Visit) -> None:
        """The note of one visit."""
        dice = self._dice
        treated = self._by_abbr[visit.provider]
        lines = [
            f"{item.code} {LABEL[item.code]}"
            + (f" #{item.tooth}" if item.tooth else "")
            + (f" {item.surface}" if item.surface else "")
            + f". {dice.pick(_CLINICAL)}"
            for item in visit.work[:4]
        ]
        if dice.chance(0.1):
            lines.insert(0, dice.pick(_RESIDUE))
        if dice.chance(0.5):
            lines.append(dice.pick(_NEXT))
        if dice.chance(0.0008):
            lines += [_HISTORY.format(page=page) for page in range(2, dice.between(180, 330))]
        kind = "Clinical" if dice.chance(0.75) else "Progress"
        note = self._note(person, treated, visit.at, kind, lines)
        if dice.chance(0.012):
            later, text = visit.at + timedelta(hours=1), ["Addendum: lab slip corrected."]
            self._note(person, treated, later, kind, text, addendum_of=note.key)

    def _note(
        self,
        person: Person,
        author: Provider | None,
        at: datetime,
        kind: str,
        lines: list[str],
        addendum_of: str = "",
    ) -> Row:
        dice = self._dice
        note_id = self._numbers.take("notes")
        shape = dice.weighted((("text", 74.0), ("RTF", 14.0), ("HTML", 12.0)))
        if len(lines) > 100:
            shape = "text"
        images: list[Fields] = []
        embedded = ""
        if self._practice.recipe.images and shape != "text" and dice.chance(0.11):
            image, embedded = self._picture(note_id, shape)
            images.append(image)
        entered = at + timedelta(minutes=dice.between(20, 50))
        if dice.chance(0.12):
            entered = datetime.combine(at.date() + timedelta(days=1), time(8, dice.between(0, 59)))
        entered = min(entered, self._practice.as_of)
        signed = dice.chance(0.55)
        only_initials = dice.chance(0.2)
        initials = author.initials if author else ""
        row = Row(
            "notes",
            note_id,
            {
                "note_id": note_id,
                "pat_id": person.pat_id,
                "prov_id": author.prov_id if author and not only_initials else "",
                "author_initials": initials,
                "note_date": cells.day(at.date()),
                "entered_at": cells.moment(entered),
                "type": kind,
                "format": shape,
                "body": body(shape, lines, embedded, fancy=dice.chance(0.4)),
                "signed": "Y" if signed else "N",
                "addendum_of": addendum_of,
            },
            {
                "Parent": person.pat_id,
                "Text": "\n".join(lines),
                "Note_Date": at.date().isoformat(),
                "Entered_At": cells.iso_minute(entered),
                "Author": author.prov_id if author else None,
                "Initials": initials or None,
                "Type": kind,
                "Signed": signed,
                "Format": shape,
                "Addendum_Of": addendum_of or None,
                "Images": images,
            },
        )
        if author and only_initials:
            others = [p.prov_id for p in self._practice.providers if p.initials == initials]
            if len(others) > 1:
                row.also("Author", *others, None)
        row.facts = {"lines": lines}
        return self._household.add(row)

    def _picture(self, note_id: str, shape: str) -> tuple[Fields, str]:
        """One inline picture: what the key says of it, and what stands in the body."""
        dice = self._dice
        label = f"note picture {note_id}"
        mime = dice.pick(("image/png", "image/jpeg"))
        content = pictures.png(label) if mime == "image/png" else pictures.jpeg(label)
        broken = self._quotas.strikes("inline image broken")
        found: Fields = {"kind": "", "mime": mime, "sha256": hashlib.sha256(content).hexdigest(),
                         "size": len(content), "broken": False}  # fmt: skip
        if broken:
            found |= {"sha256": None, "size": None, "broken": True}
        if shape == "RTF":
            blip = "pngblip" if mime == "image/png" else "jpegblip"
            digits = content.hex()
            found["kind"] = "rtf-pict"
            self._broken(note_id, broken)
            return found, f"{{\\pict\\{blip}\\picw24\\pich16 {digits[: 41 if broken else None]}}}"
        kind = (
            "data"
            if broken
            else dice.weighted((("data", 5.0), ("path", 2.5), ("cid", 1.5), ("unc", 1.5)))
        )
        found["kind"] = kind
        if kind == "data":
            self._broken(note_id, broken)
            code = base64.b64encode(content).decode()
            code = code[: len(code) // 2] + "??" if broken else code
            return found, f"data:{mime};base64,{code}"
        name = f"NI{note_id}.{'png' if mime == 'image/png' else 'jpg'}"
        target = {
            "path": f"file:///C:/DEXEC/NOTEIMG/{name}",
            "cid": f"cid:{name}@dexec",
            "unc": f"\\\\DXSRV\\dexec\\noteimg\\{name}",
        }[kind]
        found["target"] = target
        if kind == "path" and self._practice.recipe.documents and dice.chance(0.7):
            found["document"] = f"NOTEIMG/{name}"
            self._household.pictures.append(Picture(f"NOTEIMG/{name}", content, len(content)))
        else:
            found |= {"sha256": None, "size": None}
        return found, target

    def _broken(self, note_id: str, broken: bool) -> None:  # noqa: FBT001 - one fact of the picture
        if broken:
            self._household.defects.append(
                {"kind": "inline image broken", "file": "notes", "columns": ["body"],
                 "expect": "flag", "raw": {}, "true": {}, "key": note_id}
            )  # fmt: skip


def body(shape: str, lines: Sequence[str], embedded: str, *, fancy: bool) -> str:
    """The stored body of a note: its visible lines in one of three formats, and a picture."""
    if shape == "RTF":
        text = _RTF_HEAD
        for place, line in enumerate(lines):
            words = _rtf(line)
            text += f"\\b {words}\\b0 \\par\n" if fancy and place == 0 else f"{words}\\par\n"
        return text + (f"{embedded}\\par\n" if embedded else "") + "}"
    if shape == "HTML":
        paragraphs = [html.escape(line, quote=False) for line in lines]
        if fancy:
            paragraphs[0] = f"<b>{paragraphs[0]}</b>"
            paragraphs[-1] += "<o:p>&nbsp;</o:p>"
        text = "\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
        image = f'\n<img src="{embedded}" alt="">' if embedded else ""
        return f"<html><body>{_OFFICE_STYLE if fancy else ''}{text}{image}</body></html>"
    return "\n".join(lines)


def _rtf(line: str) -> str:
    """A line with RTF's own characters escaped and the rest of the world as code points."""
    escaped = line.replace("\\", "\\\\").replace("{", "\\{").replace("}", "\\}")
    return "".join(c if c.isascii() else f"\\u{ord(c)}?" for c in escaped)


def note_attachments(row: Row) -> list[Fields]:
    """The key's Attachment objects for the pictures inside one note."""
    found = []
    for place, image in enumerate(row.true["Images"], start=1):
        here = image["sha256"] is not None
        state = "present" if here else "broken" if image["broken"] else "not in the export"
        found.append(
            {
                "key": f"note-{row.key}-{place}",
                "expect": "required" if here else "policy" if image["broken"] else "parked",
                "fields": {
                    "Parent": row.true["Parent"],
                    "Category": "Inline image",
                    "Sha256": image["sha256"],
                    "Size": image["size"],
                    "Mime": image["mime"],
                    "State": state,
                    "Kind": image["kind"],
                },
            }
        )
    return found
