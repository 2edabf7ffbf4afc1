"""What a delivered file is: recognised by its name, checked against its own sums and header, placed in time.

Nothing here writes. Names are those of the Chandra archive, ``<instrument>f<obsid>[_<obi>]N<version>_<type>`` and
``<instrument>f<tstart>N<version>_<type>``, as the files of its packages have them; the patterns are the registry's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mta_assets.archive.fits_heads import Head, read_columns
from mta_assets.archive.fits_sums import verify_file
from mta_assets.archive.names import check_name
from mta_assets.archive.store import sha256_of
from mta_assets.core import times
from mta_assets.core.content import problems
from mta_assets.core.errors import BadData
from mta_assets.core.records import Observation
from mta_assets.pipelines.calibration import valid_since
from mta_assets.pipelines.observations import label_of
from mta_assets.pipelines.registry import Registry
from mta_assets.pipelines.registry_schema import ProductSpec

NAME_TIME = 1000.0  # [s] a name's time is that of a science run: bias maps of 28229 differ from TSTART by 433 s
ALIASES = {"instrument": "INSTRUME", "instruments": "INSTRUME", "detector": "DETNAM"}  # fact → keyword


@dataclass(frozen=True)
class Delivery:
    """A file that can be entered.

    Attributes
    ----------
    partition
        ``28229_000``, or ``20200321T120000-20200412T000000`` of what belongs to a stretch of time; of calibration
        files, whose end is open, ``20000129T000000-open``.
    observation
        What it says of its observation interval; None without one.
    series, label, version
        As of our own products: the name with version 0, what tells it apart, its version (0 where the name has none).
    created
        Its DATE.
    sums
        What was found of its checksums, in words.
    """

    spec: ProductSpec
    name: str
    path: Path
    sha256: str
    size: int
    rows: int
    tstart: float
    tstop: float
    created: float
    version: int
    series: str
    label: str
    partition: str
    observation: Observation | None
    sums: str


def recognised(registry: Registry, name: str) -> ProductSpec:
    """The product that a file is by its name.

    Raises
    ------
    BadData
        If the name is hostile, fits none, or one that is not delivered.
    """
    file_id, _ = registry.recognise(check_name(name))
    spec = registry.product(file_id)
    if not spec.delivered:
        raise BadData(f"{name}: a {file_id} is made here or comes as telemetry; it can not be delivered")
    return spec


def examine(registry: Registry, path: Path) -> Delivery:
    """Look through a file.

    Raises
    ------
    BadData
        If it can not be entered, with what was expected, what came, and what to do.
    """
    spec = recognised(registry, path.name)
    fields = registry.recognise(path.name)[1]
    status = path.stat()
    if not status.st_size:
        raise BadData(f"{path.name} is empty: expected a {spec.id}, came 0 bytes; fetch it again")
    verified = verify_file(path)
    heads = verified.heads
    header = _header(heads)
    _check_header(registry, spec, header, heads, path.name)
    tstart, tstop = _interval(spec, fields, header, heads, path)
    observation = None
    partition = f"{times.compact_utc(tstart)}-{times.compact_utc(tstop) if tstop < times.FOREVER else 'open'}"
    if spec.delivered == "obi":
        obsid, obi = _observation(fields, header, path.name)
        observation = Observation(obsid, obi, tstart, max(tstop, tstart + 1e-3), facts=_facts(registry, header))
        partition = observation.key
    tables = [head for head in heads if head.width]
    return Delivery(
        spec, path.name, path, sha256_of(path), status.st_size, tables[0].rows if tables else 0, tstart, tstop,
        _created(header, status.st_mtime), int(fields.get("version", 0)), _series(spec, path.name), label_of(fields),
        partition, observation, verified.text,
    )  # fmt: skip


def _header(heads: Sequence[Head]) -> dict[str, Any]:
    """Keywords of the primary HDU and of the first extension, which the archive's files repeat; the first wins."""
    found: dict[str, Any] = {}
    for head in heads[:2]:
        for key, (value, _) in head.keywords.items():
            found.setdefault(key, value)
    return found


def _check_header(
    registry: Registry, spec: ProductSpec, header: Mapping[str, Any], heads: Sequence[Head], name: str
) -> None:
    """The content is what the name says: keywords and columns as registered, this mission, its clock."""
    for keyword, expected in spec.keywords.items():
        found = [head.keywords[keyword][0] for head in heads[:2] if keyword in head.keywords]
        if expected not in found:
            came = ", ".join(dict.fromkeys(repr(value) for value in found)) or "nothing"
            raise BadData(
                f"{name}: {keyword} is {came}, a {spec.id} has {expected!r}: the name does not fit the content; "
                "give the file its own name"
            )
    telescope = header.get("TELESCOP")
    known = (registry.mission.file.mission.telescope, registry.keywords.get("MISSION"))
    if telescope is not None and telescope not in known:
        raise BadData(f"{name}: TELESCOP is {telescope!r}, expected {known[0]!r}: a file of another mission")
    if _number(header.get("MJDREF", times.MJDREF)) != times.MJDREF:
        raise BadData(f"{name}: MJDREF is {header['MJDREF']}, expected {times.MJDREF} (1998.0 TT)")
    if str(header.get("TIMEUNIT", "s")).strip() not in ("s", ""):
        raise BadData(f"{name}: TIMEUNIT is {header['TIMEUNIT']!r}, expected 's'")
    wrong = problems(spec.columns, ((head.name, head.columns) for head in heads if head.columns))
    if wrong:
        raise BadData(f"{name}{'; '.join(wrong)}: not as a {spec.id} is; deliver the file as its maker wrote it")


