"""Grating coordinates of events: regions, crossing arms, sources, blocks, and input that can not be used."""

import numpy as np
import pytest

from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.tables import Column, Schema, Table, concatenate
from mta_assets.instruments.gratings import HC
from mta_assets.instruments.gratings import sky_angle as _sky_angle
from mta_assets.level15 import gratings, regions
from mta_assets.level15.setup import setup
from mta_assets_tests.level15 import light

HETG = light.dwell("ACIS-S", "HETG", 28101, 82.1872, -65.4487, roll=0.0)
LETG = light.dwell("HRC-S", "LETG", 28103, 225.54, 66.2)
HEADER = light.header(HETG)


def gratings_sky(angle):
    """Direction on the sky image of an arm at roll 0 [deg]."""
    return _sky_angle(0.0, angle)


def region(source=1, x=4096.5, y=4096.5):
    return regions.source_region(x, y, "HETG", "ACIS", 0.0, source)


def events(x, y, energy=1000.0, ccd=7):
    """Events on a chip where sky and DET agree (roll 0, no dither)."""
    x, y = np.broadcast_arrays(np.atleast_1d(np.asarray(x, np.float32)), np.asarray(y, np.float32))
    columns = {"time": np.arange(len(x), dtype=float), "ccd_id": np.full(len(x), ccd, np.int16)}
    columns |= {"x": x.copy(), "y": y.copy(), "detx": x.copy(), "dety": y.copy()}
    columns |= {"chipx": np.full(len(x), 500, np.int16), "chipy": np.full(len(x), 500, np.int16)}
    columns["energy"] = np.broadcast_to(np.asarray(energy, np.float32), len(x)).copy()
    return Table("EVENTS", columns, HEADER)


def resolved(table, *sources, **options):
    return gratings.resolve_events(table, setup(HEADER, sources or (region(),), **options))


def test_an_event_in_the_circle_is_of_the_zero_order():
    radius = region().radius
    out = resolved(events([4096.5 + radius - 0.01, 4096.5, 4096.5 - radius - 0.5], 4096.5))
    assert out["tg_part"].tolist()[:2] == [0, 0]
    assert out["tg_part"][2] != 0
    assert out["tg_m"].tolist()[:2] == [0, 0]
    assert out["tg_lam"].tolist()[:2] == [0, 0]
    assert out["tg_mlam"].tolist()[:2] == [0, 0]
    assert out["tg_srcid"].tolist()[:2] == [1, 1]


def test_an_event_outside_of_all_regions_is_of_nothing():
    out = resolved(events(4096.5, 5000.0))
    assert [out[name][0] for name in ("tg_part", "tg_m", "tg_srcid", "tg_smap", "tg_r", "tg_mlam")] == [
        99,
        99,
        0,
        0,
        0,
        0,
    ]
    assert np.isnan(out["tg_lam"][0])


def test_events_on_both_sides_of_a_boxs_edge():
    one = region()
    heg = one.boxes[0]
    angle = np.radians(heg.angle)
    along, edge = 2000.0, heg.width / 2
    across = np.array([edge - 0.05, edge + 0.05, -edge + 0.05, -edge - 0.05])
    x = 4096.5 + along * np.cos(angle) - across * np.sin(angle)
    y = 4096.5 + along * np.sin(angle) + across * np.cos(angle)
    assert resolved(events(x, y, ccd=8), one)["tg_part"].tolist() == [1, 99, 1, 99]


def on_arm(part, distance):
    angle = np.radians(next(box.angle for box in region().boxes if box.part == part))
    sign = 1 if np.cos(angle) > 0 else -1  # boxes know their direction modulo half a turn
    return 4096.5 + sign * distance * np.cos(angle), 4096.5 + sign * distance * np.sin(angle)


