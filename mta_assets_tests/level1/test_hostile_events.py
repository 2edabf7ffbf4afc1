"""Whatever stands in the columns of level-0 events: every event comes out, in its place, or the table is bad data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Product, Table, concatenate
from mta_assets.instruments import geometry_sky
from mta_assets.level1 import hrc_events, observation, steps_acis
from mta_assets.level1.acis import Level1
from mta_assets.level1.acis_columns import BAD_POSITION, status_number
from mta_assets.level1.acis_setup import Settings
from mta_assets_tests.core.merged import merged
from mta_assets_tests.level1.calibration_files import acis_ready
from mta_assets_tests.level1.hrc_simulated import level0, setup, truth

EVERY = settings(max_examples=60, deadline=None, derandomize=True)
TIMES = st.one_of(st.floats(0.0, 300.0), st.sampled_from([np.nan, np.inf, -np.inf, -1e30, 1e30, 0.0, 200.0]))


def whole(dtype: str) -> st.SearchStrategy[int]:
    """Whole numbers of a type, small ones and both ends."""
    info = np.iinfo(dtype)
    ends = st.sampled_from([int(info.min), int(info.max), 0, 1, 1023, 1024])
    return st.one_of(st.integers(0, 10), ends.filter(lambda v: info.min <= v <= info.max))


@st.composite
def acis_events(draw: st.DrawFn) -> Table:
    count = draw(st.integers(0, 12))
    size = draw(st.sampled_from([3, 5]))

    def column(dtype: str, cells: tuple[int, ...] = ()) -> np.ndarray:
        return draw(hnp.arrays(dtype, (count, *cells), elements=whole(dtype)))

    columns = {name: column(dtype) for name, dtype in (
        ("EXPNO", "i4"), ("CCD_ID", "i2"), ("CCDX", "i2"), ("CCDY", "i2"), ("STATUS", "u1"),
    )}  # fmt: skip
    columns["TIME"] = np.array(draw(st.lists(TIMES, min_size=count, max_size=count)), float)
    if draw(st.booleans()):
        columns["PHAS"] = column("i2", (size, size))
    else:
        columns |= {"PHA": column("i2"), "FLTGRADE": column("u1")}
    return Table("EVENTS", columns)


def aspect() -> geometry_sky.Aspect:
    time = np.concatenate([np.arange(0.0, 100.0), np.arange(150.0, 200.0)])
    place = {"ra": np.full(len(time), 10.0), "dec": np.full(len(time), 20.0), "roll": np.full(len(time), 30.0)}
    return geometry_sky.aspect_of(Table("ASPSOL", {"time": time, **place}))


@EVERY
@given(acis_events(), st.sampled_from(["EDSER", "RANDOMIZE", "NONE"]), st.booleans())
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning", "ignore:overflow:RuntimeWarning")
def test_every_acis_event_comes_out_and_what_is_not_known_is_no_number(table: Table, pix_adj: str, known: bool) -> None:
    given_settings = Settings(-0.68, -190.14, 10.0, 20.0, pix_adj=pix_adj, exptime=3.1)
    made = Level1(given_settings, acis_ready(), aspect() if known else None, None).block(table)
    assert len(made) == len(table)
    assert np.array_equal(made["expno"], table["EXPNO"])
    assert np.array_equal(made["ccd_id"], table["CCD_ID"])
    off = status_number(made["status"]) & BAD_POSITION != 0
    on = np.all([(table["CCD_ID"] >= 0) & (table["CCD_ID"] <= 9)] + [
        (table[name] >= 0) & (table[name] <= 1023) for name in ("CCDX", "CCDY")
    ], axis=0)  # fmt: skip
    assert np.array_equal(off, ~on)
    assert np.isnan(made["x"][off]).all()
    time = made["time"]
    seen = ((time >= -1) & (time <= 99.5)) | ((time >= 150) & (time <= 200.5))
    assert np.array_equal(np.isfinite(made["x"]), on & seen & known)


@EVERY
@given(acis_events(), st.lists(st.tuples(TIMES, TIMES), max_size=3))
def test_gathering_takes_every_event_once_or_counts_it(table: Table, gti: list[tuple[float, float]]) -> None:
    rows = {"name": ["obs_id", "tstart", "tstop", "datamode"], "value": ["7", "0.0", "200.0", "FAINT"]}
    obspar = Product("OBSPAR", (Table("OBSPAR", {k: np.array(v) for k, v in rows.items()}),), 0.0, 200.0)
    columns = {"START": np.array([a for a, _ in gti], float), "STOP": np.array([b for _, b in gti], float)}
    product = Product("ACIS_EVT0", (table, Table("GTI0", columns)), 0.0, 200.0, {"DATAMODE": "FAINT", "CCD_ID": 7})
    inside = (table["TIME"] >= 0) & (table["TIME"] < 200)
    try:
        found = steps_acis.gathered([product, product], observation.parameters([obspar]))
    except steps_acis.NothingToDo:
        assert not inside.any()
        return
    events = merged(found.events)
    names = ("TIME", "EXPNO", "CCD_ID", "CCDX", "CCDY")
    once = {tuple(row) for row in zip(*(table[name][inside].tolist() for name in names), strict=True)}
    kept = {tuple(row) for row in zip(*(events[name].tolist() for name in names), strict=True)}
    assert kept <= once
    assert {row[1:] for row in kept} == {row[1:] for row in once}
    counts = {kind: count for kind, _, count, _ in found.notes}
    assert counts.get("no_time", 0) == 2 * np.count_nonzero(~np.isfinite(table["TIME"]))
    assert np.all(np.diff(events["TIME"]) >= 0)
    assert all(np.isfinite(good).all() and (good[:, 1] > good[:, 0]).all() for good in found.good.values())


@st.composite
def hrc_rows(draw: st.DrawFn) -> Table:
    """Simulated events with other numbers in some columns."""
    table = level0(truth("HRC-I", 60.0), "HRC-I").where(slice(0, draw(st.integers(0, 12))))
    columns: dict[str, Any] = dict(table.columns)
    for name in draw(st.sets(st.sampled_from(["CRSV", "CRSU", "AMP_SF", "PHA", "AV1", "AV2", "AU2", "TIME"]))):
        values = columns[name]
        elements = TIMES if name == "TIME" else whole(values.dtype.str[1:])
        columns[name] = draw(hnp.arrays(values.dtype, values.shape, elements=elements))
    return Table("EVENTS", columns)


@EVERY
@given(hrc_rows())
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_every_hrc_event_comes_out_or_the_list_is_bad_data(table: Table) -> None:
    try:
        parts = list(hrc_events.stream([table], setup("HRC-I"), block=5))
    except BadData:
        return
    if not parts:
        assert len(table) == 0
        return
    made = concatenate(parts)
    assert len(made) == len(table)
    assert np.array_equal(made["time"], table["TIME"], equal_nan=True)
    assert np.isnan(made["x"][~np.isfinite(made["time"])]).all()
