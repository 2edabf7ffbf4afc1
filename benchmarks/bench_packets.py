"""Decommutation of CCSDS packets: ours against space_packet_parser and CCSDSPy: the same bytes, the same results.

The JPSS-1 file is repeated to more than a million packets. space_packet_parser takes a slice and is scaled to packets
a second, the others take all. Ours reads the file, frames it, checks the sequence counts and makes the tables with
times; the others read the file and give the values. ``memcpy`` is a plain copy of the file's bytes in memory.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mta_assets.core.tables import Table, concatenate
from mta_assets.missions.load import load_mission
from mta_assets.telemetry.ccsds import Framer
from mta_assets.telemetry.ccsds_sequence import SequenceCheck
from mta_assets.telemetry.packet_decom import decode, iter_packet_blocks, tables
from mta_assets.telemetry.xtce import load_xtce

NAME = "J01_G011_LZ_2021-04-09T00-00-00Z_V01.DAT1"
REPEAT = 139  # × 7,200 packets
SLICE = 20_000  # packets for space_packet_parser
FIELDS = ["DOY", "MSEC", "USEC", "ADAESCID", "ADAET1DAY", "ADAET1MS", "ADAET1US", "ADGPSPOSX", "ADGPSPOSY", "ADGPSPOSZ",
          "ADGPSVELX", "ADGPSVELY", "ADGPSVELZ", "ADAET2DAY", "ADAET2MS", "ADAET2US", "ADCFAQ1", "ADCFAQ2", "ADCFAQ3",
          "ADCFAQ4"]  # fmt: skip


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """How long a call takes [s], and its result."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


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


def run(realdata: Path) -> list[dict[str, Any]]:
    """Measure; each row has name, value, unit and ratio (how many times ours is faster)."""
    folder = realdata / "packets" / "jpss"
    data = (folder / NAME).read_bytes()
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / NAME
        path.write_bytes(data * REPEAT)
        count = REPEAT * 7200
        mine = other = float("inf")
        for _ in range(5):  # in turn, so that whatever else the computer does hits both
            seconds, fields = _ccsdspy(path, folder / "ccsdspy_jpss1_geolocation.csv")
            other = min(other, seconds)
            seconds, blocks = timed(lambda: ours(path))
            mine = min(mine, seconds)
        columns = concatenate(blocks).columns
        assert len(columns["time"]) == count
        rows = [_row("packets, ours", count / mine, 1.0)]
        part = SLICE // 7200 + 1
        seconds, packets = timed(lambda: spp((data * part)[: SLICE * 71]))
        for name in packets[0]:
            np.testing.assert_array_equal([packet[name] for packet in packets], columns[name][:SLICE])
        rows.append(_row("packets, space_packet_parser", SLICE / seconds, count / mine / (SLICE / seconds)))
        for name in FIELDS if fields else ():
            np.testing.assert_array_equal(fields[name], columns[name])
        if fields:
            rows.append(_row("packets, CCSDSPy", count / other, other / mine))
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        copy = min(timed(whole.copy)[0] for _ in range(5))
        rows.append({"name": "packets, time as multiple of memcpy", "value": mine / copy, "unit": "x", "ratio": None})
    return rows


def _ccsdspy(path: Path, definition: Path) -> tuple[float, dict[str, Any]]:
    """Time [s] and fields by CCSDSPy; infinite and nothing where it is not installed."""
    try:
        import ccsdspy as other  # noqa: F401
    except ImportError:
        return float("inf"), {}
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return timed(lambda: ccsdspy(path, definition))


def _row(name: str, value: float, ratio: float) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": "packets/s", "ratio": ratio}


def main() -> None:
    """Print the results."""
    default = Path(__file__).resolve().parents[2] / "shared" / "realdata"
    realdata = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MTA_REALDATA", default))
    for row in run(realdata):
        value = f"{row['value']:,.1f}"
        ratio = "" if row["ratio"] is None else f"ours is {row['ratio']:.1f}x"
        print(f"{row['name']:40s} {value:>16s} {row['unit']:12s} {ratio}")


if __name__ == "__main__":
    main()
