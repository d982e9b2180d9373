"""Small files that are valid and all different: JPEG, PNG, PDF, and a bare DICOM.

Made byte by byte, so that the same argument gives the same bytes on every machine.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import Final

_LUMA_ONES: Final = bytes([1] * 64)
_DICOM_EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
_DICOM_INTRAORAL: Final = "1.2.840.10008.5.1.4.1.1.1.3"


def jpeg(label: str) -> bytes:
    """A grey baseline JPEG; the label sets its shade and stands in its comment."""
    digest = hashlib.sha256(label.encode()).digest()
    blocks_wide, blocks_high = 4 + digest[0] % 5, 3 + digest[1] % 4
    shade = digest[2] % 32 + 32
    # DC codes: 0 "no change", 10 "a 6-bit difference"; the one AC code ends the block.
    bits = "10" + f"{shade:06b}" + "0" + "00" * (blocks_wide * blocks_high - 1)
    bits += "1" * (-len(bits) % 8)
    scan = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")

    def segment(marker: int, body: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body

    frame = struct.pack(">BHHB", 8, blocks_high * 8, blocks_wide * 8, 1) + bytes([1, 0x11, 0])
    return (
        b"\xff\xd8"
        + segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
        + segment(0xFE, label.encode())
        + segment(0xDB, b"\x00" + _LUMA_ONES)
        + segment(0xC0, frame)
        + segment(0xC4, b"\x00" + bytes([1, 1] + [0] * 14) + bytes([0, 6]))
        + segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + bytes([0]))
        + segment(0xDA, bytes([1, 1, 0x00, 0, 63, 0]))
        + scan
        + b"\xff\xd9"
    )


def png(label: str) -> bytes:
    """A small grey PNG with a pattern of its own."""
    digest = hashlib.sha256(label.encode()).digest()
    width, height = 24, 8 + digest[0] % 9

    def chunk(kind: bytes, body: bytes) -> bytes:
        checked = kind + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    lines = b"".join(
        b"\x00" + bytes((digest[(x + y) % 32] + 3 * x) % 256 for x in range(width))
        for y in range(height)
    )
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(lines, 9))
        + chunk(b"IEND", b"")
    )


def pdf(label: str) -> bytes:
    """A one-page PDF that says its label."""
    drawing = f"BT /F1 12 Tf 40 140 Td ({label}) Tj ET".encode("ascii", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body = bytearray(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    body += b"".join(b"%010d 00000 n \n" % place for place in places)
    body += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        start,
    )
    return bytes(body)


def dicom(label: str, name: str, born: str, patient_id: str) -> bytes:
    """A DICOM part 10 file: identity (``Last^First``, ``YYYYMMDD``) and an 8 x 8 image.

    Source: DICOM PS3.10 (file format), PS3.5 (explicit VR little endian).
    """
    digest = hashlib.sha256(label.encode()).digest()
    uid = "2.25." + str(int.from_bytes(digest[:8], "big"))

    def element(group: int, number: int, kind: str, value: bytes) -> bytes:
        if len(value) % 2:
            value += b"\x00" if kind in ("UI", "OB") else b" "
        head = struct.pack("<HH", group, number) + kind.encode()
        if kind in ("OB", "OW"):
            return head + struct.pack("<HI", 0, len(value)) + value
        return head + struct.pack("<H", len(value)) + value

    def short(number: int, value: int) -> bytes:
        return element(0x0028, number, "US", struct.pack("<H", value))

    meta = (
        element(0x0002, 0x0001, "OB", b"\x00\x01")
        + element(0x0002, 0x0002, "UI", _DICOM_INTRAORAL.encode())
        + element(0x0002, 0x0003, "UI", uid.encode())
        + element(0x0002, 0x0010, "UI", _DICOM_EXPLICIT_LITTLE.encode())
    )
    data = (
        element(0x0008, 0x0016, "UI", _DICOM_INTRAORAL.encode())
        + element(0x0008, 0x0018, "UI", uid.encode())
        + element(0x0008, 0x0060, "CS", b"IO")
        + element(0x0010, 0x0010, "PN", name.encode("ascii", "replace"))
        + element(0x0010, 0x0020, "LO", patient_id.encode())
        + element(0x0010, 0x0030, "DA", born.encode())
        + short(0x0002, 1)
        + element(0x0028, 0x0004, "CS", b"MONOCHROME2")
        + short(0x0010, 8)
        + short(0x0011, 8)
        + short(0x0100, 8)
        + short(0x0101, 8)
        + short(0x0102, 7)
        + short(0x0103, 0)
        + element(0x7FE0, 0x0010, "OW", (digest * 2)[:64])
    )
    group_length = element(0x0002, 0x0000, "UL", struct.pack("<I", len(meta)))
    return b"\x00" * 128 + b"DICM" + group_length + meta + data
