"""The schema plan: what it asks for, what it costs, and what it says about an org."""

from typing import Any

import pytest
from bridgework_mapping.compile import compile_mapping
from bridgework_mapping.document import MappingDocument
from bridgework_mapping.plan import FieldPlan, ModulePlan, SchemaPlan, resolve_live_names


@pytest.fixture(scope="module")
def plan(doc: MappingDocument) -> SchemaPlan:
    """The packaged document's plan."""
    return doc.schema_plan()


def live_field(line: FieldPlan) -> dict[str, Any]:
    """Return a line as Zoho's metadata would show it."""
    return {
        "id": f"id-{line.module}-{line.api_name}",
        "api_name": line.api_name,
        "field_label": line.label,
        "data_type": line.data_type,
        "length": line.length,
        "unique": {"case_sensitive": False} if line.unique else {},
        "lookup": {"module": {"api_name": line.lookup_module}} if line.lookup_module else {},
        "pick_list_values": [{"display_value": v, "actual_value": v} for v in line.values],
        "unheard_of_key": {"tolerated": True},
    }


def live_org(plan: SchemaPlan) -> dict[str, Any]:
    """Return metadata of an org that is exactly as planned, and more."""
    return {
        "modules": [
            {"api_name": m.api_name, "plural_label": m.plural, "singular_label": m.singular}
            for m in plan.modules
        ]
        + [{"api_name": "Leads", "plural_label": "Leads"}],
        "fields": {
            m.api_name: [*map(live_field, m.fields), {"api_name": "Extra", "data_type": "new_type"}]
            for m in plan.modules
        },
    }


def line_of(plan: SchemaPlan, module: str, spec: str) -> FieldPlan:
    """Return one line of the plan."""
    found: ModulePlan | None = plan.module(module)
    assert found is not None
    return next(line for line in found.fields if line.spec == spec)


def live_line(org: dict[str, Any], module: str, api_name: str) -> dict[str, Any]:
    """Return one field of the metadata, to change it."""
    found: dict[str, Any] = next(f for f in org["fields"][module] if f["api_name"] == api_name)
    return found


