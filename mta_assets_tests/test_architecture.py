"""The house stands: imports go one way, only the Dagster layer knows Dagster, modules stay small."""

from __future__ import annotations

import ast
from pathlib import Path

import mta_assets

PACKAGE = Path(mta_assets.__file__).parent

# A package may import those of the layers before its own (and itself); packages of one layer do not see each other.
LAYERS = [
    {"core"},
    {"missions", "instruments"},
    {"telemetry"},
    {"level0", "level05", "level1", "level15", "level2", "level3", "monitors", "trends", "archive"},
    {"query"},
    {"notify", "problems", "web", "realtime"},
    {"pipelines"},
    {"defs"},
]
# Roots stand beside the layers: settings belongs to missions, simulate is used by the demo and the tests only.
SIMULATE_MAY_IMPORT = {"core", "missions", "instruments", "telemetry", "level0", "simulate"}
MAY_IMPORT_SIMULATE = {"simulate", "cli"}


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _imports(path: Path) -> set[str]:
    """Dotted names of everything a module imports, at its top or inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the whole name"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def _package(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imported_packages(path: Path) -> set[str]:
    parts = (name.split(".") for name in _imports(path) if name.startswith("mta_assets."))
    return {part[1] for part in parts if len(part) > 1 and part[1] != "__version__"}


def test_imports_go_from_lower_layers_to_higher_ones_only() -> None:
    rank = {name: i for i, layer in enumerate(LAYERS) for name in layer}
    wrong = []
    for path in _modules():
        own = _package(path)
        if own not in rank:
            continue
        for other in _imported_packages(path):
            other_rank = rank.get("missions" if other == "settings" else other, 99)
            if other != own and other_rank >= rank[own]:
                wrong.append(f"{path.relative_to(PACKAGE)} imports {other}")
    assert not wrong


def test_only_the_dagster_layer_imports_dagster() -> None:
    offenders = [
        str(path.relative_to(PACKAGE))
        for path in _modules()
        if _package(path) not in {"defs", "definitions"}
        and any(name.split(".")[0].startswith("dagster") for name in _imports(path))
    ]
    assert not offenders


def test_the_simulator_is_used_by_the_demo_and_the_tests_only_and_knows_no_pipelines() -> None:
    users = [p for p in _modules() if "simulate" in _imported_packages(p) and _package(p) not in MAY_IMPORT_SIMULATE]
    assert not users
    reach = {o for p in _modules() if _package(p) == "simulate" for o in _imported_packages(p)}
    assert reach <= SIMULATE_MAY_IMPORT


def test_no_module_is_longer_than_three_hundred_lines() -> None:
    long = {str(p.relative_to(PACKAGE)): n for p in _modules() if (n := len(p.read_text().splitlines())) > 300}
    assert not long


def test_mission_folders_hold_data_and_no_code() -> None:
    code = list((PACKAGE / "missions").glob("*/**/*.py"))
    assert not code