def test_where_the_arms_cross_the_energy_decides():
    x, y = on_arm(2, 200.0)
    free = resolved(events(*on_arm(2, 2000.0), ccd=8), position="det")
    assert free["tg_part"][0] == 2
    first = HC / (float(free["tg_mlam"][0]) / 10)  # energy of the first order of the MEG at the crossing
    # 1 of the MEG and 1/2 of the HEG; 2 of the MEG and 1 of the HEG; neither
    out = resolved(events([x] * 3, [y] * 3, [first, 2 * first, 1.5 * first * 0.99]), position="det")
    assert out["tg_part"].tolist() == [2, 99, 99]
    assert out["tg_m"].tolist() == [1, 99, 99]
    assert out["tg_smap"].tolist() == [1, 1, 1]
    assert out["tg_srcid"].tolist() == [1, 0, 0]
    assert out["tg_mlam"][1] == 0


def test_wavelength_is_that_of_the_order():
    x, y = on_arm(1, 2000.0)
    plain = resolved(events(x, y, ccd=8), position="det")
    mlam = float(plain["tg_mlam"][0])
    out = resolved(events([x] * 3, [y] * 3, [HC / mlam, 2 * HC / mlam, 1.5 * HC / mlam], ccd=8), position="det")
    assert out["tg_m"].tolist() == [1, 2, 99]
    assert out["tg_lam"][:2].tolist() == pytest.approx([mlam, mlam / 2], rel=1e-6)
    assert np.isnan(out["tg_lam"][2])
    assert out["tg_mlam"].tolist() == pytest.approx([mlam] * 3, rel=1e-6)


def test_an_event_of_two_zero_orders_is_of_the_nearer_and_the_map_tells_of_both():
    one, two = region(1), region(2, x=4100.5)
    out = resolved(events([4098.0, 4098.6, 4099.0], 4096.5), one, two, position="det")
    assert out["tg_srcid"].tolist() == [1, 2, 2]
    assert out["tg_part"].tolist() == [0, 0, 0]
    assert out["tg_smap"].tolist() == [3, 3, 3]
    assert resolved(events(4100.5 + one.radius - 1, 4096.5), one, two)["tg_srcid"].tolist() == [2]


def test_an_event_on_two_arms_is_of_the_source_whose_order_it_fits_and_else_of_the_nearer():
    """The second source lies 20 pixels along the dispersion and 4 across from the first: its MEG runs beside."""
    x, y = on_arm(2, 1000.0)
    angle = np.radians(gratings_sky(4.755))
    step = np.array([np.cos(angle), np.sin(angle)])
    other = np.array([4096.5, 4096.5]) + 300 * step + 4 * np.array([-step[1], step[0]])
    one, two = region(1), region(2, x=float(other[0]), y=float(other[1]))
    ours = [resolved(events(x, y, ccd=8), source, position="det") for source in (one, two)]
    assert [out["tg_part"][0] for out in ours] == [2, 2]
    first = [HC / abs(float(out["tg_mlam"][0])) for out in ours]  # energies of their first orders
    out = resolved(events([x] * 3, [y] * 3, [first[0], first[1], 300.0], ccd=8), one, two, position="det")
    assert out["tg_srcid"].tolist() == [1, 2, 1]  # 300 eV fit neither: the first's arm is nearer
    assert out["tg_m"].tolist()[:2] == [np.sign(ours[0]["tg_mlam"][0]), np.sign(ours[1]["tg_mlam"][0])]
    assert out["tg_m"][2] == 99
    assert out["tg_smap"].tolist() == [3, 3, 3]
    assert out["tg_mlam"][1] == ours[1]["tg_mlam"][0]
    again = resolved(events([x] * 3, [y] * 3, [first[0], first[1], 300.0], ccd=8), two, one, position="det")
    for name in ("tg_srcid", "tg_m", "tg_mlam", "tg_smap"):
        assert np.array_equal(again[name], out[name]), name  # whichever comes first


def test_the_hrc_tells_orders_by_the_side_alone():
    table, truth = light.level1(LETG, light.lines(LETG, [20.0], 50, 1))
    one = regions.source_region(32768.5, 32768.5, "LETG", "HRC-S", LETG.roll)
    out = gratings.resolve_events(table, setup(light.header(LETG), (one,)))
    dispersed = out["tg_part"] == 3
    assert dispersed.sum() > 95
    assert np.array_equal(out["tg_m"][dispersed], truth["tg_m"][dispersed])
    assert list(out.columns)[-6:] == ["tg_m", "tg_lam", "tg_mlam", "tg_srcid", "tg_part", "tg_smap"]


