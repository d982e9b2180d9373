"""The compiled mapper: records in, writes, rejections and expectations out."""

import json
from typing import Any

import pytest
from bridgework_contracts.errors import MappingError
from bridgework_contracts.outcomes import Outcome
from bridgework_contracts.records import Change, RecordExtracted
from bridgework_contracts.writes import Op, Owner, WriteRecord
from bridgework_mapping.compile import Mapper, Rejected, compile_mapping
from bridgework_mapping.document import MappingDocument


@pytest.fixture
def write(mapper: Mapper, make_record: Any) -> Any:
    """Write a sample record of an object, changed by keyword."""

    def _write(name: str, **fields: Any) -> WriteRecord:
        made = mapper.write_for(make_record(name, **fields))
        assert isinstance(made, WriteRecord), made
        return made

    return _write


class TestWrites:
    def test_a_patient_becomes_a_contact(self, write: Any) -> None:
        """Values in Zoho's form, lookups as references, the provider as owner."""
        made = write(
            "patient",
            birth_date="1982-05-13",
            home_phone="8575550176",
            work_phone="6175559086",
            cell_phone="6175551028",
            drug_interaction="No",
            status="Active",
            primary_carrier_key="201",
            primary_carrier_printed="MetLife Dental",
            provider_key="11",
            created_at="2023-09-15T15:57:00",
        )
        assert made.module == "Contacts"
        assert made.external_id_field == "Source_Patient_ID"
        expected = {
            "Source_Patient_ID": "1201",
            "Last_Name": "Hill",
            "Date_of_Birth": "1982-05-13",
            "Home_Phone": "8575550176",
            "Other_Phone": "6175559086",
            "Mobile": "6175551028",
            "Drug_Interaction_Flag": "No",
            "Premedication": "Unknown",
            "Patient_Status": "Active",
            "Insurance_Carrier_Printed": "MetLife Dental",
            "Provider": {"id": "9011"},
            "Source_Created_At": "2023-09-15T15:57:00-04:00",
            "Middle_Name": None,
        }
        assert {name: made.fields[name] for name in expected} == expected
        (ref,) = made.refs
        assert (ref.field, ref.object, ref.key) == ("Insurance_Carrier", "carrier", "201")
        assert ref.required is False
        assert made.owner == Owner(user_id="9011")

    def test_an_account_becomes_a_deal_with_its_balance(self, write: Any) -> None:
        """Amount to the cent; a far closing date where there was no statement, and said so."""
        made = write("account", balance="-18.93", guarantor_name="Keller, Imogen")
        assert made.fields["Amount"] == -18.93
        assert made.fields["Deal_Name"] == "Keller, Imogen - account 607"
        assert made.fields["Stage"] == "Qualification"
        assert made.fields["Closing_Date"] == "2099-12-31"
        (problem,) = made.problems
        assert (problem.field, problem.effect) == ("Closing_Date", "placeholder")
        assert (problem.file, problem.line) == ("account.csv", 2)

    def test_a_ledger_line_names_deal_and_patient(self, write: Any) -> None:
        """Both lookups; a payment for the whole account has no patient."""
        assert {(r.field, r.object, r.key) for r in write("ledger_entry").refs} == {
            ("Deal", "account", "642"),
            ("Patient", "patient", "1202"),
        }
        assert [r.field for r in write("ledger_entry", patient_key=None).refs] == ["Deal"]

    def test_a_task_takes_the_recalls_date_and_keeps_the_raw_text(self, write: Any) -> None:
        """The parsed date first, the office's date kept beside it."""
        made = write(
            "task",
            raw_text="6 MRC due 03/15/25",
            due_date="2025-03-01",
            recall_due="2025-03-15",
            recall_interval="P6M1D",
            status="Open",
            assigned_to="HYG",
        )
        assert made.fields["Due_Date"] == "2025-03-15"
        assert made.fields["Task_Due"] == "2025-03-01"
        assert made.fields["Recall_Interval"] == "P6M1D"
        assert made.fields["Recall_Interval_Label"] == "6 months + 1 day"
        assert made.fields["Description"] == "6 MRC due 03/15/25"
        assert made.fields["Status"] == "Not Started"
        assert made.fields["Send_Notification_Email"] is False

    def test_a_note_has_marker_and_parent_and_no_owner(self, write: Any) -> None:
        """Zoho makes the caller the owner of a note, whoever is named."""
        made = write("note", note_date="2023-10-13", type="Clinical")
        assert made.fields["Note_Content"].endswith("Gum exam.\n[src:note:70001]")
        assert made.fields["Note_Title"] == "Clinical note 2023-10-13"
        assert made.external_id_field is None
        assert made.owner is None
        assert [(r.field, r.key) for r in made.refs] == [("Parent_Id", "1202")]

    def test_goals_are_keyed_by_provider_and_month(self, write: Any) -> None:
        """A blank actual (the running month) stays blank."""
        made = write("production_goal", actual=None)
        assert made.fields["Source_Goal_ID"] == "11|2025-05"
        assert made.fields["Month"] == "2025-05-01"
        assert made.fields["Monthly_Production_Goal"] == 10000.0
        assert made.fields["Monthly_Production_Actual"] is None

    def test_owner_falls_back_and_is_flagged(self, write: Any) -> None:
        """Unknown provider: fallback and review; no provider: fallback, nothing to review."""
        assert write("patient", provider_key="77").owner == Owner(user_id="9000", review=True)
        assert write("patient", provider_key="15").owner == Owner(user_id="9000", review=True)
        assert write("patient").owner == Owner(user_id="9000", review=False)
        assert write("patient", provider_key="77").fields["Owner_Review"] is True

    def test_deleted_at_the_source_is_only_flagged(self, mapper: Mapper, make_record: Any) -> None:
        """Nothing is deleted in Zoho."""
        record = make_record("patient", change=Change.DELETED)
        made = mapper.write_for(record)
        assert isinstance(made, WriteRecord)
        assert made.op is Op.FLAG_DELETED
        assert made.fields == {}
        assert mapper.expected_for(record) is None

    def test_live_names_are_what_is_sent(self, doc: MappingDocument, make_record: Any) -> None:
        """Read back from metadata, module included."""
        plan = doc.schema_plan()
        names = {m.spec: {f.spec: f.api_name for f in m.fields} for m in plan.modules}
        names["Treatment_Plans"]["Source_Plan_ID__c"] = "Source_Plan_ID1"
        names[""] = {"Treatment_Plans": "TreatmentPlans"}
        bound = compile_mapping(
            doc,
            live_names=names,
            owners=(),
            fallback_user_id="9000",
            practice_timezone="America/New_York",
        )
        made = bound.write_for(make_record("treatment_plan"))
        assert isinstance(made, WriteRecord)
        assert made.module == bound.module("treatment_plan") == "TreatmentPlans"
        assert made.external_id_field == "Source_Plan_ID1"
        assert made.fields["Source_Plan_ID1"] == "4001"
        assert bound.live_name("treatment_plan", "Source_Plan_ID__c") == "Source_Plan_ID1"
        assert bound.object_for_module("TreatmentPlans") == "treatment_plan"
        assert bound.object_for_module("Leads") is None

    def test_a_field_without_live_name_stops_the_compilation(self, doc: MappingDocument) -> None:
        """Better than sending a name Zoho ignores."""
        with pytest.raises(MappingError, match="no live API name"):
            compile_mapping(
                doc,
                live_names={"Contacts": {}},
                owners=(),
                fallback_user_id="9000",
                practice_timezone="America/New_York",
            )

    def test_no_fallback_user_no_mapper(self, doc: MappingDocument) -> None:
        """No record is written to an unresolved owner."""
        with pytest.raises(MappingError, match="fallback"):
            compile_mapping(
                doc, live_names={}, owners=(), fallback_user_id="", practice_timezone="UTC"
            )


