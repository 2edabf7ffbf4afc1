"""Which code a pipeline is made of: a hash that changes when one of its tools may give something else."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path

from mta_assets.archive.products import package_version
from mta_assets.core.errors import ConfigError
from mta_assets.missions.load import Mission
from mta_assets.pipelines.registry_schema import Pipeline, Step

PACKAGE = Path(__file__).resolve().parents[1]
IMPORT = re.compile(
    r"^[ \t]*(?:from|import)[ \t]+(?P<module>mta_assets[\w.]*)(?:[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n]*))?", re.M
)


def code_version(pipeline: Pipeline) -> str:
    """SHA-256 over the package version, the profile's modules with what they import here, and its programs."""
    parts = [package_version(), *(step_version(step) for step in pipeline.profile)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def step_version(step: Step) -> str:
    """SHA-256 of a step's module with what it imports here, or of its program; empty if the program is not there."""
    if step.tool:
        return _module_version(step.tool.partition(":")[0])
    program = shutil.which((step.exec or [""])[0])
    if program is None:
        return ""
    status = Path(program).stat()
    return _file_version(program, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=512)
def _module_version(module: str) -> str:
    found = _spec(module)
    if found is None:
        raise ConfigError(f"tool module {module!r}: there is no such module")
    if not found.origin or not Path(found.origin).is_file():
        return hashlib.sha256(module.encode()).hexdigest()  # built in: part of the interpreter
    sources = {Path(found.origin), *_project_sources(module)}
    content = b"\0".join(path.name.encode() + path.read_bytes() for path in sorted(sources))
    return hashlib.sha256(content).hexdigest()


def _spec(module: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None


def _project_sources(module: str) -> set[Path]:
    """Files of this package that a module imports, at its top or inside functions, and what those import."""
    seen: set[Path] = set()
    waiting = [module]
    while waiting:
        path = _source(waiting.pop())
        if path is not None and path not in seen:
            seen.add(path)
            waiting += _imports(path)
    return seen


@lru_cache(maxsize=1024)
def _imports(path: Path) -> tuple[str, ...]:
    found: list[str] = []
    for match in IMPORT.finditer(path.read_text(encoding="utf-8")):
        found.append(match["module"])
        names = re.findall(r"\w+", (match["names"] or "").strip("()"))
        found += [f"{match['module']}.{name}" for name in names]
    return tuple(found)


def _source(module: str) -> Path | None:
    """The file of a dotted name of this package; None for a name inside a module, or of another package."""
    parts = module.split(".")
    if parts[0] != PACKAGE.name:
        return None
    path = PACKAGE.joinpath(*parts[1:])
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)


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
