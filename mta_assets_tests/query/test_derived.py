"""Derived parameters: their file, and what is computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mta_assets.core.errors import ConfigError
from mta_assets.core.samples import to_seconds
from mta_assets.query.derived import DerivedSource, load_derived
from mta_assets.query.language import parse
from mta_assets.query.run import run
from mta_assets.query.sources import Source
from mta_assets_tests.query.memory_source import MemorySource, samples


def declared(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "derived.toml"
    path.write_text(text, encoding="utf-8")
    return path


def base() -> MemorySource:
    t = [0, 10, 20, 30]
    return MemorySource(
        samples("TA", t, [1.0, 2.0, 3.0, 4.0], period=10.0, group="G", unit="K", quality=[0, 0, 32, 0]),
        samples("TB", t, [1.0, 0.0, 1.0, 2.0], period=10.0, group="G", unit="K"),
        samples("C", [5, 25], [10.0, 20.0], period=20.0, group="H"),
    )


def sources(tmp_path: Path, text: str) -> list[Source]:
    held = base()
    return [held, DerivedSource(load_derived(declared(tmp_path, text)), [held])]


SUM = '[DP_SUM]\nexpression = "TA + TB"\nunit = "K"\nversion = 2\n'


def test_it_is_computed_on_the_times_of_its_first_parameter(tmp_path: Path) -> None:
    answer = run(parse("GET DP_SUM, TA"), sources(tmp_path, SUM))
    (table,) = answer.tables
    assert (table.name, table.units) == ("G", {"DP_SUM": "K", "TA": "K"})
    assert table.times.tolist() == [0, 10, 30]  # at 20 s TA is bad, and what is made of it
    assert table.columns["DP_SUM"].tolist() == [2, 2, 6]
    assert table.info["DP_SUM"].description == "TA + TB (version 2)"
    assert table.info["DP_SUM"].origin == "derived"


def test_it_can_stand_on_other_times_and_looks_before_the_period(tmp_path: Path) -> None:
    made = sources(tmp_path, '[DP]\nexpression = "delta(TA) + C"\non = "C"\n')
    part = made[1].read(["DP"], np.array([[20.0, 30.0]]))["DP"]
    assert (to_seconds(part.time).tolist(), part.values.tolist()) == ([25], [21.0])
    assert part.bads.tolist() == [True]  # as TA is
    (table,) = run(parse("GET DP INCLUDING BAD"), made).tables
    assert (table.name, table.times.tolist()) == ("H", [25])


def test_one_can_be_made_of_another_and_conditions_may_use_it(tmp_path: Path) -> None:
    made = sources(tmp_path, SUM + '[DP_TWICE]\nexpression = "2 * DP_SUM"\n')
    (table,) = run(parse("GET DP_TWICE WHERE dp_sum > 3"), made).tables
    assert (table.times.tolist(), table.columns["DP_TWICE"].tolist()) == ([30], [12])


def test_where_there_is_no_result_there_is_no_sample_and_a_note(tmp_path: Path) -> None:
    made = sources(tmp_path, '[DP]\nexpression = "TA / TB"\n')
    answer = run(parse("GET DP"), made)
    assert answer.tables[0].times.tolist() == [0, 30]
    assert "DP: division by zero" in answer.notes


def test_parts_of_the_time_give_what_the_whole_does(tmp_path: Path) -> None:
    made = sources(tmp_path, '[DP]\nexpression = "rate(TA) * C"\n')[1]
    whole = made.read(["DP"], None)["DP"]
    parts = [made.read(["DP"], np.array([[a, a + 7.0]]))["DP"] for a in range(0, 35, 7)]
    assert np.concatenate([part.time for part in parts]).tolist() == whole.time.tolist()
    assert np.concatenate([part.values for part in parts]).tolist() == whole.values.tolist()


def test_span_and_estimate_are_those_of_its_inputs(tmp_path: Path) -> None:
    made = sources(tmp_path, SUM)[1]
    assert made.span(["DP_SUM"]) == (0, 30)
    assert made.estimate(["DP_SUM"], None)[0] == 4
    assert list(made.names()) == ["DP_SUM"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[DP]\nexpresion = "TA"\n', "unknown key expresion; known are expression, unit, description, version, on"),
        ('[DP]\nunit = "K"\n', "expression is str and is missing"),
        ('[DP]\nexpression = "TA"\nversion = "2"\n', "version is int"),
        ('[DP]\nexpression = "TA +"\n', "derived parameter DP: "),
        ('[DP]\nexpression = "1 + 2"\n', "there is no parameter in its expression"),
        ('[A1]\nexpression = "B1"\n[B1]\nexpression = "a1 * 2"\n', "in a circle: A1 → B1 → A1"),
        ('[DP]\nexpression = "TA"\n[dp]\nexpression = "TB"\n', "differ only in capital letters"),
        ("DP = 3\n", "expected a block"),
        ("[DP", "not a TOML file"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_derived(declared(tmp_path, text))


def test_an_input_that_does_not_exist_is_named_when_it_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="derived parameter DP: There is no parameter"):
        run(parse("GET DP"), sources(tmp_path, '[DP]\nexpression = "TAA"\n'))


def test_without_the_file_there_are_none(tmp_path: Path) -> None:
    assert load_derived(tmp_path / "derived.toml") == {}
