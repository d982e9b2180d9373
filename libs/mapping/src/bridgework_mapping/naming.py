"""Names: spec name (the customer's paperwork) → label we request → API name Zoho will make of it.

Zoho forbids ``__`` and a trailing ``_`` in API names and caps a new field's label at 25 characters;
the API name is generated from the label, never sent. So ``Group_Number__c`` is requested as the
label "Group Number" and becomes ``Group_Number``; a spec name that is too long carries an explicit
shorter label in the mapping document, and its live name is whatever metadata says afterwards.
Source: Zoho help "API names"; v7 "Create custom field", read 2026-11.
"""

import re

CUSTOM_SUFFIX = "__c"
LABEL_LIMIT = 25
API_NAME_LIMIT = 50

_LEGAL = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*")
_LEGAL_LABEL = re.compile(r"[A-Za-z](?: ?[A-Za-z0-9])*")
_NOT_ALNUM = re.compile(r"[^A-Za-z0-9]+")


def is_custom(spec: str) -> bool:
    """Tell whether the spec name says "we make this field" (``…__c``)."""
    return spec.endswith(CUSTOM_SUFFIX)


def label_for(spec: str) -> str:
    """Return the label a spec name asks for: ``Group_Number__c`` → ``Group Number``."""
    return spec.removesuffix(CUSTOM_SUFFIX).replace("_", " ")


def api_name_for(label: str) -> str:
    """Return the API name Zoho generates from a label: ``Group Number`` → ``Group_Number``."""
    return _NOT_ALNUM.sub("_", label).strip("_")


def is_legal_api_name(name: str) -> bool:
    """Tell whether Zoho accepts the name: a letter first, no ``__``, no final ``_``, ≤50."""
    return len(name) <= API_NAME_LIMIT and _LEGAL.fullmatch(name) is not None


def is_legal_label(label: str) -> bool:
    """Tell whether a field or module can be created with this label."""
    return len(label) <= LABEL_LIMIT and _LEGAL_LABEL.fullmatch(label) is not None


def page_spec(spec: str, page: int) -> str:
    """Return the spec name of page ``page`` (1 = the field itself) of a long value."""
    if page == 1:
        return spec
    stem = spec.removesuffix(CUSTOM_SUFFIX)
    return f"{stem}_{page}{CUSTOM_SUFFIX}"