class TestRejections:
    def test_an_undated_appointment_is_skipped_with_a_reason(
        self, mapper: Mapper, make_record: Any
    ) -> None:
        """No date is invented."""
        made = mapper.write_for(make_record("appointment", start=None, end=None, undated=True))
        assert isinstance(made, Rejected)
        assert made.outcome is Outcome.SKIPPED
        assert made.reason.code == "undated"
        assert mapper.expected_for(make_record("appointment", undated=True)) is None

    @pytest.mark.parametrize(
        ("name", "fields", "code", "field"),
        [
            ("appointment", {"start": None}, "required_blank", "Start_DateTime"),
            ("appointment", {"end": "soon"}, "not_a_moment", "End_DateTime"),
            ("ledger_entry", {"amount": None}, "required_blank", "Amount__c"),
            ("ledger_entry", {"amount": "12,5"}, "not_money", "Amount__c"),
            ("ledger_entry", {"account_key": None}, "required_blank", "Deal__c"),
            ("note", {"patient_key": None}, "required_blank", "Parent_Id"),
            ("treatment_item", {"status": "X"}, "not_in_picklist", "Status__c"),
            ("patient", {"key": "9" * 51}, "too_long", "Source_Patient_ID__c"),
        ],
    )
    def test_what_cannot_be_written_fails_naming_the_field(
        self,
        mapper: Mapper,
        make_record: Any,
        name: str,
        fields: dict[str, Any],
        code: str,
        field: str,
    ) -> None:
        """And never holding the value."""
        made = mapper.write_for(make_record(name, **fields))
        assert isinstance(made, Rejected)
        assert made.outcome is Outcome.FAILED
        assert (made.reason.code, made.reason.field) == (code, field)
        assert made.reason.remedy
        assert not any(str(value) in made.reason.sentence for value in fields.values() if value)

    def test_reference_objects_and_files_are_not_written(
        self, mapper: Mapper, make_record: Any
    ) -> None:
        """Providers are resolved; files go their own road."""
        record = make_record("patient")
        for name in ("provider", "document"):
            with pytest.raises(MappingError, match="becomes no record"):
                mapper.write_for(record.model_copy(update={"object": name}))


