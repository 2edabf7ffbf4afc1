"""Columns and keywords of products as parameters; complete products by name, time and as they stood."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from mta_assets.core.errors import BadData
from mta_assets.core.flags import Quality
from mta_assets.core.samples import to_nanoseconds
from mta_assets.core.tables import Column, Schema, Table
from mta_assets.query.product_source import ProductSource
from mta_assets_tests.query.product_files import Shelf
from mta_assets_tests.realdata import realdata

EVENTS = Schema(
    "EVENTS",
    (
        Column("time", "f8", "s", "when"),
        Column("pha", "i4", "adu", "pulse height", null=-1),
        Column("energy", "f4", "eV", "energy"),
        Column("phas", "i2", "adu", "island", shape=(3, 3)),
        Column("good", "bool", "", "a flag"),
        Column("mode", "U8", "", "a text"),
    ),
)


def events(times: list[float]) -> Table:
    n = np.arange(len(times))
    return EVENTS.build(
        {
            "time": np.array(times), "pha": np.where(n == 1, -1, n * 10), "energy": np.where(n == 2, np.nan, n / 4),
            "phas": np.arange(9 * len(n)).reshape(-1, 3, 3), "good": n % 2 == 0,
            "mode": np.array(["FAINT", "CC"] * 9)[: len(n)],
        },
        {"TIMEDEL": (3.2, "[s] time resolution")},
    )  # fmt: skip


def spectrum(value: float) -> Table:
    return Table("SPECTRUM", {"channel": np.array([1, 2, 3]), "flux": np.array([value, value + 1, value + 2])})


def gti(*pairs: tuple[float, float]) -> Table:
    return Table("GTI", {"START": np.array([a for a, _ in pairs]), "STOP": np.array([b for _, b in pairs])})


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path)
    yield made
    made.catalog.close()


@pytest.fixture
def two(shelf: Shelf) -> Shelf:
    shelf.put(
        "EVT",
        100.0,
        200.0,
        events([100.0, 110.0, 120.0, 199.5]),
        gti((100, 150), (160, 200)),
        NUMSCANS=50,
        CLIPPED=True,
    )
    shelf.put("EVT", 200.0, 300.0, events([200.0, 250.0]), gti((200, 300)), NUMSCANS=150, CLIPPED=False, TARGET="M82")
    return shelf


def intervals(*pairs: tuple[float, float]) -> Any:
    return np.array(pairs, float).reshape(-1, 2)


def test_a_column_gives_samples_at_the_times_of_its_table(two: Shelf) -> None:
    source = ProductSource(two.catalog)
    found = source.read(["EVT.EVENTS.PHA"], None)["EVT.EVENTS.PHA"]
    np.testing.assert_array_equal(found.times, [100, 110, 120, 199.5, 200, 250])
    np.testing.assert_array_equal(found.values, [0, -1, 20, 30, 0, -1])
    np.testing.assert_array_equal(found.bads, [False, True, False, False, False, True])
    assert (found.info.unit, found.info.group, found.info.period, found.info.origin) == (
        "adu",
        "EVT.EVENTS",
        3.2,
        "product",
    )
    energy = source.read(["evt.energy"], None)["evt.energy"]
    assert np.isnan(energy.values[2])
    assert energy.quality is not None
    assert energy.quality.tolist() == [0, 0, int(Quality.MISSING), 0, 0, 0]


def test_intervals_are_half_open_and_pass_over_products_that_they_do_not_touch(two: Shelf) -> None:
    source = ProductSource(two.catalog)

    def times(*pairs: tuple[float, float]) -> list[float]:
        return list(source.read(["EVT.EVENTS.TIME"], intervals(*pairs))["EVT.EVENTS.TIME"].times)

    assert times((100, 110)) == [100]
    assert times((110, 120.0001)) == [110, 120]
    assert times((50, 100)) == []
    assert times((101, 105), (120, 121), (199.5, 200), (240, 260)) == [120, 199.5, 250]
    assert times() == []
    one = intervals((240, 260))
    two.path(1).unlink()
    assert list(source.read(["EVT.EVENTS.PHA"], one)["EVT.EVENTS.PHA"].times) == [250]
    assert source.notes == []


def test_names_are_found_in_any_case_with_and_without_the_hdu(two: Shelf) -> None:
    source = ProductSource(two.catalog)

    def name(text: str) -> str | None:
        info = source.info(text)
        return info.name if info else None

    assert name("evt.pha") == name("EVT.events.PHA") == "EVT.EVENTS.pha"
    assert name("EVT.PHAS[4]") == name("EVT.EVENTS.PHAS[1,1]") == "EVT.EVENTS.phas[1,1]"
    assert name("EVT.PHAS") is None
    assert name("EVT.PHAS[9]") is None
    assert name("EVT.PHAS[0,3]") is None
    assert name("EVT.PHA[0]") is None
    assert name("EVT.NUMSCANS") == name("EVT.HEADER.numscans") == "EVT.HEADER.NUMSCANS"
    assert name("EVT.EVENTS.TIMEDEL") == "EVT.EVENTS.TIMEDEL"
    assert name("EVT.GTI.TIMEDEL") is None
    assert name("EVT.TARGET") == "EVT.HEADER.TARGET"
    assert name("EVT.PRODUCT.VERSION") == "EVT.PRODUCT.VERSION"
    assert name("EVT.EVENTS.ROW") == "EVT.EVENTS.ROW"
    for unknown in (
        "EVT",
        "EVT.",
        "EVT.NOPE",
        "NOPE.PHA",
        "EVT.ROW",
        ".PHA",
        "EVT.EVENTS.",
        "EVT.'; DROP TABLE products",
    ):
        assert name(unknown) is None
    assert {"EVT.EVENTS.pha", "EVT.EVENTS.phas[2,2]", "EVT.GTI.START", "EVT.HEADER.NUMSCANS"} <= set(source.names())
    assert all(source.info(listed) is not None for listed in source.names())
    with pytest.raises(BadData, match=r"EVT\.NOPE"):
        source.read(["EVT.NOPE"], None)


def test_a_column_that_two_tables_have_needs_the_name_of_the_table(shelf: Shelf) -> None:
    shelf.put("TWIN", 0.0, 9.0, gti((1, 2)), gti((3, 4), (5, 6)))
    source = ProductSource(shelf.catalog)
    assert source.info("TWIN.START") is None
    assert list(source.read(["TWIN.GTI_2.START"], None)["TWIN.GTI_2.START"].values) == [3, 5]


def test_an_element_of_an_array_column_a_flag_and_a_text_are_parameters(two: Shelf) -> None:
    source = ProductSource(two.catalog)
    names = ["EVT.EVENTS.PHAS[1,1]", "EVT.EVENTS.GOOD", "EVT.EVENTS.MODE", "EVT.EVENTS.ROW"]
    found = source.read(names, intervals((100, 200)))
    assert found[names[0]].values.tolist() == [4, 13, 22, 31]
    assert found[names[1]].texts.tolist() == ["T", "F", "T", "F"]
    assert found[names[1]].values.tolist() == [1, 0, 1, 0]
    assert found[names[2]].values.tolist() == ["FAINT", "CC", "FAINT", "CC"]
    assert found[names[3]].values.tolist() == [0, 1, 2, 3]


def test_a_keyword_holds_for_the_interval_of_its_product(two: Shelf) -> None:
    source = ProductSource(two.catalog)
    found = source.read(["EVT.HEADER.NUMSCANS", "EVT.HEADER.TARGET", "EVT.HEADER.CLIPPED"], None)
    scans = found["EVT.HEADER.NUMSCANS"]
    assert (scans.times.tolist(), scans.values.tolist()) == ([100, 200], [50, 150])
    assert scans.until is not None
    assert scans.until.tolist() == to_nanoseconds([200, 300]).tolist()
    assert (found["EVT.HEADER.TARGET"].times.tolist(), found["EVT.HEADER.TARGET"].values.tolist()) == ([200], ["M82"])
    assert found["EVT.HEADER.CLIPPED"].texts.tolist() == ["T", "F"]
    later = source.read(["EVT.NUMSCANS"], intervals((250, 251)))["EVT.NUMSCANS"]
    assert later.values.tolist() == [150]
    names = source.read(["EVT.PRODUCT.NAME"], intervals((0, 150)))["EVT.PRODUCT.NAME"]
    assert names.values.tolist() == ["evt_100_001.fits"]


def test_rows_of_intervals_hold_from_start_to_stop(two: Shelf) -> None:
    source = ProductSource(two.catalog)
    found = source.read(["EVT.GTI.STOP"], intervals((150, 165)))["EVT.GTI.STOP"]
    assert (found.times.tolist(), found.values.tolist()) == ([160], [200])
    assert found.until is not None
    assert found.until.tolist() == to_nanoseconds([200]).tolist()
    assert source.read(["EVT.GTI.STOP"], intervals((149.9, 165)))["EVT.GTI.STOP"].values.tolist() == [150, 200]


def test_rows_without_a_time_stand_at_the_start_of_their_product(shelf: Shelf) -> None:
    shelf.put("SPEC", 10.0, 20.0, spectrum(1.5))
    shelf.put("SPEC", 30.0, 40.0, spectrum(7.5))
    source = ProductSource(shelf.catalog)
    found = source.read(["SPEC.SPECTRUM.FLUX", "SPEC.SPECTRUM.ROW"], intervals((25, 31)))
    assert found["SPEC.SPECTRUM.FLUX"].times.tolist() == [30, 30, 30]
    assert found["SPEC.SPECTRUM.FLUX"].values.tolist() == [7.5, 8.5, 9.5]
    assert found["SPEC.SPECTRUM.ROW"].values.tolist() == [0, 1, 2]
    assert len(source.read(["SPEC.SPECTRUM.FLUX"], intervals((31, 35)))["SPEC.SPECTRUM.FLUX"]) == 0


def test_quality_and_raw_counts_beside_a_column_come_with_it(shelf: Shelf) -> None:
    columns = {
        "TIME": np.array([1.0, 2.0]), "A": np.array([1.5, 2.5]), "A__q": np.array([0, 64], "u1"),
        "A__r": np.array([15, 25], "u1"),
    }  # fmt: skip
    shelf.put("ENG", 1.0, 3.0, Table("VALUES", columns))
    other = {"TIME": np.array([1.0, 2.0]), "B": np.array([0.5, 0.6])}
    shelf.put("ENH", 1.0, 3.0, Table("AXAF_X", other), Table("AXAF_X_RAW", {"TIME": np.ones(2), "B": np.array([5, 6])}))
    source = ProductSource(shelf.catalog)
    found = source.read(["ENG.VALUES.A", "ENH.AXAF_X.B"], None, raw=True)
    assert found["ENG.VALUES.A"].bads.tolist() == [False, True]
    assert found["ENG.VALUES.A"].raw is not None
    assert found["ENG.VALUES.A"].raw.tolist() == [15, 25]
    assert found["ENH.AXAF_X.B"].raw is not None
    assert found["ENH.AXAF_X.B"].raw.tolist() == [5, 6]
    assert not [name for name in source.names() if "__" in name]


def test_products_that_overlap_are_put_in_order_and_blocks_equal_the_whole(shelf: Shelf, monkeypatch: Any) -> None:
    for start in range(0, 60, 10):
        shelf.put("O", start, start + 25.0, events([start + 0.5, start + 12.5, start + 24.0]))
    source = ProductSource(shelf.catalog)
    whole = source.read(["O.EVENTS.PHA"], None)["O.EVENTS.PHA"]
    assert np.all(np.diff(whole.time) >= 0)
    assert len(whole) == 18
    monkeypatch.setattr("mta_assets.query.time_order.in_time_order.__defaults__", (None, 1))
    blocks = [block["O.EVENTS.PHA"] for block in source.blocks(["O.EVENTS.PHA"], None)]
    assert len(blocks) > 3
    np.testing.assert_array_equal(np.concatenate([b.time for b in blocks]), whole.time)
    np.testing.assert_array_equal(np.concatenate([b.values for b in blocks]), whole.values)
    assert all(a.time[-1] < b.time[0] for a, b in pairwise(blocks))


def test_only_current_versions_are_used_unless_the_past_is_asked_for(shelf: Shelf) -> None:
    shelf.put("V", 0.0, 10.0, spectrum(1.0))  # run 1
    shelf.put("V", 0.0, 10.0, spectrum(2.0), version=2)  # run 2
    shelf.run("V", "p0")  # run 3 makes nothing: the product is taken out of use
    source = ProductSource(shelf.catalog)

    def flux(as_of: float | None) -> list[float]:
        return source.read(["V.SPECTRUM.FLUX"], None, as_of=as_of)["V.SPECTRUM.FLUX"].values.tolist()[:1]

    assert [v.version for v in source.find_products(["V"], None, as_of=2.5)] == [2]
    shelf.put("V", 20.0, 30.0, spectrum(3.0))  # run 4: there must be something current for the names
    assert ProductSource(shelf.catalog).read(["V.FLUX"], None)["V.FLUX"].values.tolist() == [3, 4, 5]
    source = ProductSource(shelf.catalog)
    assert flux(0.5) == []
    assert flux(1.0) == flux(1.5) == [1]
    assert flux(2.0) == flux(2.9) == [2]
    assert flux(3.0) == []
    assert flux(4.0) == flux(None) == [3]


def test_quick_look_products_are_used_only_if_asked_for(two: Shelf) -> None:
    two.put("EVT", 100.0, 200.0, events([101.0]), stream="sap")
    assert len(ProductSource(two.catalog).read(["EVT.PHA"], None)["EVT.PHA"]) == 6
    assert len(ProductSource(two.catalog, ("sap",)).read(["EVT.PHA"], None)["EVT.PHA"]) == 1


def test_complete_products_are_found_by_pattern_and_interval(two: Shelf) -> None:
    two.put("EVTX", 120.0, 130.0, events([121.0]))
    source = ProductSource(two.catalog)

    def found(*patterns: str, when: Any = None) -> list[str]:
        return [p.name for p in source.find_products(patterns, when)]

    assert found("evt") == ["evt_100_001.fits", "evt_200_001.fits"]
    assert found("EVT*") == ["evt_100_001.fits", "evtx_120_001.fits", "evt_200_001.fits"]
    assert found("EVT?", "SPEC*") == ["evtx_120_001.fits"]
    assert found("NOPE*") == found() == []
    assert found("EVT*", when=intervals((130.5, 131), (300, 301))) == ["evt_100_001.fits", "evt_200_001.fits"]
    assert found("EVT*", when=intervals((300.1, 301))) == []


def test_keywords_of_complete_products_say_where_there_is_none(two: Shelf) -> None:
    source = ProductSource(two.catalog)
    products = source.find_products(["EVT"], None)

    def column(name: str) -> Any:
        found = source.keyword(products, name)
        return None if found is None else (found[0].tolist(), found[1].tolist())

    assert column("numscans") == column("EVT.NUMSCANS") == column("EVT.HEADER.NUMSCANS") == ([50, 150], [False, False])
    assert column("EVENTS.TIMEDEL") == ([3.2, 3.2], [False, False])
    assert column("TARGET") == (["", "M82"], [True, False])
    assert column("CLIPPED") == ([1, 0], [False, False])
    assert column("VERSION") == column("PRODUCT.VERSION") == ([1, 1], [False, False])
    assert column("NOPE") is column("OTHER.NUMSCANS") is None
    assert source.keyword([], "NUMSCANS") is None


def test_a_damaged_or_absent_file_is_left_out_and_named(two: Shelf) -> None:
    path = two.path(1)
    path.write_bytes(path.read_bytes()[:4000])
    source = ProductSource(two.catalog)
    assert source.read(["EVT.EVENTS.PHA"], None)["EVT.EVENTS.PHA"].times.tolist() == [200, 250]
    assert "evt_100_001.fits is left out" in source.notes[0]
    path.unlink()
    fresh = ProductSource(two.catalog)
    assert len(fresh.read(["EVT.NUMSCANS"], None)["EVT.NUMSCANS"]) == 1
    assert "evt_100_001.fits" in fresh.notes[0]


def test_span_and_estimate_need_no_data(two: Shelf) -> None:
    source = ProductSource(two.catalog)
    assert source.span(["EVT.PHA"]) == (100.0, 300.0)
    assert source.estimate(["EVT.PHA", "EVT.ENERGY"], None) == (6, 6 * (8 + 4) * 2)
    assert source.estimate(["EVT.PHA"], intervals((210, 220))) == (2, 2 * 12)
    assert source.estimate(["EVT.NUMSCANS"], None)[0] == 2


@pytest.mark.parametrize("parts", [("hrc", "62650", "primary", "hrcf62650_000N001_dtf1.fits.gz"),
                                   ("acis", "28229", "repro", "acisf28229_repro_evt2.fits.gz")])  # fmt: skip
def test_columns_and_keywords_of_real_products_equal_those_that_astropy_reads(shelf: Shelf, parts: Any) -> None:
    path = realdata("chandra", *parts)
    with fits.open(path) as hdus:
        header, data = hdus[1].header, hdus[1].data
        shelf.enter("REAL", path, header["TSTART"], header["TSTOP"], len(data))
        source = ProductSource(shelf.catalog)
        order = np.argsort(data["time"], kind="stable")
        for column in hdus[1].columns:
            name = f"REAL.{header['EXTNAME']}.{column.name}"
            if data[column.name].ndim > 1:
                name, expected = f"{name}[1]", data[column.name].reshape(len(data), -1)[:, 1]
            else:
                expected = data[column.name]
            found = source.read([name], None)[name]
            np.testing.assert_array_equal(found.values, expected[order])
            np.testing.assert_array_equal(found.times, np.sort(data["time"]))
        for key in ("OBS_ID", "RA_PNT", "DATE-OBS"):
            assert source.read([f"REAL.{key}"], None)[f"REAL.{key}"].values.tolist() == [header[key]]


def test_sums_of_a_second_query_open_no_file(two: Shelf) -> None:
    source = ProductSource(two.catalog)
    products = source.find_products(["EVT"], None)
    assert source.keyword(products, "NUMSCANS") is not None
    two.path(1).unlink()
    found = source.keyword(products, "NUMSCANS")
    assert found is not None
    assert found[0].tolist() == [50, 150]


def test_another_query_finds_the_headers_in_the_catalog(two: Shelf) -> None:
    first = ProductSource(two.catalog)
    assert first.keyword(first.find_products(["EVT"], None), "NUMSCANS") is not None
    assert (two.count("product_headers"), two.count("product_layouts")) == (2, 2)
    for number in (1, 2):
        two.path(number).unlink()
    second = ProductSource(two.catalog)
    assert second.info("EVT.PHA") == first.info("EVT.PHA")
    found = second.keyword(second.find_products(["EVT"], None), "NUMSCANS")
    assert found is not None
    assert found[0].tolist() == [50, 150]
    assert second.notes == []


def test_a_product_that_is_a_text_is_found_whole_and_has_no_columns(shelf: Shelf) -> None:
    path = shelf.folder / "axaff00007_000N001_obs0a.par"
    path.write_text("obs_id,s,h,7,,,\n")
    shelf.enter("OBSPAR_PAR", path, 100.0, 200.0)
    source = ProductSource(shelf.catalog)
    assert [p.name for p in source.find_products(["OBSPAR_PAR"], np.array([[0.0, 150.0]]))] == [path.name]
    assert source.info("OBSPAR_PAR.OBS_ID") is None
    assert not any("FITS" in note for note in source.notes)
