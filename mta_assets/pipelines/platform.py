"""One mission at work: its settings, registry, catalog and folders, opened when first needed, once per process."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mta_assets.core.errors import BadData, ConfigError, TransientError
from mta_assets.core.request import Request, Stream
from mta_assets.missions.load import Mission
from mta_assets.pipelines.calendar import CALENDAR, interval_of
from mta_assets.pipelines.registry import Registry, load_registry
from mta_assets.pipelines.registry_schema import Pipeline, ProductSpec
from mta_assets.settings import Settings

if TYPE_CHECKING:
    from mta_assets.archive.catalog import Catalog
    from mta_assets.archive.entries import ObiEntry, PlaybackEntry
    from mta_assets.archive.telemetry import TelemetryArchive
    from mta_assets.pipelines.controller import RunResult
    from mta_assets.pipelines.inputs import Input
    from mta_assets.telemetry.playback import Playback


class Platform:
    """What commands, sensors and assets share.

    Parameters
    ----------
    settings
        Which mission, which folders, which catalog.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._open: tuple[str, Input] | None = None

    @cached_property
    def mission(self) -> Mission:
        return self.settings.loaded_mission

    @cached_property
    def registry(self) -> Registry:
        return load_registry(self.mission)

    @cached_property
    def catalog(self) -> Catalog:
        """The catalog, opened and reconciled with the folders: what a crash left is cleared away."""
        from mta_assets.archive.catalog import Catalog
        from mta_assets.archive.store import sweep

        catalog = Catalog(self.settings.database_url)
        others = [name for name in catalog.missions() if name != self.mission.name]
        if others:
            raise ConfigError(
                f"the catalog holds mission {', '.join(others)}, not {self.mission.name}: "
                "give each mission a database of its own (MTA_CATALOG_URL)"
            )
        catalog.reconcile(self.roots)
        for folder in (self.settings.playbacks, self.settings.quarantine):
            with suppress(TransientError):  # a leftover that can not be removed now harms nobody
                sweep(folder)
        return catalog

    @cached_property
    def telemetry(self) -> TelemetryArchive:
        """The telemetry archive of the mission; its tables stand in the catalog's database."""
        from mta_assets.archive.telemetry import TelemetryArchive

        return TelemetryArchive(self.settings.database_url, self.settings.telemetry)

    @property
    def roots(self) -> dict[str, Path]:
        """Folder of the products of each stream."""
        return {"sdp": self.settings.archive, "sap": self.settings.temporary}

    @cached_property
    def raw_product(self) -> ProductSpec:
        """The one product of the registry that playbacks are."""
        raw = [product for product in self.registry.products.values() if product.format in ("vcdu", "ccsds")]
        if len(raw) != 1:
            raise ConfigError(
                f"mission {self.mission.name}: expected one product of format vcdu or ccsds, the playback; "
                f"the registry has {[product.id for product in raw]}"
            )
        return raw[0]

    @cached_property
    def runs_per_playback(self) -> int:
        """How many runs follow from a playback: each pipeline in each of its streams."""
        return sum(len(pipeline.streams) for pipeline in self.registry.pipelines_of("playback"))

    def open_playback(self, path: Path) -> Playback:
        """Look through a playback of the mission; raises BadData if it is none."""
        from mta_assets.telemetry.playback import open_playback

        return open_playback(path, self.mission)

    def code_version(self, pipe_id: str) -> str:
        """Digest of the package version and of the modules of the tools of a pipeline."""
        from mta_assets.pipelines.code import code_version

        return code_version(self.registry.pipeline(pipe_id))

    def playback_entry(self, partition: str) -> PlaybackEntry:
        """What the catalog holds of a playback."""
        entry = self.catalog.playback(partition)
        if entry is None:
            raise BadData(f"no playback {partition!r} in the catalog: put its file in with `mta ingest`")
        return entry

    def obi_entry(self, partition: str) -> ObiEntry:
        """What the catalog holds of an observation interval."""
        entry = self.catalog.obi(partition)
        if entry is None:
            raise BadData(
                f"no observation interval {partition!r} in the catalog: it comes with the telemetry that shows it, "
                "or with a product of it (`mta deliver`)"
            )
        return entry

    def execute(self, pipe_id: str, stream: Stream, partition: str) -> RunResult:
        """Run one pipeline for one partition on what the archive has, and commit what it makes.

        A playback that turns out to be bad data is quarantined with the reason; what was made of it before stays.

        Raises
        ------
        TransientError
            If something outside failed; the same call may be made again.
        """
        from mta_assets.pipelines.archive_sink import ArchiveSink
        from mta_assets.pipelines.controller import run_pipeline
        from mta_assets.pipelines.inputs import find_inputs

        pipeline = self.registry.pipeline(pipe_id)
        if pipeline.partition in CALENDAR:
            tstart, tstop = interval_of(pipeline.partition, partition)
            return self._execute_on_products(pipeline, Request(partition, stream, tstart, tstop, created=tstop))
        if pipeline.partition == "obi":
            from mta_assets.pipelines.observations import obi_request

            obi = self.obi_entry(partition)
            return self._execute_on_products(pipeline, obi_request(obi, stream, created=obi.tstop))
        entry = self.playback_entry(partition)
        request = Request(partition, stream, entry.tstart, entry.tstop, created=entry.created, facts=entry.facts)
        opened = self._opened(entry) if self.raw_product.id in pipeline.inputs else {}
        inputs: dict[str, Any] = dict(find_inputs(self.registry, pipeline, request, self.catalog, opened))
        inputs |= self._planned(pipeline, request)
        sink = ArchiveSink(self.catalog, self.roots[stream], stream, lambda: self.telemetry)
        result = run_pipeline(self.registry, pipeline, request, inputs, sink)
        if result.outcome == "bad data" and opened and entry.state != "quarantined":
            self._quarantine(entry, f"{pipe_id}: {result.message}")
        return result

    def interval(self, pipeline: Pipeline, partition: str) -> tuple[float, float]:
        """Start and stop of a partition of a pipeline [TT s since 1998.0]."""
        if pipeline.partition in CALENDAR:
            return interval_of(pipeline.partition, partition)
        if pipeline.partition == "obi":
            obi = self.obi_entry(partition)
            return obi.tstart, obi.tstop
        entry = self.playback_entry(partition)
        return entry.tstart, entry.tstop

    def _execute_on_products(self, pipeline: Pipeline, asked: Request) -> RunResult:
        """A day, week or observation: its inputs are products, its DATE is that of the newest of them."""
        from mta_assets.pipelines.archive_sink import ArchiveSink
        from mta_assets.pipelines.batch import Asking
        from mta_assets.pipelines.controller import run_pipeline
        from mta_assets.pipelines.inputs import find_inputs, find_products
        from mta_assets.query.session import sources

        needed = (*pipeline.inputs, *pipeline.optional_inputs)
        found = [p for name in needed for p in find_products(self.registry, pipeline, asked, self.catalog, name)]
        request = replace(asked, created=max((product.created for product in found), default=asked.created))
        earlier = self.catalog.products(pipe_id=pipeline.id, partition=asked.partition, stream=asked.stream)
        inputs: dict[str, Any] = dict(find_inputs(self.registry, pipeline, request, self.catalog))
        inputs |= self._planned(pipeline, request)
        inputs["archive"] = Asking(lambda: sources(self.settings), bool(earlier))
        sink = ArchiveSink(self.catalog, self.roots[asked.stream], asked.stream, lambda: self.telemetry)
        return run_pipeline(self.registry, pipeline, request, inputs, sink)

    def _planned(self, pipeline: Pipeline, request: Request) -> dict[str, Any]:
        """What the observing catalogue has of the time, for pipelines with a step that reads ``observing``."""
        if not any("observing" in step.reads for step in pipeline.profile):
            return {}
        from mta_assets.pipelines.observation_steps import planned

        reach = pipeline.reach
        return {"observing": planned(self.catalog, request.tstart - reach, request.tstop + reach)}

    def _opened(self, entry: PlaybackEntry) -> dict[str, Input]:
        """The playback, looked through once for all pipelines of a process that follow each other."""
        from mta_assets.archive.entries import InputEntry
        from mta_assets.pipelines.inputs import Input

        if self._open is None or self._open[0] != entry.path:
            files = (InputEntry(entry.file_name, entry.sha256, None, entry.path),)
            playback = self._accepted_playback(entry)
            if isinstance(playback, Unusable):
                return {self.raw_product.id: Input(playback, files)}
            self._open = (entry.path, Input(playback, files))
        return {self.raw_product.id: self._open[1]}

    def _accepted_playback(self, entry: PlaybackEntry) -> Playback | Unusable:
        """The file of an entry, if it still is what was accepted; what is not, ends a run with that as its reason."""
        path = Path(entry.path)
        try:
            playback = self.open_playback(path)
        except BadData as error:
            return Unusable(f"{error}; it was good when it was accepted as {entry.partition}")
        except OSError as error:
            raise TransientError(
                f"playback {entry.partition}: its file {path} can not be read ({error.strerror or error}): "
                "bring its disk back, or put the file in again with `mta ingest`"
            ) from error
        if playback.sha256 != entry.sha256:
            return Unusable(
                f"{path}: expected the bytes that were accepted as {entry.partition} (sha256 {entry.sha256}), "
                f"came {playback.sha256}: somebody changed the file; put it in again with `mta ingest`"
            )
        return playback

    def _quarantine(self, entry: PlaybackEntry, reason: str) -> None:
        """Bad data is set apart; its entry stays and points there, so that it can be looked at and processed again."""
        from mta_assets.archive.quarantine import quarantine

        kept = quarantine(Path(entry.path), self.settings.quarantine, reason, self.catalog, self.mission.name)
        self.catalog.set_playback(entry.partition, state="quarantined", path=kept.path)


class Unusable:
    """Stands for a playback that can not be used: whoever wants anything of it gets the reason."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __getattr__(self, name: str) -> NoReturn:
        raise BadData(self._reason)
