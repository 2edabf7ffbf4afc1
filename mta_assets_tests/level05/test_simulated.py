"""Observation intervals of the simulated spacecraft are those of its plan."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from mta_assets.core.tables import Product, Table
from mta_assets.core.times import from_utc
from mta_assets.level05.asrun import compare, planned_table
from mta_assets.level05.detect import extract_segments, find_intervals
from mta_assets.level05.history import WANTED
from mta_assets.level05.obi import obi_key
from mta_assets.missions.load import load_mission
from mta_assets.simulate import onboard
from mta_assets.simulate.assemble import Plan
from mta_assets.simulate.engineering_encode import counts_of
from mta_assets.simulate.schedule import Dwell

PERIOD = 2.05  # [s] of COBSRQID, the slowest of the parameters that intervals are found from


@cache
def plan() -> Plan:
    return Plan(load_mission("chandra"), from_utc("2024-03-01T00:00:00"), 24.0, 60.0, 1, False)


@cache
def playback(number: int) -> tuple[Product, ...]:
    """Engineering of one playback as the extractor makes it: counts and back to values, no frames between."""
    span = plan().spans[number]
    groups: dict[tuple[str, int], list[str]] = {}
    for msid in WANTED:
        parameter = plan().dictionary[msid]
        groups.setdefault((parameter.subsystem, parameter.group), []).append(msid)
    return tuple(_product(subsystem, names, span.first, span.stop) for (subsystem, _), names in groups.items())


def _product(subsystem: str, names: list[str], first: int, stop: int) -> Product:
    step = plan().dictionary[names[0]].step
    time = plan().clock.time(np.arange(first, stop, step))
    columns: dict[str, Any] = {"TIME": time}
    for name in names:
        parameter = plan().dictionary[name]
        values = np.asarray(
            parameter.convert(np.asarray(counts_of(parameter, plan().engineering.values(name, time))))[0]
        )
        columns[name] = values
    table = Table(f"AXAF_{subsystem}", columns, {"TIMEDEL": (step * 0.25625, "")})
    return Product(f"{subsystem}_ENG0", (table,), float(time[0]), float(time[-1]))


def pointings() -> list[Dwell]:
    return [dwell for dwell in plan().schedule.dwells if dwell.kind != "manoeuvre"]


def test_every_interval_of_a_day_is_found_with_its_number_edges_and_configuration() -> None:
    parts = [extract_segments(playback(number)) for number in range(len(plan().spans))]
    obis, _, _ = find_intervals(parts[::-1])
    assert len(obis) == len(pointings()) == 9
    keys = [obi_key(int(obsid), int(obi)) for obsid, obi in zip(obis["obsid"], obis["obi"], strict=True)]
    assert keys == [obi_key(dwell.obsid, dwell.obi) for dwell in pointings()]
    assert obis["complete"].tolist() == [False, *[True] * 7, False]  # the run begins and ends inside a pointing
    late = []
    for index, dwell in enumerate(pointings()):
        edges = [(obis["tstart"][index], dwell.tstart)] * (index > 0) + [(obis["tstop"][index], dwell.tstop)] * (
            index < 8
        )
        late += [float(found - true) for found, true in edges]
        assert obis["grating"][index] == dwell.grating
        science = dwell.instrument if dwell.kind == "observation" else "HRC-S"
        assert obis["detector"][index] == science
        np.testing.assert_allclose(obis["sim_z"][index], dwell.sim_z, atol=0.01)
        # the simulator's focus steps are linear, the real ones (FASTEP) are not: up to 0.02 mm between them
        np.testing.assert_allclose(obis["sim_x"][index], dwell.sim_x, atol=0.025)
        pointing = np.array(onboard.seen(plan().schedule, dwell, dwell.ra, dwell.dec))
        np.testing.assert_allclose([obis["ra_nom"][index], obis["dec_nom"][index]], pointing, atol=5e-4)
    # an edge is the first sample after the change: exact to the sampling, and never before it
    assert 0 <= min(late) <= max(late) < PERIOD
    print(f"{len(late)} edges, found {min(late):.3f} to {max(late):.3f} s after the change")


def test_the_plan_against_itself_gives_no_finding_and_a_changed_plan_does() -> None:
    parts = [extract_segments(playback(number)) for number in range(len(plan().spans))]
    rows = [
        {"obsid": d.obsid, "obi": d.obi, "tstart": d.tstart, "tstop": d.tstop, "ra": d.ra, "dec": d.dec, "roll": d.roll,
         "detector": d.instrument, "grating": d.grating, "target": d.target}
        for d in pointings() if d.kind == "observation"
    ]  # fmt: skip
    obis, _, covered = find_intervals(parts, planned_table(rows))
    assert len(compare(obis, planned_table(rows), covered)) == 0
    changed = [{**row, "grating": "LETG"} if row["obsid"] == 62801 else row for row in rows]
    findings = compare(obis, planned_table(changed), covered)
    assert findings["detail"].tolist() == ["grating is NONE, planned LETG"]


def test_an_interval_of_three_playbacks_waits_for_the_one_that_is_late() -> None:
    numbers = [5, 6, 7, 8]  # 28102 lasts from hour 5.6 to 8.2
    parts = {number: extract_segments(playback(number)) for number in numbers}
    missing, _, _ = find_intervals([parts[n] for n in (5, 8, 7)])
    assert not missing["complete"][missing["obsid"] == 28102].any()
    obis, _, _ = find_intervals([parts[n] for n in (5, 8, 7, 6)])
    assert obis["complete"][obis["obsid"] == 28102].tolist() == [True]