class TestPlan:
    def test_costs_are_ten_a_field_and_five_hundred_a_module(self, plan: SchemaPlan) -> None:
        """Standard fields and modules cost nothing."""
        fields = sum(len(module.custom_fields) for module in plan.modules)
        modules = sum(module.custom for module in plan.modules)
        assert modules == 7
        assert plan.credits == 10 * fields + 500 * modules
        assert line_of(plan, "Contacts", "Last_Name").credits == 0
        assert line_of(plan, "Contacts", "Gender__c").credits == 10

    def test_long_spec_names_get_short_labels(self, plan: SchemaPlan) -> None:
        """The live name follows the label; the spec name stays the customer's."""
        line = line_of(plan, "Contacts", "Secondary_Insurance_Effective_Date__c")
        assert (line.label, line.api_name) == ("Sec Ins Effective Date", "Sec_Ins_Effective_Date")

    def test_pages_of_a_long_value_are_lines_of_their_own(self, plan: SchemaPlan) -> None:
        """Numbered from the second."""
        contacts = plan.module("Contacts")
        assert contacts is not None
        names = [line.api_name for line in contacts.fields if "Tooth_Chart" in line.spec]
        assert names == ["Tooth_Chart_Snapshot", "Tooth_Chart_Snapshot_2", "Tooth_Chart_Snapshot_3"]

    def test_payloads_build_modules_first_and_fields_by_five(self, plan: SchemaPlan) -> None:
        """Lookups then have a target; the credits add up."""
        payloads = plan.payloads(profile_ids=["7"])
        kinds = [payload.path for payload in payloads]
        assert kinds == sorted(kinds, reverse=True)
        assert sum(payload.credits for payload in payloads) == plan.credits
        assert all(len(p.body.get("fields", [])) <= 5 for p in payloads)
        plans = next(p for p in payloads if p.module == "Treatment_Plans")
        assert plans.body["modules"][0] == {
            "plural_label": "Treatment Plans",
            "singular_label": "Treatment Plan",
            "api_name": "Treatment_Plans",
            "profiles": [{"id": "7"}],
            "display_field": {"field_label": "Treatment Plan Name", "data_type": "text"},
        }
        assert plans.alternative == "TreatmentPlans"

    def test_field_requests_have_zohos_form(self, plan: SchemaPlan) -> None:
        """One of each kind that carries something special."""
        bodies = {
            (payload.module, body["field_label"]): body
            for payload in plan.payloads()
            for body in payload.body.get("fields", [])
        }
        assert bodies["Contacts", "Source Patient ID"] == {
            "field_label": "Source Patient ID",
            "data_type": "text",
            "length": 50,
            "unique": {"case_sensitive": False},
        }
        assert bodies["Contacts", "Drug Interaction Flag"]["pick_list_values"][0] == {
            "display_value": "Yes",
            "actual_value": "Yes",
        }
        assert bodies["Billing_Ledger", "Deal"]["lookup"]["module"] == {"api_name": "Deals"}
        assert bodies["Contacts", "Alerts"]["textarea"] == {"type": "large"}
        assert bodies["Contacts", "Medical Alert"]["textarea"] == {"type": "small"}
        assert bodies["Contacts", "Provider"]["data_type"] == "userlookup"
        assert "unique" not in bodies["Tasks", "Source Task ID"]

    def test_a_practices_own_picklist_values_join_the_plan(self, doc: MappingDocument) -> None:
        """Referring doctors differ by practice."""
        plan = doc.schema_plan({"Contacts.Referral_Source__c": ("Google", "Dr. Lena Fairweather")})
        values = line_of(plan, "Contacts", "Referral_Source__c").values
        assert values.count("Google") == 1
        assert values[-1] == "Dr. Lena Fairweather"

    def test_describe_is_plain_data_with_hashes(self, plan: SchemaPlan) -> None:
        """For the job API and the gate's evidence."""
        import json

        told = plan.describe()
        assert json.loads(json.dumps(told))["credits"] == plan.credits
        assert told["hash"] == plan.hash
        assert told["modules_to_create"] == 7


