from dataclasses import replace

import numpy as np
import pytest

from mta_assets.instruments import acis, geometry
from mta_assets.simulate import acis_hits, acis_islands
from mta_assets.simulate.acis_detector import CELL, HotPixel, exposure_times, exposures, known_hot_pixels
from mta_assets.simulate.schedule import make_schedule
from mta_assets.simulate.seeds import cell_generator

SCHEDULE = make_schedule(825_638_400.0, 24, 1)
MODES = ("FAINT", "VFAINT", "GRADED", "CC33_FAINT")


def dwell_of(mode, kind="observation"):
    return next(d for d in SCHEDULE.dwells if d.datamode == mode and d.kind == kind)


def collect(dwell, tstart, tstop, **more):
    blocks = list(exposures(SCHEDULE, dwell, tstart, tstop, 7, **more))
    names = [name for name in blocks[0] if name != "exposures"]
    events = {name: np.concatenate([block[name] for block in blocks]) for name in names}
    records = {n: np.concatenate([block["exposures"][n] for block in blocks]) for n in blocks[0]["exposures"]}
    return events, records


@pytest.mark.parametrize("mode", MODES)
def test_pieces_give_the_same_events_as_the_whole(mode):
    dwell = dwell_of(mode)
    start, cut, stop = dwell.tstart + 100, dwell.tstart + 633.7, dwell.tstart + 1400
    whole, whole_records = collect(dwell, start, stop)
    first, second = collect(dwell, start, cut), collect(dwell, cut, stop)
    for name, column in whole.items():
        np.testing.assert_array_equal(np.concatenate([first[0][name], second[0][name]]), column)
    for name, column in whole_records.items():
        np.testing.assert_array_equal(np.concatenate([first[1][name], second[1][name]]), column)


def test_another_seed_gives_other_events():
    dwell = dwell_of("FAINT")
    one = next(exposures(SCHEDULE, dwell, dwell.tstart, dwell.tstart + 300, 1))
    other = next(exposures(SCHEDULE, dwell, dwell.tstart, dwell.tstart + 300, 2))
    assert not np.array_equal(one["chipx"][:50], other["chipx"][:50])


@pytest.mark.parametrize("mode", MODES)
def test_events_are_what_the_telemetry_can_carry(mode):
    dwell = dwell_of(mode)
    events, records = collect(dwell, dwell.tstart, dwell.tstart + 2000)
    size = acis.island_size(mode)
    assert events["phas"].shape[1:] == (size, size)
    assert events["phas"].dtype == np.int16
    assert events["phas"].min() >= 0
    assert events["phas"].max() <= 4095
    assert events["chipx"].min() >= 2
    assert events["chipx"].max() <= 1023
    assert events["chipy"].min() >= 2
    assert events["chipy"].max() <= (511 if mode.startswith("CC") else 1023)
    assert set(events["ccd_id"]) <= set(dwell.ccds)
    order = np.lexsort((events["chipx"], events["chipy"], events["ccd_id"], events["expno"]))
    np.testing.assert_array_equal(order, np.arange(len(order)))
    rate = len(events["time"]) / 1970
    assert 35 < rate < (68 if mode == "VFAINT" else 170)
    assert records["events_sent"].sum() == len(events["time"])


@pytest.mark.parametrize("mode", MODES)
def test_every_event_is_a_local_maximum_above_threshold(mode):
    dwell = dwell_of(mode)
    events, _ = collect(dwell, dwell.tstart, dwell.tstart + 600)
    middle = events["phas"].shape[-1] // 2
    inner = events["phas"][:, middle - 1 : middle + 2, middle - 1 : middle + 2]
    assert np.all(inner[:, 1, 1] == inner.max(axis=(1, 2)))
    assert np.all(inner[:, 1, 1] >= acis.event_threshold(events["ccd_id"]))


