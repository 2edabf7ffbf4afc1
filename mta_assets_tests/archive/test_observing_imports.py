"""Importers on small files: what is taken over, what is left out and said, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mta_assets.archive import import_lines
from mta_assets.archive.import_bad_times import read_bad_times
from mta_assets.archive.import_commands import read_backstop
from mta_assets.archive.import_gratings import read_grating_moves
from mta_assets.archive.import_lines import FileImport, utc_seconds
from mta_assets.archive.import_observations import blocks_of, observations_of, read_observations
from mta_assets.archive.import_states import read_states
from mta_assets.core.errors import BadData
from mta_assets.core.times import from_utc
from mta_assets.simulate.obscat import load_obscat
from mta_assets.simulate.schedule import make_schedule

HEADER = """# %ECSV 1.0
# ---
# datatype:
# - {name: datestart, datatype: string}
# - {name: datestop, datatype: string}
# - {name: fids, datatype: string}
# - {name: simpos, datatype: int64, unit: step}
# - {name: eclipse, datatype: bool}
# - {name: setpoint, datatype: float64}
# meta: !!omap
# - state_keys: !!python/tuple [fids]
# - evil: !!python/object/apply:os.system ["touch EVIL"]
# schema: astropy-2.0
datestart datestop fids simpos eclipse setpoint
"""
GOOD = '2024:360:00:00:00.000 2024:361:00:00:00.000 "{2, 4}" -99616 True -121.5\n'


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str | bytes, name: str = "file.dat") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def problems(found) -> list[tuple[int, str]]:
    return [(bad.line, bad.problem) for bad in found.bad]


def check_counts(found: FileImport) -> None:
    assert found.good + len({bad.line for bad in found.bad}) == found.lines


# ---- times


def test_utc_texts_of_both_kinds_are_the_times_that_one_by_one_gives() -> None:
    texts = ["2024:360", "2024:366:23:59:59.999", "2016:366:23:59:60.5", "2000-08-25 19:58:52", "2024-03-01T00:00"]
    assert utc_seconds(texts).tolist() == [round(from_utc(text), 6) for text in texts]


@pytest.mark.parametrize(
    "text", ["", "2023:366:00:00:00", "2024:360:25:00:00", "2023:365:23:59:60", "J2000.0", "now", "2024-02-30",
             "9999:001", "2024:000"],
)  # fmt: skip
def test_what_is_no_utc_time_is_nan_and_spoils_none_of_the_others(text: str) -> None:
    found = utc_seconds(["2024:360", text, "2024:361"])
    assert np.isnan(found).tolist() == [False, True, False]
    assert found[0] == round(from_utc("2024:360"), 6)


# ---- commanded states


def test_states_come_with_their_types_and_hostile_tags_are_never_looked_at(written, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = read_states(written(HEADER + GOOD, "states.ecsv"))
    got = {value.name: value.value for value in found.content.values}
    assert got == {"STATE.FIDS": "{2, 4}", "STATE.SIMPOS": -99616, "STATE.ECLIPSE": 1, "STATE.SETPOINT": -121.5}
    infos = found.content.infos
    assert [infos[name].dtype for name in got] == ["U", "i8", "u1", "f8"]
    assert infos["STATE.SIMPOS"].unit == "step"
    assert infos["STATE.ECLIPSE"].states == {0: "False", 1: "True"}
    start, stop = (round(from_utc(text), 6) for text in ("2024:360:00:00:00", "2024:361:00:00:00"))
    assert {(value.tstart, value.tstop) for value in found.content.values} == {(start, stop)}
    assert not (tmp_path / "EVIL").exists()
    assert (found.source, found.lines, found.good) == ("states.ecsv", 1, 1)


def test_each_bad_line_of_states_is_reported_with_its_number_and_the_others_are_taken(written) -> None:
    bad = [
        "2024:361:00:00:00.000 2024:362:00:00:00.000 {} 5 True",
        "2024:361:00:00:00.000 2024:362:00:00:00.000 {} 5.5 True 1",
        "2024:361:00:00:00.000 2024:362:00:00:00.000 {} 5 maybe 1",
        "2024:361:00:00:00.000 2024:362:00:00:00.000 {} 5 True nan",
        "2024:361:00:00:00.000 2024:362:00:00:00.000 {} 9007199254740993 True 1",
        "2024:361:00:00:00.000 2024:400:00:00:00.000 {} 5 True 1",
        "2024:361:00:00:00.000 2024:361:00:00:00.000 {} 5 True 1",
        '2024:361:00:00:00.000 2024:362:00:00:00.000 "{} 5 True 1',
        "2024:361:00:00:00.000 2024:362:00:00:00.000 \x1b[2J 5 True 1",
    ]
    found = read_states(written(HEADER + GOOD + "\n".join(bad) + "\n"))
    assert [line for line, _ in problems(found)] == list(range(16, 25))
    words = ["5 cells", "5.5", "maybe", "not a number", "exact", "2024:400", "empty", "quotes", "control"]
    assert all(word in text for word, (_, text) in zip(words, problems(found), strict=True))
    check_counts(found)
    assert found.good == 1
    assert "left out, line 16: 5 cells" in str(found)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("datestart datestop x\n", "first line is"),
        (HEADER.replace("name: simpos", "name: other"), "line of names"),
        (HEADER.replace("datestop", "stop"), "expected datestart"),
        (HEADER.replace("int64", "object"), "column simpos is object"),
        (HEADER.replace("- {name: fids, datatype: string}", "- !!python/object/apply:os.getcwd []"), "must list"),
        (HEADER.replace("# - {name: fids", "# - &a {name: fids"), "not one that astropy writes"),
        (HEADER.replace("# datatype:", "# datatypes:"), "must list"),
        (HEADER.replace("simpos", "sim;pos"), "capital letters"),
        (HEADER.replace("simpos", "FIDS"), "upper and lower case"),
    ],
)
def test_a_header_that_is_not_that_of_states_is_refused(written, text: str, problem: str) -> None:
    with pytest.raises(BadData, match=problem):
        read_states(written(text + GOOD))


def test_a_file_that_is_absent_not_text_or_too_large_is_refused(written, tmp_path, monkeypatch) -> None:
    with pytest.raises(BadData, match="can not be read"):
        read_states(tmp_path / "absent")
    with pytest.raises(BadData, match="not UTF-8"):
        read_states(written(b"# %ECSV \xff"))
    monkeypatch.setattr(import_lines, "LARGEST_FILE", 10)
    with pytest.raises(BadData, match="of at most 10"):
        read_states(written(HEADER))


# ---- grating moves and bad times


def test_a_grating_move_holds_from_its_start_to_its_stop(written) -> None:
    table = "DIRN GRATING START_TIME STOP_TIME T_LONG N_SHORT\nINSR HETG 2000160.04125300 2000160.041539105 165.794 2\n"
    found = read_grating_moves(written(table))
    start, stop = (round(from_utc(text), 6) for text in ("2000:160:04:12:53.00", "2000:160:04:15:39.105"))
    assert [(v.name, v.tstart, v.tstop, v.value) for v in found.content.values] == [
        ("STATE.GRATING_MOVE", start, stop, "INSR HETG"),
        ("STATE.GRATING_MOVE_LONG", start, stop, 165.794),
        ("STATE.GRATING_MOVE_SHORT", start, stop, 2),
    ]


def test_bad_grating_lines_are_reported(written) -> None:
    table = """DIRN GRATING START_TIME STOP_TIME T_LONG N_SHORT
