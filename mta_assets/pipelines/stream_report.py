"""Quick look against archival, observation by observation: attitudes and source places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Product, plain
from mta_assets.level3.streams import source_differences
from mta_assets.pipelines.inputs import read_product
from mta_assets.pipelines.platform import Platform

AXES = ("roll", "pitch", "yaw")
FIGURES = (("median", "MED"), ("scatter", "STD"))  # and how their keywords end
SOURCES = ("ACIS_SRC2", "HRC_SRC2")


def stream_report(platform: Platform, partition: str) -> dict[str, Any]:
    """What the quick-look and the archival stream say of an observation.

    Returns
    -------
    dict
        ``observation``; ``aspect``, a row for each axis with ``median`` and ``scatter`` [arcsec] of the on-board minus
        the ground attitude (none before both are there); ``sources``, a row for each source of either stream with its
        places [deg], ``east`` and ``north``, quick look minus archival [arcsec], ``error`` [arcsec] and
        ``significance`` of the archival one; ``lacks``, what is not there, in words.

    Raises
    ------
    BadData
        If no such observation is known.
    """
    if platform.catalog.obi(partition) is None:
        raise BadData(f"{partition!r} is no observation that is known; `mta observations` lists them")
    lacks: list[str] = []
    difference = _current(platform, "ASPDIFF", partition, "sdp")
    if difference is None:
        lacks.append("ASPDIFF: on-board and ground aspect are not both there")
    archival, quick = (
        next((p for file_id in SOURCES if (p := _current(platform, file_id, partition, stream))), None)
        for stream in ("sdp", "sap")
    )
    lacks += [f"source list, {stream}" for stream, p in (("archival", archival), ("quick look", quick)) if p is None]
    return {
        "observation": partition,
        "aspect": [] if difference is None else _aspect(difference),
        "sources": [] if archival is None or quick is None else _sources(archival, quick),
        "lacks": lacks,
    }


def _current(platform: Platform, file_id: str, partition: str, stream: str) -> Product | None:
    if file_id not in platform.registry.products:
        return None
    found = platform.catalog.products(file_id=file_id, partition=partition, stream=stream)
    return read_product(platform.registry.product(file_id), Path(found[0].path)) if found else None


def _aspect(difference: Product) -> list[dict[str, Any]]:
    header = {name: plain(value) for name, value in difference.tables[0].header.items()}
    return [{"axis": axis, **{name: header.get(f"{axis.upper()}{end}") for name, end in FIGURES}} for axis in AXES]


def _sources(archival: Product, quick: Product) -> list[dict[str, Any]]:
    table = source_differences(archival.tables[0], quick.tables[0])
    names = {
        "ra": "RA", "dec": "DEC", "ra quick look": "RA_SAP", "dec quick look": "DEC_SAP", "east": "EAST",
        "north": "NORTH", "error": "POS_ERR", "significance": "SIGNIFICANCE",
    }  # fmt: skip
    return [
        {name: _known(table[column][row]) for name, column in names.items()} for row in range(len(table))
    ]  # fmt: skip


def _known(number: Any) -> float | None:
    return float(number) if number == number else None
