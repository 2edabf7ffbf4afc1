from __future__ import annotations

from typing import Any

import pytest

from mta_assets.pipelines.kickoff import unmet
from mta_assets.pipelines.registry_schema import Range


@pytest.mark.parametrize(
    ("condition", "fact", "met"),
    [
        (["ACIS-I", "ACIS-S"], "ACIS-S", True),
        (["ACIS-I", "ACIS-S"], "HRC-I", False),
        (["ACIS-I"], ["HRC-I", "ACIS-I"], True),
        (["ACIS-I"], [], False),
        ("HETG", "HETG", True),
        ("HETG", ["NONE", "HETG"], True),
        (2, 2, True),
        (2, 1, False),
        (1, True, False),
        (True, True, True),
        (True, 1, False),
        (Range(min=3), 3, True),
        (Range(min=3), 2.999, False),
        (Range(max=3), 3, True),
        (Range(max=3), 3.001, False),
        (Range(min=1, max=2), [0, 1.5], True),
        (Range(min=0), "1", False),
        (Range(min=0), True, False),
        ("x", None, False),
    ],
)
def test_a_condition_is_met_by_equal_values_lists_and_ranges(condition: Any, fact: Any, met: bool) -> None:
    assert (unmet({"it": condition}, {"it": fact}) is None) is met


def test_the_reason_names_the_fact_what_is_and_what_was_expected() -> None:
    assert unmet({"grating": ["HETG", "LETG"]}, {"grating": "NONE"}) == "grating is NONE; expected HETG or LETG"
    assert unmet({"rows": Range(min=1, max=9)}, {}) == "rows is not known; expected at least 1 and at most 9"
    assert unmet({}, {}) is None
