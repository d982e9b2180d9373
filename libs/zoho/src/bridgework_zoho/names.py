"""From the name in the paperwork to the name that may be sent.

``Source_Patient_ID__c`` (spec name) cannot exist in Zoho: no ``__``, no trailing ``_``. Its legal
name is ``Source_Patient_ID``; it is created through the label ``Source Patient ID``, from which
Zoho makes the API name itself; and the live name is whatever the metadata then says (fact sheet
§0 facts 1 and 2, §4.2).
"""

import re
from collections.abc import Iterable

from bridgework_contracts.errors import ContractViolation

from bridgework_zoho.metadata import FieldMeta, ModuleMeta

NAME_CHARACTERS = 50
_LEGAL = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_CUSTOM_SUFFIX = re.compile(r"__c$", re.IGNORECASE)
_ILLEGAL_RUN = re.compile(r"[^A-Za-z0-9]+")
_COLLISION_DIGITS = re.compile(r"[0-9]+")


class NameUnresolved(ContractViolation):
    """A spec name has no field in the live metadata; details hold module, spec and legal name."""

    default_code = "name_unresolved"


def is_legal_api_name(name: str) -> bool:
    """Whether Zoho lets a custom field or module have this name."""
    return (
        len(name) <= NAME_CHARACTERS
        and _LEGAL.fullmatch(name) is not None
        and "__" not in name
        and not name.endswith("_")
    )


def legal_api_name(spec_name: str) -> str:
    """Make the legal name of a spec name: ``Source_Patient_ID__c`` → ``Source_Patient_ID``.

    Raises:
        ContractViolation: Nothing legal is left, or it is longer than 50 characters.
    """
    bare = _CUSTOM_SUFFIX.sub("", spec_name.strip())
    name = _ILLEGAL_RUN.sub("_", bare).strip("_")
    if not is_legal_api_name(name):
        raise ContractViolation(
            f"{spec_name!r} cannot become a Zoho API name: it must begin with a letter and have at"
            f" most {NAME_CHARACTERS} letters, digits and single underscores.",
            code="illegal_name",
            spec_name=spec_name,
        )
    return name


def label_for(spec_name: str) -> str:
    """Say which label makes the field: ``Source_Patient_ID__c`` → ``Source Patient ID``."""
    return legal_api_name(spec_name).replace("_", " ")


def api_name_from_label(label: str) -> str:
    """Predict the API name Zoho makes of a label; read it back before relying on it."""
    return _ILLEGAL_RUN.sub("_", label.strip()).strip("_")


def resolve(spec_name: str, module: ModuleMeta) -> FieldMeta:
    """Find the live field a spec name means.

    In this order: the name itself (standard fields and live names), the legal name, the label,
    and the legal name with the digits Zoho appends on a collision, if only one field has them.

    Raises:
        NameUnresolved: The module has no such field, or several could be meant.
    """
    legal = legal_api_name(spec_name)
    for name in (spec_name, legal):
        if name in module.fields:
            return module.fields[name]
    by_label = module.by_label(label_for(spec_name))
    if by_label is not None:
        return by_label
    numbered = [one for name, one in module.fields.items() if _is_numbered(name, legal)]
    if len(numbered) == 1:
        return numbered[0]
    what = "several fields could be meant" if numbered else "there is no such field"
    raise NameUnresolved(
        f"{module.api_name}.{spec_name}: {what} in the live metadata; create {legal} or name the"
        " live field in the mapping.",
        module=module.api_name,
        spec_name=spec_name,
        legal_name=legal,
        candidates=[one.api_name for one in numbered],
    )


def resolve_all(spec_names: Iterable[str], module: ModuleMeta) -> dict[str, str]:
    """Resolve several names: spec name → live API name; raises for the first that has none."""
    return {name: resolve(name, module).api_name for name in spec_names}


def _is_numbered(name: str, legal: str) -> bool:
    return (
        name.startswith(legal)
        and _COLLISION_DIGITS.fullmatch(name[len(legal) :].removeprefix("_")) is not None
    )
