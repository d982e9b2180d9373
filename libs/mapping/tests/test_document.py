"""The mapping document: what it refuses, what it computes, and what the packaged one promises."""

import re
from pathlib import Path
from typing import Any

import pytest
from bridgework_contracts.errors import MappingError
from bridgework_mapping.document import MappingDocument
from bridgework_mapping.loading import read_yaml
from bridgework_mapping.naming import is_legal_api_name, is_legal_label

CANONICAL = Path(__file__).parents[3] / "docs" / "canonical.md"


def small(**patient: Any) -> dict[str, Any]:
    """Return a document with one object, changed by keyword."""
    fields = [
        {
            "spec": "Source_Patient_ID__c",
            "type": "text",
            "source": "key",
            "unique": True,
            "required": True,
        },
        {"spec": "Last_Name", "type": "text", "source": "last_name", "length": 80},
    ]
    entry = {
        "object": "patient",
        "module": "Contacts",
        "report": "Contacts",
        "external_id": "Source_Patient_ID__c",
        "fields": fields,
    }
    return {
        "language": 1,
        "name": "small",
        "profile": "dental_exec_v1",
        "objects": [entry | patient],
    }


def with_field(**line: Any) -> dict[str, Any]:
    """Return the small document with one more line."""
    data = small()
    data["objects"][0]["fields"].append(line)
    return data


def canonical_fields() -> dict[str, set[str]]:
    """Return object → field names, as docs/canonical.md lists them."""
    section = CANONICAL.read_text(encoding="utf-8").split("## Fields")[1]
    found: dict[str, set[str]] = {}
    for name, block in re.findall(r"\*\*(\w+)\*\* (.+?)(?=\n\n|\Z)", section, re.DOTALL):
        text = block
        while re.search(r"\([^()]*\)|\{[^{}]*\}", text):
            text = re.sub(r"\([^()]*\)|\{[^{}]*\}", " ", text)
        names = {word.split()[0] for word in text.replace("\n", " ").split(",") if word.strip()}
        if "the" in names:  # "the same ten with secondary_"
            names.discard("the")
            names |= {f"secondary_{n.removeprefix('primary_')}" for n in names if "primary_" in n}
        found[name] = names
    return found


