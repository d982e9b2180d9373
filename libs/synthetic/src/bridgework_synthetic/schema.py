"""The files of Dental-Exec profile v1: their headers, keys, and what each column holds.

The kinds say how a cell is printed, so that a dialect can reprint it without knowing the practice.
"""

from __future__ import annotations

from typing import Final, Literal

from bridgework_synthetic.words import words

Kind = Literal[
    "text", "date", "moment", "month", "time", "phone", "ssn", "zip", "code", "money",
    "digits", "number", "tooth",
]  # fmt: skip

_GUARANTOR: Final = words(
    "name address1 address2 city st zip home_phone work_phone cell_phone dob ssn employer plan"
)

_HEADERS: Final[dict[str, str]] = {
    "locations": ("loc_id name address1 address2 city st zip phone timezone"),
    "providers": (
        "prov_id abbr last first suffix type specialty npi state_license dea email active "
        "hire_date term_date"
    ),
    "staff_users": ("user_id name email role prov_id"),
    "accounts": (
        "acct_id "
        + " ".join(f"g{n}_{part}" for n in (1, 2, 3) for part in _GUARANTOR)
        + " billing_type user_codes balance aging_0 aging_30 aging_60 aging_90 last_stmt"
        " notes1 notes2"
    ),
    "patients": (
        "pat_id acct_id resp_party_id chart_no last first mi preferred title dob sex "
        "marital ssn address1 address2 city st zip home_phone work_phone cell_phone email "
        "status prim_prov hyg_prov fee_sched first_visit last_visit last_exam last_bw "
        "last_pano last_fmx last_perio recall_code recall_int due_back ref_src ref_date "
        "med_alert drug_interaction premed notes1 notes2 ins1_carrier ins1_subscriber_id "
        "ins1_subscriber_name ins1_relation ins1_group_no ins1_effective ins1_term "
        "ins1_deductible ins2_carrier ins2_subscriber_id ins2_subscriber_name "
        "ins2_relation ins2_group_no ins2_effective ins2_term ins2_deductible created "
        "last_update"
    ),
    "patient_providers": ("pat_id prov_id role from to"),
    "carriers": ("carrier_id name address1 address2 city st zip phone payer_id active"),
    "plans": (
        "plan_id carrier_id employer group_name group_no type annual_max deductible renew_month"
    ),
    "coverage": ("cov_id pat_id plan_id ordinal relation subscriber_pat_id subscriber_id eff term"),
    "proc_codes": ("code label area fee1 fee2 fee3 fee4 fee5 fee6 fee7 fee8 fee9 fee10"),
    "treatment_plans": ("tp_id pat_id title status created presented_by phase_count note"),
    "treatment_items": (
        "item_id tp_id code tooth surface prov est_fee actual_fee ins_est pat_est status "
        "date_planned date_done appt_id priority"
    ),
    "appointments": (
        "appt_id pat_id date time length_units operatory prov hyg type status confirmed "
        "code1 tooth1 surf1 code2 tooth2 surf2 code3 tooth3 surf3 code4 tooth4 surf4 "
        "code5 tooth5 surf5 code6 tooth6 surf6 note created created_by last_update"
    ),
    "tasks": ("task_id pat_id assigned_to subject body due status created"),
    "notes": (
        "note_id pat_id prov_id author_initials note_date entered_at type format body "
        "signed addendum_of"
    ),
    "tooth_chart": ("pat_id tooth condition surface date prov active"),
    "perio_exams": ("exam_id pat_id date prov"),
    "perio_readings": ("exam_id tooth measure mb b db ml l dl"),
    "ledger": (
        "entry_id acct_id pat_id post_date entry_date kind code tooth surf prov amount "
        "check_no claim_id applied_to flag memo"
    ),
    "claims": ("claim_id pat_id plan_id sent status billed paid write_off"),
    "referral_sources": ("ref_id name kind"),
    "patient_referrals": ("pat_id ref_id date"),
    "production_goals": ("prov_id month goal actual"),
    "documents": ("doc_id pat_id category path taken_at tooth_list size mime note"),
    "alerts": ("pat_id kind flag since"),
}