def test_one_record_per_exposure_and_chip_counts_its_events():
    dwell = dwell_of("FAINT")
    events, records = collect(dwell, dwell.tstart, dwell.tstart + 700)
    pairs = list(zip(records["expno"].tolist(), records["ccd_id"].tolist(), strict=True))
    assert len(set(pairs)) == len(pairs) == len(np.unique(records["expno"])) * len(dwell.ccds)
    some = 5 * len(dwell.ccds) + 2
    mine = (events["expno"] == records["expno"][some]) & (events["ccd_id"] == records["ccd_id"][some])
    assert records["events_sent"][some] == mine.sum()
    assert np.array_equal(np.unique(records["fep_id"]), np.arange(len(dwell.ccds)))


def test_exposures_follow_each_other_and_end_in_time():
    dwell = dwell_of("FAINT")
    times = exposure_times(dwell)
    np.testing.assert_allclose(np.diff(times), 3.24104, atol=1e-6)
    assert times[0] >= dwell.tstart
    assert times[-1] + 3.24104 <= dwell.tstop


def test_the_zero_order_lies_where_the_geometry_puts_the_target():
    dwell = dwell_of("FAINT")
    events, _ = collect(dwell, dwell.tstart, dwell.tstart + 3000)
    mine = (events["source_id"] == 1) & (events["tg_part"] == 0)
    chip, x, y = geometry.body_to_chip("ACIS-S", np.array([[1.0, 0, 0]]), dwell.sim_x, dwell.sim_z)
    assert np.median(events["ccd_id"][mine]) == chip[0]
    assert abs(np.median(events["chipx"][mine]) - x[0]) < 4
    assert abs(np.median(events["chipy"][mine]) - y[0]) < 4


def test_dispersed_light_reaches_the_outer_chips_in_order_of_energy():
    dwell = dwell_of("FAINT")
    events, _ = collect(dwell, dwell.tstart, dwell.tstart + 3000)
    meg = (events["tg_part"] == 2) & (events["tg_m"] == 1)
    assert len(set(events["ccd_id"][meg])) > 1
    assert np.median(events["energy"][meg & (events["ccd_id"] == 9)]) < np.median(
        events["energy"][meg & (events["ccd_id"] == 8)]
    )


def test_summed_pulse_height_times_gain_is_the_energy():
    rng = cell_generator(1, "gain")
    for ccd, tolerance in ((6, 0.035), (7, 0.02)):
        energy = np.full(4000, 4510.8)
        phas = acis_islands.x_ray_islands(
            np.full(4000, ccd, np.int16), 300 + rng.random(4000), np.full(4000, 20.0), energy, 3, rng
        )
        measured = acis.pha(phas) * acis.gains()[ccd, 1]
        assert np.median(measured) == pytest.approx(4510.8, rel=tolerance)
        assert 40 < np.std(measured) < 110


def test_back_illuminated_chips_split_more():
    rng = cell_generator(1, "grades")
    single = []
    for ccd in (6, 7):
        place = 300 + rng.random(4000), 300 + rng.random(4000)
        phas = acis_islands.x_ray_islands(np.full(4000, ccd, np.int16), *place, np.full(4000, 2000.0), 3, rng)
        single.append(np.mean(acis.fltgrade(phas) == 0))
        assert np.mean(np.isin(acis.grade(acis.fltgrade(phas)), (0, 2, 3, 4, 6))) > 0.95
    assert single[0] > 1.5 * single[1]


def test_particles_are_of_grade_255_and_come_in_faint_mode_on_front_illuminated_chips_alone():
    events, _ = collect(dwell_of("FAINT"), dwell_of("FAINT").tstart, dwell_of("FAINT").tstart + 700)
    ray = events["source_id"] == acis_hits.COSMIC_RAY
    assert ray.sum() > 1000
    assert np.mean(events["fltgrade"][ray] == 255) > 0.99
    assert not np.isin(events["ccd_id"][ray], acis.BACK_ILLUMINATED).any()
    other, records = collect(dwell_of("VFAINT"), dwell_of("VFAINT").tstart, dwell_of("VFAINT").tstart + 700)
    assert not np.any(other["fltgrade"] == 255)
    assert records["discard_grade"].sum() > 1000