class TestRefusals:
    def test_unknown_key_is_refused_with_its_path(self) -> None:
        """A typo in a line names object and field."""
        with pytest.raises(MappingError, match=r"objects\[patient\]\.fields\[Nick\]\.lenght"):
            MappingDocument.parse(
                with_field(spec="Nick", type="text", source="nick_name", lenght=40)
            )

    def test_unknown_transform_parameter_is_refused(self) -> None:
        """Transforms are as strict as lines."""
        line = {"kind": "picklist", "mapp": {}}
        with pytest.raises(MappingError, match=r"transform.*mapp"):
            MappingDocument.parse(
                with_field(spec="G__c", type="picklist", source="g", values=["A"], transform=line)
            )

    def test_a_key_twice_in_the_file_is_refused(self) -> None:
        """YAML would silently keep the last."""
        with pytest.raises(MappingError, match=r"x.yaml, line 2: key 'name' stands twice"):
            read_yaml("name: a\nname: b\n", name="x.yaml")

    def test_yes_and_no_stay_words(self) -> None:
        """YAML 1.1 would turn picklist values into booleans."""
        assert read_yaml("values: [Yes, No, on]\nopen: true\n", name="x") == {
            "values": ["Yes", "No", "on"],
            "open": True,
        }

    def test_a_quoted_false_is_not_a_boolean(self) -> None:
        """A quoted "false" once wiped somebody's targets."""
        with pytest.raises(MappingError, match="boolean"):
            MappingDocument.parse(
                with_field(spec="Nick__c", type="text", source="nick", unique="false")
            )

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ({"spec": "A__c", "type": "picklist", "source": "a"}, "needs values"),
            ({"spec": "A__c", "type": "lookup", "source": "a"}, "target"),
            ({"spec": "A__c", "type": "text", "source": "a", "length": 256}, "above 255"),
            (
                {"spec": "A__c", "type": "textarea", "source": "a", "length": 40000},
                "ends at 32000",
            ),
            (
                {"spec": "Secondary_Insurance_Effective_Date__c", "type": "date", "source": "a"},
                "label",
            ),
            ({"spec": "A__b__c", "type": "text", "source": "a", "label": "A  b"}, "label"),
            ({"spec": "A__c", "type": "text"}, "no source"),
            ({"spec": "A__c", "type": "date", "source": "a", "on_invalid": "truncate"}, "truncate"),
            ({"spec": "A__c", "type": "date", "source": "a", "on_invalid": "raw:B__c"}, "raw:B__c"),
            ({"spec": "Last_Name", "type": "text", "source": "a"}, "stands twice"),
            ({"spec": "A__c", "type": "text", "source": "a", "default": "x {y"}, "braces"),
            ({"spec": "A__c", "type": "date", "source": "a", "pages": 2}, "pages"),
            ({"spec": "A__c", "type": "boolean", "source": "a", "unique": True}, "unique"),
        ],
    )
    def test_a_line_that_cannot_work_is_refused(self, line: dict[str, Any], message: str) -> None:
        """Everything Zoho would refuse later is refused when the document is read."""
        with pytest.raises(MappingError, match=re.escape(message)):
            MappingDocument.parse(with_field(**line))

    def test_three_unique_fields_are_refused(self) -> None:
        """Zoho has two per module in every edition."""
        data = small()
        data["objects"][0]["fields"] += [
            {"spec": f"U{n}__c", "type": "text", "source": f"u{n}", "unique": True} for n in (1, 2)
        ]
        with pytest.raises(MappingError, match="more than 2 unique"):
            MappingDocument.parse(data)

    def test_two_specs_with_one_api_name_are_refused(self) -> None:
        """``Last_Name__c`` would become the standard field's name."""
        with pytest.raises(MappingError, match="Last_Name stands twice"):
            MappingDocument.parse(with_field(spec="Last_Name__c", type="text", source="other"))

    def test_a_field_both_mapped_and_not_is_refused(self) -> None:
        """One end per canonical field."""
        left = [{"field": "last_name", "end": "dropped", "reason": "no reason at all"}]
        with pytest.raises(MappingError, match="last_name is mapped and listed"):
            MappingDocument.parse(small(not_mapped=left))

    def test_a_lookup_cycle_is_refused_and_named(self) -> None:
        """No order of writing would satisfy it."""
        line = {
            "spec": "Guarantor__c",
            "type": "lookup",
            "source": "guarantor_key",
            "target": "patient",
        }
        with pytest.raises(MappingError, match="patient → patient"):
            MappingDocument.parse(with_field(**line))

    def test_unknown_object_and_unreadable_file_are_mapping_errors(
        self, doc: MappingDocument, tmp_path: Path
    ) -> None:
        """Callers catch one class."""
        with pytest.raises(MappingError, match="dentist"):
            doc.object("dentist")
        with pytest.raises(MappingError, match=r"none\.yaml"):
            MappingDocument.load(tmp_path / "none.yaml")


class TestIdentityOfDocuments:
    def test_dump_and_parse_give_the_same_document_and_hash(self, doc: MappingDocument) -> None:
        """RunSpec.mapping carries the whole meaning."""
        again = MappingDocument.parse(doc.dump())
        assert again == doc
        assert again.hash == doc.hash
        assert len(doc.hash) == 64

    def test_a_changed_line_changes_the_hash(self) -> None:
        """Versions are told apart by content."""
        before = MappingDocument.parse(small())
        data = small()
        data["objects"][0]["fields"][1]["length"] = 79
        assert MappingDocument.parse(data).hash != before.hash

    def test_a_file_loads_like_the_packaged_one(self, doc: MappingDocument, tmp_path: Path) -> None:
        """JSON is YAML, so a dumped document is a file."""
        path = tmp_path / "map.yaml"
        path.write_text(doc.model_dump_json(exclude_defaults=True), encoding="utf-8")
        assert MappingDocument.load(path).hash == doc.hash


