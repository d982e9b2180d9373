"""Whether a DICOM image names the person it is filed under. Only the header is read."""

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path

_TAGS = ["PatientName", "PatientBirthDate", "PatientID"]


@dataclass(frozen=True, slots=True)
class DicomPerson:
    """The person an image names; empty strings where it does not say."""

    last: str
    first: str
    birth_date: str
    patient_id: str


def read_person(path: Path) -> DicomPerson | None:
    """Return the person named in a DICOM file's header, ``None`` where it is no DICOM file."""
    # Its dictionary of tags takes 30 MiB and half a second: only where there are such images.
    import pydicom  # noqa: PLC0415
    from pydicom.errors import InvalidDicomError  # noqa: PLC0415

    try:
        data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
        name = str(data.get("PatientName", "") or "")
        born = str(data.get("PatientBirthDate", "") or "")
        number = str(data.get("PatientID", "") or "")
    except (InvalidDicomError, OSError, ValueError, EOFError, KeyError, AttributeError, TypeError):
        return None
    last, _, first = name.partition("^")
    return DicomPerson(last.strip(), first.split("^")[0].strip(), _iso(born), number.strip())


def _iso(text: str) -> str:
    try:
        return dt.date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:8]}").isoformat()
    except ValueError:
        return ""


def _fold(text: str | None) -> str:
    return re.sub(r"[^a-z]", "", (text or "").lower())


def disagrees(
    person: DicomPerson, last: str | None, first: str | None, birth_date: str | None
) -> bool:
    """True where the image plainly names somebody else: another last name or birth date."""
    if person.last and last and _fold(person.last) != _fold(last):
        return True
    if person.first and first and _fold(person.first)[:1] != _fold(first)[:1]:
        return True
    return bool(person.birth_date and birth_date and person.birth_date != birth_date)
