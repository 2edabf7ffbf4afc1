"""A simulated run as files: named, complete, repeatable, and read back to what was put in."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mta_assets.core.errors import ConfigError
from mta_assets.core.flags import Quality
from mta_assets.core.request import Request
from mta_assets.core.tables import Product
from mta_assets.core.times import from_utc
from mta_assets.level0 import acis, engineering, hrc
from mta_assets.level0.acis_columns import SUSPECT_FRAME
from mta_assets.missions.load import Mission, load_mission
from mta_assets.monitors.static import monitor
from mta_assets.simulate import aca_stream, truth
from mta_assets.simulate.assemble import Plan
from mta_assets.simulate.playbacks import Summary, simulate
from mta_assets.telemetry.aca_packets import assemble, collect_packets, decode, find_images, header_fields, joined
from mta_assets.telemetry.decom import decommutate
from mta_assets.telemetry.odb import dictionary_of
from mta_assets.telemetry.playback import Playback, name_interval, open_playback

HOURS = 3.0
SEED = 7


@pytest.fixture(scope="module")
def mission() -> Mission:
    return load_mission("chandra")


@pytest.fixture(scope="module")
def run(mission: Mission, tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """Three playbacks of an hour with all faults that find room in them."""
    return simulate(mission, HOURS, tmp_path_factory.mktemp("run"), SEED)


@pytest.fixture(scope="module")
def known(run: Summary) -> truth.Truth:
    return truth.load(run.truth.parent)


def opened(run: Summary, mission: Mission) -> Iterator[tuple[int, Playback]]:
    for written in run.files:
        yield written.number, open_playback(written.path, mission)


def request(playback: Playback) -> Request:
    return Request("test", "sdp", playback.tstart, playback.tstop, 0.0)


def test_each_playback_has_a_name_that_says_its_time_and_a_checksum_beside_it(run: Summary, mission: Mission) -> None:
    assert len(run.files) == 3
    for written in run.files:
        content = written.path.read_bytes()
        assert hashlib.sha256(content).hexdigest() == written.sha256
        line = written.path.with_name(written.path.name + ".sha256").read_text(encoding="ascii")
        assert line == f"{written.sha256}  {written.path.name}\n"
        start, stop = name_interval(written.path.name)
        assert 0 <= written.tstart - start < 60
        assert -60 < stop - written.tstop < 60
    folder = run.files[0].path.parent
    assert not list(folder.rglob("*.part"))
    assert run.files[0].path.name == "2024_061_0000_0100_Dump_EM_00001.vcdu"


def test_the_faults_of_the_frames_are_exactly_those_that_were_injected(run: Summary, mission: Mission, known) -> None:
    for number, playback in opened(run, mission):
        found = playback.faults
        got = sorted(
            (str(found["kind"][i]), int(found["first"][i]), int(found["last"][i]), int(found["count"][i]))
            for i in range(len(found))
        )
        expected = sorted(
            (r["kind"], r["first"], r["last"], r["count"])
            for r in known.records("FAULTS")
            if r["playback"] == number and r["kind"] != "overlap"  # that is seen only with the playback before at hand
        )
        assert got == expected


def test_all_kinds_of_faults_are_in_three_hours(known) -> None:
    assert known.content["left_out"] == []
    overlap = next(f for f in known.faults if f["kind"] == "overlap")
    entry = known.playbacks[overlap["playback"]]
    before = known.playbacks[overlap["playback"] - 1]
    assert entry["first"] == overlap["first"]
    assert before["last"] == overlap["last"]


def test_every_sample_comes_back_as_it_was_put_in(run: Summary, mission: Mission, known) -> None:
    dictionary, plan = dictionary_of(mission), known.plan(mission)
    for number, playback in opened(run, mission):
        entry = known.playbacks[number]
        expected = truth.expected_counts(plan, number)
        tables: dict = {}
        for block in playback.blocks():
            for key, table in decommutate(block, dictionary, fields=("raw", "quality")).items():
                tables.setdefault(key, []).append(table)
        compared = 0
        for key, parts in tables.items():
            row = np.concatenate([part["counter"] for part in parts])
            for msid in dictionary.groups[key].msids:
                name = f"{msid}__r" if f"{msid}__r" in parts[0] else msid
                raw = np.concatenate([part[name] for part in parts])
                flags = [
                    part[f"{msid}__q"] if f"{msid}__q" in part else np.zeros(len(part), np.uint8) for part in parts
                ]
                counter, counts = expected[msid]
                kept = ~np.isin(counter, entry["suspect"])
                for first, last in entry["lost"]:
                    kept &= (counter < first) | (counter > last)
                place = np.searchsorted(row, counter[kept] // dictionary[msid].step * dictionary[msid].step)
                np.testing.assert_array_equal(
                    row[place], counter[kept] // dictionary[msid].step * dictionary[msid].step
                )
                np.testing.assert_array_equal(raw[place], counts[kept], err_msg=msid)
                assert not (np.concatenate(flags)[place] & ~np.uint8(Quality.OUT_OF_ORDER)).any(), msid
                compared += len(place)
        assert compared > 600_000


@pytest.mark.slow
def test_the_static_monitor_finds_the_injected_violations_and_nothing_else(run: Summary, mission, known) -> None:
    for number, playback in opened(run, mission):
        products: dict[str, list[Product]] = {}
        for product in engineering.extract(playback, mission, request(playback)):
            products.setdefault(product.file_id.split("_")[0], []).append(product)
        got = []
        for subsystem, parts in products.items():
            found = monitor(parts, mission, request(playback), subsystem=subsystem)[1]
            rows = ({name: column[i].item() for name, column in found.columns.items()} for i in range(len(found)))
            got += [(r["name"], r["kind"], r["severity"], r["side"], r["count"], r["tstart"], r["worst"]) for r in rows]
        expected = [
            (r["name"], r["kind"], r["severity"], r["side"], r["count"], r["tstart"], r["worst"])
            for r in known.records("FINDINGS")
            if r["playback"] == number and r["kind"] != "hot_pixel"
        ]
        assert [row[:5] for row in sorted(got)] == [row[:5] for row in sorted(expected)]
        for one, other in zip(sorted(got), sorted(expected), strict=True):
            assert one[5:] == pytest.approx(other[5:], rel=1e-6)


def test_every_acis_event_comes_back_unless_its_frames_were_lost_or_damaged(run: Summary, mission, known) -> None:
    compared = 0
    for number, playback in opened(run, mission):
        entry, put_in = known.playbacks[number], known.events("acis", number)
        if "ccd_id" not in put_in:
            continue
        safe = np.ones(len(put_in["time"]), bool)
        for first, last in [*entry["lost"], *([c, c] for c in entry["suspect"])]:
            safe &= (put_in["last"] < first) | (put_in["first"] > last)
        sums = np.array([int(np.sum(island)) for island in put_in["phas"]])
        true = np.column_stack([put_in["ccd_id"], put_in["chipx"], put_in["chipy"], sums, put_in["expno"]])
        blocks = []
        for product in acis.extract_events(playback, mission, request(playback)):
            if isinstance(product, Product) and product.file_id == "ACIS_EVT0":
                e = product.tables[0]
                sums = e["PHAS"].reshape(len(e), -1).astype(np.int64).sum(axis=1)
                row = e["CCDY"] if "CCDY" in e else e["TROW"]
                blocks.append(np.column_stack([e["CCD_ID"], e["CCDX"] + 1, row + 1, sums, e["EXPNO"], e["STATUS"]]))
        found = np.concatenate(blocks)
        exact, status = found[:, :5], found[:, 5]
        # where the record of an exposure went with the gap its number is an estimate: place and pulse heights are not
        assert not Counter(map(tuple, true[safe, :4])) - Counter(map(tuple, found[:, :4]))
        undamaged = status & SUSPECT_FRAME == 0
        assert not Counter(map(tuple, found[undamaged, :4])) - Counter(map(tuple, true[:, :4]))
        assert not Counter(map(tuple, exact[status == 0])) - Counter(map(tuple, true))
        assert np.count_nonzero(status == 0) >= 0.99 * safe.sum()
        compared += int(safe.sum())
    assert compared > 100_000


def test_every_hrc_event_comes_back(run: Summary, mission, known, tmp_path: Path) -> None:
    later = simulate(mission, 0.5, tmp_path, SEED, playback_minutes=15, faults=False)
    facts = truth.load(later.truth.parent)
    seen = 0
    for number, playback in opened(later, mission):
        put_in = facts.events("hrc", number)
        products = [p for p in hrc.extract_events(playback, mission, request(playback)) if isinstance(p, Product)]
        times = np.concatenate([np.zeros(0), *(p.tables[0]["TIME"] for p in products)])
        stated = put_in.get("stated_time", np.zeros(0))
        assert len(times) == len(stated)
        np.testing.assert_allclose(np.sort(times), np.sort(stated), atol=1e-6)
        if len(stated):
            assert np.abs(put_in["stated_time"] - put_in["TIME"]).max() < 2e-5
        assert len(playback.faults) == 0
        seen += len(stated)
    assert seen > 1000


def test_the_aspect_camera_s_images_come_back_pixel_for_pixel(run: Summary, mission, known) -> None:
    plan = known.plan(mission)
    clean = next(n for n, e in enumerate(known.playbacks) if not e["lost"] and not e["suspect"] and not e["overlap"])
    playback = open_playback(run.files[clean].path, mission)
    parts = [decode(collect_packets(block, mission.frame.aca)) for block in playback.blocks()]
    telemetry = parts[0]
    for part in parts[1:]:
        telemetry = joined(telemetry, part)
    span = plan.spans[clean]
    (piece,) = plan.pieces(span)
    put_in = aca_stream.images(plan.schedule, plan.clock, np.arange(piece.first, piece.stop))
    assert [image.slot for image in put_in] == list(range(8))
    for image in put_in:
        rows = find_images(telemetry, image.slot, image.size)
        np.testing.assert_array_equal(telemetry.counter[rows[:, 0]], image.counter[: len(rows)])
        assert len(rows) >= len(image.counter) - 1  # the last one may reach over the end
        np.testing.assert_array_equal(assemble(telemetry, rows, image.slot, image.size), image.raw[: len(rows)])
        fields = header_fields(telemetry.header[rows[:, 0], image.slot], 4 if image.size == 8 else 1)
        np.testing.assert_array_equal(fields["IMGROW0"], image.row0[: len(rows)])
        np.testing.assert_array_equal(fields["IMGSCALE"], image.scale[: len(rows)])


def test_the_hot_pixel_is_found_where_it_was_put(run: Summary, mission, known) -> None:
    expected = [r for r in known.records("FINDINGS") if r["kind"] == "hot_pixel"]
    assert len(expected) == 1
    for number, playback in opened(run, mission):
        found = [t for t in acis.extract_events(playback, mission, request(playback)) if not isinstance(t, Product)]
        names = [str(n) for t in found if "severity" in t for n in t["name"]]
        assert names == [r["name"] for r in expected if r["playback"] == number]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_whatever_the_number_of_workers(mission, tmp_path: Path) -> None:
    def sums(folder: str, seed: int, workers: int = 1) -> list[str]:
        done = simulate(mission, 0.5, tmp_path / folder, seed, playback_minutes=15, workers=workers)
        return [written.sha256 for written in done.files] + [done.truth.read_text(encoding="utf-8")]

    first = sums("a", 3)
    assert sums("b", 3, workers=2) == first
    assert not set(sums("c", 4)) & set(first)


def test_a_long_playback_is_made_in_pieces_without_cutting_a_fault(mission: Mission) -> None:
    plan = Plan(mission, from_utc("2024-03-01T00:00:00"), 6.0, 360.0, SEED)
    (span,) = plan.spans
    pieces = plan.pieces(span)
    assert len(pieces) > 3
    assert pieces[0].first == span.first
    assert pieces[-1].stop == span.stop
    for before, after in pairwise(pieces):
        assert before.stop == after.first
        assert before.stop % 128 == 0
    for fault in plan.faults:
        if fault.kind == "gap":
            assert any(p.first <= fault.first and fault.last < p.stop for p in pieces)


def test_playbacks_continue_the_frame_counter_in_whole_major_frames_at_the_clock_s_times(mission: Mission) -> None:
    plan = Plan(mission, from_utc("2024-03-01T00:00:00"), 24.0, 60.0, SEED)
    spans = plan.spans
    assert len(spans) == 24
    assert all(a.stop == b.first for a, b in pairwise(spans))
    assert all(span.first % 128 == 0 for span in spans)
    times = plan.clock.time(np.array([span.first for span in spans]))
    late = times - (plan.tstart + 3600.0 * np.arange(24))
    assert (late >= -1e-3).all()
    assert (late < 32.9).all()
    np.testing.assert_allclose(plan.clock.counter(times), [span.first for span in spans], atol=1e-3)


def test_progress_tells_of_each_playback_when_it_is_there(mission: Mission, tmp_path: Path) -> None:
    told = []
    simulate(
        mission,
        0.5,
        tmp_path,
        SEED,
        playback_minutes=15,
        progress=lambda w, n: told.append((w.number, n, w.path.exists())),
    )
    assert told == [(0, 2, True), (1, 2, True)]


def test_senseless_requests_are_refused(mission: Mission, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="only vcdu"):
        simulate(load_mission("jpss"), 1, tmp_path, 1)
    with pytest.raises(ConfigError, match="expected hours > 0"):
        simulate(mission, 0, tmp_path, 1)
    with pytest.raises(ConfigError, match="minutes ≥ 1"):
        simulate(mission, 1, tmp_path, 1, playback_minutes=0.1)
