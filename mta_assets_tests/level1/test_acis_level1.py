import math

import numpy as np
import pytest

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Table
from mta_assets.instruments import geometry_sky
from mta_assets.level1 import acis_columns as bits
from mta_assets.level1.acis import Level1, process_events, whole_exposures
from mta_assets.level1.acis_clocking import arrivals, readout_times, target_rows
from mta_assets.level1.acis_columns import BADPIX, status_number
from mta_assets.level1.acis_findings import EventWatch
from mta_assets.level1.acis_hot import PixelWatch, expected_counts, tail
from mta_assets.level1.acis_setup import Settings, calibration
from mta_assets.level1.acis_status import BADPIX_BITS, BadPixels, badpix_table, event_bits, streaks
from mta_assets_tests.level1.acis_calibration import CTI, GAIN
from mta_assets_tests.level1.calibration_files import acis_ready, acis_tables

POINTING = {"sim_x": -0.68, "sim_z": -190.14, "ra_nom": 10.0, "dec_nom": 20.0}


def level_0(n=4, size=3, **columns):
    phas = np.zeros((n, size, size), np.int16)
    phas[:, size // 2, size // 2] = 400
    base = {
        "TIME": np.arange(n) * 3.2, "EXPNO": np.arange(2, n + 2, dtype=np.int32), "CCD_ID": np.full(n, 7, np.int16),
        "CCDX": np.full(n, 99, np.int16), "CCDY": np.full(n, 199, np.int16), "PHAS": phas,
        "STATUS": np.zeros(n, np.uint8),
    }  # fmt: skip
    return Table("EVENTS", base | columns)


def still(start=-100.0, stop=200.0):
    time = np.arange(start, stop, 1.0)
    place = {"ra": np.full(len(time), 10.0), "dec": np.full(len(time), 20.0), "roll": np.full(len(time), 30.0)}
    return geometry_sky.aspect_of(Table("ASPSOL", {"time": time, **place}))


def level_1(table, aspect=None, pixels=None, **settings):
    return Level1(Settings(**(POINTING | settings)), acis_ready(), aspect or still(), pixels).block(table)


def status(table):
    return status_number(table["status"]).tolist()


def test_times_are_those_of_the_middle_of_the_exposure():
    assert level_1(level_0(), exptime=3.2)["time"].tolist() == pytest.approx([1.6, 4.8, 8.0, 11.2])


def test_the_header_says_what_was_done_and_where_the_sky_is():
    header = level_1(level_0(), pix_adj="RANDOMIZE", seed=4).header
    names = list(level_1(level_0()).columns)
    assert (header["PIX_ADJ"][0], header["RANDSEED"][0], header["RAND_SKY"][0]) == ("RANDOMIZE", 4, 1.0)
    assert header[f"TCRVL{names.index('x') + 1}"][0] == 10.0
    assert header[f"TCTYP{names.index('y') + 1}"][0] == "DEC--TAN"
    assert header[f"TCDLT{names.index('x') + 1}"][0] == pytest.approx(-0.492 / 3600)
    assert header["GAINFILE"][0] == GAIN
    assert header["CHKVFPHA"][0] is False
    assert level_1(level_0(size=5)).header["CHKVFPHA"][0] is True


def test_nodes_and_tiled_coordinates():
    table = level_1(level_0(CCDX=np.array([255, 256, 767, 768], np.int16)))
    assert table["node_id"].tolist() == [0, 1, 2, 3]
    assert table["tdetx"].tolist() == [256 + 3917, 257 + 3917, 768 + 3917, 769 + 3917]


def test_events_off_the_chips_are_kept_and_flagged():
    off = level_0(CCD_ID=np.array([7, 10, 7, 7], np.int16), CCDX=np.array([99, 99, 1024, 99], np.int16),
                  CCDY=np.array([199, 199, 199, -1], np.int16))  # fmt: skip
    table = level_1(off)
    assert [s & bits.BAD_POSITION for s in status(table)] == [0, 1, 1, 1]
    assert np.isnan(table["x"]).tolist() == [False, True, True, True]
    assert np.isnan(table["energy"]).tolist() == [False, True, True, True]
    assert table["pi"][1:].tolist() == [0, 0, 0]
    assert table["tdetx"][1:].tolist() == [9999, 9999, 9999]


def test_what_level_0_says_of_an_event_stays_with_it():
    table = level_1(level_0(STATUS=np.array([0, 1, 2, 4], np.uint8)))
    assert status(table) == [0, bits.TIME_ESTIMATED, 0, bits.DAMAGED_FRAME]


def test_a_gap_of_the_aspect_leaves_events_without_a_place_on_the_sky():
    table = level_1(level_0(TIME=np.array([0.0, 199.9, 200.1, 300.0])))
    assert np.isnan(table["x"]).tolist() == [False, False, True, True]
    assert np.isfinite(table["detx"]).all()


def test_no_rows_make_no_rows():
    assert len(level_1(level_0(0))) == 0
    assert list(process_events([level_0(0)], Settings(**POINTING), acis_ready(), still())) == []


def test_the_rim_of_a_large_island_sets_its_bit_unless_it_is_not_asked_for():
    table = level_0(2, size=5)
    table["PHAS"][1, 0, 0] = 14
    assert status(level_1(table)) == [0, bits.VF_BACKGROUND]
    assert status(level_1(table, check_vf=False)) == [0, 0]


def test_a_missing_bias_map_is_said_of_every_event():
    table = level_1(level_0(), subtract_bias=True)
    assert status(table) == [bits.BIAS_UNKNOWN] * 4
    ready = calibration(acis_tables(GAIN)[0], 0.0, bias={7: np.full((1024, 1024), 100)})
    settings = Settings(**POINTING, subtract_bias=True, pix_adj="NONE")
    table = Level1(settings, ready, still(), None).block(level_0())
    assert table["pha_ro"].tolist() == [300] * 4
    assert status(table) == [0] * 4


def test_graded_events_have_no_islands():
    table = level_0()
    columns = {n: c for n, c in table.columns.items() if n != "PHAS"}
    columns |= {"PHA": np.full(4, 400, np.int32), "FLTGRADE": np.array([0, 16, 255, 64], np.int16)}
    made = level_1(Table("EVENTS", columns))
    assert "phas" not in made
    assert made["grade"].tolist() == [0, 4, 7, 2]
    assert made["pha_ro"].tolist() == [400] * 4


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(BadData, match="pix_adj"):
        Settings(**POINTING, pix_adj="BEST")
    with pytest.raises(BadData, match="SIM_X"):
        Settings(**(POINTING | {"sim_x": np.nan}))
    with pytest.raises(BadData, match="RA_TARG"):
        Settings(**POINTING, clocked=True)
    with pytest.raises(BadData, match="continuous clocking"):
        level_1(level_0(TROW=np.zeros(4, np.int16)))
    with pytest.raises(BadData, match="both"):
        calibration(acis_tables(GAIN)[0], 0.0, trap_density=acis_tables(CTI)[0])


def test_a_random_energy_stays_within_its_width():
    plain, spread = level_1(level_0(500), rand_pi=0.0), level_1(level_0(500), rand_pi=1.0)
    difference = spread["energy"] - plain["energy"]
    assert 0 < np.abs(difference).max() <= 0.51 * 4.6
    assert abs(difference.mean()) < 0.2
    assert (spread["pha"] == plain["pha"]).all()


def test_exposures_are_not_cut():
    blocks = [
        level_0(n, EXPNO=np.array(e, np.int32)) for n, e in ((3, [1, 2, 2]), (0, []), (2, [2, 2]), (3, [2, 3, 4]))
    ]
    assert [b["EXPNO"].tolist() for b in whole_exposures(blocks)] == [[1], [2, 2, 2, 2, 2], [3], [4]]
    assert [b["EXPNO"].tolist() for b in whole_exposures(blocks[:1])] == [[1], [2, 2]]
    assert list(whole_exposures([])) == []


def test_rows_of_a_node_with_two_events_in_an_exposure_are_streaks_on_s4_only():
    ccd = np.array([8, 8, 8, 8, 8, 7, 7])
    node = np.array([0, 0, 1, 0, 0, 0, 0])
    y = np.array([5, 5, 5, 6, 5, 5, 5])
    expno = np.array([1, 1, 1, 1, 2, 1, 1])
    assert (streaks(ccd, node, y, expno) > 0).tolist() == [True, True, False, False, False, False, False]
    assert not streaks(ccd, node, y, expno, most=2).any()
    table = level_1(level_0(2, CCD_ID=np.full(2, 8, np.int16), EXPNO=np.array([3, 3], np.int32)))
    assert status(table) == [bits.STREAK] * 2


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ((), 0),
        (("pixel",), bits.BAD_PIXEL),
        (("adjacent",), bits.NEAR_BAD_PIXEL),
        (("column", "adjacent"), bits.BAD_PIXEL | bits.NEAR_BAD_PIXEL),
        (("hot",), bits.BAD_PIXEL | bits.HOT_PIXEL),
        (("afterglow",), bits.BAD_PIXEL | bits.AFTERGLOW),
        (("shadow",), bits.BAD_PIXEL),
    ],
)
def test_reasons_of_bad_pixels_become_bits_of_events(reasons, expected):
    why = np.array([sum(1 << BADPIX_BITS[name] for name in reasons)], np.uint32)
    assert event_bits(why).tolist() == [expected]


