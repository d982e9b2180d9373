"""Notes, pictures and recalls: what is inside the cells agrees with the key."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import struct
import zlib
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from bridgework_synthetic import pictures
from bridgework_synthetic.dice import Dice
from bridgework_synthetic.recalls import compose

Make = Callable[..., Any]


def visible(shape: str, body: str) -> str:
    """A note's visible text, by a few lines that know nothing of how it was made."""
    if shape == "RTF":
        text = re.sub(r"\{\\fonttbl.*?\}\}|\{\\\*.*?\}|\{\\pict.*?\}", "", body, flags=re.DOTALL)
        text = text.replace("\\par\n", "\n")
        text = re.sub(r"\\u(\d+)\?", lambda m: chr(int(m[1])), text)
        text = re.sub(r"\\[a-z]+-?\d* ?", "", text)
        text = re.sub(r"\\([{}\\])", "\x00\\1", text)
        text = re.sub(r"(?<!\x00)[{}]", "", text)
        return text.replace("\x00", "").strip()
    if shape == "HTML":
        text = re.sub(r"<!--.*?-->|<style>.*?</style>", "", body, flags=re.DOTALL)
        return html.unescape(re.sub(r"<[^>]+>", "", text)).replace("\xa0", "").strip()
    return body


@pytest.mark.parametrize("defects", [0.0, 1.0])
def test_visible_text_of_every_note_is_the_text_of_the_key(make: Make, defects: float) -> None:
    """Plain, RTF and HTML bodies read the same lines; damaged characters are listed."""
    export = make(defects=defects, patients=400, seed=2)
    notes = export.objects("Notes")
    damaged = {d["key"] for d in export.defects() if d["file"] == "notes" and d["columns"]}
    shapes: Counter[str] = Counter()
    for row in export.rows("notes"):
        if row["note_id"] in damaged:
            continue
        shapes[row["format"]] += 1
        found = "\n".join(line.strip() for line in visible(row["format"], row["body"]).splitlines())
        assert found == notes[row["note_id"]]["fields"]["Text"], row["body"]
    assert min(shapes[shape] for shape in ("text", "RTF", "HTML")) > 50


