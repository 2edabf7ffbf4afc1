"""A mission is a folder of data: this reads it, and nothing else in the package knows a mission by name."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mta_assets.core.errors import ConfigError

BUILT_IN = Path(__file__).parent
TREND_TABLE = re.compile(r"(TREND_)?[A-Z0-9][A-Z0-9_]{0,59}")
M = TypeVar("M", bound=BaseModel)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MissionSection(_Section):
    """Who the mission is."""

    name: str
    title: str
    telescope: str
    owner: str = "mta"


class TelemetrySection(_Section):
    """How its telemetry is framed and described."""

    kind: Literal["vcdu", "ccsds"]
    dictionary: str
    clock: str | None = None


class FrameSection(_Section):
    """Fixed-length frames: offsets in bytes from the start of the frame, ranges half open."""

    length: int = Field(gt=0)
    sync: str
    sync_mask: str
    spacecraft_id: int
    counter_offset: int
    counter_bits: int
    minor_frames: int
    period: float = Field(gt=0)
    format_offset: int
    format_default: int
    checksum_offset: int | None = None
    science: list[tuple[int, int]] = []
    aca: list[tuple[int, int]] = []
    science_formats: dict[int, str] = {}


class PacketTimeSection(_Section):
    """Which fields of a packet hold its time: days + milliseconds + microseconds, or seconds + subseconds."""

    epoch: str
    scale: Literal["utc", "tt", "tai"] = "utc"
    days: str | None = None
    milliseconds: str | None = None
    microseconds: str | None = None
    seconds: str | None = None
    subseconds: str | None = None
    subsecond_unit: float = 1.0


class MonitorSection(_Section):
    """Limit and group tables of the monitors."""

    limits: str
    groups: str | None = None


class TrendsSection(_Section):
    """Trend tables: from which day on they are made, when, and who may write to them by hand.

    ``writers`` are names of users or of ``roles`` (role → users); ``tables`` names the writers of single tables, in
    place of those. The owner of the mission may always write.
    """

    start: date = date(1998, 1, 1)
    timezone: str = "UTC"  # of the operations centre: nightly work begins by its clock
    writers: list[str] = []
    roles: dict[str, list[str]] = {}
    tables: dict[str, list[str]] = {}

    @field_validator("tables")
    @classmethod
    def _tables(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        wrong = [name for name in value if not TREND_TABLE.fullmatch(name.upper())]
        if wrong:
            raise ValueError(f"no trend table can be called {wrong[0]!r}; expected a name like TREND_SCAL2 or SCAL2")
        return value

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"no time zone {value!r}; expected a name like Europe/London") from error
        return value


class MissionFile(_Section):
    """The whole of ``mission.toml``."""

    mission: MissionSection
    telemetry: TelemetrySection
    frame: FrameSection | None = None
    packet_time: PacketTimeSection | None = None
    monitor: MonitorSection | None = None
    trends: TrendsSection = TrendsSection()


class Mission:
    """One mission folder, read and checked.

    Attributes
    ----------
    folder
        Where it lies; every other file name is relative to it.
    file
        The checked content of ``mission.toml``.
    """

    def __init__(self, folder: Path, file: MissionFile) -> None:
        self.folder = folder
        self.file = file

    @property
    def name(self) -> str:
        return self.file.mission.name

    @property
    def kind(self) -> str:
        return self.file.telemetry.kind

    @property
    def frame(self) -> FrameSection:
        if self.file.frame is None:
            raise ConfigError(f"mission {self.name}: {self.folder / 'mission.toml'} has no [frame] section")
        return self.file.frame

    @cached_property
    def registry_folder(self) -> Path:
        return self.folder / "registry"

    def path(self, name: str) -> Path:
        """A file or folder of the mission that must exist."""
        path = self.folder / name
        if not path.exists():
            raise ConfigError(f"mission {self.name}: {path} does not exist; mission.toml names {name!r}")
        return path

    def __repr__(self) -> str:
        return f"Mission({self.name!r}, {str(self.folder)!r})"


def built_in_missions() -> list[str]:
    """Names of the missions that come with the package."""
    return sorted(path.parent.name for path in BUILT_IN.glob("*/mission.toml"))


def mission_file(name_or_folder: str | Path) -> Path:
    """The ``mission.toml`` of a built-in mission or of a folder, whether it is there or not."""
    text = str(name_or_folder)
    folder = BUILT_IN / text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else Path(text).expanduser().resolve()
    return folder / "mission.toml"


def load_mission(name_or_folder: str | Path) -> Mission:
    """Read a mission by the name of a built-in one or by the path of a folder.

    Raises
    ------
    ConfigError
        If there is no such mission, or its ``mission.toml`` is wrong; unknown keys are refused with the known ones.
    """
    path = mission_file(name_or_folder)
    if not path.is_file():
        known = ", ".join(built_in_missions())
        text = str(name_or_folder)
        raise ConfigError(f"no mission {text!r}: expected one of {known}, or a folder with a mission.toml")
    return Mission(path.parent, check_model(MissionFile, read_toml(path), path))


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a dictionary; a syntax error names the file and the line."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def check_model(model: type[M], content: dict[str, Any], path: Path) -> M:
    """Validate with pydantic and say what is wrong in terms of the file."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [_explain(model, problem) for problem in error.errors()]
        raise ConfigError(f"{path}: " + "; ".join(lines)) from error


def _explain(model: type[BaseModel], problem: Any) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] != "extra_forbidden":
        return f"{where}: {problem['msg']}"
    return f"unknown key {where!r}; known there: {', '.join(_known_keys(model, problem['loc'][:-1]))}"


def _known_keys(model: Any, location: tuple[Any, ...]) -> list[str]:
    for part in location:
        field = model.model_fields.get(part) if hasattr(model, "model_fields") else None
        if field is None:
            continue
        candidates = [field.annotation, *getattr(field.annotation, "__args__", ())]
        model = next((c for c in candidates if hasattr(c, "model_fields")), model)
    return sorted(model.model_fields)