def pixels_of(*rows, ccd=7):
    return BadPixels([badpix_table(ccd, rows, BADPIX)], 0.0, 100.0)


def test_bad_pixels_are_bad_on_their_chip_and_in_their_time():
    bad = 1 << BADPIX_BITS["pixel"]
    pixels = pixels_of((100, 102, 200, 200, -np.inf, np.inf, bad), (100, 100, 201, 201, 3.0, 7.0, bad))
    table = level_0(4, CCDX=np.array([98, 99, 101, 102], np.int16))
    assert status(level_1(table, pixels=pixels)) == [0, 16, 16, 0]
    assert status(level_1(level_0(4, CCDY=np.full(4, 200, np.int16)), pixels=pixels)) == [0, 16, 16, 0]  # 3.2, 6.4 s
    assert status(level_1(level_0(4, CCD_ID=np.full(4, 6, np.int16)), pixels=pixels)) == [0] * 4


def test_bad_pixel_files_that_can_not_be_used_say_why():
    table = badpix_table(7, [(1, 1, 1, 1, 0.0, 1.0, 1)], BADPIX)
    with pytest.raises(BadData, match="CCD_ID"):
        BadPixels([Table("BADPIX", table.columns, {"CCD_ID": 12})], 0.0, 1.0)
    with pytest.raises(BadData, match="beyond the chip"):
        BadPixels([Table("BADPIX", table.columns | {"CHIPX": np.array([[1, 1025]])}, {"CCD_ID": 7})], 0.0, 1.0)
    with pytest.raises(BadData, match="32 bits"):
        BadPixels([Table("BADPIX", table.columns | {"STATUS": np.zeros((1, 8), bool)}, {"CCD_ID": 7})], 0.0, 1.0)