class TestInvalidValues:
    def test_a_bad_phone_moves_to_the_printed_field(self, write: Any) -> None:
        """The record lands; the text is kept; the problem is masked."""
        made = write("patient", home_phone="call wife / 555", phones_raw=["home: n/a"])
        assert made.fields["Home_Phone"] is None
        assert made.fields["Phones_Printed"] == "home: n/a\ncall wife / 555"
        (problem,) = made.problems
        assert (problem.field, problem.code, problem.effect) == (
            "Home_Phone",
            "not_a_phone",
            "kept_raw",
        )
        assert problem.shape == "aaaa aaaa / 999"

    def test_what_the_printed_field_already_holds_is_not_repeated(self, write: Any) -> None:
        """The extractor's raw text and ours are the same text."""
        made = write("patient", email="a@b", email_raw="a@b")
        assert made.fields["Email_Printed"] == "a@b"

    def test_a_printed_field_that_overflows_is_cut_and_noted(self, write: Any) -> None:
        """Even the last resort has a limit."""
        made = write("patient", email="x" * 300)
        assert len(made.fields["Email_Printed"]) == 255
        assert [p.effect for p in made.problems] == ["kept_raw", "truncated"]

    def test_a_field_that_only_keeps_printed_values_is_blank_otherwise(self, write: Any) -> None:
        """No source of its own."""
        assert write("account").fields["Guarantor_Phone_Printed"] is None
        made = write("account", guarantor_phone="n/a")
        assert made.fields["Guarantor_Phone_Printed"] == "n/a"

    def test_long_text_is_cut_with_a_note(self, write: Any) -> None:
        """Procedure details are also structured items, so nothing is lost."""
        made = write("treatment_plan", procedure_details="D4341 LR\n" * 4000)
        text = made.fields["Procedure_Details"]
        assert len(text) <= 32_000
        assert text.endswith("…")
        assert made.problems[0].effect == "truncated"

    def test_a_record_without_last_name_gets_a_marked_placeholder(self, write: Any) -> None:
        """Zoho needs one; the record says it was blank."""
        made = write("patient", last_name=None)
        assert made.fields["Last_Name"] == "Patient 1201"
        assert made.problems[0].effect == "placeholder"

    def test_a_field_the_mapping_does_not_know_is_named(self, write: Any) -> None:
        """Nothing vanishes silently."""
        made = write("patient", shoe_size="42")
        assert [(p.field, p.code) for p in made.problems] == [("shoe_size", "unaccounted_field")]

    def test_problems_of_the_extractor_are_kept(self, mapper: Mapper, make_record: Any) -> None:
        """Ours are added behind them."""
        from bridgework_contracts.records import Problem

        known = Problem(
            file="p.csv", line=3, field="dob", code="x", effect="left_out", remedy="fix"
        )
        record = make_record("patient", last_name=None).model_copy(update={"problems": (known,)})
        made = mapper.write_for(record)
        assert [p.field for p in made.problems] == ["dob", "Last_Name"]

    def test_a_long_chart_uses_its_pages_and_a_short_one_empties_them(self, write: Any) -> None:
        """Stale pages would make the chart unreadable."""
        chart = json.dumps({"v": 1, "teeth": {str(n): "x" * 1500 for n in range(32)}})
        made = write("patient", tooth_chart=chart)
        pages = [made.fields[f"Tooth_Chart_Snapshot{end}"] for end in ("", "_2", "_3")]
        assert "".join(page for page in pages if page) == chart
        assert all(len(page) <= 32_000 for page in pages if page)
        short = write("patient", tooth_chart='{"v":1}')
        assert short.fields["Tooth_Chart_Snapshot_2"] is None


