"""The compiled validator of a module: one check per field, mandatory fields, read-only fields.

Compiled per module and rebuilt when its metadata changes, because a batch of 100 records calls
about 1,500 checks.
"""

from __future__ import annotations

from .behaviour import Behaviour
from .checking import Bad, Check, Lookups
from .errors import Json, Rejected, mandatory_not_found
from .field_checks import MAKERS
from .metadata import Module

# Keys of a record that are not fields: they steer the call.
CONTROL_KEYS = frozenset({"id", "Layout", "Tag", "_delete"})


class ModuleChecks:
    """The compiled validator of one module at one version of its metadata."""

    def __init__(self, module: Module, behaviour: Behaviour) -> None:
        self.version = module.version
        fields = module.live_fields()
        self.checks: dict[str, Check] = {
            item.api_name: MAKERS[item.data_type](item, behaviour)
            for item in fields
            if not item.read_only and item.data_type in MAKERS
        }
        self.read_only = frozenset(item.api_name for item in fields if item.read_only)
        self.mandatory = tuple(item.api_name for item in fields if item.mandatory)
        self.layout_mandatory = tuple(
            item.api_name for item in fields if item.layout_required and not item.mandatory
        )
        self.autonumbers = tuple(item.api_name for item in fields if item.data_type == "autonumber")
        self.off_layout = frozenset(item.api_name for item in fields if not item.in_layout)
        matched = module.match_fields()
        self.match = tuple((item.api_name, item) for item in matched)
        self.keyed = frozenset(item.id for item in matched if item.keyed)
        self.keyed_fields = tuple(item for item in matched if item.keyed)
        self.subforms = tuple(item.api_name for item in fields if item.data_type == "subform")
        self.reject_unknown = behaviour.unknown_fields == "reject"
        self.reject_read_only = behaviour.read_only_fields == "reject"

    def build(self, record: Json, lookups: Lookups, path: str) -> Json:
        """Check the sent fields and return them in stored form; explicit nulls stay as ``None``.

        Raises:
            Rejected: for the first field that is refused.
        """
        doc: Json = {}
        checks = self.checks
        for name, value in record.items():
            check = checks.get(name)
            if check is None:
                self._not_writable(name, path)
                continue
            if value is None:
                doc[name] = None
                continue
            try:
                doc[name] = check(value, lookups)
            except Bad as bad:
                raise self._refusal(bad, name, path) from None
            except Rejected as inner:  # from a subform row, its path relative to this record
                inner.details["json_path"] = f"{path}.{inner.details['json_path']}"
                raise
        return doc

    def require(self, record: Json, path: str, *, with_layout: bool) -> None:
        """Refuse a new record that lacks a mandatory field."""
        for name in self.mandatory:
            value = record.get(name)
            if value is None or value == "":
                raise mandatory_not_found(name, f"{path}.{name}")
        if with_layout:
            for name in self.layout_mandatory:
                if record.get(name) in (None, ""):
                    raise mandatory_not_found(name, f"{path}.{name}")

    def keep_mandatory(self, record: Json, path: str) -> None:
        """Refuse an update that would empty a mandatory field."""
        for name in self.mandatory:
            if name in record and record[name] in (None, ""):
                raise mandatory_not_found(name, f"{path}.{name}")

    def _refusal(self, bad: Bad, name: str, path: str) -> Rejected:
        details = {"api_name": name, "json_path": f"{path}.{name}", **bad.details}
        if bad.details.get("api_name") == "$se_module":
            details["json_path"] = f"{path}.$se_module"
            details["dependee"] = {"api_name": name, "json_path": f"{path}.{name}"}
        return Rejected(bad.code, bad.message, details)

    def _not_writable(self, name: str, path: str) -> None:
        if name.startswith("$") or name in CONTROL_KEYS:
            return
        known = name in self.read_only
        if (known and self.reject_read_only) or (not known and self.reject_unknown):
            code = "NOT_ALLOWED" if known else "INVALID_DATA"
            message = "field is read only" if known else "invalid field"
            raise Rejected(code, message, {"api_name": name, "json_path": f"{path}.{name}"})
