"""What `mta registry check` says of batch queries before they run."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import pytest

import mta_assets
from mta_assets.missions.load import BUILT_IN, Mission, TrendsSection, load_mission
from mta_assets.pipelines.registry import load_registry
from mta_assets.pipelines.registry_check import check

PAGE = Path(mta_assets.__file__).parents[1] / "docs" / "batch.md"
QUERY = "GET 1DPAMZT, 1DEAMZT, 1PDEAAT, 1PIN1AT EVERY 1 HOUR MEAN"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("mission") / "chandra"
    shutil.copytree(BUILT_IN / "chandra", made)
    return made


def problems(folder: Path, old: str, new: str) -> list[str]:
    genuine = (BUILT_IN / "chandra" / "registry" / "trends.toml").read_text()
    assert old in genuine
    (folder / "registry" / "trends.toml").write_text(genuine.replace(old, new, 1))
    mission: Mission = load_mission(folder)
    return check(load_registry(mission))


def test_the_batch_queries_of_the_missions_hold_together() -> None:
    for name in ("chandra", "spire"):
        assert check(load_registry(load_mission(name))) == []


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        (QUERY, QUERY.replace("1DPAMZT", "1DPAMZZ"), "params.query", "no parameter 1DPAMZZ is known; near are 1DPAMZT"),
        (QUERY, "GET 1DPAMZT WHERE NOSUCH > 1 EVERY 1 HOUR MEAN", "params.query", "no parameter NOSUCH is known"),
        (QUERY, "GET QQQ* EVERY 1 HOUR MEAN", "params.query", "no parameter fits QQQ*"),
        (QUERY, "GET 1DPAMZT FROM 2024-01-01", "params.query", "can not have a time (FROM, SINCE, LAST, ON …)"),
        (QUERY, "GET 1DPAMZT LAST 1 DAY", "params.query", "can not have a time"),
        (QUERY, "GET 1DPAMZT AS OF 2024-01-01", "params.query", "can not have AS OF"),
        (QUERY, "GET 1DPAMZT LIMIT 5", "params.query", "can not have LIMIT"),
        (QUERY, "EXPLAIN GET 1DPAMZT", "params.query", "can not have EXPLAIN"),
        (QUERY, "GET 1DPAMZT EVREY 1 HOUR", "params.query", "EVREY"),
        (QUERY, "", "params.query", "The query is empty"),
        ('plot    = "timeline"', 'plot = "pie"', "params.plot", "'pie' is none; expected one of timeline, xy, density"),
        ('product = "TREND_EPHIN"', 'product = "TREND_EPHINN"', "params.product", "expected an output of the pipeline"),
        ('product = "TREND_EPHIN"', 'product = "TELEMETRY"', "params.product", "whose name begins with TREND_"),
        ('partition = "day"', 'partition = "playback"', "params.query", "runs by day or week, not by playback"),
        ('writes = ["products", "plots"]', 'writes = ["products"]', ".writes", "gives products, plots, in this order"),
        ('partition = "day"', 'partition = "month"', ".partition", "'month' is none"),
        ('inputs    = ["TELEMETRY"]', "inputs = []", ".inputs", "needs an input, so that it is known when"),
    ],
)  # fmt: skip
def test_each_mistake_of_a_batch_query_is_one_sentence_that_names_the_place(
    folder: Path, old: str, new: str, where: str, what: str
) -> None:
    found = problems(folder, old, new)
    assert [text for text in found if where in text and what in text], found


@pytest.mark.parametrize(
    "query",
    [
        "GET 1DPAMZT, obsid EVERY 1 HOUR MEAN",
        "GET 1dp* EVERY 1 HOUR MEAN",
        "GET ACIS_EVT0.EVENTS.PHA EVERY 1 HOUR MEAN",
        "GET 1DPAMZT WHERE OBS.TARGET = 'Cas A' EVERY OBSERVATION MEAN",
        "GET 1DPAMZT ON TIMELINE OF 1DEAMZT",
    ],
)
def test_what_is_known_and_what_only_the_data_can_tell_is_no_problem(folder: Path, query: str) -> None:
    assert problems(folder, QUERY, query) == []


def examples(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_example_of_the_documentation_holds_together(folder: Path) -> None:
    block, rights = examples("toml")
    genuine = (BUILT_IN / "chandra" / "registry" / "trends.toml").read_text()
    assert problems(folder, genuine, genuine + block) == []
    section = TrendsSection.model_validate(tomllib.loads(rights)["trends"])
    assert section.tables == {"TREND_DEA": ["sue"]}
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    (made,) = tomllib.loads(block)["pipeline"]["TREND_DEA"]["profile"]
    assert set(made["params"]) <= named, "every parameter is explained"


def test_the_queries_and_the_calls_of_the_documentation_can_be_understood() -> None:
    from mta_assets.query.language import parse

    (queries,), (program,) = examples("query"), examples("python")
    for line in queries.strip().splitlines():
        assert parse(line, 8e8).what
    compile(program, "docs/batch.md", "exec")
    (text,) = re.findall(r'mta\.query\("(.*?)"\)', program)
    assert parse(text, 8e8).periods
