"""The office's procedure list: codes, its own short labels, where they apply, and fees."""

from __future__ import annotations

from typing import Final, NamedTuple


class Procedure(NamedTuple):
    """One line of the fee schedule. ``fee`` is what the office charges, in dollars."""

    code: str
    label: str
    area: str
    fee: int


PROCEDURES: Final = tuple(
    Procedure(code, label, area, fee)
    for code, label, area, fee in (
        ("D0120", "Recall exam", "Mouth", 62),
        ("D0140", "Limited exam", "Mouth", 84),
        ("D0150", "Full exam new pt", "Mouth", 102),
        ("D0180", "Perio exam", "Mouth", 112),
        ("D0210", "Full series", "Mouth", 148),
        ("D0220", "PA 1st", "Tooth", 34),
        ("D0230", "PA add'l", "Tooth", 27),
        ("D0274", "4 bitewings", "Mouth", 71),
        ("D0330", "Panorex", "Mouth", 126),
        ("D1110", "Prophy adult", "Mouth", 106),
        ("D1120", "Prophy child", "Mouth", 79),
        ("D1206", "Fl varnish", "Mouth", 43),
        ("D1208", "Fl topical", "Mouth", 39),
        ("D1351", "Sealant", "Tooth", 57),
        ("D2140", "Amalgam 1s", "Surface", 141),
        ("D2150", "Amalgam 2s", "Surface", 178),
        ("D2330", "Comp ant 1s", "Surface", 162),
        ("D2331", "Comp ant 2s", "Surface", 197),
        ("D2391", "Comp post 1s", "Surface", 173),
        ("D2392", "Comp post 2s", "Surface", 224),
        ("D2393", "Comp post 3s", "Surface", 271),
        ("D2740", "Crown porc", "Tooth", 1240),
        ("D2750", "Crown PFM", "Tooth", 1185),
        ("D2950", "Core build-up", "Tooth", 292),
        ("D3310", "RCT ant", "Tooth", 812),
        ("D3320", "RCT bi", "Tooth", 934),
        ("D3330", "RCT molar", "Tooth", 1126),
        ("D4341", "SRP quad", "Quadrant", 258),
        ("D4342", "SRP 1-3 teeth", "Quadrant", 183),
        ("D4355", "Debridement", "Mouth", 164),
        ("D4910", "Perio maint", "Mouth", 141),
        ("D5110", "Full denture up", "Arch", 1720),
        ("D6010", "Implant body", "Tooth", 2110),
        ("D6240", "Pontic PFM", "Range", 1160),
        ("D7140", "Ext simple", "Tooth", 182),
        ("D7210", "Ext surgical", "Tooth", 314),
        ("D9110", "Palliative", "Mouth", 118),
        ("D9230", "Nitrous", "Mouth", 72),
        ("D9944", "Night guard", "Arch", 585),
        ("ZZMISS", "Missed appt", "Mouth", 45),
        ("ZZSHIP", "Mail copy of chart", "Mouth", 25),
        ("D1203", "Fl child (old)", "Mouth", 36),
        ("D2385", "Resin 1s post (old)", "Surface", 150),
        ("D7110", "Single ext (old)", "Tooth", 140),
        ("D9940", "Guard (old)", "Arch", 480),
    )
)

FEE: Final = {item.code: item.fee for item in PROCEDURES}
LABEL: Final = {item.code: item.label for item in PROCEDURES}

RETIRED: Final = {"D1206": "D1203", "D2391": "D2385", "D7140": "D7110", "D9944": "D9940"}
"""Code in use to the code the same work once had."""

MOLARS: Final = ("1", "2", "3", "14", "15", "16", "17", "18", "19", "30", "31", "32")
WORK_TEETH: Final = ("2", "3", "4", "5", "12", "13", "14", "15", "18", "19", "20", "21", "28", "29",
                     "30", "31")  # fmt: skip
FRONT_TEETH: Final = ("6", "7", "8", "9", "10", "11", "22", "23", "24", "25", "26", "27")
MILK_TEETH: Final = ("A", "B", "I", "J", "K", "L", "S", "T")
SUPERNUMERARY: Final = ("51", "58", "66", "74", "82", "AS", "JS", "TS")
QUADRANTS: Final = ("UR", "UL", "LL", "LR")

SURFACE_ORDER: Final = "MODBLFI"
"""Canonical order of surface letters."""

SURFACES_BACK: Final = ("O", "MO", "OD", "MOD", "B", "MOB", "L", "MODBL")
SURFACES_FRONT: Final = ("M", "D", "F", "MF", "DF", "L", "MFI")


def universal_to_fdi(tooth: str) -> str:
    """Permanent tooth ``1``-``32`` as FDI ``11``-``48``."""
    number = int(tooth)
    if number <= 8:
        return f"1{9 - number}"
    if number <= 16:
        return f"2{number - 8}"
    if number <= 24:
        return f"3{25 - number}"
    return f"4{number - 24}"


def universal_to_palmer(tooth: str) -> str:
    """Permanent tooth as Palmer with the quadrant in letters: ``UR6``."""
    fdi = universal_to_fdi(tooth)
    return {"1": "UR", "2": "UL", "3": "LL", "4": "LR"}[fdi[0]] + fdi[1]