def _observation(fields: Mapping[str, Any], header: Mapping[str, Any], name: str) -> tuple[int, int]:
    """Observation and interval, of the name and of OBS_ID and OBI_NUM, which must not contradict each other."""
    obsid = int(fields["obsid"])
    stated, number = _integer(header.get("OBS_ID")), _integer(header.get("OBI_NUM"))
    if stated is not None and stated != obsid:
        raise BadData(f"{name}: its header says observation {stated} (OBS_ID), its name {obsid}: one of them lies")
    if "obi" in fields and number is not None and number != fields["obi"]:
        raise BadData(f"{name}: its header says interval {number} (OBI_NUM), its name {fields['obi']}")
    return obsid, int(fields.get("obi", number or 0))


def _interval(
    spec: ProductSpec, fields: Mapping[str, Any], header: Mapping[str, Any], heads: Sequence[Head], path: Path
) -> tuple[float, float]:
    """Start and stop by the method that the product registers; a calibration file has no end of its own."""
    if spec.delivered == "since":
        return valid_since(str(fields["since"]), header, path.name), times.FOREVER
    if spec.times == "content":
        return _content(heads, path)
    start, stop = _number(header.get("TSTART")), _number(header.get("TSTOP"))
    named = float(fields["tstart"]) if "tstart" in fields else math.nan
    if spec.times == "name":
        end = float(fields["tstop"]) if "tstop" in fields else stop
        return named, end if end >= named else named
    if not (math.isfinite(start) and math.isfinite(stop)):
        raise BadData(f"{path.name}: its header has no TSTART and TSTOP that are numbers, so it has no place in time")
    if stop < start:
        raise BadData(f"{path.name}: TSTOP {stop} lies before TSTART {start}")
    if abs(named - start) > NAME_TIME:
        raise BadData(f"{path.name}: begins at {start:.3f} (TSTART), its name says {named:.0f}: one of them lies")
    return start, stop


def _content(heads: Sequence[Head], path: Path) -> tuple[float, float]:
    """The earliest and latest TIME, or START and STOP, of all tables."""
    lows, highs = [], []
    for head in heads:
        names = {column.name.lower(): column.name for column in head.columns}
        pair = ("time", "time") if "time" in names else ("start", "stop")
        if not head.rows or any(name not in names for name in pair):
            continue
        columns = read_columns(path, head, [names[name] for name in pair])
        low, high = (np.asarray(c, float)[np.isfinite(np.asarray(c, float))] for c in columns)
        if len(low) and len(high):
            lows.append(float(low.min()))
            highs.append(float(high.max()))
    if not lows:
        raise BadData(f"{path.name}: no table of it has times (TIME, or START and STOP), so it has no place in time")
    return min(lows), max(highs)


def _facts(registry: Registry, header: Mapping[str, Any]) -> dict[str, Any]:
    """Declared facts that the header tells, by the keyword of their name or its usual one."""
    found: dict[str, Any] = {}
    for name, declared in registry.facts.items():
        for keyword in (name.upper(), ALIASES.get(name, "")):
            value = header.get(keyword)
            value = value.strip() if isinstance(value, str) else value
            if value in (None, "") or name in ("obsid", "obi"):
                continue
            if isinstance(declared, list) and value not in declared:
                continue
            found.setdefault(name, value)
    return found


def _series(spec: ProductSpec, name: str) -> str:
    """The name with version 0, compressed as our own files of the product are."""
    match = spec.regex.fullmatch(name)
    assert match is not None
    start, stop = match.span("version")
    series = name if start < 0 else f"{name[:start]}{'0' * (stop - start)}{name[stop:]}"
    plain = series.removesuffix(".gz")
    return f"{plain}.gz" if (spec.suffix or "").endswith(".gz") else plain


def _created(header: Mapping[str, Any], modified: float) -> float:
    """DATE of the file, in UTC; when it was written here, if it states none."""
    try:
        return times.from_utc(str(header.get("DATE", "")))
    except ValueError:
        return times.from_unix(modified)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _integer(value: Any) -> int | None:
    try:
        return int(str(value).strip())
    except ValueError:
        return None
