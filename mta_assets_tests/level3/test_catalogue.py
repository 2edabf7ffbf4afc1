"""Offsets and the catalogue on skies whose sources and shifts are known."""

import numpy as np
import pytest

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Table
from mta_assets.level3.astrometry import Positions, fit_offset, tangent, untangent
from mta_assets.level3.catalogue import catalogue, catalogue_product, source_name
from mta_assets.level3.identify import Observation
from mta_assets.level3.merge import chi_chance

CENTRE = (266.4, -29.0)


def seen(rng, x, y, shift=(0.0, 0.0), turn=0.0, error=0.1):
    """Places [deg] of sources at x, y [arcsec], moved the opposite way that an offset has to bring them back."""
    angle = np.radians(turn)
    east, north = x - shift[0], y - shift[1]
    back = east * np.cos(angle) - north * np.sin(angle), north * np.cos(angle) + east * np.sin(angle)
    return untangent(back[0] + rng.normal(0, error, len(x)), back[1] + rng.normal(0, error, len(x)), CENTRE)


def positions(place, error=0.1):
    return Positions(place[0], place[1], np.full(len(place[0]), error))


def test_the_tangent_plane_and_back():
    x, y = np.array([0.0, 500.0, -30.0]), np.array([0.0, -200.0, 1.0])
    for centre in (CENTRE, (0.0, 90.0), (359.9, 0.0)):
        np.testing.assert_allclose(tangent(*untangent(x, y, centre), centre), [x, y], atol=1e-6)
    ra, dec = untangent(np.array([3600.0]), np.array([0.0]), (10.0, 60.0))
    assert ra[0] > 11.9  # east is where right ascension grows
    assert dec[0] < 60


def test_a_shift_and_a_turn_are_recovered_within_their_errors_in_spite_of_wrong_pairs():
    pulls = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        x, y = rng.uniform(-300, 300, (2, 40))
        reference = positions(untangent(x, y, CENTRE))
        here = [np.concatenate(c) for c in zip(seen(rng, x, y, (0.6, -0.4), 0.02), untangent(
            x[:6] + 1.2, y[:6] + 0.9, CENTRE), strict=True)]  # fmt: skip
        here[0][:5] = here[0][:5] + 0.0004  # five wrong places, 1.3 arcsec off
        found = fit_offset(positions(here), Positions(reference.ra, reference.dec, np.full(40, 1e-6)))
        assert 30 <= found.matches <= 36
        dx, dy = tangent(*found.apply(here[0][5:40], here[1][5:40]), CENTRE) - np.array([x[5:], y[5:]])
        assert np.hypot(dx, dy).mean() < 0.2
        at = tangent(np.array([found.centre[0]]), np.array([found.centre[1]]), CENTRE)
        turned = np.radians(0.02)
        pulls.append([(found.east - 0.6 - turned * at[1][0]) / found.east_error,
                      (found.north + 0.4 + turned * at[0][0]) / found.north_error,
                      (found.turn - 0.02) / found.turn_error])  # fmt: skip
    scatter = np.std(pulls, axis=0)
    print(f"pulls of east, north, turn: mean {np.mean(pulls, axis=0)}, scatter {scatter}")
    assert ((scatter > 0.6) & (scatter < 1.4)).all()
    assert (np.abs(np.mean(pulls, axis=0)) < 0.6).all()


def test_one_match_gives_a_shift_and_no_turn_and_none_gives_nothing():
    rng = np.random.default_rng(0)
    one = np.array([5.0]), np.array([7.0])
    found = fit_offset(positions(seen(rng, *one, (0.5, 0.2), error=0)), positions(untangent(*one, CENTRE)))
    assert (found.east, found.north) == pytest.approx((0.5, 0.2), abs=1e-4)  # north differs by 2e-5 between the centres
    assert (found.turn, found.turn_error, found.matches) == (0, 0, 1)
    assert fit_offset(positions(seen(rng, *one, (5.0, 0.0))), positions(untangent(*one, CENTRE))) is None
    assert fit_offset(positions(untangent(*one, CENTRE)), positions((np.zeros(0), np.zeros(0)))) is None
    with pytest.raises(BadData, match="position error"):
        fit_offset(positions(seen(rng, *one), 0.0), positions(untangent(*one, CENTRE), 0.0))


def source_table(ra, dec, error=0.1, rate=None, rate_error=None):
    number = len(ra)
    return Table("SRCLIST", {
        "RA": np.asarray(ra), "DEC": np.asarray(dec), "RA_ERR": error / 3600 / np.cos(np.radians(np.asarray(dec))),
        "DEC_ERR": np.full(number, error / 3600), "NET_RATE": np.full(number, 0.01) if rate is None else rate,
        "NET_RATE_ERR": np.full(number, 0.001) if rate_error is None else rate_error,
        "SIGNIFICANCE": np.full(number, 10.0), "COMPONENT": np.arange(1, number + 1),
    })  # fmt: skip


