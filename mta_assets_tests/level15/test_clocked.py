"""Continuous clocking: wavelengths from the column, arms from the CCD energy, against simulated photons."""

import numpy as np
import pytest

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Table
from mta_assets.instruments.gratings import HC, arms
from mta_assets.level15.gratings import resolve_events
from mta_assets.level15.regions import source_region
from mta_assets.level15.setup import setup
from mta_assets.level15.zero_order import find_zero_order
from mta_assets_tests.level15 import light

LINES = [2.5, 6.648, 12.132]  # [Å]


def resolved(grating, lines, seed=1, resolution=0.02):
    where = light.dwell("ACIS-S", grating, 28101, 82.1872, -65.4487)
    events, truth = light.level1(where, light.lines(where, lines, 800, seed), resolution=resolution)
    events = light.clocked(where, events)
    found = find_zero_order(events, arms(grating, "ACIS"), "ACIS", where.roll, (4110.0, 4090.0), clocked=True)
    region = source_region(found.x, found.y, grating, "ACIS", where.roll)
    return found, resolve_events(events, setup(events.header, (region,))), truth


@pytest.fixture(scope="module")
def hetg():
    return resolved("HETG", LINES)


def test_the_zero_order_is_the_brightest_place_of_the_line(hetg):
    found, _, _ = hetg
    assert found.used == ("centroid",)
    assert np.hypot(found.x - 4096.5, found.y - 4096.5) < 0.1


def test_lines_come_out_at_their_wavelengths(hetg):
    _, events, truth = hetg
    for line in LINES:
        for part, limit in ((1, 0.005), (2, 0.010)):
            for order in (-1, 1):
                here = np.isclose(truth["energy"], HC / line) & (events["tg_part"] == part) & (events["tg_m"] == order)
                if here.sum() < 100:
                    continue
                off = float(np.median(events["tg_lam"][here])) - line
                print(f"{line} Å, part {part}, order {order:+d}: {here.sum()} events, {off:+.5f} Å")
                assert abs(off) < limit


def test_the_energy_tells_the_arms_apart_and_the_row_is_that_of_the_arm(hetg):
    _, events, truth = hetg
    sent = np.isin(truth["tg_part"], (1, 2))
    right = (events["tg_part"] == truth["tg_part"]) & (events["tg_m"] == truth["tg_m"])
    found = sent & np.isin(events["tg_part"], (1, 2))
    print(f"{sent.sum()} photons: {found[sent].mean():.4f} in an arm, of these {right[found].mean():.4f} right")
    assert found[sent].mean() > 0.97
    assert right[found].mean() > 0.98
    off = events["chipy_tg"][right & sent] - truth["y"][right & sent]
    print(f"rows: {off.mean():+.2f} ± {off.std():.2f} of the photons'")
    assert abs(np.median(off)) < 1.0
    assert off.std() < 3.0  # the width of the arms across
    assert (events["tg_d"] == 0).all()
    zero = truth["tg_part"] == 0
    assert (events["tg_part"][zero] == 0).mean() > 0.99
    of_zero = events["tg_part"] == 0
    assert np.array_equal(events["chipy_tg"][of_zero], events["chipy_zo"][of_zero])


def test_an_energy_that_no_order_has_is_of_no_arm_of_the_hetg_and_of_the_arm_of_the_letg():
    for grating, part in (("HETG", 99), ("LETG", 3)):
        where = light.dwell("ACIS-S", grating, 28101, 82.1872, -65.4487)
        events, truth = light.level1(where, light.lines(where, [6.648], 50, 1))
        events = light.clocked(where, events)
        events.columns["energy"][:] = 10.0
        region = source_region(4096.5, 4096.5, grating, "ACIS", where.roll)
        out = resolve_events(events, setup(events.header, (region,)))
        dispersed = truth["tg_part"] != 0
        assert (out["tg_part"][dispersed] == part).mean() > 0.95
        assert (out["tg_m"][dispersed] == 99).all()
        assert (out["tg_smap"][dispersed] == 1).mean() > 0.95


def test_columns_are_those_of_the_archives_lists_and_the_targets_row_is_needed():
    where = light.dwell("ACIS-S", "HETG", 28101, 82.1872, -65.4487)
    events = light.clocked(where, light.level1(where, light.lines(where, [6.648], 5, 1))[0])
    given = setup(events.header, (source_region(4096.5, 4096.5, "HETG", "ACIS", where.roll),))
    names = list(resolve_events(events, given).columns)
    assert names[names.index("chipy") :][:3] == ["chipy", "chipy_tg", "chipy_zo"]
    bare = Table("EVENTS", {n: c for n, c in events.columns.items() if n != "chipy_adj"}, events.header)
    with pytest.raises(BadData, match="no columns chipy_adj"):
        resolve_events(bare, given)
