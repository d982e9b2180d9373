"""From the paperwork's name to the live name."""

import pytest
from bridgework_contracts.errors import ContractViolation
from bridgework_zoho.metadata import FieldMeta, ModuleMeta
from bridgework_zoho.names import (
    NameUnresolved,
    api_name_from_label,
    is_legal_api_name,
    label_for,
    legal_api_name,
    resolve,
    resolve_all,
)


def module(**labels: str) -> ModuleMeta:
    """A module whose fields have these API names and labels."""
    return ModuleMeta(api_name="Contacts").with_fields(
        FieldMeta(id="1", api_name=name, label=label, data_type="text")
        for name, label in labels.items()
    )


@pytest.mark.parametrize(
    ("spec", "legal"),
    [
        ("Source_Patient_ID__c", "Source_Patient_ID"),
        ("Last_Name", "Last_Name"),
        ("Treatment_Plans", "Treatment_Plans"),
        ("NPI__C", "NPI"),
        ("A__B__c", "A_B"),
        (" Payer (ID)__c ", "Payer_ID"),
    ],
)
def test_spec_names_become_legal(spec: str, legal: str) -> None:
    """No double underscore, none at the end; what is legal stays as it is."""
    assert legal_api_name(spec) == legal
    assert is_legal_api_name(legal)
    assert api_name_from_label(label_for(spec)) == legal


@pytest.mark.parametrize("spec", ["", "__c", "1st_Visit__c", "x" * 51])
def test_names_that_cannot_be_legal_are_refused(spec: str) -> None:
    """Better no name than an invented one."""
    with pytest.raises(ContractViolation):
        legal_api_name(spec)


@pytest.mark.parametrize(
    ("fields", "live"),
    [
        ({"Source_Patient_ID": "Source Patient ID"}, "Source_Patient_ID"),
        ({"Renamed_Key": "Source Patient ID"}, "Renamed_Key"),
        ({"Source_Patient_ID1": "Patient"}, "Source_Patient_ID1"),
        ({"Source_Patient_ID__c": "Old", "Source_Patient_ID": "New"}, "Source_Patient_ID__c"),
    ],
)
def test_the_live_name_is_read_back(fields: dict[str, str], live: str) -> None:
    """By name, then by label, then with the digit Zoho adds on a collision."""
    assert resolve("Source_Patient_ID__c", module(**fields)).api_name == live


@pytest.mark.parametrize(
    "fields", [{"Last_Name": "Last Name"}, {"Key1": "One", "Key2": "Two"}, {"Keyed": "Keyed"}]
)
def test_what_is_missing_or_ambiguous_is_named(fields: dict[str, str]) -> None:
    """The error names module, spec name and legal name, for the person who must decide."""
    with pytest.raises(NameUnresolved) as caught:
        resolve_all(["Key__c"], module(**fields))
    assert caught.value.details["legal_name"] == "Key"
    assert "Contacts.Key__c" in str(caught.value)
