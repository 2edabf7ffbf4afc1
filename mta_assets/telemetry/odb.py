"""The operational database: where each parameter (MSID) lies in the frames, and what its counts mean.

A dictionary is a folder of CSV files, one row a parameter; docs/dictionary.md describes the columns.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from mta_assets.core.errors import ConfigError
from mta_assets.missions.load import FrameSection, Mission
from mta_assets.telemetry.calibrate import parse_calibration, parse_states
from mta_assets.telemetry.odb_check import check_overlaps, check_parameter
from mta_assets.telemetry.odb_model import Dictionary, Layout, Parameter, RateGroup

__all__ = [
    "COLUMNS",
    "Dictionary",
    "Layout",
    "Parameter",
    "RateGroup",
    "build_dictionary",
    "dictionary_of",
    "load_odb",
    "parse_minor_frames",
]

COLUMNS = (
    "msid",
    "subsystem",
    "group",
    "formats",
    "minor_frames",
    "offset",
    "bit",
    "length",
    "type",
    "calibration",
    "states",
    "unit",
    "description",
)


def load_odb(folder: Path, frame: FrameSection | None = None) -> Dictionary:
    """Read and check the CSV files of a folder.

    Parameters
    ----------
    folder
        Holds one or more ``*.csv``.
    frame
        The mission's frame; without it, a frame of 1025 bytes, 128 minor frames and no reserved bytes.

    Raises
    ------
    ConfigError
        With file and line of the first thing that is wrong.
    """
    layout = Layout.of(frame) if frame is not None else Layout()
    paths = sorted(Path(folder).glob("*.csv"))
    if not paths:
        raise ConfigError(f"{folder}: no *.csv there; expected the tables of the dictionary")
    parameters = [parameter for path in paths for parameter in _read(path, layout)]
    check_overlaps(parameters, layout)
    return build_dictionary(parameters, layout)


def dictionary_of(mission: Mission) -> Dictionary:
    """The dictionary of a mission, read once per process and again when a file of it has changed."""
    folder = mission.path(mission.file.telemetry.dictionary)
    stamp = tuple((path.name, path.stat().st_mtime_ns) for path in sorted(folder.glob("*.csv")))
    return _load_once(folder, mission.frame.model_dump_json(), stamp)


@lru_cache(maxsize=4)
def _load_once(folder: Path, frame: str, stamp: tuple[tuple[str, int], ...]) -> Dictionary:
    return load_odb(folder, FrameSection.model_validate_json(frame))


def build_dictionary(parameters: Iterable[Parameter], layout: Layout) -> Dictionary:
    """Dictionary of parameters that are right each for itself: names are unique, a group has one step."""
    msids: dict[str, Parameter] = {}
    members: dict[tuple[str, int], list[Parameter]] = {}
    for parameter in parameters:
        if parameter.msid in msids:
            first = msids[parameter.msid].source
            raise ConfigError(f"{parameter.source}: MSID {parameter.msid} is defined already at {first}")
        msids[parameter.msid] = parameter
        group = members.setdefault((parameter.subsystem, parameter.group), [])
        group.append(parameter)
        if parameter.step != group[0].step:
            raise ConfigError(
                f"{parameter.source}: {parameter.msid} comes every {parameter.step} minor frames, but group "
                f"{parameter.subsystem} {parameter.group} has {group[0].msid} every {group[0].step}; "
                "all parameters of a group share one step"
            )
    groups = {
        (subsystem, number): RateGroup(subsystem, number, group[0].step, tuple(p.msid for p in group))
        for (subsystem, number), group in sorted(members.items())
    }
    return Dictionary(msids, groups, layout)


def parse_minor_frames(text: str, per_major: int = 128) -> tuple[tuple[int, ...], int]:
    """Minor frame of the sample in each period (−1: none) and the period, of ``start:step`` or ``4;12;20``.

    The period of a list is the longest power of two that never holds two of its entries.

    Raises
    ------
    ValueError
        If the text is neither, or a number does not fit.
    """
    if ":" in text:
        start, step = (int(part) for part in text.split(":"))
        if step < 1 or per_major % step or step & (step - 1):
            raise ValueError(f"minor_frames {text!r}: the step must be a power of two up to {per_major}")
        if not 0 <= start < step:
            raise ValueError(f"minor_frames {text!r}: the start must lie in 0 … {step - 1}")
        return tuple(range(start, per_major, step)), step
    listed = sorted(int(part) for part in text.split(";"))
    if len(set(listed)) != len(listed) or listed[0] < 0 or listed[-1] >= per_major:
        raise ValueError(f"minor_frames {text!r}: expected different numbers in 0 … {per_major - 1}")
    step = per_major
    while len({frame // step for frame in listed}) < len(listed):
        step //= 2
    frames = [-1] * (per_major // step)
    for frame in listed:
        frames[frame // step] = frame
    return tuple(frames), step


_minor_frames = lru_cache(maxsize=4096)(parse_minor_frames)
_states = lru_cache(maxsize=4096)(parse_states)


@lru_cache(maxsize=256)
def _formats(text: str) -> frozenset[int]:
    formats = frozenset(int(part) for part in text.split(";"))
    if not all(0 <= number <= 255 for number in formats):
        raise ValueError(f"formats {text!r}: expected numbers in 0 … 255")
    return formats


def _read(path: Path, layout: Layout) -> list[Parameter]:
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        parameters = []
        try:
            header = next(reader, [])
            unknown, missing = [c for c in header if c not in COLUMNS], [c for c in COLUMNS if c not in header]
            if unknown or missing or len(set(header)) != len(header):
                raise ValueError(f"unknown columns {unknown}, missing columns {missing}; known: {', '.join(COLUMNS)}")
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(header):
                    raise ValueError(f"{len(cells)} cells, but {len(header)} columns")
                source = f"{path}:{reader.line_num}"
                parameter = _parameter(dict(zip(header, cells, strict=True)), source, layout)
                check_parameter(parameter, layout)
                parameters.append(parameter)
        except (ValueError, csv.Error, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}:{max(reader.line_num, 1)}: {error}") from error
    return parameters


def _parameter(row: dict[str, str], source: str, layout: Layout) -> Parameter:
    frames, step = _minor_frames(row["minor_frames"], layout.minor_frames)
    return Parameter(
        msid=row["msid"],
        subsystem=row["subsystem"],
        group=int(row["group"]),
        formats=_formats(row["formats"]),
        frames=frames,
        step=step,
        offset=int(row["offset"]),
        bit=int(row["bit"]),
        length=int(row["length"]),
        type=row["type"],
        calibration=parse_calibration(row["calibration"]),
        states=_states(row["states"]),
        unit=row["unit"],
        description=row["description"],
        source=source,
    )
