from __future__ import annotations

import numpy as np

from mta_assets.query.gaps import Causes, explained
from mta_assets.query.plots.series import Gap

NONE = np.zeros((0, 2))


def test_a_gap_is_cut_where_its_reason_changes() -> None:
    dumped = np.array([[0.0, 100.0], [200.0, 300.0]])
    found = explained([Gap(90.0, 210.0)], Causes(dumped, NONE, NONE))
    assert [(g.start, g.stop, g.reason) for g in found] == [
        (90.0, 100.0, "decommutation error"),
        (100.0, 200.0, "no contact"),
        (200.0, 210.0, "decommutation error"),
    ]


def test_what_lies_behind_the_newest_playback_is_not_yet_dumped() -> None:
    found = explained([Gap(90.0, 150.0)], Causes(np.array([[0.0, 100.0]]), NONE, NONE))
    assert [(g.start, g.stop, g.reason) for g in found] == [
        (90.0, 100.0, "decommutation error"),
        (100.0, 150.0, "not yet dumped"),
    ]


def test_corrections_and_formats_explain_before_playbacks_do() -> None:
    dumped, off, bad = np.array([[0.0, 100.0]]), np.array([[20.0, 60.0]]), np.array([[50.0, 70.0]])
    found = explained([Gap(10.0, 80.0)], Causes(dumped, off, bad))
    assert [(g.start, g.stop, g.reason) for g in found] == [
        (10.0, 20.0, "decommutation error"),
        (20.0, 50.0, "instrument off"),
        (50.0, 70.0, "filtered"),
        (70.0, 80.0, "decommutation error"),
    ]