def test_blocks_give_what_the_whole_list_gives(monkeypatch):
    table, _ = light.level1(HETG, light.lines(HETG, [6.0], 200, 1), light.background(HETG, 500, 2))
    made = setup(HEADER, (region(),))
    whole = gratings.resolve_events(table, made)
    monkeypatch.setattr(gratings, "BLOCK", 97)
    parts = list(gratings.resolve((table.where(slice(at, at + 333)) for at in range(0, len(table), 333)), made))
    again = concatenate(parts)
    assert len(parts) > 1
    for name, column in whole.columns.items():
        np.testing.assert_array_equal(again[name], column)


def test_the_input_stays_as_it_is_and_columns_come_in_the_archives_order():
    table = events([4096.5, 5000.0], 4096.5)
    before = {name: column.copy() for name, column in table.columns.items()}
    out = resolved(table)
    for name, column in before.items():
        np.testing.assert_array_equal(table[name], column)
    assert " ".join(out.columns) == (
        "time tg_r tg_d chipx chipy detx dety x y ccd_id energy tg_m tg_lam tg_mlam tg_srcid tg_part tg_smap"
    )
    assert out.schema is not None
    assert out.schema.names == tuple(out.columns)
    assert out.header["CONTENT"][0] == "TGEVT1"


def test_an_event_list_without_events_gives_one_without_events():
    out = resolved(events([], []))
    assert len(out) == 0
    assert "tg_mlam" in out


def test_events_without_a_place_are_of_nothing():
    out = resolved(events([np.nan, 4096.5], [4096.5, np.nan]))
    assert out["tg_part"].tolist() == [99, 99]


def test_an_event_without_an_energy_has_no_order():
    out = resolved(events(*on_arm(1, 2000.0), np.nan, ccd=8))
    assert (out["tg_part"][0], out["tg_m"][0]) == (1, 99)


def test_an_observation_without_grating_is_nothing_to_do():
    with pytest.raises(NothingToDo, match="no grating"):
        setup(HEADER | {"GRATING": "NONE"}, (region(),))


def test_a_grating_observation_without_a_zero_order_says_what_to_do():
    with pytest.raises(BadData, match=r"without a zero order.*zero_order = x, y"):
        setup(HEADER, ())


@pytest.mark.parametrize("name", ["GRATING", "SIM_Z", "ROLL_PNT"])
def test_a_missing_keyword_is_named(name):
    with pytest.raises(BadData, match=name):
        setup({key: value for key, value in HEADER.items() if key != name}, (region(),))


@pytest.mark.parametrize("name", ["x", "chipy", "ccd_id", "energy"])
def test_a_missing_column_is_named(name):
    table = events(4096.5, 4096.5)
    with pytest.raises(BadData, match=f"no columns {name}"):
        resolved(Table("EVENTS", {key: column for key, column in table.columns.items() if key != name}, HEADER))


def test_a_chip_that_the_instrument_does_not_have_is_named():
    with pytest.raises(BadData, match="12"):
        resolved(events(4096.5, 4096.5, ccd=12))


@pytest.mark.parametrize(("name", "unit"), [("energy", "keV"), ("x", "deg")])
def test_a_column_in_other_units_is_refused(name, unit):
    table = events(4096.5, 4096.5)
    schema = Schema("EVENTS", tuple(Column(key, column.dtype.str[1:]) for key, column in table.columns.items()))
    assert len(resolved(Table("EVENTS", table.columns, HEADER, schema))) == 1
    columns = tuple(Column(one.name, one.dtype, unit if one.name == name else "") for one in schema.columns)
    with pytest.raises(BadData, match=f"column {name} is in {unit}"):
        resolved(Table("EVENTS", table.columns, HEADER, Schema("EVENTS", columns)))