def test_inline_pictures_have_the_bytes_the_key_hashes(make: Make) -> None:
    """Data URIs, RTF hex and NOTEIMG files; broken and absent ones have no hash."""
    export = make(patients=400, seed=2)
    rows = {row["note_id"]: row for row in export.rows("notes")}
    kinds: Counter[str] = Counter()
    for key, note in export.objects("Notes").items():
        for image in note["fields"]["Images"]:
            kinds[image["kind"]] += 1
            body = rows[key]["body"]
            if image["sha256"] is None:
                continue
            if image["kind"] == "rtf-pict":
                found = re.search(r"\\pict.*? ([0-9a-f]+)\}", body)
                assert found
                content = bytes.fromhex(found[1])
            elif image["kind"] == "data":
                found = re.search(r"base64,([^\"]+)", body)
                assert found
                content = base64.b64decode(found[1], validate=True)
            else:
                content = (export.folder / "export/documents" / image["document"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == image["sha256"]
            assert len(content) == image["size"]
    assert set(kinds) == {"rtf-pict", "data", "path", "cid", "unc"}


def test_broken_pictures_cannot_be_decoded(make: Make) -> None:
    """A broken data URI is no base64, a broken RTF picture has half a byte too many."""
    export = make(patients=400, seed=2)
    rows = {row["note_id"]: row["body"] for row in export.rows("notes")}
    broken = export.defects("inline image broken")
    assert broken
    for defect in broken:
        body = rows[defect["key"]]
        data = re.search(r"base64,([^\"]+)", body)
        digits = re.search(r"\\pict.*? ([0-9a-f]+)\}", body)
        assert (data and "?" in data[1]) or (digits and len(digits[1]) % 2)


def test_png_chunks_are_whole() -> None:
    """Signature, lengths and checksums; the image data inflates to its size."""
    content = pictures.png("sample")
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    at, found = 8, {}
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        kind, body = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", content[at + 8 + length : at + 12 + length])
        assert zlib.crc32(kind + body) == checksum
        found[kind] = body
        at += 12 + length
    width, height = struct.unpack(">II", found[b"IHDR"][:8])
    assert len(zlib.decompress(found[b"IDAT"])) == (width + 1) * height
    assert list(found)[-1] == b"IEND"


def test_jpeg_segments_lead_to_the_scan_and_the_end() -> None:
    """Every marker's length leads to the next marker, as far as the scan."""
    content = pictures.jpeg("sample")
    assert content[:2] == b"\xff\xd8"
    assert content[-2:] == b"\xff\xd9"
    at, markers = 2, []
    while True:
        mark, kind, length = struct.unpack(">BBH", content[at : at + 4])
        assert mark == 0xFF
        markers.append(kind)
        at += 2 + length
        if kind == 0xDA:
            break
    assert markers == [0xE0, 0xFE, 0xDB, 0xC0, 0xC4, 0xC4, 0xDA]


def test_pdf_cross_references_point_at_their_objects() -> None:
    """Each offset of the table is where its object starts."""
    content = pictures.pdf("Consent (signed) 1")
    start = int(content.rsplit(b"startxref\n", 1)[1].split()[0])
    assert content[start:].startswith(b"xref")
    entries = re.findall(rb"(\d{10}) 00000 n", content)
    for number, place in enumerate(entries, start=1):
        assert content[int(place) :].startswith(b"%d 0 obj" % number)


def test_dicom_carries_the_identity_it_was_given() -> None:
    """Preamble, group length, and patient name, number and birth date as elements."""
    content = pictures.dicom("sample", "Zouche^Ida", "19800229", "2001")
    assert content[128:132] == b"DICM"
    (length,) = struct.unpack("<I", content[140:144])
    assert content[144 + length :][:4] == struct.pack("<HH", 0x0008, 0x0016)
    for part in (b"PN\x0a\x00Zouche^Ida", b"LO\x04\x002001", b"DA\x08\x0019800229"):
        assert part in content


def test_all_pictures_differ() -> None:
    """A thousand labels, a thousand contents, of each kind."""
    for draw in (pictures.png, pictures.jpeg, pictures.pdf):
        assert len({draw(f"label {n}") for n in range(1000)}) == 1000


def test_recall_spans_point_at_their_words() -> None:
    """Over 5,000 tasks: spans, texts, intervals and due dates are consistent with the label."""
    dice = Dice("recalls")
    labels: Counter[str] = Counter()
    subjects = set()
    for _ in range(5000):
        label, task = compose(dice, datetime(2026, 3, 2, 9, 30))  # noqa: DTZ001 - wall clock
        labels[label] += 1
        subjects.add((task["subject"], task["body"]))
        assert bool(task["recalls"]) == (label == "positive")
        assert "«" not in task["subject"] + task["body"]
        assert "{" not in task["subject"] + task["body"]
        for recall in task["recalls"]:
            start, stop = recall["span"]
            assert task[recall["field"]][start:stop] == recall["text"] != ""
            assert recall["interval"] or recall["due"]
            if recall["interval"]:
                assert re.fullmatch(r"P(\d+[YMWD])+", recall["interval"])
            lengths = {"none": 0, "month": 7, "day": 10}
            assert len(recall["due"] or "") == lengths[recall["due_precision"]]
    assert set(labels) == {"positive", "negative", "decoy", "ambiguous", "ordinary"}
    assert len(subjects) > 300


def test_recalls_of_the_key_are_the_tasks_of_the_file(make: Make) -> None:
    """Every task has its answer, with the texts as printed, and its interval on the Task."""
    export = make()
    tasks = export.objects("Tasks")
    rows = {row["task_id"]: row for row in export.rows("tasks")}
    assert {answer["task_id"] for answer in export.truth["recalls"]} == set(rows)
    for answer in export.truth["recalls"]:
        row = rows[answer["task_id"]]
        assert (row["subject"], row["body"]) == (answer["subject"], answer["body"] or "")
        intervals = {recall["interval"] for recall in answer["recalls"]} - {None}
        assert tasks[answer["task_id"]]["fields"]["Recall_Interval"] == sorted(intervals)


def test_nobody_is_real(make: Make) -> None:
    """Telephones are 555-01xx, mail is at example domains, whole SSNs are from the block 9xx."""
    export = make(defects=0.0)
    for row in export.rows("patients"):
        for column in ("home_phone", "work_phone", "cell_phone"):
            digits = re.sub(r"\D", "", row[column])
            assert not digits or digits[3:8] == "55501"
        assert not row["email"] or re.search(r"@example\.(com|net|org)$", row["email"])
        assert re.fullmatch(r"|\*{3}-\*\*-\d{4}|000-00-0000|9\d\d-\d\d-\d{4}", row["ssn"])
    for row in export.rows("providers"):
        assert not row["email"] or row["email"].endswith(".example.org")