class TestComparison:
    def test_an_org_as_planned_has_no_drift(self, plan: SchemaPlan) -> None:
        """What it has beyond the plan does not matter."""
        drift = plan.compare(live_org(plan))
        assert drift.lines(blocking_only=False) == []
        assert not drift.stops
        assert plan.payloads(live_org(plan)) == ()

    def test_live_names_are_complete_and_compile(
        self, doc: MappingDocument, plan: SchemaPlan
    ) -> None:
        """Every line resolves; the mapper accepts exactly this."""
        names = resolve_live_names(plan, live_org(plan))
        assert names[""]["Billing_Ledger"] == "Billing_Ledger"
        assert names["Contacts"]["Source_Patient_ID__c"] == "Source_Patient_ID"
        compile_mapping(
            doc,
            live_names=names,
            owners=(),
            fallback_user_id="1",
            practice_timezone="America/New_York",
        )

    def test_a_field_is_found_by_label_and_by_its_long_name(self, plan: SchemaPlan) -> None:
        """Zoho may add a digit to a name; an administrator may use the paperwork's name."""
        org = live_org(plan)
        live_line(org, "Contacts", "Gender")["api_name"] = "Gender1"
        renamed = live_line(org, "Contacts", "Sec_Ins_Effective_Date")
        renamed["api_name"] = "Secondary_Insurance_Effective_Date"
        names = plan.compare(org).live_names["Contacts"]
        assert names["Gender__c"] == "Gender1"
        assert names["Secondary_Insurance_Effective_Date__c"] == (
            "Secondary_Insurance_Effective_Date"
        )

    def test_a_module_is_found_by_alternative_name_or_label(self, plan: SchemaPlan) -> None:
        """Newer rules may refuse underscores; lookups to it are still right."""
        org = live_org(plan)
        for row in org["modules"]:
            if row["api_name"] == "Treatment_Plans":
                row["api_name"] = "TreatmentPlans"
            if row["api_name"] == "Perio_Exams":
                row["api_name"] = "CustomModule12"
        org["fields"]["TreatmentPlans"] = org["fields"].pop("Treatment_Plans")
        org["fields"]["CustomModule12"] = org["fields"].pop("Perio_Exams")
        item = live_line(org, "Treatment_Items", "Treatment_Plan")
        item["lookup"]["module"]["api_name"] = "TreatmentPlans"
        drift = plan.compare(org)
        assert drift.lines() == []
        assert drift.live_names[""]["Treatment_Plans"] == "TreatmentPlans"
        assert drift.live_names[""]["Perio_Exams"] == "CustomModule12"

    def test_an_empty_org_misses_everything(self, plan: SchemaPlan) -> None:
        """And says so module by module."""
        drift = plan.compare({})
        assert drift.stops
        assert "Contacts: The module is missing." in drift.lines()

    @pytest.mark.parametrize(
        ("module", "name", "change", "words"),
        [
            ("Contacts", "Gender", {"data_type": "boolean"}, "type is boolean"),
            ("Contacts", "Chart_Number", {"length": 20}, "length is 20, planned 50"),
            ("Contacts", "Source_Patient_ID", {"unique": {}}, "unique is no"),
            ("Contacts", "Last_Name", {"read_only": True}, "access is read only"),
            (
                "Billing_Ledger",
                "Deal",
                {"lookup": {"module": {"api_name": "Accounts"}}},
                "lookup is Accounts, planned Deals",
            ),
            (
                "Contacts",
                "Drug_Interaction_Flag",
                {"pick_list_values": ["Yes", "No"]},
                "planned Unknown",
            ),
        ],
    )
    def test_what_would_refuse_or_lose_values_stops_a_run(
        self, plan: SchemaPlan, module: str, name: str, change: dict[str, Any], words: str
    ) -> None:
        """Each kind of drift, in words."""
        org = live_org(plan)
        live_line(org, module, name).update(change)
        drift = plan.compare(org)
        assert drift.stops
        (line,) = drift.lines()
        assert words in line

    def test_a_standard_picklist_without_our_value_is_told_and_can_be_extended(
        self, plan: SchemaPlan
    ) -> None:
        """Account_Type of a fresh org has no Insurance Carrier; Zoho stores it all the same."""
        org = live_org(plan)
        live_line(org, "Accounts", "Account_Type")["pick_list_values"] = ["Vendor"]
        drift = plan.compare(org)
        assert not drift.stops
        assert len(drift.lines(blocking_only=False)) == 1
        (patch,) = plan.payloads(org)
        assert (patch.method, patch.path) == ("PATCH", "/settings/fields/id-Accounts-Account_Type")
        assert patch.body["fields"][0]["pick_list_values"][0]["display_value"] == (
            "Insurance Carrier"
        )

    def test_a_longer_or_wider_field_is_no_drift(self, plan: SchemaPlan) -> None:
        """A text area where text was planned takes the same values."""
        org = live_org(plan)
        live_line(org, "Contacts", "Chart_Number").update(length=255)
        live_line(org, "Contacts", "Mailing_Street").update(data_type="textarea", length=2000)
        assert plan.compare(org).lines(blocking_only=False) == []

    def test_a_standard_module_nobody_read_is_taken_on_trust(self, plan: SchemaPlan) -> None:
        """Notes have no field metadata in some orgs."""
        org = live_org(plan)
        org["fields"]["Notes"] = []
        assert not plan.compare(org).stops

    def test_metadata_in_one_list_is_read_too(self, plan: SchemaPlan) -> None:
        """Fields inside their modules, or a plain mapping."""
        org = live_org(plan)
        inside = {
            "modules": [
                row | {"fields": org["fields"].get(row["api_name"], [])} for row in org["modules"]
            ]
        }
        assert plan.compare(inside).lines() == []
        assert plan.compare(org["fields"]).lines() == []
