"""Partitions of kind ``obi``: what a step may say of observation intervals, and what a run for one is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mta_assets.archive.entries import ObiEntry
from mta_assets.core.errors import ToolFailed
from mta_assets.core.records import Observation
from mta_assets.core.request import Request, Stream
from mta_assets.core.tables import Table
from mta_assets.pipelines.registry import Registry

INTERVAL = ("obsid", "obi", "tstart", "tstop")
EDGES = {"begun": "start_edge", "ended": "stop_edge"}
OPEN = "open"  # an edge of which the telemetry is still to come
NOT_OF_THE_LABEL = frozenset({"tstart", "tstop", "since", "version", "obsid", "obi"})


def observations_of(value: Any, tool: str) -> Iterator[Observation]:
    """Observation intervals as a step gives them.

    Parameters
    ----------
    value
        `Observation` objects, or a table with a row for each: columns obsid, obi, tstart, tstop; ``start_edge`` and
        ``stop_edge``, in which ``open`` says that the edge is not known yet; these and every other scalar column are
        facts of their names, where they have a value.
    tool
        What gives it, for messages.

    Raises
    ------
    ToolFailed
        If it is something else, an interval has no length, or two have the same name.
    """
    found = list(_rows(value, tool)) if isinstance(value, Table) else list(value)
    seen = set()
    for one in found:
        if not isinstance(one, Observation):
            raise ToolFailed(f"{tool}: an observation is a {type(one).__name__}; expected Observation, or a table")
        if not one.tstart < one.tstop:
            raise ToolFailed(f"{tool}: observation {one.key} goes from {one.tstart} to {one.tstop}")
        if one.key in seen:
            raise ToolFailed(f"{tool}: observation {one.key} is there twice: number its intervals")
        seen.add(one.key)
    return iter(found)


def _rows(table: Table, tool: str) -> Iterator[Observation]:
    missing = [name for name in INTERVAL if name not in table]
    if missing:
        raise ToolFailed(f"{tool}: its table of observations {table.name} has no columns {', '.join(missing)}")
    edges = {edge: table[column] != OPEN for edge, column in EDGES.items() if column in table}
    said = (*INTERVAL, "complete")
    names = [name for name, array in table.columns.items() if array.ndim == 1 and name not in said]
    for row in range(len(table)):
        facts = {name: table[name][row].item() for name in names}
        yield Observation(
            int(table["obsid"][row]),
            int(table["obi"][row]),
            float(table["tstart"][row]),
            float(table["tstop"][row]),
            facts={name: value for name, value in facts.items() if value == value and value != ""},
            **{edge: bool(known[row]) for edge, known in edges.items()},
        )


def label_of(fields: Mapping[str, Any]) -> str:
    """What tells products of a file id in one partition apart: their fields without times, version, observation."""
    kept = {k: v for k, v in fields.items() if k not in NOT_OF_THE_LABEL and v is not None}
    return ",".join(f"{name}={_plain(value)}" for name, value in sorted(kept.items()))


def _plain(value: Any) -> str:
    text = str(value)
    return str(int(text)) if text.isascii() and text.isdigit() else text


def belongs_to_obi(registry: Registry, file_id: str) -> bool:
    """Whether products of a file id belong to one observation interval, rather than to the time that they cover."""
    makers = registry.producers(file_id)
    return registry.product(file_id).delivered == "obi" or any(maker.partition == "obi" for maker in makers)


def facts_of(entry: ObiEntry) -> dict[str, Any]:
    """What kickoff and conditions may ask of an observation interval."""
    found = {**entry.facts, "obsid": entry.obsid, "obi": entry.obi}
    return {**found, "instrument": _instrument(entry.facts)} if _instrument(entry.facts) else found


def obi_request(entry: ObiEntry, stream: Stream, created: float) -> Request:
    """What a pipeline is asked to do for an observation interval."""
    return Request(
        entry.partition,
        stream,
        entry.tstart,
        entry.tstop,
        created,
        facts_of(entry),
        entry.obsid,
        entry.obi,
        _instrument(entry.facts),
        entry.waits_for,
    )


def _instrument(facts: Mapping[str, Any]) -> str:
    """``instrument``, or what stands before the dash of ``detector`` (ACIS-S)."""
    return str(facts.get("instrument") or str(facts.get("detector") or "").partition("-")[0])
