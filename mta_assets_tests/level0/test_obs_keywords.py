from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mta_assets.level0.obs_keywords import Engineering
from mta_assets.telemetry.frames import FrameBlock
from mta_assets.telemetry.odb import Dictionary, build_dictionary, dictionary_of
from mta_assets_tests.level0.science_frames import chandra, frame_block

FIRST = 128 * 1000
TSC, FA = 92_904, -536  # steps of ACIS-I on axis


def put(data: np.ndarray, dictionary: Dictionary, msid: str, count: Any) -> None:
    """Write the counts of a byte-aligned or nibble-aligned parameter into all its samples."""
    parameter = dictionary.msids[msid]
    minor = (FIRST + np.arange(len(data))) % parameter.step
    rows = np.flatnonzero(np.isin(minor, [f % parameter.step for f in parameter.frames if f >= 0]))
    counts = np.broadcast_to(np.asarray(count), (len(data),))[rows] % (1 << parameter.length)
    shift = 8 * parameter.span - parameter.bit - parameter.length
    for k in range(parameter.span):
        down = 8 * (parameter.span - 1 - k)
        mask = (((1 << parameter.length) - 1) << shift >> down) & 0xFF
        old = data[rows, parameter.offset + k] & np.uint8(0xFF ^ mask)
        data[rows, parameter.offset + k] = old | ((counts << shift >> down) & 0xFF).astype(np.uint8)


def engineering_block(dictionary: Dictionary, obsid: Any, hetg: int, letg: int) -> FrameBlock:
    block = frame_block(np.zeros((1280, 768), np.uint8), FIRST, "ACIS")
    data = block.data.copy()
    for msid, count in (("COBSRQID", obsid), ("3TSCPOS", TSC), ("3FAPOS", FA), ("4HPOSARO", hetg), ("4LPOSARO", letg)):
        put(data, dictionary, msid, count)
    return replace(block, data=data)


@pytest.mark.parametrize(("hetg", "letg", "grating"), [(640, 3560, "HETG"), (3560, 640, "LETG"), (3560, 3560, "NONE")])
def test_the_keywords_follow_from_the_engineering_of_the_interval(hetg: int, letg: int, grating: str) -> None:
    dictionary = dictionary_of(chandra())
    obsid = np.where(np.arange(1280) < 640, 28102, 28103)
    block = engineering_block(dictionary, obsid, hetg, letg)
    engineering = Engineering(block, dictionary)
    early = engineering.keywords(block.time[0], block.time[600])
    late = engineering.keywords(block.time[700], block.time[1200])
    assert (early["OBS_ID"][0], late["OBS_ID"][0], early["GRATING"][0]) == ("28102", "28103", grating)
    # SIM_X, SIM_Z of real ACIS-I event files: -0.7823, -233.592
    assert early["SIM_Z"][0] == pytest.approx(-233.592, abs=0.01)
    assert early["SIM_X"][0] == pytest.approx(-0.7823, abs=0.003)
    assert engineering.obsids(block.time[[0, 600, 700]]).tolist() == [28102, 28102, 28103]


def test_an_interval_without_samples_takes_the_last_one_before() -> None:
    dictionary = dictionary_of(chandra())
    block = engineering_block(dictionary, 28102, 640, 3560)
    engineering = Engineering(block, dictionary)
    assert engineering.keywords(block.time[-1] + 100, block.time[-1] + 101)["OBS_ID"][0] == "28102"
    assert engineering.keywords(block.time[0] - 101, block.time[0] - 100)["OBS_ID"][0] == "28102"


def test_parameters_that_the_dictionary_does_not_have_leave_their_keywords_out() -> None:
    full = dictionary_of(chandra())
    some = build_dictionary([full.msids["4HPOSARO"]], full.layout)
    block = engineering_block(full, 28102, 640, 3560)
    engineering = Engineering(block, some)
    assert engineering.keywords(block.time[0], block.time[-1]) == {}
    assert engineering.obsids(block.time[:2]).tolist() == [-1, -1]