def quiet(n=4000, ccd=3, seed=2):
    """Background: one event an exposure somewhere on the chip."""
    rng = np.random.default_rng(seed)
    return level_0(n, CCD_ID=np.full(n, ccd, np.int16), CCDX=rng.integers(1, 1023, n).astype(np.int16),
                   CCDY=rng.integers(1, 1023, n).astype(np.int16))  # fmt: skip


def with_pixel(table, x, y, rows):
    columns = {name: column.copy() for name, column in table.columns.items()}
    columns["CCDX"][rows], columns["CCDY"][rows] = x, y
    return Table(table.name, columns)


def watched(table, cuts=()):
    watch = PixelWatch()
    blocks = [table.where(rows) for rows in np.split(np.arange(len(table)), cuts)]
    for block in blocks:
        watch.count(block)
    for block in blocks:
        watch.look(block)
    return watch


@pytest.mark.parametrize("cuts", [(), (2001,), (2000, 2001, 2002, 2003)])
def test_an_afterglow_is_found_where_and_when_it_was_also_between_blocks(cuts):
    table = with_pixel(quiet(), 300, 400, [1999, 2001, 2002, 2005])
    tables = watched(table, cuts).bad_pixels([], 0.0, 1e9, 3.2)
    found = {(*t["CHIPX"][i], *t["CHIPY"][i]): t for t in tables for i in range(len(t))}
    rows = [t for t in tables if len(t)]
    assert len(rows) == 1
    center = np.flatnonzero(status_number(rows[0]["STATUS"]) == 1 << BADPIX_BITS["afterglow"])
    assert rows[0]["CHIPX"][center].tolist() == [[301, 301]]
    assert rows[0]["CHIPY"][center].tolist() == [[401, 401]]
    assert rows[0]["TIME"][center].tolist() == pytest.approx([1999 * 3.2])
    assert rows[0]["TIME_STOP"][center].tolist() == pytest.approx([2006 * 3.2])
    assert len(found) == 5  # and what lies around it


def test_how_the_events_are_cut_does_not_matter_to_what_is_found():
    table = with_pixel(with_pixel(quiet(), 300, 400, [1999, 2001, 2002, 2005]), 700, 30, np.arange(50, 4000, 80))
    whole = watched(table).bad_pixels([], 0.0, 1e9, 3.2)
    assert sum(len(t) for t in whole) == 10
    for cuts in ((5,), (2000, 2001, 2002, 2003), range(1, 4000, 97)):
        for one, other in zip(whole, watched(table, cuts).bad_pixels([], 0.0, 1e9, 3.2), strict=True):
            assert all(np.array_equal(one[name], other[name]) for name in one.columns)


