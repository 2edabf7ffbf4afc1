"""The steps of level 2 where there is nothing to do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.gti import gti_tables
from mta_assets.core.tables import Product, Table
from mta_assets.level2.sources import SRCLIST
from mta_assets.level2.steps import acis_events, grating_spectrum, hrc_events, source_list, spectra_and_curves


def evt2(**header: str) -> list[Product]:
    return [Product("ACIS_EVT2", (Table("EVENTS", {"time": np.zeros(1)}, dict(header)),), 0.0, 1.0)]


def test_continuous_clocking_has_no_image_to_find_sources_in() -> None:
    with pytest.raises(NothingToDo, match="continuous clocking"):
        source_list(evt2(READMODE="CONTINUOUS"), file_id="ACIS_SRC2")


def test_events_without_regions_have_no_grating_spectra() -> None:
    with pytest.raises(NothingToDo, match="the events have no grating coordinates"):
        grating_spectrum(evt2(GRATING="HETG"), file_id="ACIS_PHA2")


def events(instrument: str = "ACIS") -> Product:
    """Three events of chips 6 and 7 at 1, 5 and 9 s, all good, with good times of each chip."""
    columns = {
        "time": np.array([1.0, 5.0, 9.0]), "ccd_id": np.array([6, 7, 7], np.int16), "x": np.array([10.0, 20.0, 20.5]),
        "y": np.array([10.0, 20.0, 20.5]), "grade": np.zeros(3, np.int16), "status": np.zeros((3, 32), bool),
        "pi": np.array([5, 6, 7], np.int32),
    }  # fmt: skip
    if instrument == "HRC":
        del columns["ccd_id"], columns["grade"]
    gtis = {None: np.array([[0.0, 10.0]])} if instrument == "HRC" else dict.fromkeys((6, 7), np.array([[0.0, 10.0]]))
    header = {"INSTRUME": instrument, "EXPTIME": 3.1, "TIMEDEL": 3.2}
    if instrument == "HRC":
        header["DETNAM"] = "HRC-I"
    return Product(f"{instrument}_EVT1", (Table("EVENTS", columns, header), *gti_tables(gtis)), 0.0, 10.0)


def test_good_times_of_a_filter_file_hold_for_all_chips_or_each_for_its_own() -> None:
    def kept(gtis: dict[int | None, np.ndarray]) -> list[float]:
        flt1 = Product("ACIS_FLT1", tuple(gti_tables(gtis)), 0.0, 10.0)
        made = acis_events([events()], None, [flt1], file_id="ACIS_EVT2")
        return [float(time) for time in made.table("EVENTS")["time"]]

    early, late = np.array([[0.0, 5.0]]), np.array([[5.0, 10.0]])
    assert kept({None: late}) == [5.0, 9.0]
    assert kept({6: early, 7: late}) == [1.0, 5.0, 9.0]
    assert kept({7: late}) == [5.0, 9.0]  # a chip that the file does not name has no good time


def test_the_interval_of_level_2_is_that_of_the_observation_and_not_of_its_good_times() -> None:
    flt1 = Product("ACIS_FLT1", tuple(gti_tables({None: np.array([[3.0, 8.0]])})), 0.0, 10.0)
    evt1 = replace(events(), tstart=-4.0, tstop=12.0)
    for instrument, made in (
        ("ACIS", acis_events([evt1], None, [flt1], file_id="ACIS_EVT2")),
        ("HRC", next(iter(hrc_events([replace(events("HRC"), tstart=-4.0, tstop=12.0)], None, [flt1], None,
                                     file_id="HRC_EVT2")))),
    ):  # fmt: skip
        assert isinstance(made, Product)
        assert (instrument, made.tstart, made.tstop) == (instrument, -4.0, 12.0)
        assert made.table("EVENTS")["time"].tolist() == [5.0]
    unknown = acis_events([replace(evt1, tstart=np.nan, tstop=np.nan)], None, [flt1], file_id="ACIS_EVT2")
    assert (unknown.tstart, unknown.tstop) == (3.0, 8.0)


def test_the_status_bits_that_drop_an_event_are_those_of_its_detector() -> None:
    """One event of three has bit 26, which both want zero, one bit 31 (hyperbola), which only HRC-I does."""
    evt1 = events("HRC")
    status = np.zeros((3, 32), bool)
    status[0, 25] = status[1, 30] = True
    table = evt1.tables[0]

    def kept(**detnam: str) -> list[float]:
        given = Table("EVENTS", {**table.columns, "status": status}, {**table.header, **detnam, "DTCOR": 0.9})
        (made,) = hrc_events([replace(evt1, tables=(given, *evt1.tables[1:]))], None, None, None, file_id="HRC_EVT2")
        assert isinstance(made, Product)
        return [float(time) for time in made.table("EVENTS")["time"]]

    assert kept(DETNAM="HRC-I") == [9.0]
    assert kept(DETNAM="HRC-S") == [5.0, 9.0]
    with pytest.raises(BadData, match="HRC_EVT1: DETNAM is 'HRC-X', expected HRC-I or HRC-S"):
        kept(DETNAM="HRC-X")


@pytest.mark.parametrize("dtcor", [[], [0.9, 0.9], [np.nan], [0.0], [-0.5], [1.01]])
def test_a_dead_time_that_can_not_be_is_refused_with_what_to_do(dtcor: list[float]) -> None:
    statistics = Product("HRC_DTFSTAT1", (Table("DTFSTATS", {"DTCOR": np.array(dtcor)}),), 0.0, 10.0)
    with pytest.raises(BadData, match=r"DTCOR is .* make HRC_DTFSTAT again or deliver another dtfstat1"):
        list(hrc_events([events("HRC")], None, None, [statistics], file_id="HRC_EVT2"))


def test_without_dead_time_statistics_that_of_the_events_holds_and_without_that_there_is_a_finding() -> None:
    evt1 = events("HRC")
    stated = replace(evt1, tables=(evt1.tables[0].with_header({"DTCOR": 0.5}), *evt1.tables[1:]))
    statistics = Product("HRC_DTFSTAT1", (Table("DTFSTATS", {"DTCOR": np.array([0.25])}),), 0.0, 10.0)

    def made(one: Product, dtfstat: list[Product] | None) -> tuple[float, list[Table]]:
        product, *found = hrc_events([one], None, None, dtfstat, file_id="HRC_EVT2")
        assert isinstance(product, Product)
        header = product.table("EVENTS").header
        assert header["EXPOSURE"][0] == 10 * header["DTCOR"][0]
        return header["DTCOR"][0], [table for table in found if isinstance(table, Table)]

    assert made(stated, None) == (0.5, [])
    assert made(stated, [statistics]) == made(evt1, [statistics]) == (0.25, [])
    dtcor, (finding,) = made(evt1, None)
    assert (dtcor, finding["kind"].tolist()) == (1.0, ["no_dead_time"])
    detail = str(finding["detail"][0])
    assert detail.startswith("HRC_EVT2: DTCOR is 1")
    assert detail.endswith("then make it again")


def sources(**columns: list[float]) -> Product:
    count = len(columns["X"])
    plain: dict[str, object] = {
        "SIGNIFICANCE": [9.0] * count, "NET_COUNTS": list(range(count, 0, -1)), "R": [[3.0, 2.0]] * count,
        "COMPONENT": list(range(1, count + 1)), **columns,
    }  # fmt: skip
    return Product("ACIS_SRC2", (Table("SRCLIST", {k: np.array(v) for k, v in plain.items()}),), 0.0, 10.0)


def of(src2: Product) -> list[Product | Table]:
    evt2 = acis_events([events()], None, None, file_id="ACIS_EVT2")
    return list(spectra_and_curves([evt2], [src2], spectrum="ACIS_PHA", background="ACIS_BKG", curve="ACIS_LC"))


def test_a_source_where_no_event_is_has_no_spectrum_but_a_finding_and_the_others_have_theirs() -> None:
    made = of(sources(X=[500.0, 20.0, np.nan], Y=[500.0, 20.0, 20.0]))
    kinds = [str(one["kind"][0]) if isinstance(one, Table) else one.file_id for one in made]
    assert kinds == ["no_counts", "ACIS_BKG", "ACIS_PHA", "ACIS_LC", "no_counts"]
    assert "source 1 of the src2 at sky pixel (500.0, 500.0): no event of the evt2 is there" in str(
        made[0]["detail"][0]
    )  # type: ignore[index]
    assert made[2].table("SPECTRUM")["COUNTS"].sum() == 2  # type: ignore[union-attr]


@pytest.mark.parametrize("numbers", [[-1, 1], [10_000, 1], [7, 7, 1]])
def test_a_source_whose_number_names_no_file_has_a_finding_and_the_others_have_theirs(numbers: list[int]) -> None:
    count = len(numbers)
    made = of(sources(X=[20.0] * count, Y=[20.0] * count, COMPONENT=numbers))  # type: ignore[arg-type]
    kinds = [str(one["kind"][0]) if isinstance(one, Table) else one.file_id for one in made]
    assert kinds == [*["bad_number"] * (count - 1), "ACIS_BKG", "ACIS_PHA", "ACIS_LC"]
    assert str(made[0]["detail"][0]).startswith(f"COMPONENT {numbers[0]} of row 1 of the src2 names no file")  # type: ignore[index]
    assert [one.fields["source"] for one in made if isinstance(one, Product)] == [1, 1, 1]


def test_without_a_significant_source_there_is_no_spectrum_to_make() -> None:
    for src2 in (sources(X=[20.0], Y=[20.0], SIGNIFICANCE=[4.9]), Product("ACIS_SRC2", (SRCLIST.empty(),), 0.0, 1.0)):
        with pytest.raises(NothingToDo, match="sources is of 5 sigma"):
            of(src2)
