"""What a step may say of observations, what the registry check finds, which observations are due."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mta_assets.core.errors import ToolFailed
from mta_assets.core.records import Observation
from mta_assets.core.tables import Table
from mta_assets.missions.load import load_mission
from mta_assets.pipelines.due import ObiMarks
from mta_assets.pipelines.observations import label_of, observations_of
from mta_assets.pipelines.registry import load_registry
from mta_assets.pipelines.registry_check import check
from mta_assets_tests.pipelines.toy_obi import REGISTRY, make_mission


def table(**columns: object) -> Table:
    given = {"obsid": [7, 8], "obi": [0, 1], "tstart": [1.0, 5.0], "tstop": [5.0, 9.0], **columns}
    return Table("OBIS", {name: np.array(values) for name, values in given.items()})


def test_a_table_of_intervals_becomes_observations_with_edges_and_facts() -> None:
    given = table(
        start_edge=["seen", "open"], stop_edge=["lost", "seen"], detector=["ACIS-S", ""], sim_z=[1.5, np.nan],
        q_nom=np.zeros((2, 4)),
    )  # fmt: skip
    first, second = observations_of(given, "tool")
    edges = [{"start_edge": "seen", "stop_edge": "lost"}, {"start_edge": "open", "stop_edge": "seen"}]
    assert first == Observation(7, 0, 1.0, 5.0, True, True, {**edges[0], "detector": "ACIS-S", "sim_z": 1.5})
    assert second == Observation(8, 1, 5.0, 9.0, False, True, edges[1])
    assert (first.key, second.key) == ("00007_000", "00008_001")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["x"], "an observation is a str; expected Observation"),
        ([Observation(7, 0, 5.0, 5.0)], "goes from 5.0 to 5.0"),
        ([Observation(7, 0, 1.0, 5.0), Observation(7, 0, 6.0, 8.0)], "00007_000 is there twice"),
        (Table("T", {"obsid": np.array([7])}), "has no columns obi, tstart, tstop"),
    ],
)
def test_what_are_no_observations_fails_the_tool_with_a_word_on_what_is_wrong(value: object, words: str) -> None:
    with pytest.raises(ToolFailed, match=words):
        observations_of(value, "tool")


def test_a_label_tells_products_of_one_partition_apart_whoever_names_them() -> None:
    ours = {"fep_id": 1, "tstart": 5.0, "obsid": 7}
    theirs = {"fep_id": "1", "tstart": "000000005", "version": "003"}
    assert label_of(ours) == label_of(theirs) == "fep_id=1"
    assert label_of({"obsid": 7, "obi": 0}) == ""


BROKEN = [
    ('partition = "obi"\nstreams   = ["sdp", "sap"]', 'partition = "day"', "belongs to an observation, and LEVEL1"),
    ("reach  = 2000.0\n", "", "what writes observations has to read beyond its playback"),
    ('outputs = ["INTERVALS"]', "outputs = []", "needs a product as well"),
    (r'N(?P<version>\d{3})_eph1', r'N(\d{3})_eph1', "has no named group version"),
    ('delivered = "time"', 'delivered = "time"\ntimes = "name"\nformat = "parquet"', "a parquet can not be delivered"),
    ('inputs  = ["JPSS_ATT_EPHEM_ENG0"]', 'inputs = ["PLAYBACK"]\nreach = 5.0', "PLAYBACK is a playback, of which"),
    ('inputs    = ["TOY_EVT1"]', 'inputs    = ["PLAYBACK", "TOY_EVT1"]', "which an observation is not made of"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "words"), BROKEN)
def test_the_registry_check_names_what_is_wrong(tmp_path: Path, old: str, new: str, words: str) -> None:
    folder = make_mission(tmp_path / "mission")
    assert old in REGISTRY
    (folder / "registry" / "observations.toml").write_text(REGISTRY.replace(old, new))
    assert any(words in problem for problem in check(load_registry(load_mission(str(folder)))))


def test_marks_that_nobody_wrote_begin_anew() -> None:
    assert ObiMarks.from_json("nonsense") == ObiMarks.from_json(None) == ObiMarks.from_json("[1]") == ObiMarks()
    marks = ObiMarks(3, 4, ("00007_000",))
    assert ObiMarks.from_json(marks.to_json()) == marks
