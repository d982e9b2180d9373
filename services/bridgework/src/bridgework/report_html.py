"""The acceptance report as a page; everything in it comes from ``report.json``."""

from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

OUTCOMES = ("inserted", "updated", "unchanged", "merged", "skipped", "failed", "parked")


def render(report: dict[str, Any]) -> str:
    """Return the report as one self-contained HTML page."""
    environment = Environment(
        loader=PackageLoader("bridgework"), autoescape=select_autoescape(), trim_blocks=True
    )
    return environment.get_template("report.html.jinja").render(report=report, outcomes=OUTCOMES)
