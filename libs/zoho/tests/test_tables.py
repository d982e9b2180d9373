"""The tables everything leans on: advice, prices, editions, hosts, results."""

import pytest
from bridgework_zoho.advice import ADVICE, UNLISTED, Action, explain
from bridgework_zoho.bulk_write import parse_errors
from bridgework_zoho.costs import Operation, PriceList
from bridgework_zoho.data_centres import HOSTS, DataCentre, Environment, api_domain_for
from bridgework_zoho.editions import edition_for, licensed_edition
from bridgework_zoho.paging import name_groups
from bridgework_zoho.results import element_result
from bridgework_zoho.settings import ZohoSettings
from bridgework_zoho.testing import refused


def test_every_advice_is_a_sentence_with_a_remedy() -> None:
    """People read these in the console."""
    assert len(ADVICE) > 120
    for code, advice in ADVICE.items():
        assert advice.sentence.endswith("."), code
        assert advice.remedy, code
    assert {advice.action for advice in ADVICE.values()} == set(Action)


@pytest.mark.parametrize(
    ("code", "action"),
    [
        ("TOO_MANY_REQUESTS", Action.RETRY),
        ("RATE_LIMIT_EXCEEDED", Action.RETRY),
        ("CREDITS_EXHAUSTED", Action.WAIT_FOR_CREDITS),
        ("INVALID_TOKEN", Action.REAUTHORISE),
        ("INVALID_DATA", Action.REJECT_RECORD),
        ("DUPLICATE_DATA", Action.REJECT_RECORD),
        ("OAUTH_SCOPE_MISMATCH", Action.STOP_RUN),
        ("STORAGE_SPACE_EXCEEDED", Action.STOP_RUN),
        ("INTERNAL_ERROR", Action.ASK),
        ("ALREADY_MODIFIED", Action.ASK),
    ],
)
def test_each_kind_of_trouble_has_its_action(code: str, action: Action) -> None:
    """Retry, wait, reauthorise, reject, stop or ask."""
    assert explain(code).action is action


def test_a_code_nobody_described_is_treated_with_care() -> None:
    """The record is rejected and the others go on."""
    assert explain("BRAND_NEW_CODE") is UNLISTED


@pytest.mark.parametrize(
    ("operation", "elements", "credits", "heavy"),
    [
        (Operation.RECORDS_INSERT, 1, 1, False),
        (Operation.RECORDS_INSERT, 10, 1, False),
        (Operation.RECORDS_INSERT, 11, 2, True),
        (Operation.RECORDS_UPSERT, 100, 10, True),
        (Operation.COQL, 200, 1, True),
        (Operation.COQL, 201, 2, True),
        (Operation.COQL, 2000, 3, True),
        (Operation.RECORDS_DELETED, 1, 2, False),
        (Operation.RECORDS_MASS_DELETE, 500, 5, False),
        (Operation.BULK_WRITE_CREATE, 1, 500, False),
        (Operation.BULK_READ_CREATE, 1, 50, False),
        (Operation.META_CREATE_FIELD, 5, 50, False),
        (Operation.META_CREATE_MODULE, 1, 500, False),
        (Operation.RECORDS_LIST_SORTED, 1, 1, True),
    ],
)
def test_prices_and_weights(operation: Operation, elements: int, credits: int, heavy: bool) -> None:  # noqa: A002 - the domain's word
    """As the published price list has them (fact sheet §2.2, §2.3)."""
    prices = PriceList()
    assert prices.credits(operation, elements) == credits
    assert prices.heavy(operation, elements) is heavy


def test_a_probed_price_wins() -> None:
    """Where an org was measured, the measurement counts."""
    assert PriceList({Operation.NOTES_CREATE: 1}).credits(Operation.NOTES_CREATE, 100) == 1


@pytest.mark.parametrize(
    ("paid_type", "licences", "credits", "slots"),
    [
        ("free", 3, 5_000, 5),
        ("standard", 10, 52_500, 10),
        ("standard", 1000, 100_000, 10),
        ("professional", 10, 55_000, 15),
        ("zohooneenterprise", 10, 60_000, 20),
        ("CRM Plus", 10_000, 20_050_000, 25),
        ("something new", 50, 5_000, 5),
    ],
)
def test_editions(paid_type: str, licences: int, credits: int, slots: int) -> None:  # noqa: A002 - the domain's word
    """Formula, ceiling and concurrency; the unknown counts as the smallest."""
    edition = edition_for(paid_type)
    assert (edition.daily_credits(licences), edition.slots) == (credits, slots)


def test_a_trial_is_the_edition_on_trial() -> None:
    """What is not paid for may still be tried (fact sheet §2.1)."""
    trial = {"license_details": {"paid": False, "paid_type": "free", "trial_type": "enterprise"}}
    assert licensed_edition(trial).name == "enterprise"


def test_every_data_centre_has_hosts() -> None:
    """Canada is spelled differently; other environments change the first label only."""
    assert set(HOSTS) == set(DataCentre)
    assert HOSTS[DataCentre.CA].accounts_url == "https://accounts.zohocloud.ca"
    assert api_domain_for(DataCentre.AU, Environment.SANDBOX) == "https://sandbox.zohoapis.com.au"


def test_duplicates_inside_several_errors_are_found() -> None:
    """MULTIPLE_OR_MULTI_ERRORS wraps the one that names the holder."""
    inner = refused("DUPLICATE_DATA", api_name="Key", duplicate_record={"id": 77})
    result = element_result(0, refused("MULTIPLE_OR_MULTI_ERRORS", errors=[inner]))
    assert (result.duplicate_id, result.field, result.ok) == ("77", "Key", False)


def test_the_error_column_of_a_bulk_result() -> None:
    """Several columns by comma, several errors by colon (§3.11)."""
    assert parse_errors("INVALID_DATA-Email,Phone:LIMIT_EXCEEDED") == (
        ("INVALID_DATA", "Email"),
        ("INVALID_DATA", "Phone"),
        ("LIMIT_EXCEEDED", None),
    )
    assert parse_errors("") == ()


def test_field_names_are_grouped_by_number_and_characters() -> None:
    """A read takes fifty names, and perhaps only 1,024 characters of them."""
    names = [f"Field_{at:03}" for at in range(120)]
    assert [len(one) for one in name_groups(names, ZohoSettings())] == [50, 50, 20]
    by_length = name_groups(names, ZohoSettings(fields_characters=109))
    assert all(len(",".join(one)) <= 109 for one in by_length)
    assert [name for group in by_length for name in group] == names
    assert len(by_length[0]) == 11
