"""Observations, commands, interval values and dictionaries as sources of queries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mta_assets.archive.observing import Observing
from mta_assets.archive.observing_entries import Block, Command, Content, IntervalValue, Observation
from mta_assets.core.samples import SECOND, ParameterInfo
from mta_assets.missions.load import load_mission
from mta_assets.monitors.limit_table import ExpectedRow, LimitRow, LimitTable
from mta_assets.query import command_source, interval_read
from mta_assets.query.command_source import CommandSource
from mta_assets.query.dictionary_source import DictionarySource
from mta_assets.query.interval_read import meeting
from mta_assets.query.interval_source import IntervalSource
from mta_assets.query.limit_history import limit_content, table_rows
from mta_assets.query.observation_source import ObservationSource
from mta_assets.query.sources import FAR, Source

OBSERVATIONS = [
    Observation(1, 0.0, 10.0, 0, "M82", 148.9, 69.6, aot="SmallMap", facts={"PI": "Hale", "ROLLS": 2.0}),
    Observation(2, 10.0, 20.0, 1, "Sgr A*", instrument="HRC", facts={"PI": "Gill"}),
    Observation(3, 30.0, 40.0, 0, "", 5.0, -5.0, aot="LargeMap"),
]  # fmt: skip
BLOCKS = [Block(0xA0000001, 0.0, 4.0, "SETUP", 1), Block(0xA0000002, 4.0, 10.0, "SCAN", 1)]
COMMANDS = [
    Command(1.0, "AOMODE", "SW", {"ID": "1", "HEX": "10"}, "7 0"),
    Command(2.0, "MOVE", "SIM", {"POS": "-99616"}),
    Command(2.0, "MOVE", "SIM", {"POS": "75624"}),
    Command(3.0, "AOMODE", "SW", {"ID": "2", "HEX": "1F"}),
]
VALUES = [
    IntervalValue("STATE.MODE", 0.0, 10.0, "NPNT"),
    IntervalValue("STATE.MODE", 10.0, 30.0, "NMAN"),
    IntervalValue("STATE.POS", 5.0, None, -99616),
]


@pytest.fixture
def observing(tmp_path: Path) -> Iterator[Observing]:
    with Observing(f"sqlite:///{tmp_path / 'catalog.sqlite'}") as opened:
        opened.replace("all", Content(OBSERVATIONS, BLOCKS, COMMANDS, VALUES), now=100.0)
        yield opened


def spans(*pairs: tuple[float, float]) -> np.ndarray:
    return np.array(pairs, dtype=float).reshape(-1, 2)


def rows(source: Source, name: str, *pairs: tuple[float, float], as_of: float | None = None) -> list[tuple]:
    found = source.read([name], spans(*pairs) if pairs else None, as_of=as_of)[name]
    until = [] if found.until is None else [(found.until / SECOND).tolist()]
    return list(zip((found.time / SECOND).tolist(), *until, found.values.tolist(), strict=True))


def test_columns_of_observations_hold_while_they_last(observing: Observing) -> None:
    source = ObservationSource(observing)
    assert rows(source, "OBS.TARGET") == [(0, 10, "M82"), (10, 20, "Sgr A*")]
    assert rows(source, "OBSID") == [(0, 10, 1), (10, 20, 2), (30, 40, 3)]
    assert rows(source, "OBS.RA") == [(0, 10, 148.9), (30, 40, 5.0)]
    assert rows(source, "aot") == [(0, 10, "SmallMap"), (30, 40, "LargeMap")]
    assert rows(source, "OBS.DURATION", (0, 1)) == [(0, 10, 10.0)]
    assert rows(source, "OBS.PI") == [(0, 10, "Hale"), (10, 20, "Gill")]
    assert rows(source, "OBS.ROLLS") == [(0, 10, 2.0)]


def test_building_blocks_are_parameters(observing: Observing) -> None:
    source = ObservationSource(observing)
    assert rows(source, "BBID") == [(0, 4, 0xA0000001), (4, 10, 0xA0000002)]
    assert rows(source, "BBTYPE", (4, 5)) == [(4, 10, "SCAN")]
    assert rows(source, "BLOCK.OBSID", (3.9, 4)) == [(0, 4, 1)]


def test_intervals_are_met_half_open_at_both_ends(observing: Observing) -> None:
    source = ObservationSource(observing)
    assert rows(source, "OBSID", (20, 30)) == []
    assert rows(source, "OBSID", (19.999999, 30)) == [(10, 20, 2)]
    assert rows(source, "OBSID", (20, 30.000001)) == [(30, 40, 3)]
    assert rows(source, "OBSID", (0, 1), (35, 36)) == [(0, 10, 1), (30, 40, 3)]
    assert rows(source, "OBSID", (-FAR, FAR)) == rows(source, "OBSID")
    assert source.read(["OBSID"], spans())["OBSID"].values.tolist() == []


@pytest.mark.parametrize("asked", [[], [(0, 1)], [(2, 4), (6, 9)], [(0, 20)], [(5, 6), (7, 8), (12, 13)]])
def test_meeting_is_the_same_as_comparing_each_with_each(asked: list[tuple[float, float]]) -> None:
    time = np.array([0, 1, 3, 5, 6, 9, 11]) * SECOND
    until = np.array([1, 3, 8, 6, 7, 13, 12]) * SECOND
    got = meeting(time, until, spans(*asked))
    each = [any(a * SECOND < u and b * SECOND > t for a, b in asked) for t, u in zip(time, until, strict=True)]
    assert got.tolist() == each


def test_commands_are_samples_at_their_times(observing: Observing) -> None:
    source = CommandSource(observing)
    assert rows(source, "CMD.AOMODE") == [(1, "ID=1, HEX=10"), (3, "ID=2, HEX=1F")]
    assert rows(source, "CMD.NAME") == [(1, "AOMODE"), (2, "MOVE"), (2, "MOVE"), (3, "AOMODE")]
    assert rows(source, "CMD.TYPE", (1, 2)) == [(1, "SW")]
    assert rows(source, "cmd.move.pos", (2, 3)) == [(2, -99616.0), (2, 75624.0)]
    assert rows(source, "CMD.AOMODE.HEX") == [(1, "10"), (3, "1F")]
    assert rows(source, "CMD.AOMODE.ID", (1.000001, 3)) == []
    assert rows(source, "CMD.COUNTER", (0, 2)) == [(1, "7 0")]


def test_commands_in_blocks_are_those_of_one_read(observing: Observing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_source, "BLOCK", 1)
    source = CommandSource(observing)
    parts = [part["CMD.NAME"] for part in source.blocks(["CMD.NAME"], spans((0, 3.5)))]
    assert [part.time.tolist() for part in parts] == [[SECOND], [2 * SECOND] * 2, [3 * SECOND]]
    assert np.concatenate([part.values for part in parts]).tolist() == ["AOMODE", "MOVE", "MOVE", "AOMODE"]


def test_intervals_in_blocks_are_those_of_one_read(observing: Observing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interval_read, "BLOCK", 1)
    source = ObservationSource(observing)
    parts = list(source.blocks(["OBSID", "OBS.TARGET"], None))
    assert [part["OBSID"].values.tolist() for part in parts] == [[1], [2], [3]]
    assert [part["OBS.TARGET"].values.tolist() for part in parts] == [["M82"], ["Sgr A*"], []]


def test_states_hold_for_their_intervals_and_the_open_one_for_good(observing: Observing) -> None:
    source = IntervalSource(observing)
    assert rows(source, "state.mode", (9, 11)) == [(0, 10, "NPNT"), (10, 30, "NMAN")]
    assert rows(source, "STATE.POS", (3e9, 3e9 + 1)) == [(5, FAR, -99616)]
    info = source.info("state.pos")
    assert info is not None
    assert (info.name, info.dtype, info.origin) == ("STATE.POS", "i8", "command")


def test_sources_know_their_names_and_no_others(observing: Observing) -> None:
    sources: list[Source] = [ObservationSource(observing), CommandSource(observing), IntervalSource(observing)]
    known = [set(source.names()) for source in sources]
    assert {"OBSID", "AOT", "BBID", "BBTYPE", "OBS.TARGET", "OBS.PI", "BLOCK.BBTYPE"} <= known[0]
    assert known[1] == {
        "CMD.NAME", "CMD.TYPE", "CMD.COUNTER",
        "CMD.AOMODE", "CMD.AOMODE.ID", "CMD.AOMODE.HEX", "CMD.MOVE", "CMD.MOVE.POS",
    }  # fmt: skip
    assert known[2] == {"STATE.MODE", "STATE.POS"}
    for source, mine in zip(sources, known, strict=True):
        found = source.read(sorted(mine), None)
        assert set(found) == mine
        for name in mine:
            info = source.info(name.lower())
            assert info is not None
            assert info.name == name
            assert found[name].info.dtype == info.dtype
            assert found[name].values.dtype.kind == np.dtype(info.dtype).kind
            rows, size = source.estimate([name], None)
            assert rows >= len(found[name])
            assert size >= found[name].time.nbytes + found[name].values.nbytes
        for name in (
            "1DPAMZT",
            "OBS.NOTHING",
            "CMD.NOTHING",
            "CMD.MOVE.NOTHING",
            "STATE.NOTHING",
            "OBS.",
            "CMD.",
            "x' OR 1=1",
        ):
            assert source.info(name) is None
        assert source.read(["NOTHING"], None) == {}
        assert source.estimate(sorted(mine), spans()) == (0, 0)
        assert source.span(["NOTHING"]) is None


def test_spans_are_those_of_the_rows(observing: Observing) -> None:
    assert ObservationSource(observing).span(["OBSID"]) == (0.0, 40.0)
    assert ObservationSource(observing).span(["OBS.ROLLS"]) == (0.0, 10.0)
    assert CommandSource(observing).span(["CMD.MOVE"]) == (2.0, 2.0)
    assert CommandSource(observing).span(["CMD.NAME"]) == (1.0, 3.0)
    assert IntervalSource(observing).span(["STATE.MODE"]) == (0.0, 30.0)
    assert IntervalSource(observing).span(["STATE.MODE", "STATE.POS"]) == (0.0, FAR)


def test_a_source_sees_one_state_and_older_ones_when_asked(observing: Observing) -> None:
    source = IntervalSource(observing)
    before = rows(source, "STATE.MODE")
    observing.replace("all", Content(values=[IntervalValue("STATE.MODE", 0.0, 10.0, "SAFE")]), now=200.0)
    assert rows(source, "STATE.MODE") == before
    assert rows(IntervalSource(observing), "STATE.MODE") == [(0, 10, "SAFE")]
    assert rows(IntervalSource(observing), "STATE.MODE", as_of=150.0) == before
    assert rows(IntervalSource(observing), "STATE.MODE", as_of=50.0) == []


def test_nothing_imported_is_no_samples_and_no_names(tmp_path: Path) -> None:
    with Observing(f"sqlite:///{tmp_path / 'catalog.sqlite'}") as empty:
        for source in (ObservationSource(empty), CommandSource(empty), IntervalSource(empty)):
            assert list(source.names()) == []
        assert rows(ObservationSource(empty), "OBSID") == []
        assert ObservationSource(empty).span(["OBSID"]) is None
        assert rows(CommandSource(empty), "CMD.NAME") == []


def test_a_limit_holds_until_its_next_version_and_not_where_it_is_masked(observing: Observing) -> None:
    limits = [
        LimitRow("T1", 0, 100.0, yellow_high=10.0, red_high=20.0, unit="K"),
        LimitRow("T1", 0, 200.0, yellow_high=12.0, red_high=20.0, unit="K"),
        LimitRow("T1", 0, 300.0, yellow_high=12.0, red_high=20.0, enabled=False),
        LimitRow("T1", 2, 100.0, yellow_low=1.0, switch="MODE=ON"),
    ]
    expected = [ExpectedRow("S1", 0, 50.0, "ON"), ExpectedRow("S1", 0, 60.0, "OFF")]
    observing.replace("limits", limit_content(limits, expected))
    source = IntervalSource(observing)
    assert rows(source, "LIMIT.T1.YELLOW_HIGH") == [(100, 200, 10.0), (200, 300, 12.0)]
    assert rows(source, "LIMIT.T1.RED_HIGH") == [(100, 300, 20.0)]
    assert rows(source, "LIMIT.T1.ENABLED", (299, 301)) == [(100, 300, 1), (300, FAR, 0)]
    assert rows(source, "LIMIT.T1.SET2.YELLOW_LOW") == [(100, FAR, 1.0)]
    assert rows(source, "LIMIT.T1.SET2.SWITCH") == [(100, FAR, "MODE=ON")]
    assert rows(source, "LIMIT.S1.EXPECTED") == [(50, 60, "ON"), (60, FAR, "OFF")]
    assert source.info("LIMIT.T1.YELLOW_LOW") is None
    info = source.info("LIMIT.T1.YELLOW_HIGH")
    assert info is not None
    assert (info.unit, info.origin) == ("K", "definition")
    assert rows(source, "LIMIT.T1.YELLOW_HIGH", (199.999999, 200)) == [(100, 200, 10.0)]
    assert rows(source, "LIMIT.T1.YELLOW_HIGH", (200, 200.000001)) == [(200, 300, 12.0)]
    assert sorted(table_rows(LimitTable(limits, "v")), key=str) == sorted(limits, key=str)


def test_the_tables_of_frames_are_a_source() -> None:
    source = DictionarySource(load_mission("chandra"))
    found = source.read(["ODB.1DPAMZT.UNIT", "odb.cobsrqid.length"], spans((0, 1)))
    assert found["ODB.1DPAMZT.UNIT"].values.tolist() == ["DEGC"]
    assert found["odb.cobsrqid.length"].values.tolist() == [32]
    info = source.info("odb.1dpamzt.unit")
    assert info == ParameterInfo(
        "ODB.1DPAMZT.UNIT", "ODB", "U", "", "unit of the converted value", origin="definition"
    )  # fmt: skip
    names = source.names()
    assert {"ODB.1DPAMZT.DESCRIPTION", "ODB.1DPAMZT.SUBSYSTEM", "ODB.COBSRQID.PERIOD"} <= set(names)
    assert source.info("ODB.NOTHING.UNIT") is None
    assert source.info("ODB.1DPAMZT.NOTHING") is None
    assert source.info("1DPAMZT") is None
    samples = source.read(names[:200], None)
    assert all(len(one) == 1 and one.until is not None for one in samples.values())
    assert source.estimate(names[:2], None)[0] == 2


def test_a_packet_dictionary_is_a_source_too() -> None:
    source = DictionarySource(load_mission("jpss"))
    found = source.read(["ODB.ADGPSPOSX.TYPE", "ODB.ADGPSPOSX.LENGTH", "ODB.ADGPSPOSX.GROUP"], None)
    assert [one.values.tolist() for one in found.values()] == [["float"], [32], ["JPSS_ATT_EPHEM"]]
    assert source.info("ODB.ADGPSPOSX.BIT") is None


def test_states_of_a_dictionary_are_text_in_order_of_their_codes() -> None:
    from mta_assets.query.dictionary_source import states_text

    assert states_text({10: "TEN", 9: "NINE", 0: "OFF"}) == "0=OFF;9=NINE;10=TEN"
    assert states_text({}) == ""
