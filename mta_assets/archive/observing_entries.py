"""What the observing catalogue takes: rows of the four kinds, checked before any of them is stored."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mta_assets.core.errors import BadData
from mta_assets.core.samples import ParameterInfo

NAME = re.compile(r"[A-Z0-9_]+(\.[A-Z0-9_()]+)*")
LONGEST_NAME = 100  # [character] as the schema has it
LARGEST_TIME = 9e9  # [s] beyond, a time does not fit into int64 nanoseconds
EXACT = 2**53  # whole numbers up to here are exact as float64
CONTROL = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]"
)  # a database refuses some of these, a terminal obeys others


@dataclass(frozen=True)
class Observation:
    """One uninterrupted interval of an observation. Angles in degrees, times in TT s since 1998.0 TT.

    ``facts`` is whatever else the catalogue says of it; each becomes the parameter ``OBS.<name>``.
    """

    obsid: int
    tstart: float
    tstop: float
    obi: int = 0
    target: str = ""
    ra: float | None = None
    dec: float | None = None
    roll: float | None = None
    instrument: str = ""
    detector: str = ""
    grating: str = ""
    mode: str = ""
    aot: str = ""
    seqnum: str = ""
    facts: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Block:
    """One building block of an observation."""

    bbid: int
    tstart: float
    tstop: float
    bbtype: str = ""
    obsid: int = 0


@dataclass(frozen=True)
class Command:
    """One command that was sent, with its parameters as texts in their order."""

    time: float
    mnemonic: str
    type: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    counter: str = ""


@dataclass(frozen=True)
class IntervalValue:
    """What a name was from ``tstart`` to ``tstop`` (None: it still is): a number or a text."""

    name: str
    tstart: float
    tstop: float | None
    value: float | str


@dataclass(frozen=True)
class Content:
    """Everything that one source gives. ``infos`` says unit, type and states of names of the values, where known."""

    observations: Sequence[Observation] = ()
    blocks: Sequence[Block] = ()
    commands: Sequence[Command] = ()
    values: Sequence[IntervalValue] = ()
    infos: Mapping[str, ParameterInfo] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.observations) + len(self.blocks) + len(self.commands) + len(self.values)

    @property
    def sha256(self) -> str:
        """Hash of all rows in their order."""
        digest = hashlib.sha256()
        for rows in (self.observations, self.blocks, self.commands, self.values):
            for row in rows:
                digest.update(json.dumps([type(row).__name__, asdict(row)], allow_nan=False).encode())
        for name, info in sorted(self.infos.items()):
            facts = [info.dtype, info.unit, info.description, sorted(info.states.items())]
            digest.update(json.dumps([name, *facts]).encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class ImportEntry:
    """One import. ``new`` is False where the same rows were there already and nothing was changed."""

    id: int
    source: str
    sha256: str
    rows: int
    imported: float
    retired: float | None = None
    reason: str = ""
    new: bool = True


def check_content(content: Content) -> None:
    """Refuse rows that can not be stored exactly, or would hide each other.

    Raises
    ------
    BadData
        With the row: an empty interval, a time or number that is none, a name that no query can write, a control
        character in a text, the same observation or block twice.
    """
    for rows in (content.observations, content.blocks, content.values):
        for row in rows:
            check_interval(row.tstart, row.tstop, row)
    for observation in content.observations:
        _check_values(observation, asdict(observation))
        _check_values(observation, observation.facts)
        for name in observation.facts:
            check_parameter_name(name, observation)
    for block in content.blocks:
        _check_values(block, asdict(block))
    for command in content.commands:
        _check_time(command.time, command)
        check_parameter_name(command.mnemonic, command)
        _check_values(command, {"type": command.type, "counter": command.counter, **command.parameters})
    for value in content.values:
        check_parameter_name(value.name, value)
        _check_values(value, {"value": value.value})
    _check_twice([(o.obsid, o.obi) for o in content.observations], "observation (obsid, obi)")
    _check_twice([(b.obsid, b.bbid, b.tstart) for b in content.blocks], "block (obsid, bbid, tstart)")
    _check_twice([(v.name, v.tstart) for v in content.values], "value (name, tstart)")


def check_interval(tstart: float, tstop: float | None, row: object) -> None:
    """Refuse an interval that is empty or turned round."""
    _check_time(tstart, row)
    if tstop is None:
        return
    _check_time(tstop, row)
    if tstop <= tstart:
        raise BadData(f"{_short(row)}: its stop {tstop!r} must lie after its start {tstart!r}")


def check_parameter_name(name: str, row: object) -> str:
    """The name itself, if a query can write it."""
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise BadData(
            f"{_short(row)}: the name {name[:60]!r} must be of at most {LONGEST_NAME} capital letters, digits and _, "
            "in parts with points between them"
        )
    return name


def _check_time(time: float, row: object) -> None:
    if not abs(time) < LARGEST_TIME:  # a NaN too
        raise BadData(f"{_short(row)}: {time!r} is not a time in TT seconds since 1998.0 between ±{LARGEST_TIME:g}")


def _check_values(row: object, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, str) and CONTROL.search(value):
            raise BadData(f"{_short(row)}: {name} holds a control character")
        if isinstance(value, float) and not math.isfinite(value):
            raise BadData(f"{_short(row)}: {name} is {value}: leave the row out where there is no value")
        if isinstance(value, int) and abs(value) > EXACT:
            raise BadData(f"{_short(row)}: {name} = {value} is larger than {EXACT} and would not stay exact")


def _check_twice(keys: Sequence[tuple[Any, ...]], what: str) -> None:
    if len(set(keys)) == len(keys):
        return
    seen: set[tuple[Any, ...]] = set()
    for key in keys:
        if key in seen:
            raise BadData(f"{what} {key} comes twice in one source: give each its own, or leave one out")
        seen.add(key)


def _short(row: object) -> str:
    text = repr(row)
    return text if len(text) < 160 else f"{text[:160]}…"
