"""Observation intervals in the catalog: sources in any order, revisions, what a run that saw too little may not say."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from mta_assets.archive import obi_rows
from mta_assets.archive.catalog import Catalog
from mta_assets.archive.entries import NewProduct, ObiEntry, ObiReport, RunEntry
from mta_assets.core.errors import TransientError
from mta_assets.core.records import Observation


def run_entry(number: int, pipe: str = "OBI_DET", partition: str = "p1") -> RunEntry:
    run_id = f"{pipe} sdp {partition} {number}"
    return RunEntry(run_id, pipe, partition, "sdp", number, "done", 1.0, 2.0 + number, "c", "r", "l", "/log", "ok")


def seen(catalog: Catalog, number: int, *found: Observation, zone: tuple[float, float] = (0.0, 1000.0)) -> None:
    catalog.commit_run(run_entry(number), observations=ObiReport(found, zone))


def obi(catalog: Catalog, key: str = "00007_000") -> ObiEntry:
    entry = catalog.obi(key)
    assert entry is not None
    return entry


def piece(
    file_id: str, name: str, tstart: float, tstop: float, origin: str = "pipeline", label: str = ""
) -> NewProduct:
    series = name.replace("N001", "N000")
    return NewProduct(
        file_id, name, f"/a/{name}", "0", series, 1, tstart, tstop, 5, 9, name.rjust(64, "0"), 7.0, None, origin, label
    )


def test_an_interval_is_revised_when_it_changes_and_only_then(catalog: Catalog) -> None:
    seen(catalog, 1, Observation(7, 0, 100.0, 200.0, ended=False))
    assert (obi(catalog).complete, obi(catalog).revision, obi(catalog).sequence) == (False, 1, 1)
    seen(catalog, 2, Observation(7, 0, 100.0, 200.0, ended=False))
    assert obi(catalog).revision == 1
    seen(catalog, 3, Observation(7, 0, 100.0, 300.0), Observation(8, 0, 300.0, 400.0))
    assert (obi(catalog).complete, obi(catalog).tstop, obi(catalog).revision) == (True, 300.0, 2)
    assert [entry.partition for entry in catalog.obis(after=1)] == ["00007_000", "00008_000"]
    assert catalog.newest_obi_change() == 3


def test_what_is_not_found_any_more_is_taken_back_within_the_zone_only(catalog: Catalog) -> None:
    seen(catalog, 1, Observation(7, 0, 100.0, 200.0), Observation(9, 0, 5000.0, 5100.0), zone=(0.0, 9000.0))
    seen(catalog, 2, zone=(0.0, 1000.0))
    assert (obi(catalog).standing, obi(catalog).waits_for) == (False, "is none any more: later data took it back")
    assert [entry.partition for entry in catalog.obis()] == ["00009_000"]
    seen(catalog, 3, Observation(7, 0, 100.0, 200.0))
    assert (obi(catalog).complete, obi(catalog).revision) == (True, 3)


def test_an_interval_that_lies_beyond_the_zone_is_not_touched(catalog: Catalog) -> None:
    seen(catalog, 1, Observation(9, 0, 5000.0, 5100.0), zone=(0.0, 9000.0))
    seen(catalog, 2, Observation(9, 0, 5050.0, 5100.0, begun=False), zone=(0.0, 1000.0))
    assert obi(catalog, "00009_000").tstart == 5000.0


def test_a_run_that_did_not_see_what_is_current_by_now_is_repeated(catalog: Catalog) -> None:
    (first,) = catalog.commit_run(run_entry(1, "PIECE"), [piece("PIECE", "a_N001", 0.0, 100.0)])
    report = ObiReport([Observation(7, 0, 10.0, 90.0)], (0.0, 100.0), frozenset({first}), ("PIECE",), (-1000.0, 1000.0))
    (second,) = catalog.commit_run(run_entry(1, "PIECE", "p2"), [piece("PIECE", "b_N001", 100.0, 200.0)])
    with pytest.raises(TransientError, match="other PIECE came in while they were looked for"):
        catalog.commit_run(run_entry(1), observations=report)
    assert catalog.obi("00007_000") is None
    assert not catalog.has_run("OBI_DET sdp p1 1")  # all of it or nothing
    known = ObiReport(report.found, report.zone, frozenset({first, second}), ("PIECE",), report.reach)
    catalog.commit_run(run_entry(1), observations=known)
    assert obi(catalog).complete


SOURCES: list[dict[str, Any]] = [
    {"source": "telemetry", "tstart": 100.0, "tstop": 250.0, "begun": True, "ended": False, "facts": {"format": 2}},
    {"source": "evt2", "tstart": 110.0, "tstop": 290.0, "begun": True, "ended": True, "facts": {"instrument": "ACIS"}},
    {"source": "angles", "tstart": 0.0, "tstop": 600.0, "begun": True, "ended": True, "facts": {}},
]


def test_the_order_of_the_sources_does_not_matter() -> None:
    found = [obi_rows.merged(rows) for rows in permutations(SOURCES)]
    assert all({k: v for k, v in one.items() if k != "sources"} == {
        "tstart": 100.0, "tstop": 290.0, "begun": True, "ended": True, "facts": {"format": 2, "instrument": "ACIS"},
    } for one in found)  # fmt: skip


def test_exact_edges_of_telemetry_hold_and_what_lies_around_says_least() -> None:
    exact = {**SOURCES[0], "tstop": 300.0, "ended": True}
    merged = obi_rows.merged([exact, *SOURCES[1:]])
    assert (merged["tstart"], merged["tstop"]) == (100.0, 300.0)
    assert obi_rows.merged([SOURCES[2]])["tstop"] == 600.0
    assert obi_rows.merged(SOURCES[1:])["tstop"] == 290.0


def test_a_delivery_covers_our_own_of_its_label_and_time_alone(catalog: Catalog) -> None:
    ours = [
        piece("OSOL", "a_N001", 0.0, 100.0), piece("OSOL", "b_N001", 100.0, 200.0),
        piece("OSOL", "c_N001", 0.0, 100.0, label="slot=1"),
    ]  # fmt: skip
    catalog.commit_run(run_entry(1, "OBC"), ours)
    catalog.commit_delivery(run_entry(1, "DELIVERY", "t1"), piece("OSOL", "d_N001", -5.0, 150.0, "delivered"), None)
    assert [p.name for p in catalog.products("OSOL")] == ["d_N001", "c_N001", "b_N001"]
    catalog.commit_delivery(run_entry(1, "DELIVERY", "t2"), piece("OSOL", "e_N001", 150.0, 260.0, "delivered"), None)
    assert [p.name for p in catalog.products("OSOL")] == ["d_N001", "c_N001", "e_N001"]
    first = next(p for p in catalog.products("OSOL") if p.name == "d_N001")
    assert catalog.withdraw_delivery(run_entry(2, "DELIVERY", "t1"), first) == ["a_N001", "b_N001"]


def test_what_is_made_again_beside_a_delivery_does_not_stand_and_what_is_not_made_any_more_does_not_come_back(
    catalog: Catalog,
) -> None:
    catalog.commit_run(run_entry(1, "L1", "00007_000"), [piece("EVT", "a_N001", 0.0, 100.0)])
    given = piece("EVT", "given_N001", 0.0, 100.0, "delivered")
    catalog.commit_delivery(run_entry(1, "DELIVERY", "00007_000"), given, Observation(7, 0, 0.0, 100.0))
    catalog.commit_run(run_entry(2, "L1", "00007_000"), [piece("EVT", "other_N001", 0.0, 100.0)])
    assert [p.name for p in catalog.products("EVT")] == ["given_N001"]
    (delivered,) = catalog.products("EVT")
    assert catalog.withdraw_delivery(run_entry(2, "DELIVERY", "00007_000"), delivered) == ["other_N001"]
    assert [p.name for p in catalog.products("EVT")] == ["other_N001"]
