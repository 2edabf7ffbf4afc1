"""Real commanded states, grating moves, bad times, limits and commands, compared with values read independently."""

from __future__ import annotations

import csv
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from mta_assets.archive.import_bad_times import read_bad_times
from mta_assets.archive.import_commands import read_backstop
from mta_assets.archive.import_gratings import read_grating_moves
from mta_assets.archive.import_states import read_states
from mta_assets.archive.observing import Observing
from mta_assets.core.samples import nanosecond, to_nanoseconds
from mta_assets.core.times import from_utc
from mta_assets.query.command_source import CommandSource
from mta_assets.query.interval_source import IntervalSource
from mta_assets.query.limit_history import read_limit_history
from mta_assets_tests.realdata import realdata

PERIOD = "2024360-2025030.ecsv"
STATES = (
    "acisfp_setpoint", "aoephem1-set", "clocking-set", "dither", "dither_phase_pitch-set", "eclipse", "eclipse_timer",
    "ephem_update", "fids", "format", "hrc_24v", "letg-set", "obsid", "orbit_point", "radmon", "scs84", "scs98",
    "simfa_pos", "simpos", "subformat", "sun_pos_mon-set",
)  # fmt: skip


@pytest.fixture(scope="module")
def observing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observing]:
    with Observing(f"sqlite:///{tmp_path_factory.mktemp('observing') / 'catalog.sqlite'}") as opened:
        yield opened


@pytest.fixture(scope="module")
def limits(observing: Observing) -> Path:
    path = realdata("chandra", "limits", "glimmondb.sqlite3")
    observing.replace("glimmon", read_limit_history(path).content)
    return path


def plain_rows(path: Path) -> list[dict[str, str]]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter=" "))


def seconds(text: str) -> float:
    return round(from_utc(text), 6)


@pytest.mark.parametrize("name", STATES)
def test_every_cell_of_the_commanded_states_comes_back_from_a_query_source(observing: Observing, name: str) -> None:
    path = realdata("chandra", "states", f"{name}-{PERIOD}")
    found = read_states(path)
    rows = plain_rows(path)
    assert (found.lines, found.good, found.bad) == (len(rows), len(rows), ())
    observing.replace(found.source, found.content)
    source = IntervalSource(observing)
    edges = {text: nanosecond(seconds(text)) for row in rows for text in (row["datestart"], row["datestop"])}
    for state in rows[0].keys() - {"datestart", "datestop"}:
        samples = source.read([f"STATE.{state.upper()}"], None)[f"STATE.{state.upper()}"]
        assert samples.time.tolist() == [edges[row["datestart"]] for row in rows]
        assert samples.until is not None
        assert samples.until.tolist() == [edges[row["datestop"]] for row in rows]
        texts = [row[state] for row in rows]
        if samples.values.dtype.kind == "U" or samples.info.states:
            assert samples.texts.tolist() == texts
        else:
            assert samples.values.tolist() == [float(text) for text in texts]


def test_the_state_at_a_moment_is_the_one_of_its_line(observing: Observing) -> None:
    found = read_states(realdata("chandra", "states", f"obsid-{PERIOD}"))
    observing.replace(found.source, found.content)
    edge = seconds("2024:360:00:47:52.922")
    source = IntervalSource(observing)
    before = source.read(["STATE.OBSID"], np.array([[edge - 1, edge]]))["STATE.OBSID"]
    after = source.read(["STATE.OBSID"], np.array([[edge, edge + 1]]))["STATE.OBSID"]
    assert (before.values.tolist(), after.values.tolist()) == ([29943], [30701])


def test_grating_moves_are_all_there_and_long_moves_last_as_long_as_the_table_says() -> None:
    path = realdata("chandra", "states", "mta_grating_moves.dat")
    found = read_grating_moves(path)
    lines = [line.split() for line in path.read_text().splitlines()[1:]]
    assert (found.lines, found.good, found.bad) == (2017, 2017, ())
    moves = [value for value in found.content.values if value.name == "STATE.GRATING_MOVE"]
    assert Counter(str(move.value) for move in moves) == Counter(f"{cells[0]} {cells[1]}" for cells in lines)
    # Of a move without short drives T_LONG is the length: to the millisecond where the times have three digits of a
    # second's fraction; those with two come from coarser telemetry, in steps of 0.256 s.
    for length, count, most in ((17, 50, 0.0011), (16, 1297, 0.82)):
        late = [
            abs(move.tstop - move.tstart - float(cells[4]))
            for move, cells in zip(moves, lines, strict=True)
            if move.tstop is not None and cells[5] == "0" and len(cells[2]) == length
        ]
        assert len(late) == count
        assert max(late) < most