INSR HETG 2000160.04125300 2000160.04153910 165.794 0
INSR METG 2000161.04125300 2000161.04153910 165.794 0
INSR HETG 2000161.4125300 2000161.04153910 165.794
INSR HETG 2000161.0412 2000161.04153910 165.794 0
INSR HETG 2000161.04153910 2000161.04125300 165.794 0
INSR HETG 2000161.04125300 2000161.04153910 inf 0
RETR HETG 2000160.04125300 2000160.04163910 165.794 0
"""
    found = read_grating_moves(written(table))
    words = ["METG", "5 cells", "YYYYDDD", "empty", "T_LONG", "line 2 has"]
    assert [line for line, _ in problems(found)] == [3, 4, 5, 6, 7, 8]
    assert all(word in text for word, (_, text) in zip(words, problems(found), strict=True))
    check_counts(found)
    with pytest.raises(BadData, match="first line must be"):
        read_grating_moves(written("nonsense"))


def test_a_bad_time_lasts_a_day_and_names_its_line(written) -> None:
    table = """  tstart  | msid | flag
----------+------+------
 2000:048:00:00:00   |    *   | *
 2012-10-30 00:00:00 | NPM_CSSI4 | A
 2012-10-31 00:00:00 | npm | A
 2012-10-31 | X | A | B
 yesterday | X |
