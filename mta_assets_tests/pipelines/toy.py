"""A toy mission with a small registry, and tools for it: what the tests of the pipelines run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mta_assets.core.errors import BadData, NothingToDo, TransientError
from mta_assets.core.records import FAULTS, FINDINGS
from mta_assets.core.request import Request
from mta_assets.core.tables import Column, Product, Schema, Table
from mta_assets.missions.load import Mission, load_mission
from mta_assets.pipelines.registry import Registry, load_registry

MISSION = """
[mission]
name = "toy"
title = "Toy"
telescope = "TOYSCOPE"
[telemetry]
kind = "ccsds"
dictionary = "xtce"
"""
REGISTRY = r"""
[facts]
detector = ["ACIS-I", "ACIS-S"]
exposure = "number"
mode = ["good", "bad", "empty", "bug", "full"]
[lists]
subsystem = ["EPS", "TEL"]
[keywords]
ORIGIN = "ASC"

[product.RAW]
title = "Raw counts"
external = true
pattern = 'raw(?P<tstart>\d+)N(?P<version>\d{3})\.fits'

[product.EVT0]
title = "Events"
level = 0
pattern = 'toyf(?P<tstart>\d{9})N(?P<version>\d{3})_(?P<fep_id>\d)_evt0\.fits'
suffix = "_{fep_id}_evt0.fits"
keywords = { INSTRUME = "TOY", CONTENT = "EVT0" }
columns = { EVENTS = ["TIME", "pha"] }

[product."{subsystem}_STATIC"]
foreach = "subsystem"
title = "{subsystem} monitor"
level = "monitor"
pattern = '{subsystem_lower}f(?P<tstart>\d{9})N(?P<version>\d{3})_static\.fits'
suffix = "_static.fits"

[pipeline.EXTRACT]
title = "Extract events"
level = 0
streams = ["sdp", "sap"]
kickoff = { detector = ["ACIS-I", "ACIS-S"] }
optional_inputs = ["RAW"]
outputs = ["EVT0"]
root = "toyf{tstart:09d}N{version:03d}"
[[pipeline.EXTRACT.profile]]
tool = "mta_assets_tests.pipelines.toy:extract"
reads = ["request"]
writes = ["products", "faults", "facts", "plots"]
params = { feps = 3 }

[pipeline."STATIC_{subsystem}"]
foreach = "subsystem"
title = "Monitor {subsystem}"
level = "monitor"
inputs = ["EVT0"]
outputs = ["{subsystem}_STATIC"]
root = "{subsystem_lower}f{tstart:09d}N{version:03d}"
[[pipeline."STATIC_{subsystem}".profile]]
tool = "mta_assets_tests.pipelines.toy:monitor"
reads = ["EVT0", "mission", "request"]
writes = ["products", "findings"]
params = { subsystem = "{subsystem}" }
"""
EVENTS = Schema("EVENTS", (Column("TIME", "f8", "s", "time"), Column("pha", "i4", "adu", "pulse height")))


def make_mission(folder: Path, registry: str = REGISTRY) -> Mission:
    (folder / "registry").mkdir(parents=True, exist_ok=True)
    (folder / "mission.toml").write_text(MISSION)
    (folder / "registry" / "all.toml").write_text(registry)
    return load_mission(str(folder))


def make_registry(folder: Path, registry: str = REGISTRY) -> Registry:
    return load_registry(make_mission(folder, registry))


def profile(text: str, registry: str = REGISTRY) -> str:
    """The registry with other steps (the part after ``root``) in the pipeline EXTRACT."""
    head, _, rest = registry.partition("[[pipeline.EXTRACT.profile]]")
    return head + text + '\n[pipeline."STATIC_{subsystem}"]' + rest.partition('[pipeline."STATIC_{subsystem}"]')[2]


def request(partition: str = "p1", stream: str = "sdp", **facts: Any) -> Request:
    given = {"detector": ["ACIS-S"], "mode": "good", **facts}
    return Request(partition, stream, 8.0e8, 8.0e8 + 3600.0, 8.1e8, given)  # type: ignore[arg-type]


def events(request: Request, fep_id: int, rows: int = 5, offset: int = 0) -> Product:
    time = request.tstart + np.arange(rows) * 3.2
    table = EVENTS.build({"TIME": time, "pha": np.arange(rows) * 10 + fep_id + offset})
    return Product("EVT0", (table,), request.tstart, request.tstop, fields={"fep_id": fep_id})


def gap(count: int = 1) -> Table:
    return FAULTS.build(
        {"kind": ["gap"], "source": ["frames"], "tstart": [1.0], "tstop": [2.0], "first": [3], "last": [4],
         "count": [count], "detail": ["a gap"]}
    )  # fmt: skip


def finding(name: str = "1DEAMZT") -> Table:
    return FINDINGS.build(
        {"name": [name], "subsystem": ["ACIS"], "kind": ["limit"], "severity": ["red"], "side": ["high"],
         "bound": [36.5], "tstart": [1.0], "tstop": [2.0], "first": [37.0], "last": [37.5], "worst": [np.nan],
         "count": [4], "unit": ["DEGC"], "detail": [""]}
    )  # fmt: skip


def extract(
    request: Request, *, feps: int, offset: int = 0
) -> tuple[Iterator[Any], Table, dict[str, Any], dict[str, bytes]]:
    """Products one by one, a fault beside them and one among them."""
    mode = request.facts.get("mode")

    def products() -> Iterator[Any]:
        for fep_id in range(feps):
            yield events(request, fep_id, offset=offset)
            if mode == "bad":
                raise BadData("packet 7 is damaged")
            if mode == "bug":
                raise ZeroDivisionError("a bug")
            if mode == "empty":
                raise NothingToDo("no event in it")
            if mode == "full":
                raise TransientError("the disk is full")
        yield gap(2)

    return products(), gap(1), {"exposure": 3.2}, {"image": b"\x89PNG image"}


def monitor(files: Any, mission: Mission, request: Request, subsystem: str) -> tuple[Product, Table]:
    counts = [sum(int(product.tables[0]["pha"].sum()) for product in files)]
    table = Table("STATIC", {"sum": np.array(counts)}, {"TITLE": mission.name})
    return Product(f"{subsystem}_STATIC", (table,), request.tstart, request.tstop), finding()


def count(products: Any) -> int:
    return sum(product.rows for product in products)


def double(number: int) -> int:
    return 2 * number


def total(request: Request, number: int | None) -> Product:
    return events(request, 1, rows=number or 0)
