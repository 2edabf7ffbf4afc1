"""Whatever stands in star images, gyro counts, star catalogues, parameters and ephemerides: right, said, or refused."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.instruments.geometry import quaternion_from_angles
from mta_assets.level1 import steps_aspect
from mta_assets.level1.aspect_gyro import MSIDS, angles
from mta_assets_tests.hostile import Damage, answer, damaged, faults
from mta_assets_tests.level1 import aspect_samples as sky

EVERY = settings(max_examples=80, deadline=None, derandomize=True)
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
OBSID, LENGTH = 28102, 120.0
REQUEST = Request("28102_000", "sdp", 1000.0, 1100.0, 2000.0, {}, OBSID, 0, "ACIS")
RIGHT = (3.0, 0.3, 0.3)  # [arcsec] of roll, pitch, yaw: two minutes with five stars, some of them left out
STAR, LIGHT = 3, 0  # slots of which images are damaged


@cache
def aspect() -> dict[str, list[Product]]:
    """What ``ASPECT`` reads of two minutes: three fid lights, five guide stars."""
    start = sky.interval(OBSID)[0]
    stop = start + LENGTH

    def cut(product: Product) -> Product:
        rows = tuple(t.where((t["TIME"] >= start) & (t["TIME"] < stop)) for t in product.tables)
        return replace(product, tables=rows, tstart=start, tstop=stop)

    images = sorted(sky.images(OBSID), key=lambda image: image.fields["slot"] not in (STAR, LIGHT))
    stars = sky.stars()
    parameters = sky.obspar(OBSID, tstop=repr(stop))
    return {
        "ACA_IMG0": [cut(image) for image in images],
        "PCAD_ENG0": [cut(sky.gyros(OBSID)[1])],
        "STARCAT": [Product("STARCAT", (stars.where(stars["obsid"] == OBSID),), start, stop)],
        "OBSPAR": [Product("OBSPAR", (parameters,), start, stop)],
    }


def solved(given_: dict[str, list[Product]]) -> tuple[dict[str, Table], list[str]]:
    """First tables by file id, and the words of the findings; where it is refused nothing."""
    made = answer(steps_aspect.ground, given_)
    tables = {one.file_id: one.tables[0] for one in made if isinstance(one, Product)}
    return tables, [str(text) for one in made if isinstance(one, Table) for text in one["detail"]]


def is_right(solution: Table) -> bool:
    off = np.abs(sky.from_truth(solution["time"], solution["q_att"])).max(axis=0)
    return bool((off < RIGHT).all() and np.abs(solution["dy"]).max() < 0.05 and np.abs(solution["dz"]).max() < 0.05)


@EVERY
@given(st.deferred(lambda: faults({name: products[:2] for name, products in aspect().items()})))
def test_an_attitude_is_right_or_there_is_none_and_a_finding(damage: list[Damage]) -> None:
    tables, findings = solved(damaged(aspect(), damage))
    if "ASOL" in tables:
        for name, values in tables["ASOL"].columns.items():
            assert name.endswith("_err") or np.isfinite(values).all(), name
        assert is_right(tables["ASOL"]) or findings
    elif tables:
        assert findings


def one(
    file_id: str, column: str, kind: Any, where: str = "column", number: int = 0
) -> tuple[dict[str, Table], list[str]]:
    return solved(damaged(aspect(), [Damage(file_id, number, 0, where, column, kind)]))


@pytest.mark.parametrize("kind", ["nan", "inf", "all nan", "huge", "all huge"])
@pytest.mark.parametrize("name", ["ra", "dec"])
def test_guide_stars_without_a_place_do_not_spoil_the_others(name: str, kind: str) -> None:
    tables, findings = one("STARCAT", name, kind)
    assert findings
    assert ("ASOL" in tables) != kind.startswith("all")
    assert "ASOL" not in tables or is_right(tables["ASOL"])


@pytest.mark.parametrize("kind", ["nan", "inf", "huge", "least", "zero", "one"])
@pytest.mark.parametrize("name", ["yang", "zang"])
def test_fid_lights_that_can_not_be_are_left_out_and_said(name: str, kind: str) -> None:
    tables, findings = one("STARCAT", name, kind)
    assert is_right(tables["ASOL"])
    assert any("fid light" in words for words in findings)
    assert kind != "zero" or np.isnan(tables["ASOL"]["dy_err"]).all()  # none of them fits: not known


@pytest.mark.parametrize("kind", ["nan", "all nan", "all huge", "zero", "inf", "missing"])
def test_images_without_a_temperature_take_that_of_the_others(kind: str) -> None:
    for number in (0, 1):
        tables, findings = one("ACA_IMG0", "TEMPHOUS", kind, number=number)
        assert is_right(tables["ASOL"])
        assert findings == []


def test_without_any_temperature_the_usual_one_is_taken_and_said() -> None:
    damage = [Damage("ACA_IMG0", n, 0, "column", "TEMPHOUS", "zero") for n in range(8)]
    tables, findings = solved(damaged(aspect(), damage))
    assert "ASOL" in tables
    assert [words.split(":")[0] for words in findings] == ["no image tells the temperature of the camera (TEMPHOUS)"]
    assert tables["ACACENT"].header["NOTEMP"][0] == 1


@pytest.mark.parametrize("kind", ["nan", "all nan", "huge", "all huge", "least", "zero"])
@pytest.mark.parametrize("name", ["IMGROW0", "IMGCOL0"])
def test_images_that_say_no_place_of_the_ccd_are_bad_ones(name: str, kind: str) -> None:
    for number in (0, 1):
        tables, _ = one("ACA_IMG0", name, kind, number=number)
        assert not tables or is_right(tables["ASOL"])  # numbers that are not whole are refused


@pytest.mark.parametrize("kind", ["huge", "least", "negative", "zero", "one", "masked"])
@pytest.mark.parametrize("name", MSIDS)
def test_spikes_of_a_gyro_are_left_out_and_said(name: str, kind: str) -> None:
    tables, findings = one("PCAD_ENG0", name, kind)
    if kind in ("huge", "least", "negative"):
        assert is_right(tables["ASOL"])
        assert findings == ["2 samples of the gyros (AOGYRCT1 … 4) are spikes of an axis and were left out"]
        assert tables["ASPQUAL"]["gyro_glitch"].any()


@pytest.mark.parametrize(("first", "length", "dropped"), [(3, 1, 1), (3, 8, 8), (3, 9, 0), (20, 10, 0)])
def test_a_spike_is_at_most_two_seconds_long(first: int, length: int, dropped: int) -> None:
    counts = np.zeros((30, 4), int)
    counts[first : first + length, 2] = 40_000  # wraps
    found = angles(np.arange(30.0), counts)
    assert (found.dropped, len(found.time)) == (dropped, 30 - dropped)
    assert found.glitch.any()
    assert np.abs(found.angle).max() == 0 or not dropped


@pytest.mark.parametrize("rows", ["one row", "no rows"])
def test_too_few_gyro_samples_are_said(rows: str) -> None:
    tables, findings = one("PCAD_ENG0", "", rows, where="rows")
    assert "ASOL" not in tables
    assert any("no attitude can be found" in words for words in findings)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("q_nom1", "7.5", "expected a quaternion of length one"),
        ("q_nom2", "words", "q_nom2 is 'words', expected a number"),
        ("tstop", "nan", "tstop is 'nan', expected a number"),
        ("obs_id", "words", "obs_id is 'words', expected a number"),
        ("obi_num", "", "obi_num not given"),
    ],
)
def test_parameters_that_can_not_be_are_refused_with_their_name(name: str, value: str, words: str) -> None:
    given_ = damaged(aspect(), [Damage("OBSPAR", 0, 0, "parameter", name, value)])
    with pytest.raises(BadData, match=words):
        list(steps_aspect.ground(*given_.values()))


def ephemeris(body: str, distance: float) -> Product:
    time = 700.0 + 100.0 * np.arange(8)
    turn, zero = time / 1e4, np.zeros(8)
    columns = {
        "Time": time, "X": distance * np.cos(turn), "Y": distance * np.sin(turn), "Z": zero,
        "Vx": -distance / 1e4 * np.sin(turn), "Vy": distance / 1e4 * np.cos(turn), "Vz": zero.copy(),
    }  # fmt: skip
    return Product(f"{body}_EPH1", (Table(f"{body}EPHEM", columns),), 700.0, 1400.0)


@cache
def orbit() -> dict[str, list[Product]]:
    time = 1000.0 + 10.0 * np.arange(12)
    place = {name: np.full(12, value) for name, value in (("ra", 10.0), ("dec", 20.0), ("roll", 0.0))}
    columns = {"time": time, **place, "q_att": quaternion_from_angles(*place.values())}
    bodies = (("ORBIT", 1e8), ("SOLAR", 1.5e11), ("LUNAR", 4e8))
    solution = Product("ASOL", (Table("ASPSOL", columns),), 1000.0, 1110.0)
    return {"ASOL": [solution], **{f"{body}_EPH1": [ephemeris(body, distance)] for body, distance in bodies}}


@EVERY
@given(st.deferred(lambda: faults(orbit())))
def test_angles_are_numbers_or_the_ephemeris_is_refused(damage: list[Damage]) -> None:
    for made in answer(steps_aspect.angles, damaged(orbit(), damage), REQUEST):
        assert isinstance(made, Product)
        for name, values in made.tables[0].columns.items():
            assert np.isfinite(values).all(), name


@pytest.mark.parametrize("body", ["ORBIT", "SOLAR", "LUNAR"])
@pytest.mark.parametrize(
    ("kind", "words"), [("all nan", "no numbers between 1000"), ("all huge", "from the middle of")]
)
def test_an_ephemeris_that_can_not_be_is_refused_with_its_name(body: str, kind: str, words: str) -> None:
    given_ = damaged(orbit(), [Damage(f"{body}_EPH1", 0, 0, "column", "X", kind)])
    with pytest.raises(BadData, match=f"ephemeri.*{words}"):
        steps_aspect.angles(*given_.values(), REQUEST)  # type: ignore[arg-type]


def test_a_row_without_a_time_or_far_away_that_is_no_number_does_no_harm() -> None:
    given_ = orbit()
    plain = steps_aspect.angles(*given_.values(), REQUEST).tables[0]  # type: ignore[arg-type]
    table = given_["ORBIT_EPH1"][0].tables[0]
    time, x = table["Time"].copy(), table["X"].copy()
    time[0], x[-1] = np.nan, np.nan
    spoilt = replace(given_["ORBIT_EPH1"][0], tables=(replace(table, columns={**table.columns, "Time": time, "X": x}),))
    made = steps_aspect.angles(*{**given_, "ORBIT_EPH1": [spoilt]}.values(), REQUEST).tables[0]  # type: ignore[arg-type]
    for name in plain.columns:
        np.testing.assert_array_equal(made[name], plain[name])