def test_the_chance_is_that_of_poisson_and_the_surroundings_end_at_the_edge():
    k, mean = np.array([4, 4, 6, 40, 3]), np.array([0.01, 0.5, 2.0, 12.0, 3.0])
    plain = [1 - sum(math.exp(-m) * m**n / math.factorial(n) for n in range(c)) for c, m in zip(k, mean, strict=True)]
    plain[0] = math.exp(-0.01) * 0.01**4 / 24 * (1 + 0.01 / 5 + 0.01**2 / 30)  # the difference has no digits left
    plain[3] = sum(math.exp(-12) * 12**n / math.factorial(n) for n in range(40, 120))
    np.testing.assert_allclose(tail(k, mean)[:4], plain[:4], rtol=2e-3)
    assert tail(k, mean)[4] == 1.0
    counts = np.zeros((1024, 1024), np.int32)
    counts[0, 0], counts[1, 1], counts[0, 3] = 9, 2, 5
    # about the corner: four by four pixels less two by two, 5 events and one more; the highest neighbour has 2
    assert expected_counts(counts.ravel(), np.array([0, 0])).tolist() == [2.0, 2.0]
    assert expected_counts(counts.ravel(), np.array([1025])).tolist() == [9.0]
    counts[1, 1] = 0
    assert expected_counts(counts.ravel(), np.array([0])).tolist() == [0.5]


def test_three_events_or_events_far_apart_are_no_afterglow():
    few = with_pixel(quiet(), 300, 400, [1999, 2001, 2005])
    slow = with_pixel(quiet(), 300, 400, [1999, 2009, 2019, 2029])
    for table in (few, slow):
        assert sum(len(t) for t in watched(table).bad_pixels([], 0.0, 1e9, 3.2)) == 0


def test_back_illuminated_chips_have_no_afterglows():
    table = with_pixel(quiet(ccd=7), 300, 400, [1999, 2001, 2002, 2005])
    assert sum(len(t) for t in watched(table).bad_pixels([], 0.0, 1e9, 3.2)) == 0


def test_a_hot_pixel_is_found_and_a_source_that_lights_its_surroundings_is_not():
    rows = np.arange(0, 4000, 100)
    assert watched(with_pixel(quiet(), 300, 400, rows)).hot_pixels(3) == [(301, 401, 40)]
    source = quiet()
    rng = np.random.default_rng(3)
    lit = np.arange(0, 4000, 2)
    for row in lit:
        source["CCDX"][row], source["CCDY"][row] = np.rint(rng.normal((300, 400), 3))
    assert watched(source).hot_pixels(3) == []
    assert watched(source).hot_pixels(5) == []


def test_known_bad_pixels_stay_in_the_file_and_are_not_found_again():
    rows = np.arange(0, 4000, 100)
    watch = watched(with_pixel(quiet(), 300, 400, rows))
    known = badpix_table(3, [(301, 301, 401, 401, 0.0, 4e9, 1)], BADPIX)
    (table,) = watch.bad_pixels([known], 0.0, 1e9, 3.2)
    assert status_number(table["STATUS"]).tolist() == [1]


def test_clocked_photons_arrive_as_many_row_times_before_the_readout_as_rows_lie_between():
    settings = (-0.68, -190.14), (10.0, 20.0), np.array([10.001, 20.002])
    aspect = still()
    row = target_rows(aspect, np.array([50.0]), 7, *settings)[0]
    assert 300 < row < 700
    read_out = readout_times(np.array([50.0, 50.0]), np.array([0, 511]))
    assert read_out.tolist() == pytest.approx([50.001425, 50 + 511.5 * 0.00285])
    time, place = arrivals(aspect, read_out, 7, *settings)
    np.testing.assert_allclose(place, row, atol=1e-9)
    np.testing.assert_allclose(read_out - time, (row + 1028) * 0.00285, atol=1e-9)


def test_arrivals_do_not_depend_on_what_else_is_read_out():
    times = np.arange(-10.0, 130.0, 0.256)
    jitter = np.random.default_rng(5).normal(0, 1e-4, (3, len(times)))  # [deg] a kink at each sample
    ra, dec, roll = 10 + jitter[0], 20 + jitter[1], 30 + jitter[2]
    columns = {"time": times, "ra": ra, "dec": dec, "roll": roll}
    aspect = geometry_sky.aspect_of(Table("ASPSOL", columns))
    settings = (-0.68, -190.14), (10.0, 20.0), np.array([10.001, 20.002])
    read_out = np.sort(np.random.default_rng(6).uniform(20.0, 110.0, 500))
    whole = arrivals(aspect, read_out, 7, *settings)
    parts = [arrivals(aspect, part, 7, *settings) for part in np.split(read_out, [3, 4, 250])]
    for axis in (0, 1):
        assert np.array_equal(np.concatenate([part[axis] for part in parts]), whole[axis])


