"""Bad input of the science pipelines: a finding and a flag, or a refusal; nothing invented, nothing lost.

Each fault is put into the real inputs of a real pipeline of the registry (docs/observations.md has the table of cases).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mta_assets.archive.products import read_fits, write_fits
from mta_assets.core.errors import BadData
from mta_assets.core.gti import gtis_of
from mta_assets.core.headers import keyword
from mta_assets.core.intervals import intersect, total
from mta_assets.core.tables import Product, Table, image
from mta_assets.level1.acis_columns import BAD_POSITION, BIAS_UNKNOWN, status_number
from mta_assets.pipelines.delivery import deliver, withdraw
from mta_assets.pipelines.platform import Platform
from mta_assets.settings import Settings
from mta_assets_tests.pipelines.bad_inputs import (
    CREATED,
    Run,
    column,
    inputs,
    parameter,
    rows,
    run,
    table_of,
    unit,
    without,
)
from mta_assets_tests.pipelines.observed import ACIS, HRC, Science

GAP = (400.0, 500.0)  # [s] after the start of the observation
SAMPLE = 0.26  # [s] of the solution
LEVEL1 = {ACIS: ("ACIS_L1", "ACIS_EVT1"), HRC: ("HRC_L1", "HRC_EVT1")}
LEVEL2 = {ACIS: ("ACIS_L2", "ACIS_EVT1", "ACIS_EVT2"), HRC: ("HRC_L2", "HRC_EVT1", "HRC_EVT2")}


def start(science: Science, key: str) -> float:
    entry = science.platform.catalog.obi(key)
    assert entry is not None
    return entry.tstart


def stored(science: Science, file_id: str, key: str) -> Product:
    (entry,) = science.platform.catalog.products(file_id=file_id, partition=key, stream="sdp")
    return read_fits(Path(entry.path), file_id)


def good_times(product: Product) -> dict[int | None, np.ndarray]:
    return dict(gtis_of(product.tables))


def same_rows(found: Table, whole: Table) -> None:
    """Nothing lost, nothing added: the same events at the same pixels in the same order."""
    for name in ("chipx", "chipy", "pha"):
        assert np.array_equal(found[name], whole[name])


# ---- the aspect


@pytest.mark.parametrize("key", [ACIS, HRC])
def test_a_gap_of_the_aspect_leaves_no_place_and_no_good_time_and_is_a_finding(
    science: Science, tmp_path: Path, key: str
) -> None:
    first, last = (start(science, key) + at for at in GAP)
    cut = rows("ASPSOL", lambda t: (t["time"] < first) | (t["time"] > last))
    pipe_id, file_id = LEVEL1[key]
    files = {}
    if key == HRC:
        flt = run(science, tmp_path, "HRC_GOODTIME", key, {"ASOL": cut})
        files = {"HRC_FLT1": [flt.path("HRC_FLT1")]}
    made = run(science, tmp_path, pipe_id, key, {"ASOL": cut}, files)
    assert (made.outcome, made.kinds) == ("done", ["aspect_gap", "no_aspect"])
    assert "1 gaps of the aspect" in made.detail("aspect_gap")
    assert "deliver an asol1 that covers them" in made.detail("aspect_gap")
    evt1, whole = made.product(file_id), stored(science, file_id, key)
    found, expected = evt1.table("EVENTS"), whole.table("EVENTS")
    same_rows(found, expected)
    inside = (found["time"] > first) & (found["time"] < last)
    assert np.isnan(found["x"])[inside].all()
    assert inside.sum() > 100
    beside = (found["time"] < first - SAMPLE) | (found["time"] > last + SAMPLE)
    assert np.array_equal(found["x"][beside], expected["x"][beside])
    for good in good_times(evt1).values():
        assert total(intersect(good, [(first + 0.5, last - 0.5)])) == 0
        assert total(good) > 100
    level2, given, evt2 = LEVEL2[key]
    files = {given: [made.path(file_id)]} | ({"HRC_FLT1": files["HRC_FLT1"]} if key == HRC else {})
    kept = run(science, tmp_path, level2, key, {f"{given}A": None}, files).product(evt2).table("EVENTS")
    assert not ((kept["time"] > first + 0.5) & (kept["time"] < last - 0.5)).any()
    assert np.isfinite(kept["x"]).all()


@pytest.mark.parametrize("key", [ACIS, HRC])
def test_without_any_aspect_events_are_kept_without_place_and_no_time_is_good(
    science: Science, tmp_path: Path, key: str
) -> None:
    none = {"ASOL": None, "ASPSOL_OBC": None}
    files = {}
    if key == HRC:
        flt = run(science, tmp_path, "HRC_GOODTIME", key, none)
        files = {"HRC_FLT1": [flt.path("HRC_FLT1")]}
    made = run(science, tmp_path, LEVEL1[key][0], key, none, files)
    assert made.outcome == "done", made.message
    assert made.kinds == ["no_aspect", "no_aspect"]
    evt1 = made.product(LEVEL1[key][1])
    found = evt1.table("EVENTS")
    same_rows(found, stored(science, LEVEL1[key][1], key).table("EVENTS"))
    assert np.isnan(found["x"]).all()
    assert np.isnan(found["y"]).all()
    assert np.isfinite(found["detx"]).all()
    assert evt1.header["ASPTYPE"][0] == "NONE"
    assert all(total(good) == 0 for good in good_times(evt1).values())
    pipe_id, given, _ = LEVEL2[key]
    files = {given: [made.path(LEVEL1[key][1])]} | ({"HRC_FLT1": files["HRC_FLT1"]} if key == HRC else {})
    after = run(science, tmp_path, pipe_id, key, {f"{given}A": None}, files)
    assert after.outcome == "bad data"
    assert "no good time in any chip" in after.message


@pytest.mark.parametrize("key", [ACIS, HRC])
@pytest.mark.parametrize("name", ["q_att", "ra"])
def test_rows_of_the_aspect_that_are_no_numbers_are_left_out_and_said(
    science: Science, tmp_path: Path, key: str, name: str
) -> None:
    def broken(values: np.ndarray) -> np.ndarray:
        values[1000:1004] = np.nan  # a second: less than a gap
        return values

    made = run(science, tmp_path, LEVEL1[key][0], key, {"ASOL": column("ASPSOL", name, broken)})
    assert (made.outcome, made.kinds) == ("done", ["aspect_rows"])
    assert "4 rows of the aspect solution are no attitude" in made.detail("aspect_rows")
    found, expected = (p.table("EVENTS") for p in (made.product(LEVEL1[key][1]), stored(science, LEVEL1[key][1], key)))
    same_rows(found, expected)
    assert np.nanmax(np.abs(found["x"] - expected["x"])) < 0.2  # [pixel] between the neighbours, nothing else


def test_solutions_are_compared_where_both_hold_an_attitude(science: Science, tmp_path: Path) -> None:
    def broken(values: np.ndarray) -> np.ndarray:
        values[100:104] = np.inf
        return values

    made = run(science, tmp_path, "ASPDIFF", ACIS, {"ASPSOL_OBC": column("ASPSOL", "q_att", broken)})
    assert (made.outcome, made.kinds) == ("done", ["aspect_rows"]), made.message
    assert "4 rows of ASPSOL_OBC are no attitude" in made.detail("aspect_rows")
    found, whole = (p.table("ASPDIFF") for p in (made.product("ASPDIFF"), stored(science, "ASPDIFF", ACIS)))
    assert len(whole) - 4 <= len(found) <= len(whole)
    assert all(np.isfinite(found[name]).all() for name in ("roll", "pitch", "yaw"))


@pytest.mark.parametrize("stream", ["sdp", "sap"])
def test_rows_of_the_on_board_computer_that_are_no_attitude_are_left_out_and_said(
    science: Science, tmp_path: Path, stream: str
) -> None:
    def broken(values: np.ndarray) -> np.ndarray:
        values[::7] = 0.0
        return values

    made = run(science, tmp_path, "ASPECT_OBC", ACIS, {"OSOL": column("ASPSOL", "q_att", broken)}, stream=stream)
    assert (made.outcome, made.kinds) == ("done", ["aspect_rows"]), made.message
    found, whole = (p.table("ASPSOL") for p in (made.product("ASPSOL_OBC"), stored(science, "ASPSOL_OBC", ACIS)))
    assert 0 < keyword(found.header, "NUMLOST") == len(whole) - len(found)
    assert np.isin(found["time"], whole["time"]).all()
    with pytest.raises(BadData, match="roll: is in 'rad', expected 'deg': not as a OSOL is; make or deliver it again"):
        run(science, tmp_path, "ASPECT_OBC", ACIS, {"OSOL": unit("ASPSOL", "roll", "rad")}, stream=stream)


@pytest.mark.parametrize("key", [ACIS, HRC])
def test_an_aspect_out_of_order_gives_the_same_events(science: Science, tmp_path: Path, key: str) -> None:
    made = run(science, tmp_path, LEVEL1[key][0], key, {"ASOL": rows("ASPSOL", lambda t: slice(None, None, -1))})
    assert (made.outcome, made.kinds) == ("done", [])
    found, expected = (p.table("EVENTS") for p in (made.product(LEVEL1[key][1]), stored(science, LEVEL1[key][1], key)))
    assert np.array_equal(found["x"], expected["x"], equal_nan=True)


def test_without_guide_stars_there_is_no_solution_but_a_red_finding(science: Science, tmp_path: Path) -> None:
    fids = rows("STARCAT", lambda t: np.char.startswith(t["type"].astype(str), "FID"))
    made = run(science, tmp_path, "ASPECT", ACIS, {"STARCAT": fids})
    assert made.outcome == "done", made.message
    assert "ASOL" not in [written.file_id for written in made.result.products]
    assert made.result.findings is not None
    assert "red" in made.result.findings["severity"].tolist()


# ---- the events


@pytest.mark.parametrize(("key", "evt0"), [(ACIS, "ACIS_EVT0"), (HRC, "HRC_EVT0")])
def test_lists_without_a_row_go_all_the_way_and_say_so(science: Science, tmp_path: Path, key: str, evt0: str) -> None:
    instrument = evt0[:-5]
    level1 = run(science, tmp_path, f"{instrument}_L1", key, {evt0: rows("EVENTS", lambda t: slice(0, 0))})
    assert (level1.outcome, level1.kinds) == ("done", ["no_events"])
    evt1, whole = level1.product(f"{instrument}_EVT1"), stored(science, f"{instrument}_EVT1", key)
    assert len(evt1.table("EVENTS")) == 0
    assert list(evt1.table("EVENTS").columns) == list(whole.table("EVENTS").columns)
    assert {c: g.tolist() for c, g in good_times(evt1).items()} == {c: g.tolist() for c, g in good_times(whole).items()}
    files = {f"{instrument}_EVT1": [level1.path(f"{instrument}_EVT1")]}
    if key == ACIS:
        gratings = run(science, tmp_path, "ACIS_GRATINGS", key, files=files)
        assert (gratings.kinds, gratings.result.products) == (["no_zero_order"], ())
    level2 = run(science, tmp_path, f"{instrument}_L2", key, {f"{instrument}_EVT1A": None}, files)
    assert level2.outcome == "done", level2.message
    assert len(level2.product(f"{instrument}_EVT2").table("EVENTS")) == 0
    files = {f"{instrument}_EVT2": [level2.path(f"{instrument}_EVT2")]}
    sources = run(science, tmp_path, f"{instrument}_SOURCES", key, files=files)
    assert sources.outcome == "done", sources.message
    table, full = sources.product(f"{instrument}_SRC2").table("SRCLIST"), stored(science, f"{instrument}_SRC2", key)
    assert len(table) == 0
    assert set(full.table("SRCLIST").header) <= set(table.header)
    assert run(science, tmp_path, f"{instrument}_IMAGE", key, files=files).outcome == "nothing to do"
    files |= {f"{instrument}_SRC2": [sources.path(f"{instrument}_SRC2")]}
    spectra = run(science, tmp_path, f"{instrument}_SPECTRA", key, files=files)
    assert spectra.outcome == "nothing to do"
    assert "none of the 0 sources is of 5 sigma" in spectra.message


def test_events_of_a_chip_that_there_is_none_of_are_kept_and_flagged_and_go_no_further(
    science: Science, tmp_path: Path
) -> None:
    def strange(values: np.ndarray) -> np.ndarray:
        values[:5] = 12
        return values

    made = run(science, tmp_path, "ACIS_L1", ACIS, {"ACIS_EVT0": column("EVENTS", "CCD_ID", strange)})
    assert made.outcome == "done", made.message
    assert made.kinds == ["bad_position"]
    assert "chip that is not in the geometry" in made.detail("bad_position")
    found = made.product("ACIS_EVT1").table("EVENTS")
    assert len(found) == len(stored(science, "ACIS_EVT1", ACIS).table("EVENTS"))
    off = found["ccd_id"] == 12
    assert off.sum() > 0
    assert ((status_number(found["status"]) & BAD_POSITION != 0) == off).all()
    assert np.isnan(found["x"][off]).all()
    files = {"ACIS_EVT1": [made.path("ACIS_EVT1")]}
    gratings = run(science, tmp_path, "ACIS_GRATINGS", ACIS, files=files)
    assert gratings.outcome == "done", gratings.message
    resolved = gratings.product("ACIS_EVT1A").table("EVENTS")
    assert (len(resolved), set(resolved["tg_part"][off].tolist())) == (len(found), {99})
    files |= {"ACIS_EVT1A": [gratings.path("ACIS_EVT1A")]}
    kept = run(science, tmp_path, "ACIS_L2", ACIS, files=files).product("ACIS_EVT2").table("EVENTS")
    assert 12 not in kept["ccd_id"]


def test_bias_maps_are_taken_off_and_a_chip_without_one_says_so(science: Science, tmp_path: Path) -> None:
    whole = stored(science, "ACIS_EVT1", ACIS)
    chips = np.unique(whole.table("EVENTS")["ccd_id"]).tolist()
    rng = np.random.default_rng(8)
    level = {ccd: rng.integers(250, 400, (1024, 1024)).astype(np.int16) for ccd in chips}
    step = np.arange(-1, 2)

    def raised(evt0: Product) -> Product:
        table = evt0.tables[0]
        row, column = (np.clip(table[name].astype(int)[:, None] + step, 0, 1023) for name in ("CCDY", "CCDX"))
        raw = table["PHAS"].copy()
        for ccd in np.unique(table["CCD_ID"]).tolist():
            here = table["CCD_ID"] == ccd
            raw[here] += level[ccd][row[here][:, :, None], column[here][:, None, :]]
        return replace(evt0, tables=(replace(table, columns={**table.columns, "PHAS": raw}), *evt0.tables[1:]))

    def delivered(ccd: int, pixels: Any) -> Path:
        start = whole.tstart + 60.0
        head = {"INSTRUME": "ACIS", "CONTENT": "BIAS0", "CCD_ID": ccd, "FEP_ID": chips.index(ccd)}
        path = tmp_path / f"acisf{start:09.0f}N001_{chips.index(ccd)}_bias0.fits"
        write_fits(path, Product("ACIS_BIAS0", (image("BIAS", pixels, head),), start, start, head), 0.0)
        return path

    maps = [delivered(ccd, pixels) for ccd, pixels in level.items() if ccd != 7]
    made = run(science, tmp_path, "ACIS_L1", ACIS, {"ACIS_EVT0": raised}, {"ACIS_BIAS0": maps})
    assert (made.outcome, made.kinds) == ("done", ["no_bias"]), made.message
    found, before = made.product("ACIS_EVT1").table("EVENTS"), whole.table("EVENTS")
    with_map = before["ccd_id"] != 7
    assert 0 < with_map.sum() < len(before)
    for name in ("phas", "pha", "energy", "fltgrade", "x"):
        assert np.array_equal(found[name][with_map], before[name][with_map])
    unknown = status_number(found["status"]) & BIAS_UNKNOWN != 0
    assert np.array_equal(unknown, ~with_map)
    (tmp_path / "small").mkdir()
    maps[0].unlink()
    small = delivered(chips[0], level[chips[0]][:512])
    refused = run(science, tmp_path / "small", "ACIS_L1", ACIS, files={"ACIS_BIAS0": [small]})
    assert refused.outcome == "bad data"
    assert "1024 x 512 pixels, expected 0 to 9 and 1024 x 1024 pixels; deliver another" in refused.message


def test_without_a_bias_map_pulse_heights_stay_raw_and_every_event_says_so(
    science: Science, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def more(step: Any) -> dict[str, bool]:
        return {"subtract_bias": True} if "pix_adj" in step.params else {}

    pipelines: Any = science.platform.registry.pipelines
    profile = [
        step.model_copy(update={"params": {**step.params, **more(step)}}) for step in pipelines["ACIS_L1"].profile
    ]
    monkeypatch.setitem(pipelines, "ACIS_L1", pipelines["ACIS_L1"].model_copy(update={"profile": profile}))
    made = run(science, tmp_path, "ACIS_L1", ACIS)
    assert (made.outcome, made.kinds) == ("done", ["no_bias"])
    assert "deliver its bias0, reprocess" in made.detail("no_bias")
    found, whole = made.product("ACIS_EVT1").table("EVENTS"), stored(science, "ACIS_EVT1", ACIS).table("EVENTS")
    assert np.array_equal(found["phas"], whole["phas"])
    assert (status_number(found["status"]) & BIAS_UNKNOWN != 0).all()


def test_good_times_that_end_before_they_begin_are_not_used_and_counted(science: Science, tmp_path: Path) -> None:
    def turned(product: Product) -> Product:
        tables = [t for t in product.tables if t.name.startswith("GTI")]
        for table in tables:
            columns = {"START": table["STOP"], "STOP": table["START"]}
            product = table_of(product, Table(table.name, columns, table.header, table.schema))
        return product

    made = run(science, tmp_path, "ACIS_L1", ACIS, {"ACIS_EVT0": turned})
    assert (made.outcome, made.kinds) == ("done", ["bad_gti", "no_gti"])
    evt1 = made.product("ACIS_EVT1")
    assert all(total(good) == 0 for good in good_times(evt1).values())
    same_rows(evt1.table("EVENTS"), stored(science, "ACIS_EVT1", ACIS).table("EVENTS"))
    files = {"ACIS_EVT1": [inputs(science, "ACIS_L2", ACIS)["ACIS_EVT1"][0]]}
    after = run(science, tmp_path, "ACIS_L2", ACIS, {"ACIS_EVT1": turned, "ACIS_EVT1A": None}, files)
    assert after.outcome == "bad data"
    assert "intervals are none, they end before they begin" in after.message


@pytest.mark.parametrize("key", [ACIS, HRC])
def test_events_that_are_not_in_order_come_out_as_if_they_were(science: Science, tmp_path: Path, key: str) -> None:
    evt0 = f"{LEVEL1[key][0][:-3]}_EVT0"
    made = run(science, tmp_path, LEVEL1[key][0], key, {evt0: rows("EVENTS", lambda t: slice(None, None, -1))})
    assert (made.outcome, made.kinds) == ("done", [])
    found, whole = (p.table("EVENTS") for p in (made.product(LEVEL1[key][1]), stored(science, LEVEL1[key][1], key)))
    assert np.array_equal(np.sort(found["time"]), np.sort(whole["time"]))
    assert np.all(np.diff(found["time"]) >= 0)


def test_a_grating_observation_without_a_zero_order_has_a_finding_and_no_wavelengths(
    science: Science, tmp_path: Path
) -> None:
    def even(product: Product) -> Product:
        table = product.table("EVENTS")
        rng = np.random.default_rng(1)
        x, y = (rng.uniform(3000, 5000, len(table)).astype(np.float32) for _ in "xy")
        return table_of(product, Table("EVENTS", {**table.columns, "x": x, "y": y}, table.header, table.schema))

    gratings = run(science, tmp_path, "ACIS_GRATINGS", ACIS, {"ACIS_EVT1": even})
    assert (gratings.outcome, gratings.kinds, gratings.result.products) == ("done", ["no_zero_order"], ())
    assert "give its place" in gratings.detail("no_zero_order")
    level2 = run(science, tmp_path, "ACIS_L2", ACIS, {"ACIS_EVT1": even, "ACIS_EVT1A": None})
    evt2 = level2.product("ACIS_EVT2")
    assert "tg_lam" not in evt2.table("EVENTS")
    spectra = run(science, tmp_path, "ACIS_PHA2", ACIS, files={"ACIS_EVT2": [level2.path("ACIS_EVT2")]})
    assert spectra.outcome == "nothing to do"
    assert "see level 1.5 of this observation" in spectra.message


# ---- what can not be used


REFUSED = [
    ("ACIS_L1", ACIS, "ASOL", unit("ASPSOL", "ra", "arcsec"), "ra: is in 'arcsec', expected 'deg'"),
    ("ACIS_L1", ACIS, "ASOL", without("ASPSOL", "roll"), "has no columns roll"),
    (
        "ACIS_L1",
        ACIS,
        "ACIS_EVT0",
        column("EVENTS", "PHAS", lambda v: v[:, 0, 0].astype(np.float32)),
        "no whole numbers",
    ),
    ("ACIS_L1", ACIS, "OBSPAR", parameter("grating", "XETG"), "expected one of NONE, HETG, LETG"),
    ("ACIS_L1", ACIS, "OBSPAR", parameter("instrume", "WFC3"), "expected one of ACIS, HRC"),
    ("ACIS_L1", ACIS, "OBSPAR", parameter("sim_z", "9999.0"), "expected a number from -260.466 to 260.466"),
    ("ACIS_L1", ACIS, "OBSPAR", parameter("ra_nom", "nan"), "expected a number"),
    ("HRC_L1", HRC, "OBSPAR", parameter("detector", "HRC-X"), "HRC-I, HRC-S; make OBSPAR again"),
    ("HRC_L1", HRC, "HRC_EVT0", without("EVENTS", "AV2"), "has no columns AV2"),
    ("HRC_GOODTIME", HRC, "OBSPAR", parameter("grating", ""), "grating is not known"),
    ("ACIS_L2", ACIS, "ACIS_EVT1A", unit("EVENTS", "x", "mm"), "x: is in 'mm', expected 'pixel'"),
    ("ACIS_SOURCES", ACIS, "ACIS_EVT2", unit("EVENTS", "energy", "keV"), "energy: is in 'keV', expected 'eV'"),
    ("ACIS_SPECTRA", ACIS, "ACIS_EVT2", column("EVENTS", "pi", lambda v: v.astype("U8")), "holds no whole numbers"),
    ("HRC_SPECTRA", HRC, "HRC_EVT2", without("EVENTS", "x"), "has no columns x"),
    ("ACIS_GRATINGS", ACIS, "ACIS_EVT1", unit("EVENTS", "detx", "mm"), "detx: is in 'mm', expected 'pixel'"),
]


@pytest.mark.parametrize(("pipe_id", "key", "file_id", "change", "words"), REFUSED)
def test_what_can_not_be_used_is_refused_with_file_and_what_to_do(
    science: Science, tmp_path: Path, pipe_id: str, key: str, file_id: str, change: Any, words: str
) -> None:
    try:
        made = run(science, tmp_path, pipe_id, key, {file_id: change})
        message, outcome = made.message, made.outcome
        assert made.result.products == ()
    except BadData as error:  # what can not even be opened is refused before the run
        message, outcome = str(error), "bad data"
    assert outcome == "bad data"
    assert words in message
    assert "again" in message
    assert "Traceback" not in message


def test_a_file_that_is_cut_off_is_refused_before_anything_runs(science: Science, tmp_path: Path) -> None:
    (whole,) = inputs(science, "ACIS_SOURCES", ACIS)["ACIS_EVT2"]
    cut = tmp_path / whole.name
    cut.write_bytes(whole.read_bytes()[:-3000])
    with pytest.raises(BadData, match="truncated"):
        run(science, tmp_path, "ACIS_SOURCES", ACIS, files={"ACIS_EVT2": [cut]})


def test_a_sim_far_from_the_detector_is_a_finding_and_coordinates_are_of_that_place(
    science: Science, tmp_path: Path
) -> None:
    made = run(science, tmp_path, "ACIS_L1", ACIS, {"OBSPAR": parameter("sim_z", "-170.0")})
    assert (made.outcome, made.kinds) == ("done", ["sim_position"])
    assert "+20.1 mm from the aim point of ACIS-S" in made.detail("sim_position")
    found, whole = (p.table("EVENTS") for p in (made.product("ACIS_EVT1"), stored(science, "ACIS_EVT1", ACIS)))
    same_rows(found, whole)
    assert np.median(np.abs(found["dety"] - whole["dety"])) == pytest.approx(20.14 / 0.0239870, rel=0.01)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"EXPTIME": 0.0}, "EXPTIME 0.0 s and TIMEDEL"), ({"TIMEDEL": "abc"}, "keyword TIMEDEL is 'abc'")],
)
def test_an_exposure_of_no_length_leaves_the_events_but_no_level_2(
    science: Science, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    def headed(product: Product) -> Product:
        return table_of(product, product.table("EVENTS").with_header(change))

    made = run(science, tmp_path, "ACIS_L1", ACIS, {"ACIS_EVT0": headed})
    assert made.outcome == "done", made.message
    assert "EXPOSURE" not in made.product("ACIS_EVT1").table("EVENTS").header
    after = run(science, tmp_path, "ACIS_L2", ACIS, {"ACIS_EVT1A": None}, {"ACIS_EVT1": [made.path("ACIS_EVT1")]})
    assert after.outcome == "bad data"
    assert words in after.message


@pytest.mark.parametrize("pipe_id", ["HRC_SOURCES", "HRC_IMAGE", "HRC_SPECTRA"])
def test_an_exposure_longer_than_the_good_times_spoils_nothing_that_is_made_of_the_events_and_is_said(
    science: Science, tmp_path: Path, pipe_id: str
) -> None:
    def longer(product: Product) -> Product:
        table = product.table("EVENTS")
        return table_of(product, table.with_header({"EXPOSURE": 20 * keyword(table.header, "EXPOSURE")}))

    plain = run(science, tmp_path / "plain", pipe_id, HRC)
    made = run(science, tmp_path, pipe_id, HRC, {"HRC_EVT2": longer})
    assert (made.outcome, made.kinds) == ("done", ["exposure"]), made.message
    assert "can not be, the good times times DTCOR are" in made.detail("exposure")
    for one, other in zip(made.result.products, plain.result.products, strict=True):
        found, expected = (read_fits(w.path, w.file_id, images=True).tables[0] for w in (one, other))
        assert keyword(found.header, "EXPOSURE") == pytest.approx(keyword(expected.header, "EXPOSURE"), rel=1e-12)
        for name, values in found.columns.items():
            np.testing.assert_array_equal(values, expected[name])


def test_spectra_of_sources_that_are_not_in_the_events_are_left_out_and_said(science: Science, tmp_path: Path) -> None:
    made: Run = run(science, tmp_path, "HRC_SPECTRA", HRC, {"HRC_SRC2": column("SRCLIST", "X", lambda v: v - 99_999)})
    assert (made.outcome, set(made.kinds), made.result.products) == ("done", {"no_counts"}, ())
    assert "make the src2 again" in made.detail("no_counts")


def test_sources_without_a_place_are_not_in_the_catalogue_but_a_finding(science: Science, tmp_path: Path) -> None:
    def first(values: np.ndarray) -> np.ndarray:
        values[0] = np.nan
        return values

    files = {"HRC_SRC2": inputs(science, "HRC_SPECTRA", HRC)["HRC_SRC2"], "ACIS_SRC2": []}
    for name in ("RA", "DEC_ERR", "NET_RATE"):
        made = run(science, tmp_path, "CATALOGUE", HRC, {"HRC_SRC2": column("SRCLIST", name, first)}, files)
        assert (made.outcome, made.kinds) == ("done", ["no_place"])
        whole = stored(science, "HRC_SRC2", HRC).table("SRCLIST")
        assert len(made.product("CATALOGUE").table("DETECTIONS")) == len(whole) - 1
        assert f"1 sources of the src2 of {HRC}" in made.detail("no_place")


def test_a_catalogue_needs_an_observation_and_takes_one(science: Science, tmp_path: Path) -> None:
    source = inputs(science, "ACIS_SPECTRA", ACIS)["ACIS_SRC2"]
    one = run(science, tmp_path, "CATALOGUE", ACIS, files={"ACIS_SRC2": source, "HRC_SRC2": []})
    assert one.outcome == "done", one.message
    assert len(one.product("CATALOGUE").table("OFFSETS")) == 1
    with_none = run(science, tmp_path, "CATALOGUE", ACIS, {"ACIS_SRC2": None, "HRC_SRC2": None})
    assert with_none.outcome == "nothing to do"


# ---- deliveries, and the graph


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform(Settings(mission="chandra", data=tmp_path / "data"))


def delivered(science: Science, folder: Path, file_id: str, change: Any = None) -> Path:
    """A product of the observation as a file to deliver, with a fault."""
    made = stored(science, file_id, ACIS)
    (entry,) = science.platform.catalog.products(file_id=file_id, partition=ACIS, stream="sdp")
    registry = science.platform.registry
    path = folder / entry.name
    write_fits(path, change(made) if change else made, CREATED, registry.standard_keywords(registry.product(file_id)))
    return path


@pytest.mark.parametrize(
    ("file_id", "change", "words"),
    [
        ("ASOL", unit("ASPSOL", "roll", "rad"), "roll: is in 'rad', expected 'deg'"),
        ("ASOL", without("ASPSOL", "q_att"), "has no columns q_att"),
        ("ACIS_EVT2", unit("EVENTS", "x", "mm"), "x: is in 'mm', expected 'pixel'"),
        ("ACIS_EVT2", column("EVENTS", "pi", lambda v: v.astype(np.float32)), "pi: holds no whole numbers but"),
    ],
)
def test_a_delivery_with_other_columns_or_units_is_refused(
    science: Science, platform: Platform, tmp_path: Path, file_id: str, change: Any, words: str
) -> None:
    with pytest.raises(BadData, match=f"{words}.*deliver the file as its maker wrote it"):
        deliver(platform, delivered(science, tmp_path, file_id, change))
    assert platform.catalog.products() == []


def without_grating(product: Product) -> Product:
    tables = tuple(t.with_header({"GRATING": "NONE"}) if "GRATING" in t.header else t for t in product.tables)
    return replace(product, tables=tables, header={**product.header, "GRATING": "NONE"})


def test_two_deliveries_that_contradict_each_other_are_not_both_taken(
    science: Science, platform: Platform, tmp_path: Path
) -> None:
    right, wrong = (tmp_path / name for name in ("right", "wrong"))
    right.mkdir()
    wrong.mkdir()
    evt1 = delivered(science, right, "ACIS_EVT1")
    evt2 = delivered(science, wrong, "ACIS_EVT2", without_grating)
    assert deliver(platform, evt1).state == "delivered"
    with pytest.raises(BadData, match=f"says grating NONE, that of {evt1.name}.*HETG: one of them lies.*--withdraw"):
        deliver(platform, evt2)
    withdraw(platform, evt1.name)
    assert deliver(platform, evt2).state == "delivered"


def test_in_the_graph_a_refusal_ends_the_run_of_its_pipeline_and_what_follows_has_nothing_to_do(
    science: Science, platform: Platform, tmp_path: Path
) -> None:
    def turned(product: Product) -> Product:
        for table in [t for t in product.tables if t.name.startswith("GTI")]:
            columns = {"START": table["STOP"], "STOP": table["START"]}
            product = table_of(product, Table(table.name, columns, table.header, table.schema))
        return product

    deliver(platform, delivered(science, tmp_path, "ACIS_EVT1", turned))
    level2 = platform.execute("ACIS_L2", "sdp", ACIS)
    assert level2.outcome == "bad data"
    assert "make the product again or deliver another" in level2.message
    after = platform.execute("ACIS_SOURCES", "sdp", ACIS)
    assert (after.outcome, after.message) == ("nothing to do", f"there is no ACIS_EVT2 for partition {ACIS}")
    assert platform.catalog.products(file_id="ACIS_EVT2") == []


def test_in_the_graph_findings_of_bad_input_stand_in_the_catalog(
    science: Science, platform: Platform, tmp_path: Path
) -> None:
    def cut(product: Product) -> Product:
        return rows("EVENTS", lambda t: slice(0, 0))(product)

    deliver(platform, delivered(science, tmp_path, "ACIS_EVT1", cut))
    gratings = platform.execute("ACIS_GRATINGS", "sdp", ACIS)
    assert gratings.outcome == "done"
    found = platform.catalog.findings(partition=ACIS)
    assert [row["kind"] for row in found] == ["no_zero_order"]
    level2 = platform.execute("ACIS_L2", "sdp", ACIS)
    assert level2.outcome == "done", level2.message
    assert platform.execute("ACIS_SOURCES", "sdp", ACIS).outcome == "done"
    assert platform.execute("ACIS_SPECTRA", "sdp", ACIS).outcome == "nothing to do"
