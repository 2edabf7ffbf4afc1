"""Finding the zero order: faint, bright, piled up, blocked out, absent."""

import numpy as np
import pytest

from mta_assets.core import stored
from mta_assets.core.errors import BadData
from mta_assets.core.tables import Table
from mta_assets.instruments.geometry import ARCSEC, FOCAL_LENGTH, INSTRUMENTS, chips
from mta_assets.instruments.gratings import HC, arms, sky_angle
from mta_assets.level15 import zero_order

ROLL = 37.0
TRUE = (4110.3, 4082.7)
HETG = arms("HETG", "ACIS")
taken = zero_order._kept
rng = np.random.default_rng(4)
FIRST = rng.bit_generator.state


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Every test has the same random numbers, whichever ran before it."""
    rng.bit_generator.state = FIRST


def cloud(count, scale=0.8):
    return TRUE + rng.standard_normal((count, 2)) * scale


def line(angle, count, spread=0.9, reach=900.0):
    along, across = rng.uniform(-reach, reach, count), rng.standard_normal(count) * spread
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return TRUE + np.stack([along * cosine - across * sine, along * sine + across * cosine], axis=1)


def streak(count):
    step = chips("ACIS")[7].step_y
    return line(sky_angle(ROLL, np.degrees(np.arctan2(step[2], step[1]))), count, reach=500.0)


def field(count):
    return rng.uniform(3600, 4600, (count, 2))


def table(*parts):
    x, y = np.concatenate(parts).T.astype(np.float32)
    return Table("EVENTS", {"x": x, "y": y, "ccd_id": np.full(len(x), 7, np.int16)})


def find(*parts, expected=(4096.5, 4096.5)):
    return zero_order.find_zero_order(table(*parts), HETG, "ACIS", ROLL, expected)


def off(found):
    return np.hypot(found.x - TRUE[0], found.y - TRUE[1])


def crossing_lines(count):
    return [line(sky_angle(ROLL, arm.angle), count, reach=1500.0) for arm in HETG]


def test_a_faint_source_is_found_by_its_image():
    found = find(cloud(100), field(2000))
    assert found.used == ("centroid",)
    assert off(found) < 4 * found.x_error < 0.5
    assert not found.piled


def test_a_bright_source_is_found_to_hundredths_of_a_pixel():
    found = find(cloud(20_000), field(2000), streak(600), *crossing_lines(3000))
    assert set(found.used) == {"centroid", "streak", "HEG", "MEG"}
    assert off(found) < 0.05


def test_a_piled_up_core_is_found_from_ring_streak_and_arms():
    ring = cloud(20_000, 2.2)
    ring = ring[np.hypot(*(ring - TRUE).T) > 1.6]
    found = find(ring, field(2000), streak(600), *crossing_lines(3000))
    assert found.piled
    assert off(found) < 0.1


def test_a_core_that_was_blocked_out_is_found_from_streak_and_arms():
    away = [part[np.hypot(*(part - TRUE).T) > 30] for part in (streak(1500), *crossing_lines(4000))]
    found = find(field(3000), *away)
    assert {"streak", "HEG", "MEG"} <= set(found.used)
    assert off(found) < 0.3


def test_arms_are_used_with_the_energy_where_there_is_one():
    made = table(cloud(200), field(100), *crossing_lines(2000))
    # no event has the energy of its place on an arm: none is of a first order
    made = Table("EVENTS", made.columns | {"energy": np.full(len(made), 1e5, np.float32)})
    found = zero_order.find_zero_order(made, HETG, "ACIS", ROLL, (4096.5, 4096.5))
    assert found.used == ("centroid",)


@pytest.mark.parametrize("parts", [(np.zeros((0, 2)),), (np.full((5, 2), np.nan),)])
def test_without_a_source_the_message_says_what_to_do(parts):
    with pytest.raises(BadData, match=r"zero_order = x, y"):
        find(*parts)


def test_an_even_field_has_no_zero_order():
    with pytest.raises(BadData, match="no zero order"):
        find(field(3000))


def test_a_source_beyond_the_search_is_not_taken():
    with pytest.raises(BadData, match="no zero order"):
        find(cloud(500), field(100), expected=(4400.0, 4400.0))


def far(count, reach=1.0):
    """Events of another source, beyond the search and all strips."""
    return (TRUE[0] + 590 * reach, TRUE[1] + 320 * reach) + rng.standard_normal((count, 2)) * 20


def bright():
    return cloud(4000), field(4000), streak(1500), *crossing_lines(3000)


def test_a_faint_source_in_a_long_list_is_found_with_all_its_counts(monkeypatch):
    source, others = cloud(28, 0.5), far(20_000)
    alone = find(source)
    assert alone.counts == 28
    monkeypatch.setattr(zero_order, "MOST_EVENTS", 1000)
    monkeypatch.setattr(stored, "ROWS", 700)
    assert find(others, source) == alone


@pytest.mark.parametrize("energy", [False, True])
@pytest.mark.parametrize(("detector", "reach"), [("ACIS", 1.0), ("HRC-S", 6.0)])
def test_of_a_long_list_all_that_counts_is_kept(monkeypatch, detector, reach, energy):
    made = table(*bright(), far(20_000, reach))
    if energy:
        distance = np.hypot(made["x"] - TRUE[0], made["y"] - TRUE[1]) * INSTRUMENTS[detector].det_pixel / ARCSEC
        first = HC * HETG[1].rowland / HETG[1].period / ARCSEC / FOCAL_LENGTH / np.maximum(distance, 1)
        made = Table("EVENTS", made.columns | {"energy": first.astype(np.float32)})
    whole = zero_order.find_zero_order(made, HETG, detector, ROLL, (4096.5, 4096.5))
    assert {"centroid", "MEG"} <= set(whole.used)
    kept = []
    monkeypatch.setattr(zero_order, "_kept", lambda *given: kept.append(taken(*given)) or kept[-1])
    monkeypatch.setattr(zero_order, "MOST_EVENTS", 20_000)
    monkeypatch.setattr(stored, "ROWS", 3000)
    assert zero_order.find_zero_order(made, HETG, detector, ROLL, (4096.5, 4096.5)) == whole
    assert [weight for _, weight in kept] == [1.0, 1.0]
    assert all(len(part) < 16_000 for part, _ in kept)


def test_a_core_that_was_blocked_out_is_found_in_a_long_list_too(monkeypatch):
    away = [part[np.hypot(*(part - TRUE).T) > 30] for part in (streak(1500), *crossing_lines(4000))]
    parts = (field(3000), *away, far(20_000))
    whole = find(*parts)
    monkeypatch.setattr(zero_order, "MOST_EVENTS", 20_000)
    assert find(*parts) == whole


def test_of_too_many_events_that_count_some_are_taken_and_the_counts_are_those_of_all(monkeypatch):
    parts = bright()
    whole = find(*parts)
    monkeypatch.setattr(zero_order, "MOST_EVENTS", 3000)
    monkeypatch.setattr(stored, "ROWS", 700)
    kept = []
    monkeypatch.setattr(zero_order, "_kept", lambda *given: kept.append(taken(*given)) or kept[-1])
    found = find(*(rng.permutation(part) for part in parts))
    assert all(weight > 1 and 1500 <= len(part) <= 3000 for part, weight in kept)
    weight = kept[0][1]
    assert abs(found.counts - whole.counts) < 3 * np.sqrt(weight * whole.counts)
    assert found.x_error == pytest.approx(whole.x_error, rel=0.1)
    assert found.used == whole.used
    assert off(found) < 0.1


@pytest.mark.parametrize("most", [2_000_000, 20_000])
def test_fluctuations_of_a_dense_field_are_no_zero_order(monkeypatch, most):
    monkeypatch.setattr(zero_order, "MOST_EVENTS", most)
    with pytest.raises(BadData, match="no zero order"):
        find(rng.uniform(3900, 4300, (1_000_000, 2)))


def test_the_table_has_a_row_for_each_source():
    found = find(cloud(1000), field(200))
    made = zero_order.zero_order_table([found, found])
    assert made["COMPONENT"].tolist() == [1, 2]
    assert made["X"][0] == found.x
    assert made["METHOD"][1] == "centroid"