def test_the_target_is_imaged_on_its_row():
    columns = {name: c for name, c in level_0().columns.items() if name != "CCDY"}
    table = Table("EVENTS", columns | {"TROW": np.array([0, 10, 500, 511], np.int16)})
    made = level_1(table, clocked=True, ra_targ=10.001, dec_targ=20.002, pix_adj="NONE", aspect=still(-10.0))
    place = geometry_sky.sky_pixel("ACIS", 10.001, 20.002, 10.0, 20.0)
    maps = geometry_sky.sky_maps("ACIS", still().q[:1], 10.0, 20.0)
    there = geometry_sky.sky_to_det("ACIS", maps, np.array([0]), *(np.array([v]) for v in place))
    _, y = geometry_sky.det_to_chip("ACIS", 7, *there, -0.68, -190.14)
    np.testing.assert_allclose(made["chipy_adj"], y[0], atol=1e-4)
    assert made["chipy"].tolist() == [1, 11, 501, 512]
    assert (made["tdety"] == np.rint(y) + 1702).all()
    assert (np.diff(made["dety"]) == 0).all()


def test_clocked_events_outside_of_the_aspect_get_an_estimated_time():
    columns = {name: c for name, c in level_0().columns.items() if name != "CCDY"}
    table = Table("EVENTS", columns | {"TROW": np.zeros(4, np.int16), "TIME": np.array([1.0, 2.0, 500.0, 501.0])})
    made = level_1(table, clocked=True, ra_targ=10.0, dec_targ=20.0)
    assert [s & bits.TIME_ESTIMATED for s in status(made)] == [0, 0, bits.TIME_ESTIMATED, bits.TIME_ESTIMATED]
    assert np.isfinite(made["time"]).all()
    assert np.isnan(made["x"]).tolist() == [False, False, True, True]
    with pytest.raises(BadData, match="aspect"):
        Level1(Settings(**POINTING, clocked=True, ra_targ=10.0, dec_targ=20.0), acis_ready(), None, None).block(table)


def test_offsets_of_the_aspect_move_the_target_row_with_them():
    time = np.arange(0.0, 100.0)
    columns = {"time": time, "ra": np.full(100, 10.0), "dec": np.full(100, 20.0), "roll": np.full(100, 30.0)}
    moved = geometry_sky.aspect_of(Table("ASPSOL", columns | {"dz": np.full(100, 0.239870)}))
    settings = (-0.68, -190.14), (10.0, 20.0), np.array([10.001, 20.002])
    rows = [target_rows(aspect, np.array([50.0]), 7, *settings)[0] for aspect in (still(), moved)]
    # the SIM stands 10 pixels up along Z, the rows of S3 run along Z: the light falls 10 rows lower
    assert rows[1] - rows[0] == pytest.approx(-10.0, abs=0.01)


def test_what_is_wrong_with_events_becomes_findings_that_say_what_to_do():
    watch = EventWatch("acisf28229_000N001_evt1.fits")
    assert len(watch.findings()) == 0
    good = level_1(level_0())
    assert watch.add(good) is good
    assert len(watch.findings()) == 0
    watch.add(level_1(level_0(CCD_ID=np.array([7, 11, 7, 7], np.int16), TIME=np.array([0.0, 1.0, 2.0, 300.0]))))
    watch.add(level_1(level_0(2, STATUS=np.array([4, 1], np.uint8)), subtract_bias=True))
    watch.add(level_1(level_0(0)))
    found = watch.findings()
    kinds = dict(zip(found["kind"].tolist(), found["count"].tolist(), strict=True))
    assert kinds == {"bad_position": 1, "no_aspect": 1, "no_bias": 2, "time_estimated": 1, "damaged_frame": 1}
    assert "acisf28229_000N001_evt1.fits: 1 events" in found["detail"][1]
    assert "asol1" in found["detail"][1]
    assert found["tstart"].tolist()[1] == 300.0


def test_a_chip_without_a_gain_is_a_finding():
    table = acis_tables(GAIN)[0]
    only = calibration(table.where(table["CCD_ID"] == 6), 0.0)
    watch = EventWatch("x")
    watch.add(Level1(Settings(**POINTING, pix_adj="NONE"), only, still(), None).block(level_0()))
    assert watch.findings()["kind"].tolist() == ["no_gain"]
    assert watch.findings()["count"].tolist() == [4]