"""
    found = read_bad_times(written(table, "bads.dat"))
    start = round(from_utc("2000:048"), 6)
    assert [(t.parameter, t.reason) for t in found.times] == [
        ("*", "bads.dat line 3, flag *"),
        ("NPM_CSSI4", "bads.dat line 4, flag A"),
    ]
    assert (found.times[0].start, found.times[0].stop) == (start, start + 86400.0)
    assert [line for line, _ in problems(found)] == [5, 6, 7]
    assert found.lines == 5
    with pytest.raises(BadData, match="first line must be"):
        read_bad_times(written("nonsense"))


# ---- commands


def test_commands_keep_their_parameters_as_texts_in_order(written) -> None:
    load = (
        "2020:229:22:01:00.000 | 11285650 0 | COMMAND_SW       | TLMSID= AOACRSTD, HEX= 8032000, SCS= 129, STEP= 2\n"
        "2020:230:07:52:18.909 | 11424104 0 | SIMTRANS         | POS= 75624, , SCS= 132\n"
        "2020:230:07:52:18.909 | 1 0 | ACISPKT | TLMSID= AA00000000, PACKET(40)= D8000030   \n"
    )
    found = read_backstop(written(load))
    first, second, third = found.content.commands
    assert (first.mnemonic, first.type, first.counter) == ("AOACRSTD", "COMMAND_SW", "11285650 0")
    assert list(first.parameters.items()) == [
        ("TLMSID", "AOACRSTD"), ("HEX", "8032000"), ("SCS", "129"), ("STEP", "2"),
    ]  # fmt: skip
    assert first.time == round(from_utc("2020:229:22:01:00"), 6)
    assert (second.mnemonic, second.parameters["POS"]) == ("SIMTRANS", "75624")
    assert third.parameters["PACKET(40)"] == "D8000030"


def test_bad_command_lines_are_reported(written) -> None:
    load = """2020:229:22:01:00.000 | 1 0 | SIMTRANS | POS= 1
2020:229:22:01:00.000 | 1 0 | SIMTRANS
2020:229:22:01:00.000 | 1 0 | simtrans | POS= 1
2020:229:22:01:00.000 | 1 0 | SIMTRANS | POS 1
2020:229:22:01:00.000 | 1 0 | SIMTRANS | POS= 1, POS= 2
2020:400:22:01:00.000 | 1 0 | SIMTRANS | POS= 1
2020:229:22:01:00.000 | 1 0 | X | TLMSID= NAME
2020:229:22:01:00.000 | 1 0 | X | TLMSID= A;DROP
"""
    found = read_backstop(written(load))
    words = ["3 cells", "simtrans", "KEY= value", "twice", "2020:400", "name of a command", "capital letters"]
    assert [line for line, _ in problems(found)] == [2, 3, 4, 5, 6, 7, 8]
    assert all(word in text for word, (_, text) in zip(words, problems(found), strict=True))
    check_counts(found)
    with pytest.raises(BadData, match="found none; line 1"):
        read_backstop(written("nonsense\n"))


# ---- observations and blocks


def test_observations_of_rows_take_times_of_both_kinds_and_keep_what_they_do_not_know(written) -> None:
    table = """obsid,obi,target,ra,dec,instrument,datamode,tstart,tstop,pi name,ccds
