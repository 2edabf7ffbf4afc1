"""Whatever stands in the columns of event lists: levels 1.5 and 2 keep what they have to, or it is bad data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mta_assets.core.errors import BadData
from mta_assets.core.gti import gti_tables
from mta_assets.core.intervals import contains, normalise
from mta_assets.core.tables import Product, Table
from mta_assets.level2.events import ACIS, selected
from mta_assets.level2.lightcurves import light_curve
from mta_assets.level2.regions import source_region
from mta_assets.level2.sources import sources_of
from mta_assets.level2.spectra import spectrum
from mta_assets.level15.gratings import resolve_events
from mta_assets.level15.regions import source_region as grating_region
from mta_assets.level15.setup import setup

EVERY = settings(max_examples=50, deadline=None, derandomize=True)
NUMBERS = st.one_of(st.floats(0.0, 8192.0, width=32), st.sampled_from([np.nan, np.inf, -np.inf, 4096.5, -1e20]))
HEADER = {
    "INSTRUME": "ACIS", "DETNAM": "ACIS-7", "GRATING": "HETG", "RA_PNT": 10.0, "DEC_PNT": 20.0, "ROLL_PNT": 30.0,
    "SIM_X": -0.68, "SIM_Z": -190.14, "EXPTIME": 3.1, "TIMEDEL": 3.2, "EXPOSURE": 87.1875, "DTCOR": 0.96875,
    "TCTYP4": "RA---TAN", "TCRVL4": 10.0, "TCRPX4": 4096.5, "TCDLT4": -0.492 / 3600,
    "TCTYP5": "DEC--TAN", "TCRVL5": 20.0, "TCRPX5": 4096.5, "TCDLT5": 0.492 / 3600,
}  # fmt: skip
GOOD = np.array([[0.0, 60.0], [70.0, 100.0]])


@st.composite
def lists(draw: st.DrawFn) -> Table:
    count = draw(st.integers(0, 40))

    def floats(name: str) -> np.ndarray:
        del name
        return draw(hnp.arrays("f4", count, elements=NUMBERS))

    columns = {
        "time": draw(hnp.arrays("f8", count, elements=st.one_of(st.floats(-10, 110), st.just(np.nan)))),
        "ccd_id": draw(hnp.arrays("i2", count, elements=st.sampled_from([6, 7, 7, 7]))),
        "chipx": draw(hnp.arrays("i2", count, elements=st.integers(1, 1024))),
        "x": floats("x"), "y": floats("y"), "detx": floats("detx"), "dety": floats("dety"),
        "chipy": draw(hnp.arrays("i2", count, elements=st.integers(1, 1024))),
        "energy": floats("energy"), "pi": draw(hnp.arrays("i4", count, elements=st.integers(-5, 2000))),
        "grade": draw(hnp.arrays("i2", count, elements=st.integers(-1, 9))),
        "status": draw(hnp.arrays("bool", (count, 32), elements=st.sampled_from([False] * 60 + [True]))),
    }  # fmt: skip
    return Table("EVENTS", columns, dict(HEADER))


@EVERY
@given(lists())
def test_what_is_filtered_is_exactly_what_is_not_good(events: Table) -> None:
    gtis = {7: GOOD}
    kept = events.where(selected(events, ACIS, gtis))
    good = (events["ccd_id"] == 7) & contains(normalise(GOOD), events["time"])
    good &= np.isin(events["grade"], (0, 2, 3, 4, 6)) & ~events["status"].any(axis=1)
    assert np.array_equal(kept["pi"], events["pi"][good])


@EVERY
@given(lists())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_event_of_a_grating_observation_stays_and_those_without_a_place_are_in_no_arm(events: Table) -> None:
    region = grating_region(4096.5, 4096.5, "HETG", "ACIS", 30.0)
    made = resolve_events(events, setup(dict(HEADER), (region,)))
    assert len(made) == len(events)
    for name in ("time", "pi", "chipx"):
        assert np.array_equal(made[name], events[name], equal_nan=name == "time")
    nowhere = ~(np.isfinite(events["x"]) & np.isfinite(events["y"]))
    assert (made["tg_part"][nowhere] == 99).all()
    assert (made["tg_srcid"][nowhere] == 0).all()


@EVERY
@given(lists(), st.tuples(st.floats(0.0, 8192.0), st.floats(0.0, 8192.0)))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_spectra_and_curves_count_the_events_of_their_region_and_no_others(
    events: Table, place: tuple[float, float]
) -> None:
    evt2 = Product("ACIS_EVT2", (events, *gti_tables({7: GOOD, 6: GOOD})), 0.0, 100.0)
    region = source_region(float(place[0]), float(place[1]), 500.0)
    with np.errstate(all="ignore"):
        distance = np.hypot(events["x"].astype(float) - place[0], events["y"].astype(float) - place[1])
    inside = distance <= 500.0
    pi = (events["pi"] >= 1) & (events["pi"] <= 1024)
    made = spectrum(evt2, region, "ACIS_PHA", 15).table("SPECTRUM")
    assert made["COUNTS"].sum() == np.count_nonzero(inside & pi)
    curve = light_curve(evt2, region, "ACIS_LC", 10.0).table("RATE")
    chips = events["ccd_id"]
    own = chips == np.argmax(np.bincount(chips[inside])) if inside.any() else inside
    assert curve["COUNTS"].sum() == np.count_nonzero(inside & own & contains(GOOD, events["time"]))
    assert np.array_equal(np.isnan(curve["RATE"]), curve["EXPOSURE"] == 0)


@EVERY
@given(lists())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_source_lists_are_made_of_any_events_or_refused_in_words(events: Table) -> None:
    evt2 = Product("ACIS_EVT2", (events, *gti_tables({7: GOOD, 6: GOOD})), 0.0, 100.0)
    try:
        found = sources_of(evt2, "ACIS_SRC2", (500.0, 7000.0)).table("SRCLIST")
    except BadData:
        return
    assert np.isfinite(found["RA"]).all()
    assert (found["NET_COUNTS"] <= len(events) * 2).all()
