"""One pipeline on given files, with no scheduler, catalog or archive: the way an engineer tries a thing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mta_assets.archive.fits_read import read_fits
from mta_assets.core.errors import ConfigError, WrongRequest
from mta_assets.core.records import observation_key
from mta_assets.core.request import Request, Stream
from mta_assets.core.tables import Product, plain
from mta_assets.core.times import compact_utc, from_datetime, to_utc_iso
from mta_assets.pipelines.calendar import CALENDAR, day_of, interval_of, key_of
from mta_assets.pipelines.calibration import calibrations_of, holding
from mta_assets.pipelines.controller import RunResult, run_pipeline
from mta_assets.pipelines.delivery_check import ALIASES
from mta_assets.pipelines.direct_facts import typed_facts, whole_fact
from mta_assets.pipelines.direct_sink import DirectSink, check_folder
from mta_assets.pipelines.inputs import Input, describe_files, open_files
from mta_assets.pipelines.observations import belongs_to_obi
from mta_assets.pipelines.registry import Registry
from mta_assets.pipelines.registry_schema import Pipeline

SHOWN = 3  # files that a message names


def run_direct(
    registry: Registry,
    pipe_id: str,
    files: Mapping[str, Path | Sequence[Path]],
    to: Path,
    stream: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> RunResult:
    """Run one pipeline's profile on files.

    Parameters
    ----------
    files
        Paths by file id, each one path or several. Calibration files that are not given are those of the mission.
    to
        Folder for products, log, plots, faults and findings.
    stream
        ``sdp`` or ``sap``; the pipeline's first, if not given.
    facts
        For kickoff and conditions; they win over those of a playback and those that the headers tell.

    Returns
    -------
    RunResult
        The request is made from the inputs: interval and facts from a playback or the headers (of a day or week, that
        in which they begin), DATE from the newest file.

    Raises
    ------
    WrongRequest
        If there is no such pipeline or stream, a file id is not among its inputs, a fact can not be as it is given, or
        the folder can not be made.
    ConfigError
        If the files are not of one observation, day or week.
    BadData
        If a file is not there or not usable.
    """
    pipeline = registry.pipeline(pipe_id)
    chosen = _stream(pipeline, stream)
    unknown = [name for name in files if name not in (*pipeline.inputs, *pipeline.optional_inputs)]
    if unknown:
        expected = ", ".join((*pipeline.inputs, *pipeline.optional_inputs)) or "none"
        raise WrongRequest(f"pipeline {pipe_id} has no input {', '.join(unknown)}; its inputs are {expected}")
    stated = typed_facts(registry, facts or {})
    check_folder(to)
    paths = {
        name: [Path(given)] if isinstance(given, str | Path) else [Path(p) for p in given]
        for name, given in files.items()
    }
    inputs: dict[str, Input] = {}
    for name, some in paths.items():
        spec = registry.product(name)
        entries = describe_files(spec, some)
        if spec.format == "fits":
            entries.sort(key=lambda entry: read_fits(Path(entry.path), name, images=bool(spec.delivered)).tstart)
        inputs[name] = open_files(spec, entries, registry.mission)
    request = _request(registry, pipeline, inputs, chosen, stated, [p for some in paths.values() for p in some])
    for name in calibrations_of(registry, pipeline):
        held = holding(registry, None, name, request.tstart) if name not in inputs else None
        if held is not None:
            inputs[name] = open_files(registry.product(name), [held.file], registry.mission)
    return run_pipeline(registry, pipeline, request, inputs, DirectSink(to))


def _stream(pipeline: Pipeline, stream: str | None) -> Stream:
    for known in pipeline.streams:
        if stream in (None, known):
            return known
    raise WrongRequest(f"pipeline {pipeline.id} has no stream {stream!r}; it runs in {', '.join(pipeline.streams)}")


def _request(
    registry: Registry,
    pipeline: Pipeline,
    inputs: Mapping[str, Input],
    stream: Stream,
    facts: Mapping[str, Any],
    paths: Sequence[Path],
) -> Request:
    spans: list[tuple[float, float, str]] = []
    known: dict[str, Any] = {}
    named: set[tuple[int, int | None]] = set()
    # Ephemerides reach far beyond an observation: what belongs to it says when it is, if there is any.
    timed = [name for name in inputs if registry.product(name).delivered != "since"]
    own = [n for n in timed if pipeline.partition == "obi" and belongs_to_obi(registry, n)] or timed
    for file_id in timed:
        given = inputs[file_id]
        parts = [given.value] if hasattr(given.value, "tstart") else given.value
        for part, file in zip(parts, given.files, strict=True):
            if file_id in own:
                spans.append((part.tstart, part.tstop, file.name))
                named |= _observation(part)
            for name, value in _facts(part, registry).items():
                known.setdefault(name, value)
    created = max((path.stat().st_mtime for path in paths), default=0.0)
    digest = hashlib.sha256("".join(sorted(f.sha256 for i in inputs.values() for f in i.files)).encode()).hexdigest()
    tstart = min((start for start, _, _ in spans), default=0.0)
    tstop = max((stop for _, stop, _ in spans), default=0.0)
    asked = Request(
        f"{compact_utc(tstart)}-{digest[:8]}",
        stream,
        tstart,
        tstop,
        from_datetime(datetime.fromtimestamp(created, UTC)),
        {**known, **facts},
    )
    if pipeline.partition in CALENDAR and spans:
        key, first, last = _one_stretch(pipeline, spans)
        return replace(asked, partition=key, tstart=first, tstop=last)
    if pipeline.partition != "obi":
        return asked
    obsid, obi = _one_observation(pipeline, named, asked.facts)
    instrument = str(asked.facts.get("instrument") or "")
    return replace(
        asked, partition=observation_key(obsid, obi), facts={**asked.facts, "obsid": obsid, "obi": obi}, obsid=obsid,
        obi=obi, instrument=instrument,
    )  # fmt: skip


def _one_stretch(pipeline: Pipeline, spans: Sequence[tuple[float, float, str]]) -> tuple[str, float, float]:
    """Key, start and stop of the day or week that the first file begins in; the scheduler, too, gives a run nothing
    that does not meet it.

    Raises
    ------
    ConfigError
        If a file does not.
    """
    (begin, _, earliest), *rest = sorted(spans)
    key = key_of(pipeline.partition, day_of(begin))
    first, last = interval_of(pipeline.partition, key)
    others = [
        f"{name} ({to_utc_iso(start, 0)} to {to_utc_iso(stop, 0)})"
        for start, stop, name in rest
        if not (start < last and stop > first)
    ]
    if others:
        more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        raise ConfigError(
            f"pipeline {pipeline.id} is by {pipeline.partition}, and {earliest} begins in that of {key}; not of it: "
            f"{', '.join(others[:SHOWN])}{more}; give the files of one {pipeline.partition}"
        )
    return key, first, last


def _one_observation(
    pipeline: Pipeline, named: Set[tuple[int, int | None]], facts: Mapping[str, Any]
) -> tuple[int, int]:
    """The observation and interval that the files are of; its first interval where none is stated.

    Raises
    ------
    ConfigError
        If no file or fact says which, or they are of several.
    """
    obsids = {obsid for obsid, _ in named} | whole_fact(facts, "obsid")
    obis = {obi for _, obi in named if obi is not None} | whole_fact(facts, "obi")
    for words, several in (("observations", obsids), ("the intervals (OBI)", obis)):
        if len(several) > 1:
            raise ConfigError(
                f"pipeline {pipeline.id}: the files and facts are of {words} {', '.join(map(str, sorted(several)))}; "
                "give those of one"
            )
    if not obsids:
        raise ConfigError(
            f"pipeline {pipeline.id} is by observation and no file says of which: give one that does (OBSPAR, if it is "
            "among its inputs), or --fact obsid=28229 and --fact obi=0"
        )
    return obsids.pop(), obis.pop() if obis else 0


def _observation(part: Any) -> set[tuple[int, int | None]]:
    """Observation and interval (None: not stated) of a product: of its file name, else of OBS_ID and OBI_NUM."""
    if not isinstance(part, Product):
        return set()
    heads = {k: v for table in part.tables for k, v in table.header.items()} | dict(part.header)
    stated = {k: plain(v) for k, v in heads.items()}
    obsid, obi = (
        str(part.fields.get(field, stated.get(keyword, default))).strip()
        for field, keyword, default in (("obsid", "OBS_ID", ""), ("obi", "OBI_NUM", ""))
    )
    return {(int(obsid), int(obi) if obi.isdecimal() else None)} if obsid.isdecimal() else set()


def _facts(part: Any, registry: Registry) -> dict[str, Any]:
    """Facts of a playback; of a product those keywords that are named like a declared fact."""
    if hasattr(part, "facts"):
        return dict(part.facts)
    heads = {k: v for table in part.tables for k, v in table.header.items()} | dict(part.header)
    found = {}
    for name in registry.facts:
        value = heads.get(name.upper(), heads.get(ALIASES.get(name, "")))
        value = plain(value)
        if value is not None and not (isinstance(registry.facts[name], list) and value not in registry.facts[name]):
            found[name] = value
    return found
