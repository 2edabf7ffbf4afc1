"""The tool that fills the telemetry archive: a playback to rows of all its groups, block by block, and a record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mta_assets.archive.telemetry_rows import FILLER, GroupRows, TelemetryBlock, ordered
from mta_assets.core.flags import Quality
from mta_assets.core.request import Request
from mta_assets.core.samples import ParameterInfo, to_nanoseconds
from mta_assets.core.tables import Column, Product, Schema, Table
from mta_assets.missions.load import Mission

if TYPE_CHECKING:
    from mta_assets.telemetry.ccsds_playback import PacketPlayback
    from mta_assets.telemetry.odb import Dictionary
    from mta_assets.telemetry.playback import Playback

BLOCK_SECONDS = 3600.0  # memory stays that of an hour, however long the playback
# What a sample's neighbours in the playback did is no property of the sample.
OF_SAMPLES = np.uint8(0xFF ^ int(Quality.DUPLICATE | Quality.OUT_OF_ORDER))
RECORD = Schema(
    "GROUPS",
    (
        Column("GROUP", "U32", "", "group of parameters that share their times"),
        Column("ROWS", "i8", "", "rows"),
        Column("PARAMETERS", "i4", "", "parameters"),
        Column("SAMPLES", "i8", "", "samples that came down"),
        Column("DOUBTFUL", "i8", "", "samples among them that are not good"),
        Column("FIRST", "f8", "s", "time of the first row, TT since 1998.0"),
        Column("LAST", "f8", "s", "time of the last row"),
    ),
)


def archive_playback(playback: Any, mission: Mission, request: Request) -> Iterator[TelemetryBlock | Product]:
    """All samples of a playback for the telemetry archive.

    Yields
    ------
    TelemetryBlock
        About an hour each.
    Product
        In the end TELEMETRY, the record of what went in, one row for each group.
    """
    blocks = _packets(playback) if mission.kind == "ccsds" else _frames(playback, mission)
    totals: dict[str, dict[str, Any]] = {}
    for block in blocks:
        for rows in block.groups:
            _count(totals, rows)
        yield block
    columns = {name: [total[name] for total in totals.values()] for name in RECORD.names[1:]}
    table = RECORD.build({"GROUP": np.array(list(totals), "U32"), **{n: np.array(v) for n, v in columns.items()}})
    yield Product("TELEMETRY", (table,), request.tstart, request.tstop, {"CONTENT": ("TELEMETRY", "what is in it")})


def _count(totals: dict[str, dict[str, Any]], rows: GroupRows) -> None:
    first, last = (float(rows.time[i]) / 1e9 for i in (0, -1))
    total = totals.setdefault(
        rows.group, {"ROWS": 0, "PARAMETERS": 0, "SAMPLES": 0, "DOUBTFUL": 0, "FIRST": first, "LAST": last}
    )
    fillers = sum(int(np.count_nonzero(flags & FILLER)) for flags in rows.quality.values())
    flagged = sum(int(np.count_nonzero(flags)) for flags in rows.quality.values())
    total["ROWS"] += len(rows)
    total["PARAMETERS"] = max(total["PARAMETERS"], len(rows.parameters))
    total["SAMPLES"] += len(rows) * len(rows.parameters) - fillers
    total["DOUBTFUL"] += flagged - fillers
    total["FIRST"], total["LAST"] = min(total["FIRST"], first), max(total["LAST"], last)


def _frames(playback: Playback, mission: Mission) -> Iterator[TelemetryBlock]:
    from mta_assets.telemetry.decom import decommutate
    from mta_assets.telemetry.odb import dictionary_of

    dictionary = dictionary_of(mission)
    for frames in playback.blocks(BLOCK_SECONDS):
        tables = decommutate(frames, dictionary)
        groups = tuple(_rate_group(dictionary, key, table) for key, table in tables.items() if len(table))
        if groups:
            yield TelemetryBlock(groups, float(frames.time[0]), float(frames.time[-1]))


def _rate_group(dictionary: Dictionary, key: tuple[str, int], table: Table) -> GroupRows:
    group = dictionary.groups[key]
    period = group.step * dictionary.layout.period
    infos, values, raw, quality = [], {}, {}, {}
    for name in group.msids:
        parameter = dictionary.msids[name]
        counts = table.columns.get(f"{name}__r")
        coded = bool(parameter.states) and counts is not None
        values[name] = counts if coded and counts is not None else table[name]
        if counts is not None and not coded:
            raw[name] = counts
        if f"{name}__q" in table:
            quality[name] = table[f"{name}__q"] & OF_SAMPLES
        kind = values[name].dtype
        infos.append(
            ParameterInfo(
                name,
                group.content,
                "bool" if kind.kind == "b" else kind.str[1:],
                parameter.unit,
                parameter.description,
                parameter.states,
                period,
                parameter.subsystem,
            )
        )
    return GroupRows(group.content, tuple(infos), to_nanoseconds(table["time"]), values, raw, quality, period)


def _packets(playback: PacketPlayback) -> Iterator[TelemetryBlock]:
    from mta_assets.archive.import_packets import known_times, packet_rows, parameter_names

    names = parameter_names(playback.model)
    counts: Counter[str] = Counter()
    for tables in playback.tables():
        found = (packet_rows(t, playback.model, names[kind], counts) for kind, t in tables.items() if "time" in t)
        groups = tuple(rows for rows in (known_times(ordered(rows), counts) for rows in found) if len(rows))
        if groups:
            ends = [int(rows.time[i]) for rows in groups for i in (0, -1)]
            yield TelemetryBlock(groups, min(ends) / 1e9, max(ends) / 1e9)
