"""The comparison with the truth sees what is missing, what is there twice and what nobody put in."""

from __future__ import annotations

from typing import Any

import pytest

from mta_assets.archive.entries import OverlapEntry
from mta_assets.simulate.compare import compare

A, B = "20240301T000000-aaaaaaaa", "20240301T010000-bbbbbbbb"
GAP = {"table": "FAULTS", "kind": "gap", "source": "frames", "first": 100, "last": 199, "count": 100}
HOT = {"table": "FINDINGS", "kind": "hot_pixel", "name": "ccd 7 pixel 5,6"}
LIMIT = {"table": "FINDINGS", "kind": "limit", "name": "TEIO", "tstart": 50.0, "worst": 12.5, "count": 3}
FAULTS = [{"partition": A, "stream": "sdp", "detail": "lost", "tstart": 10.0, "tstop": 20.0, **GAP}]
FINDINGS = [
    {"partition": A, "stream": stream, "detail": "hot", "tstart": 0.0, "tstop": 99.0, **HOT}
    for stream in ("sdp", "sap")
]
FINDINGS += [{"partition": A, "stream": "sdp", "detail": "warm", "tstop": 60.0, **LIMIT, "tstart": 50.01}]
OVERLAPS = [OverlapEntry(A, B, 3500.0, 3600.0)]


def fault(kind: str, *expected: dict[str, Any], may: tuple[dict[str, Any], ...] = (), **extra: Any) -> dict[str, Any]:
    return {"kind": kind, "file": "a.vcdu", "playback": 0, "expected": list(expected), "may": list(may), **extra}


@pytest.fixture
def truth() -> dict[str, Any]:
    around = {"table": "FAULTS", "source": "acis", "tstart": 0.0, "tstop": 30.0}
    overlap = {"table": "FAULTS", "kind": "overlap", "source": "frames", "first": 1, "last": 2, "count": 2}
    return {
        "playbacks": [
            {"number": 0, "name": "a.vcdu", "sha256": "a" * 64, "overlap": None},
            {"number": 1, "name": "b.vcdu", "sha256": "b" * 64, "overlap": [1, 2]},
        ],
        "faults": [
            fault("gap", GAP, may=(around,)),
            fault("hot_pixel", HOT),
            fault("yellow_high", LIMIT),
            {**fault("overlap", overlap, tstart=3500.0, tstop=3599.8), "file": "b.vcdu", "playback": 1},
        ],
    }


def test_all_that_was_injected_found_once_by_each_stream_is_no_difference(truth: dict[str, Any]) -> None:
    assert compare(truth, FAULTS, FINDINGS, OVERLAPS) == []


def test_what_was_not_found_is_named_with_its_file(truth: dict[str, Any]) -> None:
    problems = compare(truth, [], FINDINGS[:2], [])
    assert problems == [
        "injected gap in a.vcdu was not found: gap of frames",
        "injected yellow_high in a.vcdu was not found: limit of TEIO",
        "injected overlap in b.vcdu was not found",
    ]


@pytest.mark.parametrize(
    "change", [{"count": 99}, {"first": 101}, {"kind": "duplicate"}, {"source": "acis", "tstart": 31.0, "tstop": 32.0}]
)
def test_a_record_that_says_something_else_is_missing_and_too_much(truth: dict[str, Any], change: dict) -> None:
    problems = compare(truth, [{**FAULTS[0], **change}], FINDINGS, OVERLAPS)
    assert len(problems) == 2
    assert "was not found" in problems[0]
    assert "in a.vcdu was found but not injected: lost" in problems[1]


def test_times_may_differ_by_less_than_a_frame_and_values_by_their_rounding(truth: dict[str, Any]) -> None:
    late = [*FINDINGS[:2], {**FINDINGS[2], "tstart": 50.03}]
    other = [*FINDINGS[:2], {**FINDINGS[2], "worst": 12.501}]
    near = [*FINDINGS[:2], {**FINDINGS[2], "worst": 12.50001}]
    assert len(compare(truth, FAULTS, late, OVERLAPS)) == 2
    assert len(compare(truth, FAULTS, other, OVERLAPS)) == 2
    assert compare(truth, FAULTS, near, OVERLAPS) == []


def test_the_same_thing_twice_in_a_stream_is_told(truth: dict[str, Any]) -> None:
    twice = [*FINDINGS, dict(FINDINGS[0])]
    assert compare(truth, FAULTS, twice, OVERLAPS) == [
        "hot_pixel of ccd 7 pixel 5,6 in a.vcdu was found 2 times by stream sdp"
    ]


def test_a_fault_in_frames_that_come_down_again_may_be_found_again_there_but_not_only_there(
    truth: dict[str, Any],
) -> None:
    again = {**FINDINGS[0], "partition": B}
    assert compare(truth, FAULTS, [*FINDINGS, again], OVERLAPS) == []
    assert compare(truth, FAULTS, [again, FINDINGS[2]], OVERLAPS) == [
        "injected hot_pixel in a.vcdu was not found: hot_pixel of ccd 7 pixel 5,6"
    ]
    elsewhere = {**FINDINGS[0], "partition": "20240301T020000-cccccccc"}
    (problem,) = compare(truth, FAULTS, [*FINDINGS, elsewhere], OVERLAPS)
    assert problem.startswith("findings: hot_pixel of ccd 7 pixel 5,6 in 20240301T020000-cccccccc was found but not")


def test_science_packets_in_lost_frames_may_be_reported_and_others_not(truth: dict[str, Any]) -> None:
    lost = {**FAULTS[0], "kind": "bad_packet", "source": "acis", "detail": "cut"}
    assert compare(truth, [*FAULTS, lost], FINDINGS, OVERLAPS) == []
    assert len(compare(truth, [*FAULTS, {**lost, "tstart": 31.0, "tstop": 32.0}], FINDINGS, OVERLAPS)) == 1
    assert len(compare(truth, [*FAULTS, {**lost, "source": "hrc"}], FINDINGS, OVERLAPS)) == 1


def test_an_overlap_that_nobody_injected_is_told(truth: dict[str, Any]) -> None:
    more = [*OVERLAPS, OverlapEntry(B, "c", 7000.0, 7100.0)]
    assert compare(truth, FAULTS, FINDINGS, more) == [f"an overlap of {B} and c was found but not injected"]