def field(seed=3, observations=8, sources=50):
    """Observations with their own shifts, of which each sees most of the sources; one of them varies."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-300, 300, (2, sources))
    shifts = rng.normal(0, 0.37, (observations, 2))
    shifts[0] = 0
    made = []
    for n in range(observations):
        here = rng.random(sources) < (1.0 if n == 0 else 0.8)
        rate = 0.01 + rng.normal(0, 0.001, sources)
        rate[7] += 0.01 * (n % 2)
        place = seen(rng, x[here], y[here], tuple(shifts[n]))
        made.append(Observation(f"{n:05d}", 1e8 * n, source_table(*place, rate=rate[here]), (*CENTRE, 600.0)))
    return x, y, shifts, made


def test_every_source_is_one_row_at_its_place_with_all_its_detections():
    x, y, shifts, made = field()
    sources, detections, offsets = catalogue(made)
    assert len(sources) == len(x)
    at = tangent(sources["RA"], sources["DEC"], CENTRE)
    nearest = np.hypot(at[0][:, None] - x, at[1][:, None] - y).argmin(axis=1)
    assert sorted(nearest.tolist()) == list(range(50))
    away = np.hypot(at[0] - x[nearest], at[1] - y[nearest])
    print(f"places: rms {np.sqrt(np.mean(away**2)):.3f} arcsec, greatest {away.max():.3f}")
    assert np.sqrt(np.mean(away**2) / 2) < 0.1  # better than one detection's 0.1
    assert sources["NDET"].sum() == len(detections) == sum(len(o.sources) for o in made)
    assert (sources["NOBS"] == 8).all()
    assert (np.abs(offsets["EAST"][1:] - shifts[1:, 0]) < 4 * offsets["EAST_ERR"][1:]).all()
    assert (np.abs(offsets["NORTH"][1:] - shifts[1:, 1]) < 4 * offsets["NORTH_ERR"][1:]).all()
    freedom = 2 * (sources["NDET"] - 1)
    assert 0.7 < sources["POS_CHI2"].sum() / freedom.sum() < 1.2
    variable = nearest[sources["VARIABLE"]]
    assert 7 in variable
    assert len(variable) <= 3
    assert detections["SOURCE_ID"].tolist() == sorted(detections["SOURCE_ID"].tolist())


def test_the_order_of_the_observations_makes_no_difference():
    _, _, _, made = field(4, 4, 20)
    first, again = catalogue(made)[0], catalogue(made[::-1])[0]
    np.testing.assert_allclose(first["RA"], again["RA"], rtol=0, atol=1e-12)
    assert first["NDET"].tolist() == again["NDET"].tolist()


def test_observations_that_can_not_be_tied_keep_their_places_with_the_error_of_the_pointing():
    ra, dec = untangent(np.array([0.0]), np.array([0.0]), CENTRE)
    away = untangent(np.array([0.6]), np.array([0.0]), CENTRE)
    sources, detections, offsets = catalogue(
        [Observation("1", 0.0, source_table(ra, dec)), Observation("2", 1.0, source_table(*away))]
    )
    assert sources["NDET"].tolist() == [2]
    assert offsets["MATCHES"].tolist() == [0, 0]
    assert detections["POS_ERR"].tolist() == pytest.approx([np.hypot(0.1, 1.1 / 2.146)] * 2)
    assert detections["RA"].tolist() == [ra[0], away[0][0]]


def test_two_sources_of_one_observation_never_become_one():
    ra, dec = untangent(np.array([0.0, 0.2]), np.array([0.0, 0.0]), CENTRE)
    sources, _, _ = catalogue(
        [Observation("1", 0.0, source_table(ra, dec)), Observation("2", 1.0, source_table(ra[:1], dec[:1]))]
    )
    assert sorted(sources["NDET"].tolist()) == [1, 2]


def test_empty_lists_make_an_empty_catalogue_and_no_observation_or_one_twice_none():
    empty = source_table(np.zeros(0), np.zeros(0))
    sources, detections, offsets = catalogue([Observation("1", 0.0, empty), Observation("2", 1.0, empty)])
    assert (len(sources), len(detections), len(offsets)) == (0, 0, 2)
    with pytest.raises(BadData, match="each once"):
        catalogue([])
    with pytest.raises(BadData, match="each once"):
        catalogue([Observation("1", 0.0, empty)] * 2)
    bad = source_table(np.array([np.nan]), np.array([1.0]))
    with pytest.raises(BadData, match="no number"):
        catalogue([Observation("1", 0.0, bad), Observation("2", 0.0, bad)])


def test_names_are_cut_and_not_rounded():
    assert source_name(266.41683, -29.00781) == "MTA J174540.0-290028"
    assert source_name(359.99999, 0.00001) == "MTA J235959.9+000000"
    assert source_name(0.0, -0.5) == "MTA J000000.0-003000"


def test_the_chance_of_chi_squared_is_that_of_the_tables():
    # 5 % points (Abramowitz & Stegun, table 26.8)
    points, freedom = [3.84146, 5.99146, 7.81473, 18.3070, 124.342], [1, 2, 3, 10, 100]
    assert chi_chance(np.array(points), np.array(freedom)).tolist() == pytest.approx([0.05] * 5, rel=1e-4)
    assert chi_chance(np.array([233.994, 5.0]), np.array([200, 0])).tolist() == pytest.approx([0.05, 1.0], rel=1e-3)
    assert chi_chance(np.array([250.0]), np.array([201]))[0] == pytest.approx(
        chi_chance(np.array([250.0]), np.array([200]))[0], rel=0.15)  # fmt: skip


def test_the_catalogue_as_a_product_names_its_tables():
    made = catalogue_product(field(5, 2, 10)[3], "SRC3")
    assert [table.name for table in made.tables] == ["SOURCES", "DETECTIONS", "OFFSETS"]
    assert (made.tstart, made.tstop) == (0.0, 1e8)
