"""The benchmark measures what it says: its plain implementation gives nearly the same."""

import numpy as np

from benchmarks import bench_gratings
from mta_assets.level15.gratings import resolve_events


def test_the_plain_implementation_gives_what_ours_gives_within_half_a_pixel():
    events = bench_gratings.block(1, 5000)
    made, region = bench_gratings.given()
    ours = resolve_events(events, made)
    plain = bench_gratings._plain(events, region)
    for part, (tg_r, tg_d, mlam) in ((1, plain[0:3]), (2, plain[4:7])):
        here = ours["tg_part"] == part
        assert here.sum() > 500
        # half a pixel, 8e-5 deg: ours takes whole chip pixels
        assert np.abs(ours["tg_r"][here] - tg_r[here]).max() < 1e-4
        assert np.abs(ours["tg_d"][here] - tg_d[here]).max() < 1e-4
        assert np.abs(ours["tg_mlam"][here] - mlam[here]).max() < 0.008


def test_a_small_run_gives_all_rows(monkeypatch):
    monkeypatch.setattr(bench_gratings, "BLOCK_EVENTS", 2000)
    monkeypatch.setattr(bench_gratings, "REPEATS", 1)
    monkeypatch.setattr(bench_gratings, "fresh", lambda module, number: 1e8)
    rows = bench_gratings.run(1)
    assert [row.unit for row in rows] == ["M events/s", "M events/s", "MB"]
    assert rows[2].reached
    assert all(row.value > 0 for row in rows)
