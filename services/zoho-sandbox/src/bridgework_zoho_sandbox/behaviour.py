"""Everything the fact sheet marks S or U, as a setting with a named default.

Facts marked V or V7 are law and live in code; what nobody could verify lives here, so that a
test can run against either truth. Section numbers point into the API fact sheet.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt

MEGABYTE = 1024 * 1024


class Behaviour(BaseModel):
    """Unverified behaviour of one org; every field is one open question about real Zoho."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    # Hosts (§1.1)
    api_hosts: tuple[str, ...] = Field(
        default=(), description="§1.1: hosts that are ours, others are INVALID_HOST; empty: any"
    )

    # Tokens (§1)
    live_access_tokens: PositiveInt = Field(default=15, description="§1.3: 15 or 30")
    refresh_tokens_per_user: PositiveInt = Field(default=20, description="§1.3")
    access_tokens_per_window: PositiveInt = Field(default=10, description="§1.3 V")
    access_token_window_s: PositiveInt = Field(default=600, description="§1.3 V")
    refresh_tokens_per_minute: PositiveInt = Field(default=5, description="§1.3 S")
    accept_bearer: bool = Field(default=False, description="§1.2: Bearer prefix")
    grant_code_ttl_s: PositiveInt = Field(default=180, description="§1.2 S: 3-10 minutes")

    # Credits and limits (§2)
    credits_override: NonNegativeInt | None = Field(
        default=None, description="daily allowance instead of the edition's formula"
    )
    credits_add_on: NonNegativeInt = Field(default=0, description="§2.1 purchased add-on")
    concurrency_override: PositiveInt | None = Field(default=None, description="instead of §2.3")
    charge_client_errors: bool = Field(default=True, description="§2.1: are 4xx charged?")
    charge_edge_faults: bool = Field(default=False, description="§2.1: injected before commit")
    search_credits: PositiveInt = Field(default=1, description="§2.2: 1 or 3")
    notes_by_ten: bool = Field(default=True, description="§2.2: notes POST/PUT ceil(n/10)")
    delete_credit_per_record: bool = Field(default=False, description="§2.2: 1 per call or id")
    upload_credits: NonNegativeInt = Field(default=1, description="§2.2: bulk upload 0 or 1")
    download_credits: NonNegativeInt = Field(default=1, description="§2.2: bulk result 0 or 1")
    retry_after_s: PositiveInt | None = Field(default=None, description="§2.4: not documented")
    limit_code: Literal["TOO_MANY_REQUESTS", "RATE_LIMIT_EXCEEDED"] = Field(
        default="TOO_MANY_REQUESTS", description="§2.4: newer OAS names the second"
    )

    # Records (§3.1-3.5)
    unknown_fields: Literal["ignore", "reject"] = Field(default="ignore", description="§3.1")
    read_only_fields: Literal["ignore", "reject"] = Field(default="ignore", description="§5")
    unknown_id_on_get: Literal["204", "400"] = Field(default="204", description="§3.4")
    upsert_all_ok_status: Literal[200, 201] = Field(default=200, description="§3.3")
    empty_string_is_missing: bool = Field(default=True, description="§4.1")
    lenient_datetime: bool = Field(default=False, description="§4.1: fraction and bare Z")
    bare_lookup_ids: bool = Field(default=False, description="§4.1: bare id string as lookup")
    owner_by_email: bool = Field(default=False, description="§4.1")
    unknown_picklist_values: Literal["store", "reject"] = Field(default="store", description="§4.1")
    pipeline_required: bool = Field(default=False, description="§5: when pipelines are on")
    closing_date_required: bool = Field(default=False, description="§5: layout-mandatory only")
    unique_case_sensitive: bool = Field(default=False, description="§3.3")
    bin_blocks_unique: bool = Field(default=False, description="§3.7")
    external_counts_as_unique: bool = Field(default=False, description="§4.3")
    fields_param_max_chars: PositiveInt | None = Field(default=None, description="§3.4: 1,024")
    ids_param_max_chars: PositiveInt | None = Field(default=None, description="§3.7: 1,024")
    search_index_lag_s: NonNegativeFloat = Field(default=3.0, description="§3.5: seconds")
    cadences_active: bool = Field(default=True, description="§0.12: rules exist on records")

    # COQL (§3.6)
    coql_max_limit: PositiveInt = Field(default=2000, description="§3.6: 2,000 or 200")
    coql_max_rows: PositiveInt = Field(default=100_000, description="§3.6: or 10,000")
    coql_max_columns: PositiveInt = Field(default=50, description="§3.6: 50 or 500")
    coql_max_in: PositiveInt = Field(default=100, description="§3.6: 100 or 50")

    # Delete (§3.7)
    mass_delete_fires_workflows: bool = Field(default=False, description="§3.7")
    delete_cascades_children: bool = Field(default=True, description="§3.7: notes, attachments")

    # Notes, attachments, files (§3.8-3.10)
    note_html: Literal["keep", "strip"] = Field(default="keep", description="§3.8")
    note_owner_on_create: Literal["ignore", "honour"] = Field(default="ignore", description="§3.8")
    attachment_max_bytes: PositiveInt = Field(default=20 * MEGABYTE, description="§3.9: 20 or 100")
    attachments_per_record_bytes: PositiveInt = Field(
        default=100 * MEGABYTE, description="§3.9: 100 or 20 MB in all"
    )
    file_storage_bytes: PositiveInt | None = Field(
        default=None, description="§7: instead of the edition's"
    )
    data_storage_records: PositiveInt | None = Field(
        default=None, description="§7: instead of the edition's"
    )

    # Bulk (§3.11-3.12)
    bulk_find_by: Literal["unique", "id"] = Field(default="unique", description="§3.11")
    bulk_write_fires_workflows: bool = Field(default=False, description="§3.11")
    bulk_start_delay_s: NonNegativeFloat = Field(default=0.05, description="time in ADDED")
    bulk_s_per_1000_rows: NonNegativeFloat = Field(default=0.0, description="virtual seconds")
    bulk_in_progress_text: Literal["INPROGRESS", "IN PROGRESS"] = Field(
        default="INPROGRESS", description="§3.11: spelled both ways"
    )

    # Metadata (§3.15)
    fields_per_create: PositiveInt = Field(default=5, description="§3.15: 5 or 25")
    field_label_max: PositiveInt = Field(default=50, description="§3.15: 25 or 50")
    label_special_characters: Literal["reject", "allow"] = Field(
        default="reject", description="§3.15: labels take letters, digits, spaces, underscores"
    )
    activity_unique_fields: Literal["allow", "reject"] = Field(
        default="allow", description="§4.4: unique fields on Tasks and Events"
    )
    module_name_alphanumeric: bool = Field(default=False, description="§3.15: newest OAS regex")
    module_api_editions: tuple[str, ...] = Field(
        default=("enterprise", "ultimate"), description="§7: Standard, Professional unknown"
    )
    deleted_field_blocks_label: bool = Field(default=False, description="§8.20")

    # PHI (§4.6)
    hipaa_restrict_api: bool = Field(default=False, description="§4.6: marked fields read null")