class TestContentHash:
    def test_equal_content_has_equal_hash_whatever_the_order(
        self, mapper: Mapper, make_record: Any
    ) -> None:
        """A replay is recognised."""
        record: RecordExtracted = make_record("patient", status="Active", notes="x")
        turned = dict(reversed(list(record.fields.items())))
        one = mapper.write_for(record)
        two = mapper.write_for(record.model_copy(update={"fields": turned, "run_id": "run_2"}))
        assert isinstance(one, WriteRecord)
        assert isinstance(two, WriteRecord)
        assert one.content_hash == two.content_hash

    @pytest.mark.parametrize(
        "fields", [{"notes": "y"}, {"primary_carrier_key": "201"}, {"provider_key": "11"}]
    )
    def test_a_changed_field_lookup_or_owner_changes_it(
        self, write: Any, fields: dict[str, Any]
    ) -> None:
        """A delta is recognised."""
        assert write("patient").content_hash != write("patient", **fields).content_hash


class TestReadingBack:
    def test_live_fields_cover_everything_written_and_comparable(
        self, mapper: Mapper, write: Any
    ) -> None:
        """Owner where we set it; not the notification switch, which Zoho does not keep."""
        names = mapper.live_fields("task")
        assert "Owner" in names
        assert "Who_Id" in names
        assert "Send_Notification_Email" not in names
        assert mapper.live_fields("note") == ["Note_Content", "Note_Title", "Parent_Id"]
        assert set(write("patient").fields) <= set(mapper.live_fields("patient"))

    def test_expected_holds_nothing_that_cannot_be_read_back(
        self, mapper: Mapper, make_record: Any
    ) -> None:
        """Every expected field can be asked for."""
        for name in ("task", "patient", "note", "appointment"):
            expected = mapper.expected_for(make_record(name))
            assert expected is not None
            assert set(expected.fields) <= set(mapper.live_fields(name))

    def test_keys_come_back_from_rows(self, mapper: Mapper) -> None:
        """By source-id field, or by marker; None for what is not ours."""
        assert mapper.key_from("patient", {"Source_Patient_ID": "1201"}) == "1201"
        assert mapper.key_from("patient", {"Source_Patient_ID": None}) is None
        assert mapper.key_from("note", {"Note_Content": "x\n[src:note:7]"}) == "7"
        assert mapper.key_from("note", {"Note_Content": None}) is None

    def test_comparing_an_unknown_field_is_an_error_not_an_equality(self, mapper: Mapper) -> None:
        """A diff that compares nothing proves nothing."""
        with pytest.raises(MappingError, match=r"patient\.Nothing"):
            mapper.compare("patient", "Nothing", 1, 1)

    def test_owner_is_compared_by_id(self, mapper: Mapper) -> None:
        """Zoho answers with an object."""
        assert mapper.compare("patient", "Owner", "9011", {"id": "9011", "name": "x"})
        assert not mapper.compare("patient", "Owner", "9011", {"id": "9000"})