def test_the_calibration_source_lights_all_chips_with_its_lines():
    dwell = dwell_of("FAINT", "ecs")
    events, _ = collect(dwell, dwell.tstart, dwell.tstart + 2000)
    mine = events["source_id"] == acis_hits.CALIBRATION
    assert set(events["ccd_id"][mine]) == set(dwell.ccds)
    assert set(np.round(events["energy"][mine], 1)) == {1486.7, 4510.8, 4931.8, 5898.8, 6490.4}
    quadrant = np.histogram2d(events["chipx"][mine], events["chipy"][mine], bins=2, range=[[1, 1024]] * 2)[0]
    assert quadrant.min() > 0.9 * quadrant.max()


def hottest(events, records):
    """Largest part of its exposures in which any one pixel fires, and which one."""
    pixel = (events["ccd_id"].astype(np.int64) * 1025 + events["chipx"]) * 1025 + events["chipy"]
    values, counts = np.unique(pixel, return_counts=True)
    best = values[np.argmax(counts)]
    return counts.max() / len(np.unique(records["expno"])), (best // 1025**2, best // 1025 % 1025, best % 1025)


@pytest.mark.parametrize("mode", MODES)
def test_without_injection_no_pixel_fires_in_half_of_the_exposures(mode):
    dwell = dwell_of(mode)
    assert hottest(*collect(dwell, dwell.tstart, dwell.tstart + 3600))[0] < 0.4


def test_known_hot_pixels_fire_and_are_labelled():
    dwell = dwell_of("FAINT")
    events, _ = collect(dwell, dwell.tstart, dwell.tstart + 3000)
    mine = events["source_id"] == acis_hits.KNOWN_HOT
    found = set(zip(*(events[n][mine].tolist() for n in ("ccd_id", "chipx", "chipy")), strict=True))
    assert found == {(p.ccd_id, p.chipx, p.chipy) for p in known_hot_pixels() if p.ccd_id in dwell.ccds}


def test_an_injected_hot_pixel_fires_in_its_interval_and_changes_no_other_event():
    dwell = dwell_of("FAINT")
    begin, end = dwell.tstart + 500, dwell.tstart + 1500
    plain, _ = collect(dwell, dwell.tstart, dwell.tstart + 2000)
    hot, records = collect(dwell, dwell.tstart, dwell.tstart + 2000, hot_pixels=[(7, 100, 900, begin, end)])
    mine = hot["source_id"] == acis_hits.INJECTED_HOT
    assert 0.8 < mine.sum() / (1000 / 3.24104) < 1
    assert hot["time"][mine].min() >= begin
    assert hot["time"][mine].max() < end
    for name in ("expno", "chipx", "chipy", "phas"):
        np.testing.assert_array_equal(hot[name][~mine], plain[name])
    assert records["events_sent"].sum() == len(hot["time"])
    lasting, records = collect(dwell, begin, end, hot_pixels=[HotPixel(7, 100, 900)])
    assert hottest(lasting, records)[1] == (7, 100, 900)


def test_dwells_without_acis_give_nothing():
    hrc = next(d for d in SCHEDULE.dwells if d.instrument == "HRC-I" and d.kind == "observation")
    idle = next(d for d in SCHEDULE.dwells if d.kind == "radzone")
    short = replace(dwell_of("FAINT"), tstop=dwell_of("FAINT").tstart + 20)
    for dwell in (hrc, idle, short):
        assert list(exposures(SCHEDULE, dwell, dwell.tstart, dwell.tstop, 1)) == []


def test_a_block_is_a_cell_of_exposures():
    dwell = dwell_of("FAINT")
    blocks = list(exposures(SCHEDULE, dwell, dwell.tstart, dwell.tstart + 1500, 1))
    assert [len(np.unique(b["exposures"]["expno"])) for b in blocks[:-1]] == [CELL] * (len(blocks) - 1)