def test_bad_times_are_days_as_kadi_takes_them() -> None:
    path = realdata("chandra", "states", "ltt_bads.dat")
    found = read_bad_times(path)
    cells = [[cell.strip() for cell in line.split("|")] for line in path.read_text().splitlines()[2:] if "|" in line]
    assert (found.lines, found.bad) == (2859, ())
    assert [time.parameter for time in found.times] == [row[1] for row in cells]
    assert all(time.stop - time.start == 86400 for time in found.times)
    # cheta's own test removes these events from 1096 daily values of 2010:002 to 2013:002 and keeps 1026.
    first, last = from_utc("2010:002"), from_utc("2013:002")
    assert len({time.start for time in found.times if first <= time.start < last}) == 1096 - 1026


@pytest.mark.parametrize(
    ("msid", "date"),
    [
        ("1CRAT", "2000:240"),
        ("1CRAT", "2001:285"),
        ("1CRAT", "2001:300"),
        ("1CRAT", "2001:337:14"),
        ("1CRAT", "2001:350"),
        ("1CRAT", "2002:001"),
        ("1CRAT", "2011:348:21"),
        ("1CRAT", "2011:348:22"),
        ("1DPAMZT", "2000:239"),
        ("1DPAMZT", "2004:100"),
        ("1DPAMZT", "2015:001"),
        ("TEPHIN", "2003:001"),
        ("TEPHIN", "2009:001"),
        ("TEPHIN", "2015:001"),
        ("AACCCDPT", "2008:200"),
        ("PFTANK2T", "2012:001"),
        ("4RT700T", "2014:001"),
    ],
)
def test_a_limit_as_of_a_date_is_the_one_of_the_database(
    observing: Observing, limits: Path, msid: str, date: str
) -> None:
    at = from_utc(f"{date}:00:00" if date.count(":") == 2 else date)
    query = (
        "select caution_low, caution_high, warning_low, warning_high, mlmenable from limits "
        "where msid = ? and setkey = 0 and datesec <= ? order by datesec desc limit 1"
    )
    with closing(sqlite3.connect(f"{limits.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        row = database.execute(query, (msid.lower(), at)).fetchone()
    names = [f"LIMIT.{msid}.{bound}" for bound in ("YELLOW_LOW", "YELLOW_HIGH", "RED_LOW", "RED_HIGH")]
    found = IntervalSource(observing).read(names, np.array([[at, at + 1e-3]]))
    got = [found[name].values.tolist() for name in names]
    # ±999 stands for no limit on that side.
    expected = [[value] * (abs(value) != 999) for value in row[:4]] if row is not None and row[4] else [[]] * 4
    assert got == expected


def test_the_wrong_entry_of_1crat_and_its_correction_are_both_history(observing: Observing, limits: Path) -> None:
    found = IntervalSource(observing).read(["LIMIT.1CRAT.RED_HIGH"], None)["LIMIT.1CRAT.RED_HIGH"]
    dates = ["2000-08-25 19:58:52", "2001-10-12 20:19:26", "2001-12-03 13:50:43", "2001-12-20 17:02:18",
             "2011-12-14 21:53:30"]  # fmt: skip
    assert found.values.tolist() == [100.0, -90.0, 100.0, -90.0, -80.0]
    assert found.time.tolist() == to_nanoseconds([seconds(date) for date in dates]).tolist()
    assert found.until is not None
    assert found.until.tolist()[:-1] == found.time.tolist()[1:]


def test_every_command_of_a_load_comes_back_with_its_parameters(observing: Observing) -> None:
    path = realdata("chandra", "backstop", "CR229_2202.backstop")
    found = read_backstop(path)
    lines = [[cell.strip() for cell in line.split("|")] for line in path.read_text().splitlines()]
    assert (found.lines, found.good, found.bad) == (1172, 1172, ())
    observing.replace(found.source, found.content)
    source = CommandSource(observing)
    everything = source.read(["CMD.NAME", "CMD.TYPE"], None)
    assert everything["CMD.TYPE"].values.tolist() == [cells[2] for cells in lines]
    assert everything["CMD.NAME"].time.tolist() == [nanosecond(seconds(cells[0])) for cells in lines]
    sent = observing.commands(None)
    for cells, parameters in zip(lines, sent.parameters, strict=True):
        text = ",".join(f"{key}={value}" for key, value in parameters.items())
        assert "".join(text.split()) == "".join(cells[3].split()).replace(",,", ",")
    obsids = [line[3] for line in lines if line[2] == "MP_OBSID"]
    got = source.read(["CMD.COAOSQID.ID"], None)["CMD.COAOSQID.ID"].values.tolist()
    assert got == [float(text.partition("ID= ")[2].partition("ID= ")[2].partition(",")[0]) for text in obsids]
    assert got[:2] == [46974.0, 46973.0]
