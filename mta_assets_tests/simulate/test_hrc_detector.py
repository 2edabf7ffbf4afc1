import numpy as np
import pytest

from mta_assets.instruments import geometry, hrc
from mta_assets.simulate import hrc_rates
from mta_assets.simulate.hrc_detector import events, taken, triggers
from mta_assets.simulate.schedule import make_schedule

SCHEDULE = make_schedule(825_638_400.0, 24, 1)
DETECTORS = ("HRC-I", "HRC-S")


def dwell_of(instrument):
    return next(d for d in SCHEDULE.dwells if d.instrument == instrument and d.kind == "observation")


@pytest.mark.parametrize("instrument", DETECTORS)
def test_pieces_give_the_same_events_as_the_whole(instrument):
    dwell = dwell_of(instrument)
    start, cut, stop = dwell.tstart + 10, dwell.tstart + 777.7, dwell.tstart + 1500
    whole = events(SCHEDULE, dwell, start, stop, 5)
    parts = events(SCHEDULE, dwell, start, cut, 5), events(SCHEDULE, dwell, cut, stop, 5)
    for name, column in whole.items():
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), column)


@pytest.mark.parametrize("instrument", DETECTORS)
def test_events_are_what_the_telemetry_can_carry(instrument):
    dwell, plate = dwell_of(instrument), hrc.PLATES[instrument]
    found = events(SCHEDULE, dwell, dwell.tstart, dwell.tstart + 2000, 5)
    assert 50 < len(found["time"]) / 1970 < 120
    assert np.all(np.diff(found["time"]) > 0)
    counts = np.bincount(np.floor(found["time"] - dwell.tstart).astype(int))
    assert counts.max() < hrc.TELEMETRY_LIMIT
    assert found["crsv"].min() >= 0
    assert found["crsv"].max() < plate.taps_v
    assert found["crsu"].min() >= 0
    assert found["crsu"].max() < plate.taps_u
    for axis in "uv":
        for number in (1, 2, 3):
            tap = found[f"a{axis}{number}"]
            assert tap.min() >= 0
            assert tap.max() <= hrc.ADC_MAX
    assert set(found["amp_sf"]) == {1, 2, 3}
    assert found["pha"].min() >= 0
    assert found["pha"].max() <= 255


def test_what_triggers_while_the_electronics_are_held_is_lost_and_holds_nothing():
    micro = 1e-6
    times = micro * np.array([0.0, 19.0, 20.0, 30.0, 88.0, 89.0, 500.0])
    hold = micro * np.array([19.5, 68.5, 68.5, 19.5, 19.5, 19.5, 19.5])
    # 19 finds the first one's check; 20 is taken, and holds until 88.5
    assert taken(times, hold).tolist() == [0, 2, 5, 6]
    assert taken(times[:0], hold[:0]).tolist() == []


@pytest.mark.parametrize("instrument", DETECTORS)
def test_rows_of_secondary_science_count_all_triggers_and_the_events(instrument):
    dwell = dwell_of(instrument)
    start, stop = dwell.tstart, dwell.tstart + 820.0
    times, valid = triggers(SCHEDULE, dwell, start, stop, 5)
    sent = events(SCHEDULE, dwell, start, stop, 5)["time"]
    np.testing.assert_array_equal(times[valid], sent)
    after = np.diff(times)
    assert after[valid[:-1]].min() >= hrc.GATE_CHECK + hrc.GATE_PROCESS
    assert after.min() >= hrc.GATE_CHECK
    assert after.min() < hrc.GATE_CHECK + hrc.GATE_PROCESS  # some come soon after one that was rejected
    rows = start - 2 * hrc.ROW + hrc.ROW * np.arange(402)
    found = hrc_rates.row_counts(SCHEDULE, rows, 5)
    assert found["obsid"].tolist() == [0, 0] + [dwell.obsid] * 400
    assert found["total"].sum() == len(times)
    assert found["valid"].sum() == len(sent)
    np.testing.assert_array_equal(found["valid"][2:], np.histogram(sent, np.append(rows[2:], stop))[0])
    held = len(times) * hrc.GATE_CHECK + len(sent) * hrc.GATE_PROCESS
    assert found["dead"].sum() == pytest.approx(held)
    assert 0.004 < held / (stop - start - 30.0) < 0.01  # two real observations: 0.007, 0.015


@pytest.mark.parametrize("instrument", DETECTORS)
def test_taps_encode_the_place_of_impact(instrument):
    dwell = dwell_of(instrument)
    found = events(SCHEDULE, dwell, dwell.tstart, dwell.tstart + 1000, 5)
    for axis, raw in (("v", "rawy"), ("u", "rawx")):
        taps = [found[f"a{axis}{n}"] for n in (1, 2, 3)]
        assert np.abs(hrc.raw_position(found[f"crs{axis}"], *taps) - found[raw]).max() < 1.5


def test_the_source_lies_where_the_geometry_puts_it():
    dwell = dwell_of("HRC-I")
    found = events(SCHEDULE, dwell, dwell.tstart, dwell.tstart + 2500, 5)
    mine = found["source_id"] == 1
    _, x, y = geometry.body_to_chip("HRC-I", np.array([[1.0, 0, 0]]), dwell.sim_x, dwell.sim_z)
    assert abs(np.median(found["rawx"][mine]) - x[0]) < 40  # dither: 150 pixels either way
    assert abs(np.median(found["rawy"][mine]) - y[0]) < 40


def test_letg_light_lies_along_the_long_axis_by_wavelength():
    dwell = dwell_of("HRC-S")
    found = events(SCHEDULE, dwell, dwell.tstart, dwell.tstart + 2500, 5)
    plus = (found["tg_part"] == 3) & (found["tg_m"] == 1)
    wavelength = 12398.42 / found["energy"][plus]
    zero = np.median(found["rawy"][(found["tg_m"] == 0) & (found["source_id"] == 1)])
    away = (found["rawy"][plus] - zero) * 0.0064294  # [mm]
    slope = np.polyfit(wavelength, away, 1)[0]
    assert abs(slope) == pytest.approx(8637.0 / 9912.16, rel=0.02)
    assert np.corrcoef(wavelength, np.abs(away))[0, 1] > 0.999


def test_other_dwells_give_no_events_but_the_columns():
    acis = SCHEDULE.dwells[0]
    found = events(SCHEDULE, acis, acis.tstart, acis.tstop, 5)
    assert len(found["time"]) == 0
    assert {"crsv", "crsu", "av1", "au3", "amp_sf", "pha", "vetostt"} <= set(found)
