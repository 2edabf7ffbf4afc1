"""Wavelengths of injected lines, from photons that the simulator sent through mirror and gratings."""

import numpy as np
import pytest

from mta_assets.instruments.gratings import arms
from mta_assets.level15.gratings import resolve_events
from mta_assets.level15.regions import source_region
from mta_assets.level15.setup import setup
from mta_assets.level15.zero_order import find_zero_order
from mta_assets_tests.level15 import light

LINES = [1.85, 4.73, 6.648, 8.421, 12.132]  # [Å]: Fe XXV, S XVI, Si XIII, Mg XII, Ne X


def resolved(where, photons, detector, grating, wanted=None):
    events, truth = light.level1(where, *photons)
    centre = {"ACIS": 4096.5, "HRC-S": 32768.5}[detector]
    found = find_zero_order(events, arms(grating, detector), detector, where.roll, (centre + 30, centre - 20))
    region = source_region(found.x, found.y, grating, detector, where.roll)
    return found, resolve_events(events, setup(events.header, (region,))), truth


@pytest.fixture(scope="module")
def hetg():
    where = light.dwell("ACIS-S", "HETG", 28101, 82.1872, -65.4487)
    return resolved(where, [light.lines(where, LINES, 1500, 1), light.background(where, 20_000, 2)], "ACIS", "HETG")


def test_the_zero_order_of_a_simulated_source_is_where_it_was_put(hetg):
    found, _, _ = hetg
    print(found)
    assert abs(found.x - 4096.5) < 0.05
    assert abs(found.y - 4096.5) < 0.05
    assert {"centroid", "HEG", "MEG"} <= set(found.used)


@pytest.mark.parametrize("line", LINES)
def test_injected_lines_come_out_at_their_wavelengths(hetg, line):
    _, events, truth = hetg
    of_line = np.isclose(truth["energy"], 12398.419843 / line)
    for part, limit in ((1, 0.005), (2, 0.010)):
        for order in (-1, 1):
            here = of_line & (events["tg_part"] == part) & (events["tg_m"] == order)
            if here.sum() < 100:  # beyond the last chip
                continue
            off = float(np.median(events["tg_lam"][here])) - line
            print(f"{line} Å, part {part}, order {order:+d}: {here.sum()} events, {off:+.5f} Å")
            assert abs(off) < limit


def test_photons_are_assigned_to_the_arm_and_order_that_they_went_to(hetg):
    _, events, truth = hetg
    sent = np.isin(truth["tg_part"], (1, 2))
    dispersed = sent & np.isin(events["tg_part"], (1, 2))
    right = (events["tg_part"] == truth["tg_part"]) & (events["tg_m"] == truth["tg_m"])
    print(f"{sent.sum()} photons, arm and order right of {right[dispersed].mean():.4f} of {dispersed.sum()} in an arm")
    assert dispersed[sent].mean() > 0.97
    assert right[dispersed].mean() > 0.98
    zero = truth["tg_part"] == 0
    assert np.mean(events["tg_part"][zero & (truth["energy"] > 0)] == 0) > 0.98


def test_lines_of_the_simulated_sky_come_out_at_their_wavelengths():
    where = light.dwell("ACIS-S", "HETG", 28101, 82.1872, -65.4487, roll=301.0)
    _, events, truth = resolved(where, [light.sky_photons(where, 3000.0, 3)], "ACIS", "HETG")
    for energy in (1.0218, 1.3523, 1.8650):  # the strongest that the HEG sees
        here = np.isclose(truth["energy"], energy * 1000) & (events["tg_part"] == 1) & (np.abs(events["tg_m"]) == 1)
        off = float(np.median(events["tg_lam"][here])) - 12.398419843 / energy
        print(f"{energy} keV: {here.sum()} events, {off:+.5f} Å")
        assert here.sum() > 50
        assert abs(off) < 0.005


def test_lines_of_the_letg_come_out_on_the_three_segments_of_the_hrc():
    where = light.dwell("HRC-S", "LETG", 28103, 225.54, 66.2)
    _, events, truth = resolved(where, [light.lines(where, [13.45, 44.7, 101.5], 1000, 5)], "HRC-S", "LETG")
    for line in (13.45, 44.7, 101.5):
        for order in (-1, 1):
            here = np.isclose(truth["energy"], 12398.419843 / line) & (events["tg_m"] == order)
            off = float(np.median(events["tg_lam"][here])) - line
            print(f"{line} Å, order {order:+d}: {here.sum()} events, {off:+.5f} Å")
            assert here.sum() > 900
            assert abs(off) < 0.01
