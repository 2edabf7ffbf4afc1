"""The real telemetry-to-mnemonic table against real frames."""

import numpy as np
import pytest

from mta_assets.core.errors import ConfigError
from mta_assets.missions.load import load_mission
from mta_assets.telemetry.decom import values
from mta_assets.telemetry.frames import FrameBlock
from mta_assets.telemetry.odb import dictionary_of
from mta_assets.telemetry.ttm import load_ttm
from mta_assets_tests.realdata import realdata

PERIOD = 0.25625
OBSID = 44055


def real_block(format=2):
    """The 28 real frames in order of their counter, the repeated ones left out."""
    data = np.fromfile(realdata("chandra", "vcdu", "repeat_frames.bin"), np.uint8).reshape(-1, 1025)
    counter = data[:, 2].astype(np.int64) << 16 | data[:, 3].astype(np.int64) << 8 | data[:, 4]
    counter, first = np.unique(counter, return_index=True)
    n = len(counter)
    return FrameBlock(data[first], counter, counter * PERIOD, np.full(n, format, np.uint8), np.zeros(n, np.uint8))


def table(format):
    return load_ttm(realdata("chandra", "vcdu", "acisEng.ttm.gz"), format)


@pytest.mark.parametrize("format", [1, 2])
def test_the_real_table_finds_the_observation_in_the_real_frames(format):
    block = real_block(format)
    assert (block.counter[0], block.counter[-1], len(block)) == (192049, 192074, 26)
    _, obsid, quality = values(block, table(format), "COBSRQID")
    assert obsid[quality == 0].tolist() == [OBSID, OBSID, OBSID]
    assert table(format)["COBSRQID"].minor_frames[6:9] == (52, 60, 68)


def test_our_dictionary_finds_it_too():
    _, obsid, quality = values(real_block(), dictionary_of(load_mission("chandra")), "COBSRQID")
    assert obsid[quality == 0].tolist() == [OBSID, OBSID, OBSID]


@pytest.mark.parametrize("format", range(1, 7))
def test_every_format_of_the_real_table_loads(format):
    d = table(format)
    assert len(d.msids) >= 80
    assert (d["1PIN1AT"].offset, d["1PIN1AT"].length) == (271, 8) or format == 6


@pytest.mark.parametrize("format", [1, 2])
def test_our_dictionary_keeps_every_real_position_of_what_it_carries(format):
    ours, real = dictionary_of(load_mission("chandra")), table(format)
    shared = [name for name in real.msids if name in ours]
    assert len(shared) >= 70
    for name in shared:
        a, b = ours[name], real[name]
        assert (a.minor_frames, a.offset, a.bit, a.length) == (b.minor_frames, b.offset, b.bit, b.length), name
        assert format in a.formats


def test_a_format_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match="no telemetry format 9"):
        table(9)
