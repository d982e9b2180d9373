"""Tooth charts: the findings of a patient's teeth as one canonical text."""

import json
from typing import Any

from bridgework_dental_exec.cells import Row

_CHART_VERSION = 1


def fill_chart(fields: dict[str, Any], rows: list[Row]) -> None:
    """Fill tooth_chart, and the condition and tooth of the newest active finding."""
    teeth: dict[str, list[dict[str, Any]]] = {}
    newest: tuple[str, int] | None = None
    fields["tooth_condition"] = fields["tooth_condition_tooth"] = None
    ordered = sorted(rows, key=lambda r: (r.values["date"] or "", r.line), reverse=True)
    for row in ordered:
        v = row.values
        tooth = v["tooth"] or v["tooth_raw"] or "?"
        active = v["active"] is not False
        teeth.setdefault(tooth, []).append(
            {
                "condition": v["condition"],
                "surface": v["surface"],
                "date": v["date"],
                "active": active,
            }
        )
    for row in ordered:
        v = row.values
        if v["active"] is False or not v["condition"]:
            continue
        rank = (v["date"] or "", -_tooth_rank(v["tooth"]))
        if newest is None or rank > newest:
            newest = rank
            fields["tooth_condition"] = v["condition"]
            fields["tooth_condition_tooth"] = v["tooth"]
    fields["tooth_chart"] = _chart_text(teeth) if teeth else None


def _chart_text(teeth: dict[str, list[dict[str, Any]]]) -> str:
    """Return a tooth chart as canonical JSON: teeth in order, findings newest first."""
    for findings in teeth.values():
        findings.sort(
            key=lambda f: (f["date"] or "", f["condition"] or "", f["surface"] or ""),
            reverse=True,
        )
    ordered = dict(sorted(teeth.items(), key=lambda t: _tooth_rank(t[0])))
    chart = {"v": _CHART_VERSION, "teeth": ordered}
    return json.dumps(chart, ensure_ascii=False, separators=(",", ":"))


def _tooth_rank(tooth: str | None) -> int:
    """Order teeth 1-32, then A-T, then supernumerary, then what is unknown."""
    if tooth is None or tooth == "?":
        return 10_000
    if tooth.isdigit():
        return int(tooth)
    return 100 + sum(ord(c) for c in tooth)
