"""Decommutation of CCSDS packets: ours against space_packet_parser and CCSDSPy: the same bytes, the same results.

The JPSS-1 file is repeated to more than a million packets. space_packet_parser takes a slice and is scaled to packets
a second, the others take all. Ours reads the file, frames it, checks the sequence counts and makes the tables with
times; the others read the file and give the values. ``memcpy`` is a plain copy of the file's bytes in memory.
"""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Row, best, timed
from mta_assets.core.tables import Table, concatenate
from mta_assets.missions.load import load_mission
from mta_assets.telemetry.ccsds import Framer
from mta_assets.telemetry.ccsds_sequence import SequenceCheck
from mta_assets.telemetry.packet_decom import decode, iter_packet_blocks, tables
from mta_assets.telemetry.xtce import load_xtce

NAME = "J01_G011_LZ_2021-04-09T00-00-00Z_V01.DAT1"
PACKETS = 7200  # in the file
REPEAT = 139  # × 7,200 packets: more than a million
SLICE = 20_000  # packets for space_packet_parser
FIELDS = ["DOY", "MSEC", "USEC", "ADAESCID", "ADAET1DAY", "ADAET1MS", "ADAET1US", "ADGPSPOSX", "ADGPSPOSY", "ADGPSPOSZ",
          "ADGPSVELX", "ADGPSVELY", "ADGPSVELZ", "ADAET2DAY", "ADAET2MS", "ADAET2US", "ADCFAQ1", "ADCFAQ2", "ADCFAQ3",
          "ADCFAQ4"]  # fmt: skip


class NoRealData(Exception):
    """The public files are not there."""


def realdata() -> Path:
    """Folder of the public files: beside the project, or where MTA_REALDATA says."""
    default = Path(__file__).resolve().parents[2] / "shared" / "realdata"
    folder = Path(os.environ.get("MTA_REALDATA", default))
    if not (folder / "packets" / "jpss" / NAME).is_file():
        raise NoRealData(f"packets/jpss/{NAME} is not in {folder}: set MTA_REALDATA to the folder that holds it")
    return folder


def ours(path: Path) -> list[Table]:
    """All columns of all packets, as tables of one block each."""
    mission = load_mission("jpss")
    model = load_xtce(mission.path("xtce"))
    framer, sequence = Framer(), SequenceCheck()
    parts = []
    for packets in iter_packet_blocks(path, framer):
        sequence.check(packets)
        parts.append(tables(model, packets, decode(model, packets), mission.file.packet_time)["JPSS_ATT_EPHEM"])
    return parts


def spp(data: bytes) -> list[Any]:
    """The same by space_packet_parser, packet by packet."""
    from space_packet_parser.generators.ccsds import ccsds_generator
    from space_packet_parser.xtce.definitions import XtcePacketDefinition

    definition = XtcePacketDefinition.from_xtce(load_mission("jpss").path("xtce") / "jpss1_geolocation.xml")
    return [definition.parse_bytes(packet) for packet in ccsds_generator(data)]


def ccsdspy(path: Path, definition: Path) -> dict[str, np.ndarray]:
    """The same by CCSDSPy, from its own description of the packet."""
    import ccsdspy as other

    return other.FixedLength.from_file(str(definition)).load(str(path), include_primary_header=True)


def run(repeat: int = REPEAT, part: int = SLICE, times: int = 5) -> list[Row]:
    """Measure.

    Parameters
    ----------
    repeat
        How often the file of 7,200 packets is repeated.
    part
        Packets that space_packet_parser gets.
    times
        How often ours and CCSDSPy run, the fastest counts.
    """
    folder = realdata() / "packets" / "jpss"
    data = (folder / NAME).read_bytes()
    count = repeat * PACKETS
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / NAME
        path.write_bytes(data * repeat)
        mine = other = float("inf")
        for _ in range(times):  # in turn, so that whatever else the computer does hits both
            seconds, fields = _ccsdspy(path, folder / "ccsdspy_jpss1_geolocation.csv")
            other = min(other, seconds)
            seconds, blocks = timed(lambda: ours(path))
            mine = min(mine, seconds)
        whole = np.frombuffer(path.read_bytes(), np.uint8)
    columns = concatenate(blocks).columns
    assert len(columns["time"]) == count
    what, speed = f"{count:,} packets of JPSS-1 to tables", count / mine
    tail = (data * (part // PACKETS + 1))[: part * len(data) // PACKETS]
    pace = 0.0
    for _ in range(min(times, 2)):
        seconds, packets = timed(lambda: spp(tail))
        pace = max(pace, part / seconds)
    for name in packets[0]:
        np.testing.assert_array_equal([packet[name] for packet in packets], columns[name][:part])
    rows = [_against(what, speed, "space_packet_parser", pace, 100)]
    if fields:
        for name in FIELDS:
            np.testing.assert_array_equal(fields[name], columns[name])
        rows.append(_against(what, speed, "CCSDSPy", count / other, 3))
    copy = best(whole.copy)
    return [*rows, Row("the same, beside a copy of the bytes", mine, "s", "memcpy", copy, mine / copy)]


def _against(what: str, mine: float, peer: str, theirs: float, times: int) -> Row:
    ratio = mine / theirs
    return Row(what, mine, "packets/s", peer, theirs, ratio, f"≥ {times} ×", ratio >= times)


def _ccsdspy(path: Path, definition: Path) -> tuple[float, dict[str, Any]]:
    """Time [s] and fields by CCSDSPy; infinite and nothing where it is not installed."""
    logging.disable(logging.INFO)  # it greets
    try:
        import ccsdspy as other  # noqa: F401
    except ImportError:
        return float("inf"), {}
    finally:
        logging.disable(logging.NOTSET)
    logging.disable(logging.WARNING)  # the repeated file has gaps in its sequence counts
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return timed(lambda: ccsdspy(path, definition))
    finally:
        logging.disable(logging.NOTSET)
