from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mta_assets.core.flags import Quality
from mta_assets.core.tables import Product, Table
from mta_assets.instruments.hrc import TICK
from mta_assets.level0 import hrc
from mta_assets.level0.hrc import extract_events
from mta_assets.level0.hrc_columns import EVENTS, QUALITY_FRAME, QUALITY_PARITY
from mta_assets.simulate.hrc_events import encode
from mta_assets.telemetry.hrc_events import FIELDS
from mta_assets_tests.level0.science_frames import PERIOD, REQUEST, T0, Played, chandra, cut, frame_block
from mta_assets_tests.realdata import realdata

FIRST = 5_000_000
START = T0 + FIRST * PERIOD


def some_events(n: int, seconds: float, det_id: int, seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    events = {f.name: rng.integers(0, 1 << f.bits, n) for f in FIELDS if f.name not in ("CLKTICKS", "SUB_MJF")}
    events["AMP_SF"] = rng.integers(1, 4, n)
    events["DET_ID"] = np.full(n, det_id)
    events["TIME"] = np.sort(rng.uniform(START, START + seconds, n))
    return events


def block_of(events: dict[str, np.ndarray], n_frames: int = 400) -> Any:
    counter = FIRST + np.arange(n_frames, dtype=np.int64)
    encoded = encode(events, counter, T0 + counter * PERIOD)
    assert np.all(encoded.frame >= 0)
    return frame_block(encoded.data, FIRST, "HRC")


def extract(parts: list[Any]) -> tuple[list[Product], dict[str, Table]]:
    made = list(extract_events(Played(parts), chandra(), REQUEST))
    return [m for m in made if isinstance(m, Product)], {m.name: m for m in made if isinstance(m, Table)}


def test_every_event_comes_out_with_its_values_and_time() -> None:
    events = some_events(3000, 90.0, 1)
    products, tables = extract([block_of(events)])
    assert tables == {}
    (product,) = products
    table = product.table("EVENTS")
    assert np.allclose(table["TIME"], events["TIME"], atol=0.51 * TICK, rtol=0)
    for name in ("CRSV", "CRSU", "AV1", "AV2", "AV3", "AU1", "AU2", "AU3", "AMP_SF", "PHA"):
        assert np.array_equal(table[name], events[name])
    assert np.array_equal(np.packbits(table["VETOSTT"], axis=1)[:, 0], events["VETOSTT"])
    assert np.array_equal(table["E_TRIG"] @ [2, 1], events["E_TRIG"])
    assert not table["QUALITY"].any()
    header = {key: value[0] for key, value in product.header.items()}
    assert (header["DETNAM"], header["CONTENT"], header["INSTRUME"]) == ("HRC-S", "EVT0", "HRC")


def test_the_frame_of_an_event_is_given_by_major_and_minor_frame() -> None:
    products, _ = extract([block_of(some_events(500, 90.0, 0))])
    table = products[0].table("EVENTS")
    counter = table["MJF"].astype(np.int64) * 128 + table["MNF"]
    assert np.all(np.abs((START - T0) + (counter - FIRST) * PERIOD - (table["TIME"] - T0)) < 3 * PERIOD)
    sub = np.floor((table["TIME"] - T0) / (8 * PERIOD) + 1e-9).astype(np.int64) % 16
    assert np.array_equal(table["SUB_MJF"], sub)
    assert products[0].header["DETNAM"][0] == "HRC-I"


def test_a_flipped_bit_is_a_fault_and_a_flag() -> None:
    block = block_of(some_events(3000, 90.0, 0))
    data = block.data.copy()
    data[7, 220] ^= 4
    quality = block.quality.copy()
    quality[7] = Quality.BAD_CHECKSUM
    products, tables = extract([replace(block, data=data, quality=quality)])
    table = products[0].table("EVENTS")
    assert len(table) == 3000
    assert np.count_nonzero(table["QUALITY"][:, QUALITY_PARITY]) == 1
    flagged = table["QUALITY"][:, QUALITY_FRAME]
    assert set(table["MNF"][flagged].tolist()) == {(FIRST + 7) % 128}
    faults = tables["FAULTS"]
    assert (faults["kind"][0], faults["source"][0], faults["first"][0]) == ("bad_packet", "hrc", FIRST + 7)


def test_products_are_cut_where_the_observation_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    change = START + 40.0

    class Stand:
        def __init__(self, block: Any, dictionary: Any) -> None: ...

        def obsids(self, times: np.ndarray) -> np.ndarray:
            return np.where(times < change, 62801, 28103)

        def keywords(self, tstart: float, tstop: float) -> dict[str, Any]:
            return {"OBS_ID": (str(62801 if tstart < change - 1 else 28103), "")}

    monkeypatch.setattr(hrc, "Engineering", Stand)
    products, _ = extract([block_of(some_events(3000, 90.0, 0))])
    assert [p.header["OBS_ID"][0] for p in products] == ["62801", "28103"]
    assert sum(p.rows for p in products) == 3000
    assert products[0].tstop == pytest.approx(products[1].tstart, abs=PERIOD)


def test_a_gap_splits_the_good_times() -> None:
    block = block_of(some_events(3000, 90.0, 0))
    products, _ = extract([cut(block, np.r_[0:100, 120:400])])
    gti = products[0].table("GTI")
    assert len(gti) == 2
    assert gti["START"][1] - gti["STOP"][0] == pytest.approx(20 * PERIOD, abs=1e-6)


def test_no_frames_of_the_format_give_nothing() -> None:
    assert extract([frame_block(np.zeros((20, 768), np.uint8), FIRST, "ACIS")]) == ([], {})
    assert extract([frame_block(np.zeros((20, 768), np.uint8), FIRST, "HRC")]) == ([], {})


def test_the_tap_columns_have_the_names_and_ranges_of_a_real_event_file() -> None:
    from astropy.io import fits

    with fits.open(realdata("chandra", "hrc", "2886_hrcI_evt1.fits.gz")) as hdus:
        real = hdus["EVENTS"].data
        for column in EVENTS.columns:
            if column.name.lower() in ("crsv", "crsu", "amp_sf", "av1", "av2", "av3", "au1", "au2", "au3", "pha"):
                values = real[column.name.lower()]
                assert column.limits is not None
                assert column.limits[0] <= values.min()
                assert values.max() <= column.limits[1]
