import numpy as np
import pytest

from mta_assets.instruments.geometry import ARCSEC
from mta_assets.simulate import attitude, starfield
from mta_assets.simulate.schedule import make_schedule

SCHEDULE = make_schedule(825_638_400.0, 24, 1)
DWELL = SCHEDULE.dwells[0]
TIMES = np.arange(DWELL.tstart + 200, DWELL.tstart + 3200, 2.05)


def test_eight_slots_three_of_them_fids():
    found = starfield.slots(SCHEDULE, TIMES[:3])
    assert [slot.slot for slot in found] == list(range(8))
    assert [slot.kind for slot in found] == ["fid"] * 3 + ["star"] * 5
    assert found[0].image.shape == (3, 8, 8)
    assert found[7].image.shape == (3, 6, 6)


def test_stars_move_against_the_dither_and_fids_stand_still():
    found = starfield.slots(SCHEDULE, TIMES)
    y, z = attitude.dither(DWELL, TIMES)
    for slot in found[:3]:
        assert np.ptp(slot.row) < 0.2
        assert np.ptp(slot.col) < 0.2
    for slot in found[3:]:
        # boresight towards +Y: the star moves to lower Y angle, that is to higher row; likewise lower column
        assert np.polyfit(y / ARCSEC, slot.row, 1)[0] == pytest.approx(1 / starfield.PIXEL, rel=0.03)
        assert np.polyfit(z / ARCSEC, slot.col, 1)[0] == pytest.approx(-1 / starfield.PIXEL, rel=0.03)


def test_images_hold_the_light_of_their_magnitude_at_their_place():
    for slot in starfield.slots(SCHEDULE, TIMES[:200])[3:]:
        light = slot.image - starfield.SKY_LEVEL
        rate = light.sum(axis=(1, 2)) * starfield.GAIN / starfield.INTEGRATION
        magnitude = starfield.MAG_ZERO - 2.5 * np.log10(np.median(rate) / starfield.RATE_ZERO)
        assert magnitude == pytest.approx(np.median(slot.mag), abs=0.1)
        grid = np.arange(slot.size)
        row = slot.row0 + (light.sum(axis=2) * grid).sum(axis=1) / light.sum(axis=(1, 2))
        assert np.median(np.abs(row - slot.row)) < 0.2


def test_nothing_is_tracked_in_a_manoeuvre():
    move = next(d for d in SCHEDULE.dwells if d.kind == "manoeuvre")
    for slot in starfield.slots(SCHEDULE, [(move.tstart + move.tstop) / 2]):
        assert not slot.tracking[0]
        assert slot.mag[0] == starfield.LOST
        assert slot.image.max() < 60


def test_stars_stay_on_the_ccd_and_in_the_magnitude_range():
    for slot in starfield.slots(SCHEDULE, np.arange(SCHEDULE.tstart, SCHEDULE.tstop, 300.0)):
        assert np.abs(slot.row).max() < 512
        assert np.abs(slot.col).max() < 512
        assert slot.mag[slot.tracking].min() > 6.5
        assert slot.mag[slot.tracking].max() < 10.8


def test_the_values_at_a_time_do_not_depend_on_the_other_times():
    together = starfield.slots(SCHEDULE, TIMES[:50])
    alone = starfield.slots(SCHEDULE, TIMES[20])
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_array_equal(a.image[20], b.image[0])
        assert a.row[20] == b.row[0]
        assert a.mag[20] == b.mag[0]
