"""The benchmarks run, on sizes too small to say anything about speed, and their results stand in one table."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

import benchmarks.__main__ as bench
from benchmarks import (
    bench_acis_level1,
    bench_chain,
    bench_engineering,
    bench_events,
    bench_long_lists,
    bench_packets,
    bench_playback,
    bench_products,
    bench_simulator,
)
from benchmarks.inputs import Inputs
from benchmarks.measure import Row, fresh, peak_memory

MIB = 1 << 20


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return Inputs(tmp_path_factory.mktemp("benchmarks"), minutes=10.0, hours=1.0, day_hours=0.5)


@pytest.mark.slow
def test_a_playback_is_measured_from_the_file_to_its_tables_and_every_event_comes_out(inputs):
    rows = bench_playback.run(inputs, repeats=1)
    assert [row.reached for row in rows if row.unit == "MiB"] == [True, True, True]
    assert all(row.value > 0 for row in rows)


@pytest.mark.slow
def test_memory_of_pipelines_with_long_lists_is_measured(inputs):
    rows = bench_long_lists.run(inputs, few=150_000, many=300_000)
    assert len(rows) == 8  # lists of this size are in memory still: whether they grow the benchmark tells
    assert all(row.value < 400 for row in rows if "SOURCES" not in row.what)


def test_the_full_rate_fills_the_frames(inputs):
    frames = inputs.full_hour.size // 1025
    assert inputs.full_hour.acis_events == pytest.approx(frames * 44, rel=0.02)  # 24 kbit/s of 13-word events


@pytest.mark.slow
def test_a_longer_file_is_streamed(inputs):
    memory, time = bench_playback.run_day(inputs)
    assert memory.reached
    assert time.value > 0


def test_the_simulator_and_the_products_are_measured(inputs):
    (row,) = bench_simulator.run(inputs)
    assert row.ratio == pytest.approx(3600 * row.value)
    written = bench_products.run(inputs, repeats=1)
    assert all(row.value > 0 for row in written)


def test_engineering_and_events_are_measured():
    assert all(row.value > 0 for row in [*bench_engineering.run(1280), *bench_events.run(1280, ("FAINT",))])


def test_acis_level_1_is_measured():
    rows = bench_acis_level1.run(events=2000, plain_events=500, repeats=1)
    assert [row.unit for row in rows] == ["M events/s"] * 4 + ["MiB"]
    assert all(row.value > 0 for row in rows[:4])


def test_packets_are_measured_against_the_peers_and_equal_theirs():
    try:
        rows = bench_packets.run(repeat=1, part=50, times=1)
    except bench_packets.NoRealData as absent:
        pytest.skip(str(absent))
    assert "space_packet_parser" in [row.beside for row in rows]


@pytest.mark.slow
def test_the_whole_chain_is_measured(inputs):
    first, second = bench_chain.run(inputs, repeats=1)
    assert first.value > 0
    assert second.value > 0


def test_the_table_says_what_is_not_reached():
    out = io.StringIO()
    found = {"x": [Row("slow thing", 3.0, "s", "memcpy", 0.5, 6.0, "< 2 s", False), Row("plain", 1234.5, "MB/s")]}
    Console(file=out, width=120).print(
        bench.table(found, {"cores": 2, "processor": "P", "python": "3", "load_before": 0})
    )
    (line,) = [line for line in out.getvalue().splitlines() if "slow thing" in line]
    assert "6.00 ×" in line
    assert "NO" in line
    assert "1,234 MB/s" in out.getvalue()


def test_only_and_json_choose_what_is_run_and_where_it_goes(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(
        bench.BENCHMARKS, "import", lambda inputs: [Row("import", 9.0, "s", required="< 5 s", reached=False)]
    )
    assert bench.main(["--only", "import", "--json", str(tmp_path / "figures.json")]) == 1
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert list(figures["rows"]) == ["import"]
    assert figures["rows"]["import"][0]["value"] == 9.0
    assert "import" in capsys.readouterr().out


def test_memory_is_that_of_the_new_process_not_of_its_parent(inputs):
    ballast = bytearray(400 * MIB)
    assert peak_memory() > 400 * MIB
    assert fresh("benchmarks.extract", inputs.acis_hour.path)["peak"] < 400 * MIB
    del ballast
