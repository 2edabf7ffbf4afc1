"""Which code a pipeline is made of: a hash that changes when one of its tools may give something else."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
from functools import lru_cache
from pathlib import Path

from mta_assets.archive.products import package_version
from mta_assets.core.errors import ConfigError
from mta_assets.missions.load import Mission
from mta_assets.pipelines.registry_schema import Pipeline, Step


def code_version(pipeline: Pipeline) -> str:
    """SHA-256 over the package version and the sources of the modules and programs of the profile."""
    parts = [package_version(), *(step_version(step) for step in pipeline.profile)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def step_version(step: Step) -> str:
    """SHA-256 of the module that holds a step's function, or of its program; empty if the program is not there."""
    if step.tool:
        return _module_version(step.tool.partition(":")[0])
    program = shutil.which((step.exec or [""])[0])
    if program is None:
        return ""
    status = Path(program).stat()
    return _file_version(program, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=512)
def _module_version(module: str) -> str:
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise ConfigError(f"tool module {module!r}: there is no such module")
    if not found.origin or not Path(found.origin).is_file():
        return hashlib.sha256(module.encode()).hexdigest()  # built in: part of the interpreter
    return hashlib.sha256(Path(found.origin).read_bytes()).hexdigest()


@lru_cache(maxsize=512)
def _file_version(program: str, modified: int, size: int) -> str:
    return hashlib.sha256(Path(program).read_bytes()).hexdigest()


def limits_version(mission: Mission) -> str:
    """SHA-256 of the limit tables that the mission names, empty if it has none."""
    monitor = mission.file.monitor
    if monitor is None:
        return ""
    names = [name for name in (monitor.limits, monitor.groups) if name]
    contents = [(mission.folder / name).read_bytes() for name in names if (mission.folder / name).is_file()]
    return hashlib.sha256(b"\0".join(contents)).hexdigest() if contents else ""