28101,1,"AB Dor, A",82.1872,-65.4487,ACIS-S,FAINT,2024-03-01T00:00:00Z,2024:061:01:00:00,,4;5
28102,,,,,HRC-I,,100.5,200.5,,
"""
    found = read_observations(written(table.replace("pi name", "pi_name")))
    first, second = found.content.observations
    assert (first.obsid, first.obi, first.target, first.mode) == (28101, 1, "AB Dor, A", "FAINT")
    assert (first.instrument, first.detector) == ("ACIS", "ACIS-S")
    assert (first.ra, first.dec, first.roll) == (82.1872, -65.4487, None)
    assert first.tstop - first.tstart == pytest.approx(3600)
    assert dict(first.facts) == {"CCDS": "4;5"}
    assert (second.obi, second.tstart, second.ra, dict(second.facts)) == (0, 100.5, None, {})
    check_counts(found)


def test_bad_observations_are_reported(written) -> None:
    table = """obsid,ra,tstart,tstop
1,5,0,10
1,5,20,30
two,5,0,10
3,361,0,10
4,5,10,10
5,5,,10
6,5,0
7,5,later,10
"""
    found = read_observations(written(table))
    words = ["line 2 already", "two", "361", "must lie after", "tstart", "3 cells", "later"]
    assert [line for line, _ in problems(found)] == [3, 4, 5, 6, 7, 8, 9]
    assert all(word in text for word, (_, text) in zip(words, problems(found), strict=True))
    check_counts(found)
    with pytest.raises(BadData, match="obsid among them"):
        read_observations(written("a,b\n1,2\n"))


def test_the_simulated_catalogue_with_the_times_of_its_schedule_is_what_was_observed() -> None:
    schedule = make_schedule(from_utc("2024-03-01T00:00:00"), 26.0, 1)
    dwells = [dwell for dwell in schedule.dwells if dwell.kind == "observation"]
    times: dict[int, list[tuple[int, float, float]]] = {}
    for dwell in dwells:
        times.setdefault(dwell.obsid, []).append((dwell.obi, dwell.tstart, dwell.tstop))
    entries = load_obscat()
    without = entries[-1].obsid
    times.pop(without, None)
    path = Path(import_lines.__file__).parents[1] / "simulate" / "obscat.csv"
    found = read_observations(path, times)
    expected = sorted((d.obsid, d.obi, d.tstart, d.tstop) for d in dwells if d.obsid != without)
    assert sorted((o.obsid, o.obi, o.tstart, o.tstop) for o in found.content.observations) == expected
    assert any(f"obsid {without} was not observed" in remark for remark in found.remarks)
    targets = {entry.obsid: (entry.target, entry.ra, entry.grating) for entry in entries}
    assert all((o.target, o.ra, o.grating) == targets[o.obsid] for o in found.content.observations)


def test_blocks_of_rows_read_hexadecimal_identifiers() -> None:
    rows = [
        (1, {"bbid": "0xA0000001", "type": "SETUP", "obsid": 7, "tstart": 0.0, "tstop": 5.0}),
        (2, {"bbid": 2, "tstart": 5.0, "tstop": 5.0}),
        (3, {"bbid": 2, "tstart": 5.0, "tstop": 6.0, "colour": "red"}),
    ]
    found, bad = blocks_of(rows)
    assert [(b.bbid, b.bbtype, b.obsid) for b in found] == [(0xA0000001, "SETUP", 7)]
    assert [b.line for b in bad] == [2, 3]


def test_rows_need_not_come_from_a_file() -> None:
    found, bad = observations_of([(1, {"OBS_ID": 5, "OBJECT": "M82", "TSTART": 1, "TSTOP": 2, "weight": 1.5})])
    assert bad == []
    assert (found[0].obsid, found[0].target, dict(found[0].facts)) == (5, "M82", {"WEIGHT": 1.5})
