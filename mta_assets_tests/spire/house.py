"""The simulated half year put into the platform: telemetry archive, product files with catalog, observing catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mta_assets.archive import observing_entries as entries
from mta_assets.archive.catalog import Catalog
from mta_assets.archive.observing import Observing
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.core.request import Request
from mta_assets.core.samples import ParameterInfo
from mta_assets.core.tables import Product
from mta_assets.missions.load import load_mission
from mta_assets.pipelines.archive_sink import ArchiveSink
from mta_assets.pipelines.controller import run_pipeline
from mta_assets.pipelines.registry import load_registry
from mta_assets.pipelines.registry_schema import Pipeline, Step
from mta_assets_tests.spire import products, schedule
from mta_assets_tests.spire.telemetry import BAD_CHECKSUM, CADENCE, LINEAR, NS, STATES, Group, groups

PART = 21 * schedule.DAY  # [s] products are delivered campaign by campaign
DUMP = 35 * schedule.DAY  # [s] telemetry comes in such pieces


def fill(root: Path) -> str:
    """Put everything below a folder; returns the URL of the catalog."""
    url = f"sqlite:///{root / 'catalog.sqlite'}"
    deliver_products(url, root)
    import_observations(url)
    with TelemetryArchive(url, root / "telemetry") as archive:
        for start in range(schedule.START, schedule.STOP, DUMP):
            rows = [part for group in groups() if len(part := group_rows(group, start, start + DUMP))]
            archive.commit(f"dump-{start}", rows, float(start), float(start + DUMP))
    return url


def group_rows(group: Group, start: float, stop: float) -> GroupRows:
    """What a packet type gives in [start, stop)."""
    low, high = np.searchsorted(group.time, [round(start * NS), round(stop * NS)])
    period = CADENCE[group.name][0]
    infos, values, raw, quality = [], {}, {}, {}
    for name, counts in group.counts.items():
        array = group.value(name)
        unit = LINEAR[name][0] if name in LINEAR else ""
        states = STATES.get(name, {})
        infos.append(ParameterInfo(name, group.name, array.dtype.str.lstrip("<|"), unit, "", states, period))
        values[name] = array[low:high]
        if name in LINEAR:
            raw[name] = counts[low:high]
        if name in group.bad:
            quality[name] = np.where(group.bad[name][low:high], np.uint8(BAD_CHECKSUM), np.uint8(0))
    return GroupRows(group.name, tuple(infos), group.time[low:high], values, raw, quality, period)


def import_observations(url: str) -> None:
    """Observations and building blocks, as one source."""
    made = [
        entries.Observation(
            obs.obsid, float(obs.tstart), float(obs.tstop), target=obs.target, ra=obs.ra, dec=obs.dec,
            instrument="SPIRE", mode=obs.resolution, aot=obs.aot,
        )
        for obs in schedule.observations()
    ]  # fmt: skip
    parts = [
        entries.Block(block.bbid, float(block.tstart), float(block.tstop), block.bbtype, block.obsid)
        for block in schedule.blocks()
    ]
    with Observing(url) as observing:
        observing.replace("observations.csv", entries.Content(observations=made, blocks=parts))


def deliver_products(url: str, root: Path) -> None:
    """Standard products as files, through the registry and a run of the pipeline that delivers them."""
    registry = load_registry(load_mission("spire"))
    outside = [spec.id for spec in registry.products.values() if spec.external]
    step = Step(tool="mta_assets_tests.spire.house:made_between", reads=["request"], writes=["products"])
    pipeline = Pipeline(id="SPG", level="1", outputs=outside, root="spg{tstart:09d}N{version:03d}", profile=[step])
    with Catalog(url) as catalog:
        sink = ArchiveSink(catalog, root / "archive", "sdp")
        for start in range(schedule.START, schedule.STOP, PART):
            request = Request(f"delivery-{start}", "sdp", float(start), float(start + PART), float(schedule.STOP))
            result = run_pipeline(registry, pipeline, request, {}, sink)
            assert result.outcome == "done", result.message


def made_between(request: Request) -> Iterator[Product]:
    """Tool of the delivery: the products that start in its interval."""
    for product in products.all_products():
        if request.tstart <= product.tstart < request.tstop:
            yield product
