import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.times import from_utc
from mta_assets.simulate import orbit

DAYS = st.integers(0, 9000).map(lambda day: day * 86400.0)


@given(DAYS)
@settings(derandomize=True, deadline=None, max_examples=40)
def test_a_day_holds_a_radiation_zone_and_an_eclipse_at_any_date(tstart):
    elements = orbit.fit_elements(tstart, 24)
    at = tstart + np.arange(0, 86400, 60.0)
    zone = orbit.radzone(at, elements)
    assert at[zone][0] - tstart == pytest.approx(0.6 * 86400, abs=120)
    assert 600 < 60 * orbit.eclipse(at, elements).sum() < 10800


@given(DAYS)
@settings(derandomize=True, deadline=None, max_examples=40)
def test_a_short_run_lies_high_above_the_radiation_zone(tstart):
    at = tstart + np.arange(0, 7200, 60.0)
    assert not orbit.radzone(at, orbit.fit_elements(tstart, 2)).any()


def test_the_orbit_obeys_energy_conservation_and_its_period():
    elements = orbit.Elements(1000.0, 30.0, 60.0)
    times = np.linspace(0, orbit.PERIOD, 50)
    place = orbit.position(times, elements)
    speed = np.linalg.norm(orbit.position(times + 1, elements) - orbit.position(times - 1, elements), axis=1) / 2
    radius = np.linalg.norm(place, axis=1)
    energy = speed**2 / 2 - orbit.MU / radius
    np.testing.assert_allclose(energy, -orbit.MU / 2 / elements.semi_major_axis, rtol=1e-5)
    np.testing.assert_allclose(orbit.position([orbit.PERIOD], elements), orbit.position([0.0], elements), atol=1e-6)


def test_perigee_is_at_its_time():
    elements = orbit.Elements(5000.0, 0.0, 0.0)
    radius = orbit.altitude([5000.0], elements) + orbit.EARTH_RADIUS
    assert radius[0] == pytest.approx(elements.semi_major_axis * 0.25)


def test_the_sun_is_where_the_almanac_has_it():
    from astropy.coordinates import get_sun
    from astropy.time import Time

    for date in ("2003-11-02", "2024-05-05"):
        time = from_utc(date)
        place = get_sun(Time(time, format="cxcsec")).cartesian.xyz.value
        cosine = orbit.sun_direction(time) @ place / np.linalg.norm(place)
        assert np.degrees(np.arccos(min(cosine, 1))) < 0.02


def test_sunlit_side_is_not_in_eclipse():
    elements = orbit.fit_elements(0.0, 24)
    at = np.arange(0, 86400, 60.0)
    dark = orbit.eclipse(at, elements)
    toward = np.sum(orbit.position(at, elements) * orbit.sun_direction(at), axis=1)
    assert dark.any()
    assert np.all(toward[dark] < 0)
