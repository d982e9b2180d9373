"""A rule set is checked whole before anything is quoted from it."""

from importlib import resources

import pytest
import yaml
from bridgework_audit.rules import load_rules, parse_rules
from bridgework_contracts.errors import ConfigurationError


def text() -> str:
    """The packaged rule set."""
    place = resources.files("bridgework_audit") / "rules" / "estimator_v1.yaml"
    return place.read_text(encoding="utf-8")


def refused(change: dict[str, object]) -> str:
    """Return why a rule set with one section replaced is refused."""
    data = yaml.safe_load(text()) | change
    with pytest.raises(ConfigurationError) as caught:
        parse_rules(yaml.safe_dump(data))
    return str(caught.value)


def test_an_unknown_section_is_refused() -> None:
    """A misspelt key does not stay silent."""
    assert "wieghts" in refused({"wieghts": {}})


def test_weights_that_do_not_add_up_are_refused() -> None:
    """The six weights make one whole."""
    weights = yaml.safe_load(text())["weights"] | {"quality": 0.2}
    assert "add up to 1" in refused({"weights": weights})


def test_grades_out_of_order_are_refused() -> None:
    """Thresholds rise from A to E."""
    grades = yaml.safe_load(text())["grades"]
    grades[0]["below"] = 50
    assert "rising" in refused({"grades": grades})


def test_a_price_row_of_the_wrong_length_is_refused() -> None:
    """Every grade has a base price per band."""
    price = yaml.safe_load(text())["price"]
    price["base"]["A"] = [1, 2]
    assert "base price per band" in refused({"price": price})


def test_an_unknown_rule_set_is_refused() -> None:
    """A name leads to a packaged file or to a clear error."""
    with pytest.raises(ConfigurationError, match="no rule set"):
        load_rules("estimator_v99")
    with pytest.raises(ConfigurationError, match="no rule set"):
        load_rules("../secrets")