HEADERS: Final[dict[str, tuple[str, ...]]] = {
    file: tuple(columns.split()) for file, columns in _HEADERS.items()
}
"""File name without ``.csv`` to its columns, in file order; files in the manifest's order."""

MANIFEST_HEADER: Final = (
    "file", "rows", "sha256", "exported_at", "program_version", "practice_timezone",
)  # fmt: skip

KEYS: Final[dict[str, tuple[str, ...]]] = {
    "locations": ("loc_id",),
    "providers": ("prov_id",),
    "staff_users": ("user_id",),
    "accounts": ("acct_id",),
    "patients": ("pat_id",),
    "patient_providers": (
        "pat_id",
        "prov_id",
        "role",
    ),
    "carriers": ("carrier_id",),
    "plans": ("plan_id",),
    "coverage": ("cov_id",),
    "proc_codes": ("code",),
    "treatment_plans": ("tp_id",),
    "treatment_items": ("item_id",),
    "appointments": ("appt_id",),
    "tasks": ("task_id",),
    "notes": ("note_id",),
    "tooth_chart": (
        "pat_id",
        "tooth",
        "condition",
        "date",
    ),
    "perio_exams": ("exam_id",),
    "perio_readings": (
        "exam_id",
        "tooth",
        "measure",
    ),
    "ledger": ("entry_id",),
    "claims": ("claim_id",),
    "referral_sources": ("ref_id",),
    "patient_referrals": (
        "pat_id",
        "ref_id",
    ),
    "production_goals": (
        "prov_id",
        "month",
    ),
    "documents": ("doc_id",),
    "alerts": (
        "pat_id",
        "kind",
    ),
}
"""File to the columns whose values, joined by ``|``, name one record."""

_KIND_OF_COLUMN: Final[dict[str, Kind]] = {
    **dict.fromkeys(
        words(
            "dob hire_date term_date first_visit last_visit last_exam last_bw last_pano last_fmx "
            "last_perio due_back ref_date ins1_effective ins1_term ins2_effective ins2_term from "
            "to eff term date_planned date_done date due post_date entry_date sent since "
            "last_stmt note_date g1_dob g2_dob g3_dob"
        ),
        "date",
    ),
    **dict.fromkeys(words("created last_update entered_at taken_at exported_at"), "moment"),
    **dict.fromkeys(
        words(
            "phone home_phone work_phone cell_phone g1_home_phone g1_work_phone g1_cell_phone "
            "g2_home_phone g2_work_phone g2_cell_phone g3_home_phone g3_work_phone g3_cell_phone"
        ),
        "phone",
    ),
    **dict.fromkeys(words("ssn g1_ssn g2_ssn g3_ssn"), "ssn"),
    **dict.fromkeys(words("zip g1_zip g2_zip g3_zip"), "zip"),
    **dict.fromkeys(words("code code1 code2 code3 code4 code5 code6"), "code"),
    **dict.fromkeys(words("tooth tooth1 tooth2 tooth3 tooth4 tooth5 tooth6"), "tooth"),
    **dict.fromkeys(
        words(
            "fee1 fee2 fee3 fee4 fee5 fee6 fee7 fee8 fee9 fee10 balance aging_0 aging_30 aging_60 "
            "aging_90 amount est_fee actual_fee ins_est pat_est ins1_deductible ins2_deductible "
            "annual_max deductible billed paid write_off goal actual"
        ),
        "money",
    ),
    **dict.fromkeys(
        words(
            "chart_no payer_id group_no ins1_group_no ins2_group_no subscriber_id "
            "ins1_subscriber_id ins2_subscriber_id check_no npi"
        ),
        "digits",
    ),
    **dict.fromkeys(
        words(
            "loc_id prov_id user_id acct_id pat_id resp_party_id carrier_id plan_id cov_id "
            "ordinal subscriber_pat_id tp_id item_id appt_id length_units task_id note_id "
            "addendum_of exam_id mb b db ml l dl entry_id claim_id applied_to ref_id doc_id size "
            "phase_count priority renew_month g1_plan g2_plan g3_plan rows"
        ),
        "number",
    ),
    "time": "time",
    "month": "month",
}


def kind_of(column: str) -> Kind:
    """What a column holds; ``text`` for everything without a printed shape of its own."""
    return _KIND_OF_COLUMN.get(column, "text")
