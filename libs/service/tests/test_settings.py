"""Settings: from the environment, complete or not at all."""

import pytest
from bridgework_contracts.errors import ConfigurationError
from bridgework_service.settings import ServiceSettings, load_settings
from pydantic import PositiveInt
from pydantic_settings import SettingsConfigDict

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


class LoaderSettings(ServiceSettings):
    """A service's own settings, as services write them."""

    model_config = SettingsConfigDict(env_prefix="LOADER_")

    service_name: str = "loader"
    slots: PositiveInt = 4


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A complete environment for the loader."""
    for name, value in {
        "LOADER_HOST": "127.0.0.1",
        "LOADER_HTTP_PORT": "8081",
        "LOADER_STORE__DSN": "postgresql://u:hidden@db/x",
        "LOADER_STORE__MAX_SIZE": "7",
        "LOADER_EVENT_LOG__KIND": "embedded",
        "LOADER_EVENT_LOG__DSN": "postgresql://u:hidden@db/x",
        "LOADER_MASTER_KEY": KEY,
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_nested_values_come_from_the_environment(environment: pytest.MonkeyPatch) -> None:
    """Prefix and two underscores reach a nested field; everything else has its default."""
    settings = load_settings(LoaderSettings)
    assert settings.store.max_size == 7
    assert settings.store.dsn.get_secret_value() == "postgresql://u:hidden@db/x"
    assert settings.tenants == "*"
    assert settings.slots == 4
    assert settings.open_master_key() is not None


@pytest.mark.parametrize(
    "variable",
    ["LOADER_HOST", "LOADER_HTTP_PORT", "LOADER_STORE__DSN", "LOADER_MASTER_KEY"],
)
def test_a_missing_value_names_its_variable(environment: pytest.MonkeyPatch, variable: str) -> None:
    """The start is refused with the name of what to set."""
    environment.delenv(variable)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(LoaderSettings)
    assert f"({variable}): missing" in str(caught.value)


def test_everything_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One start is enough to learn all that is missing."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(LoaderSettings)
    for variable in (
        "LOADER_HOST", "LOADER_HTTP_PORT", "LOADER_STORE", "LOADER_EVENT_LOG", "LOADER_MASTER_KEY"
    ):  # fmt: skip
        assert f"({variable})" in str(caught.value)


def test_a_wrong_value_is_named_and_not_quoted(environment: pytest.MonkeyPatch) -> None:
    """Neither a wrong value nor a right secret beside it is printed, nor chained."""
    environment.setenv("LOADER_SLOTS", "canary-value")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(LoaderSettings)
    assert "(LOADER_SLOTS): wrong (int_parsing)" in str(caught.value)
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_broken_json_for_a_whole_group_is_named(environment: pytest.MonkeyPatch) -> None:
    """A group given as one JSON variable that does not parse refuses the start."""
    environment.setenv("LOADER_STORE", "{canary")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(LoaderSettings)
    assert "store" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_tenants_are_a_comma_separated_list(environment: pytest.MonkeyPatch) -> None:
    """Blanks are forgiven, bad ids are not."""
    environment.setenv("LOADER_TENANTS", "harbor, lake-side")
    assert load_settings(LoaderSettings).tenants == frozenset({"harbor", "lake-side"})
    environment.setenv("LOADER_TENANTS", "Harbor Dental")
    with pytest.raises(ConfigurationError, match="LOADER_TENANTS"):
        load_settings(LoaderSettings)


def test_previous_master_keys_are_a_comma_separated_list(environment: pytest.MonkeyPatch) -> None:
    """Rotation needs the old keys beside the new one."""
    environment.setenv("LOADER_PREVIOUS_MASTER_KEYS", f"{KEY},{KEY}")
    assert len(load_settings(LoaderSettings).previous_master_keys) == 2


def test_given_values_win_over_the_environment(environment: pytest.MonkeyPatch) -> None:
    """The composition of all services in one process passes values directly."""
    assert load_settings(LoaderSettings, http_port=1).http_port == 1


def test_settings_do_not_print_secrets(environment: pytest.MonkeyPatch) -> None:
    """Repr of the whole hides connection strings and keys."""
    shown = repr(load_settings(LoaderSettings))
    assert "hidden" not in shown
    assert KEY not in shown