class TestPackagedDocument:
    def test_every_canonical_field_is_accounted_for(self, doc: MappingDocument) -> None:
        """The first promise: mapped, transformed, archived, or dropped with a reason."""
        fields = canonical_fields()
        assert set(fields) == {entry.object for entry in doc.objects} - {"document", "note_image"}
        for name, names in fields.items():
            coverage = doc.coverage(name)
            assert set(coverage) == names, name
            assert all(
                re.match("mapped|transformed|archived|dropped\\(.+", end)
                for end in coverage.values()
            )

    def test_coverage_says_how_a_field_ends(self, doc: MappingDocument) -> None:
        """One of each kind."""
        assert doc.coverage("patient")["last_name"] == "mapped"
        assert doc.coverage("patient")["drug_interaction"] == "transformed"
        assert doc.coverage("note")["format"] == "archived"
        assert doc.coverage("note")["pages"].startswith("dropped(repeats text")

    def test_waves_follow_the_lookups(self, doc: MappingDocument) -> None:
        """Accounts first, then Contacts, files last; parents always in an earlier wave."""
        waves = doc.waves()
        index = {name: wave.index for wave in waves for name in wave.objects}
        assert [wave.index for wave in waves] == [1, 2, 3, 4, 5]
        assert index["carrier"] == 1
        assert index["patient"] == 2
        assert index["treatment_plan"] == index["account"] == index["note"] == 3
        assert index["treatment_item"] == index["ledger_entry"] == 4
        assert waves[-1].objects == ("document", "note_image")
        assert "provider" not in index
        for entry in doc.records:
            assert all(index[parent] < index[entry.object] for parent in entry.parent_objects)

    def test_report_names_cover_objects_and_parts(self, doc: MappingDocument) -> None:
        """Names of docs/canonical.md."""
        expected = {
            "patient": "Contacts",
            "carrier": "Accounts",
            "account": "Deals",
            "treatment_item": "Treatment_Items",
            "ledger_entry": "Billing_Ledger",
            "appointment": "Events",
            "task": "Tasks",
            "production_goal": "Sales_Rep_Performance",
            "document": "Attachments",
            "note_image": "Attachments",
            "provider": "Users",
            "coverage": "Coverage",
            "guarantor": "Guarantors",
            "alert": "Alerts",
            "provider_link": "Provider_Links",
            "tooth_chart_row": "Tooth_Chart_Rows",
            "referral": "Referrals",
            "perio_reading": "Perio_Readings",
        }
        assert {name: doc.report_name(name) for name in expected} == expected

    def test_names_we_ask_zoho_for_are_legal(self, doc: MappingDocument) -> None:
        """Labels of at most 25 characters, API names without double underscores."""
        for entry in doc.records:
            for line in entry.fields:
                for spec, label, name in line.page_fields():
                    assert is_legal_api_name(name), spec
                    if line.custom:
                        assert is_legal_label(label), spec

    def test_every_record_can_be_found_again(self, doc: MappingDocument) -> None:
        """A unique source id, a plain one where Zoho has no upsert, a marker on notes."""
        by_identity = {entry.object: entry.identity.value for entry in doc.records}
        assert by_identity.pop("note") == "marker"
        assert by_identity.pop("appointment") == by_identity.pop("task") == "plain"
        assert set(by_identity.values()) == {"unique"}

    def test_bulk_write_is_not_allowed_where_zoho_has_none(self, doc: MappingDocument) -> None:
        """Events and Notes go one call at a time; files too."""
        assert {entry.module for entry in doc.objects if not entry.bulk} == {
            "Events",
            "Notes",
            "Attachments",
            "Users",
        }

    def test_brief_fields_are_there(self, doc: MappingDocument) -> None:
        """Spec names the customer's paperwork uses."""
        paper = {
            "patient": {
                "Source_Patient_ID__c",
                "Insurance_Carrier__c",
                "Subscriber_ID__c",
                "Group_Number__c",
                "Insurance_Effective_Date__c",
                "Insurance_Notes__c",
                "Secondary_Insurance_Carrier__c",
                "Secondary_Subscriber_ID__c",
                "Secondary_Group_Number__c",
                "Secondary_Insurance_Effective_Date__c",
                "Secondary_Insurance_Notes__c",
                "Referral_Source__c",
                "Referral_Date__c",
            },
            "treatment_plan": {
                "Procedure_Details__c",
                "Status__c",
                "Tooth_Chart_Snapshot__c",
                "Tooth_Condition__c",
            },
            "task": {"Due_Date", "Recall_Interval__c"},
            "carrier": {"Account_Type", "Payer_ID__c"},
            "production_goal": {
                "Monthly_Production_Goal__c",
                "Monthly_Production_Actual__c",
                "Month__c",
            },
        }
        for name, specs in paper.items():
            assert specs <= {line.spec for line in doc.object(name).fields}

    def test_clinical_fields_are_marked_for_a_clinician(self, doc: MappingDocument) -> None:
        """Flags, charts and planned work need a clinician's approval."""
        marked = {
            (entry.object, line.spec)
            for entry in doc.records
            for line in entry.fields
            if line.clinical
        }
        assert {
            ("patient", "Drug_Interaction_Flag__c"),
            ("patient", "Tooth_Chart_Snapshot__c"),
            ("treatment_plan", "Tooth_Condition__c"),
            ("treatment_item", "Status__c"),
        } <= marked
