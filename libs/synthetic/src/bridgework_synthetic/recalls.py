"""The office's to-do list, and the recalls people hide in it.

A wording is written once with its answer: ``«…»`` marks the words a parser should point at,
``{n}`` the number that also stands in the interval.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from bridgework_synthetic import cells
from bridgework_synthetic.dice import Dice
from bridgework_synthetic.rows import Fields

_MONTHS: Final = (3, 4, 6, 6, 6, 12)
_PERIO: Final = (2, 3, 3, 4, 4, 6)
_YEARS: Final = (3, 5)
_WORDS: Final = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 9: "nine", 12: "twelve"}
_DOCTORS: Final = ("Dr. Oxenham", "Dr. Lockhart", "Dr. Rookwood")

PROPHY, PERIO, BITEWINGS = "Prophy", "Perio maintenance", "Bitewings"
PANO, FMX, HYGIENE = "Pano", "FMX", "Hygiene"


class Wording(NamedTuple):
    """A subject and body, and per marked span: interval, what it is for, when.

    ``when`` is ``""`` (the task's due column), ``day`` (``{day}`` stands in the text) or ``month``
    (``{mon}`` or ``{my}`` does). ``hard`` wordings name a second interval that does not count.
    """

    subject: str
    body: str
    answers: tuple[tuple[str, str | None, str], ...]
    numbers: tuple[int, ...] = _MONTHS
    hard: bool = False


def _m(kind: str | None, when: str = "", interval: str = "P{n}M") -> tuple[str, str | None, str]:
    return (interval, kind, when)


POSITIVE: Final = (
    Wording("«{n} mo recall»", "", (_m(None),)),
    Wording("«{n}MRC»", "", (_m(None),)),
    Wording("«{n}m recare»", "txt ok", (_m(None),)),
    Wording("«{N} month recall»", "card mailed twice", (_m(None),), (3, 4, 6, 9)),
    Wording("«Recall {n}M prophy»", "", (_m(PROPHY),)),
    Wording("«{n} mos proph recal»", "", (_m(PROPHY),)),
    Wording("«Prophy q{n}m»", "ins allows 2 per yr", (_m(PROPHY),)),
    Wording("recall", "«clean & check every {n} months»", (_m(PROPHY),)),
    Wording("Hygiene recall", "«keep on {n} month cleanings» per hyg", (_m(PROPHY),)),
    Wording("rcl", "«adult prophy {n} mths»", (_m(PROPHY),)),
    Wording("«HYG {n} MO»", "", (_m(HYGIENE),)),
    Wording("hyg f/u", "«hygiene q {n} mths», prefers Thu", (_m(HYGIENE),)),
    Wording("«RC HYG {n}M+1D»", "freq limit", (_m(HYGIENE, interval="P{n}M1D"),)),
    Wording("«{n} months + 1 day recall»", "per ins", (_m(None, interval="P{n}M1D"),)),
    Wording("recare", "«{n}m+1d prophy»", (_m(PROPHY, interval="P{n}M1D"),)),
    Wording("«1 year + 1 day recall»", "Medicaid", (_m(None, interval="P1Y1D"),)),
    Wording("«PMT q {n} mo»", "", (_m(PERIO),), _PERIO),
    Wording("«Perio maint {n}m»", "alt w/ {dr}", (_m(PERIO),), _PERIO),
    Wording("perio recall", "«{N}-month perio maintenance», smoker", (_m(PERIO),), (2, 3, 4)),
    Wording("«{n} mo D4910»", "", (_m(PERIO),), _PERIO),
    Wording("«p.m. every {n} months» - SRP done", "", (_m(PERIO),), _PERIO),
    Wording("SRP complete", "«begin {n} mo PM recall»", (_m(PERIO),), _PERIO),
    Wording("PM", "«pm q{w} wks», home care poor", (_m(PERIO, interval="P{w}W"),)),
    Wording("«recall every {d} days»", "", (_m(None, interval="P{d}D"),)),
    Wording("rc", "«{d}-day recare», tight budget", (_m(None, interval="P{d}D"),)),
    Wording("«BWX yearly»", "", (_m(BITEWINGS, interval="P1Y"),)),
    Wording("«bitewings every {n} months»", "high caries", (_m(BITEWINGS),), (6, 12, 18, 24)),
    Wording("x-ray schedule", "«4BW q {n} mo»", (_m(BITEWINGS),), (6, 12, 18)),
    Wording("«pano every {n} yrs»", "", (_m(PANO, interval="P{n}Y"),), _YEARS),
    Wording("images", "«panorex q{n}y», last at ortho", (_m(PANO, interval="P{n}Y"),), _YEARS),
    Wording("«FMX {n} year recall»", "", (_m(FMX, interval="P{n}Y"),), _YEARS),
    Wording("xrays due", "«full mouth series every {n} years»", (_m(FMX, interval="P{n}Y"),),
            _YEARS),
    Wording("«annual prophy»", "only comes once", (_m(PROPHY, interval="P1Y"),)),
    Wording("«semiannual recall»", "", (_m(None, interval="P6M"),)),
    Wording("hygiene", "«cleanings three times a year»", (_m(PROPHY, interval="P4M"),)),
    Wording("«quarterly perio maint»", "diabetic", (_m(PERIO, interval="P3M"),)),
    Wording("«{n} mo recall, due {day}»", "", (_m(None, "day"),)),
    Wording("«Perio maint q{n}m, next {day}»", "{dr} ok", (_m(PERIO, "day"),), _PERIO),
    Wording("recall", "«{n}mo prophy due {day}», lm x2", (_m(PROPHY, "day"),)),
    Wording("«recall due {my}»", "", (_m(None, "month", ""),)),
    Wording("«next cleaning {my}»", "", (_m(PROPHY, "month", ""),)),
    Wording("HYG", "«due back {my}»", (_m(HYGIENE, "month", ""),)),
    Wording("«HYG DUE {MON}»", "", (_m(HYGIENE, "month", ""),)),
    Wording("hygiene", "«prophy due {day}»", (_m(PROPHY, "day", ""),)),
    Wording("«{n}m prophy» + «bwx 1 yr»", "", (_m(PROPHY), _m(BITEWINGS, interval="P1Y"))),
    Wording("«PM {n}mo» / «FMX 5 yrs»", "", (_m(PERIO), _m(FMX, interval="P5Y")), _PERIO),
    Wording("recalls", "«hyg {n} mo», «pano 3 yr»", (_m(HYGIENE), _m(PANO, interval="P3Y"))),
    Wording("recall", "was 6 mo, «change to {n} mo PM»", (_m(PERIO),), (2, 3, 4), hard=True),
    Wording("recall", "refused 3 mo - «leave at 6 mo recall»", (_m(None, interval="P6M"),),
            hard=True),
    Wording("recare", "ins covers 6 mo but «pt on 4 mo perio maint»",
            (_m(PERIO, interval="P4M"),), hard=True),
    Wording("recall", "until ortho is off «3 month cleanings», used to be yearly",
            (_m(PROPHY, interval="P3M"),), hard=True),
)  # fmt: skip

NEGATIVE: Final = (
    ("take off recall list", "seeing another office"), ("recall", "pt refused all recalls"),
    ("NO RECALL", "moved to Oregon"), ("inactivate, no recare", ""), ("recare", "stop cards"),
    ("Hyg recall", "declined recall, no insurance"), ("recall - deceased", "per daughter"),
    ("do not schedule recall", "balance in collections"), ("cancel 6 mo recall", "pt transferring"),
    ("recall", "opted out of recare reminders"),
)  # fmt: skip

DECOY: Final = (
    ("implant recall by maker", "lot 22-{n}17"), ("pt cannot recall last tetanus shot", ""),
    ("does not recall signing consent", "re-sign"), ("recall petition - voter question lol", ""),
    ("toothbrush recall notice", "swap 6 units"), ("recall cards low", "reorder 250"),
    ("12 month interest free plan", "CareCredit"), ("{n} mo payment plan started", ""),
    ("warranty on crown 5 yr", "#14"), ("sensor warranty ends {day}", ""),
    ("lab due back {my}", "PFM #30"), ("night guard due back {day}", ""),
    ("6 month waiting period", "major svcs"), ("ins: 1 pano per 60 mo", "verify"),
    ("BWX 1 per 12 months per plan", "freq check"), ("ortho check 6 wks", "{dr} office"),
    ("suture removal 1 week", ""), ("post op check 3 months", "implant #19"),
    ("CPR cert renew 2 yrs", "staff"), ("license renewal due {day}", ""),
    ("sterilizer spore test q 7 days", ""), ("autoclave service every 6 months", "call vendor"),
    ("FMX sent to {dr}", ""), ("send pano to oral surgeon", ""), ("PM meeting moved", "2:00 pm"),
    ("water line test every 3 months", ""), ("call at 6 pm", "about estimate"),
    ("took 3 MO off work", "ask about ins"), ("denture reline 6 mo after ext", "tx note"),
)  # fmt: skip

AMBIGUOUS: Final = (
    ("recall 6/12", ""), ("RC 3-4", "?"), ("MRC?", "ask hyg"), ("recall TBD", "per {dr}"),
    ("recall", "discuss interval at next visit"), ("4 or 6 recall", ""), ("recall 6", ""),
    ("hyg recall ??", "see chart"), ("RC", "4/6"), ("recall soon", ""),
)  # fmt: skip

ORDINARY: Final = (
    ("Call about estimate", ""), ("Fax referral", "endo"), ("Confirm tomorrow", "left vm"),
    ("Statement returned", "get address"), ("Balance reminder", "2nd notice"),
    ("Verify benefits", ""),
    ("Order bonding agent", ""), ("Lab pickup", "two cases"), ("Update health history", "new med"),
    ("Scan insurance card", ""), ("Resubmit claim", "narrative + PA"), ("Send welcome packet", ""),
    ("Reschedule broken appt", "work conflict"), ("Email x-rays", "to patient"),
    ("Check refund", ""),
    ("Thank referring office", ""), ("Follow up on predetermination", ""), ("Birthday card", ""),
    ("Pt asked about whitening", "quote"), ("Move appt to mornings", ""), ("Collect co-pay", ""),
)  # fmt: skip


def compose(dice: Dice, created: datetime) -> tuple[str, Fields]:
    """One task's texts and their answer: ``label``, ``subject``, ``body``, ``due``, ``recalls``.

    The first value is the label; ``due`` is a date for the due column or ``None``.
    """
    label = dice.weighted(
        (
            ("ordinary", 40.0),
            ("positive", 44.0),
            ("negative", 4.5),
            ("decoy", 8.0),
            ("ambiguous", 3.5),
        )
    )
    fills = _fills(dice, created.date())
    due: date | None = None
    recalls: list[Fields] = []
    hard = False
    if label == "positive":
        wording = dice.pick(POSITIVE)
        n = dice.pick(wording.numbers)
        fills |= {"n": str(n), "N": _WORDS.get(n, str(n))}
        hard = wording.hard
        if dice.chance(0.6):
            due = created.date() + timedelta(days=dice.between(20, 560))
        texts = {"subject": wording.subject.format(**fills), "body": wording.body.format(**fills)}
        recalls = _answers(wording, texts, fills, due)
        texts = {name: text.replace("«", "").replace("»", "") for name, text in texts.items()}
    else:
        pool = {"ordinary": ORDINARY, "negative": NEGATIVE, "decoy": DECOY, "ambiguous": AMBIGUOUS}
        subject, body = dice.pick(pool[label])
        texts = {"subject": subject.format(**fills), "body": body.format(**fills)}
        if dice.chance(0.4):
            due = created.date() + timedelta(days=dice.between(1, 45))
    return label, {
        "subject": texts["subject"],
        "body": texts["body"],
        "due": due,
        "hard": hard,
        "recalls": recalls,
    }


def _fills(dice: Dice, created: date) -> dict[str, str]:
    """Values for the placeholders; ``*_iso`` are the dates they stand for."""
    day = created + timedelta(days=dice.between(30, 500))
    printed = dice.pick(
        (f"{day:%m/%d/%y}", f"{day:%m/%d/%Y}", f"{day.month}/{day.day}/{day.year % 100:02d}")
    )
    later = created + timedelta(days=dice.between(40, 420))
    my = dice.pick((f"{later.month}/{later.year % 100:02d}", f"{later.month}/{later.year}",
                    f"{cells.MONTHS[later.month - 1]} {later.year}"))  # fmt: skip
    ahead = dice.between(1, 10)
    place = created.month - 1 + ahead
    mon_year, mon = created.year + place // 12, place % 12
    return {
        "n": str(dice.pick(_MONTHS)),
        "N": "six",
        "w": str(dice.pick((8, 10, 12, 16))),
        "d": str(dice.pick((90, 120, 180))),
        "dr": dice.pick(_DOCTORS),
        "day": printed,
        "day_iso": day.isoformat(),
        "my": my,
        "my_iso": f"{later:%Y-%m}",
        "MON": cells.MONTHS[mon].upper(),
        "MON_iso": f"{mon_year}-{mon + 1:02d}",
    }


def _answers(
    wording: Wording, texts: dict[str, str], fills: dict[str, str], due: date | None
) -> list[Fields]:
    answers: list[Fields] = []
    left = list(wording.answers)
    for name in ("subject", "body"):
        text, plain = texts[name], texts[name].replace("«", "").replace("»", "")
        removed, at = 0, text.find("«")
        while at >= 0:
            end = text.find("»", at)
            start, stop = at - removed, end - removed - 1
            interval, kind, when = left.pop(0)
            moment: str | None = due.isoformat() if due else None
            precision = "day" if due else "none"
            if when == "day":
                moment, precision = fills["day_iso"], "day"
            elif when == "month":
                named = "MON_iso" if "{MON}" in (wording.subject + wording.body) else "my_iso"
                moment, precision = fills[named], "month"
            answers.append(
                {
                    "interval": interval.format(**fills) or None,
                    "type": kind,
                    "due": moment,
                    "due_precision": precision,
                    "field": name,
                    "span": [start, stop],
                    "text": plain[start:stop],
                }
            )
            removed += 2
            at = text.find("«", end)
    return answers
