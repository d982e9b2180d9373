"""The audit as one HTML page: nothing is loaded from anywhere, nothing depends on the clock."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


def render_page(report: dict[str, Any]) -> str:
    """Return the page of a report."""
    environment = Environment(
        loader=PackageLoader("bridgework_audit"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = _thousands
    environment.filters["percent"] = _percent
    families: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for name, entry in report["defects"].items():
        families.setdefault(entry["family"], []).append((name, entry))
    tables: dict[str, list[dict[str, Any]]] = {}
    ends = {(c["table"], c["column"]): c for c in report["coverage"]["columns"]}
    for column in report["columns"]:
        end = ends[column["table"], column["column"]]
        tables.setdefault(column["table"], []).append(column | {"end": end})
    page = environment.get_template("audit.html.j2")
    return page.render(r=report, families=families, tables=tables, e=report["estimate"])


def _thousands(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
