"""Runs into the archive: products in folders by level and day, everything of a run in one transaction."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mta_assets.archive.catalog import Catalog
from mta_assets.archive.entries import NewProduct, ObiReport, ProductEntry, RunEntry
from mta_assets.archive.lineage import BECAUSE, because
from mta_assets.archive.names import check_name, safe_name
from mta_assets.archive.products import dump_product
from mta_assets.archive.reconcile import ALIVE, ROOT_LOCK, STAGING, recover_locked, write_journal
from mta_assets.archive.store import fsync_folder, held, lock, make_folder, write_bytes
from mta_assets.archive.telemetry_rows import TelemetryBlock
from mta_assets.core.errors import ConfigError
from mta_assets.core.faults import outside_faults
from mta_assets.core.request import Request, Stream
from mta_assets.core.tables import Product
from mta_assets.core.times import to_yday
from mta_assets.pipelines.observations import label_of
from mta_assets.pipelines.registry_schema import Pipeline, ProductSpec
from mta_assets.pipelines.sink import Ending, Written, product_name

if TYPE_CHECKING:
    from mta_assets.archive.telemetry import TelemetryArchive

MARK = ".stream"  # says which stream a root belongs to
ZONE = 0.5  # of the reach: an interval that meets it lies whole within what the run has read
SLOTS = 1024  # lock files for (pipeline, partition): two that share one only wait for each other


class ArchiveSink:
    """The archive of one stream: ``root/<level>/<year>/<day of year>/`` and the catalog.

    Parameters
    ----------
    catalog
        Gets the entries.
    root
        Folder of this stream and no other: a folder that holds another stream is refused, so that quick-look
        products can never get into the archive.
    stream
        ``sdp`` or ``sap``.
    telemetry
        Gives the telemetry archive when samples come; None where there is none.
    """

    def __init__(
        self, catalog: Catalog, root: Path, stream: Stream, telemetry: Callable[[], TelemetryArchive] | None = None
    ) -> None:
        self.telemetry = telemetry
        self.catalog = catalog
        self.root = Path(root).resolve()
        self.stream = stream
        mark = self.root / MARK
        if not mark.exists():
            for parent in self.root.parents:
                if (parent / MARK).exists():
                    raise ConfigError(f"{self.root} lies inside {parent}, the folder of another stream")
            write_bytes(mark, f"{stream}\n".encode())
        found = mark.read_text().strip()
        if found != stream:
            raise ConfigError(f"{self.root} holds products of stream {found}: stream {stream} must not write there")

    def begin(self, pipeline: Pipeline, request: Request) -> ArchiveRun:
        if request.stream != self.stream or request.stream not in pipeline.streams:
            raise ConfigError(
                f"pipeline {pipeline.id} (streams {', '.join(pipeline.streams)}) asked to run in stream "
                f"{request.stream} with the folder of stream {self.stream}: refused"
            )
        return ArchiveRun(self, pipeline, request)


class ArchiveRun:
    """One run into the archive. Dies at any moment without leaving half of anything: see `archive.reconcile`."""

    def __init__(self, sink: ArchiveSink, pipeline: Pipeline, request: Request) -> None:
        self.sink, self.pipeline, self.request = sink, pipeline, request
        self.made: list[tuple[Written, NewProduct]] = []
        self.before: ProductEntry | None = None  # the version before one that the run makes
        self.blocks = 0
        self.held = ExitStack()
        key = f"{pipeline.id} {request.partition}"
        slot = int(sha256(key.encode()).hexdigest(), 16) % SLOTS
        self.held.enter_context(lock(sink.root / ".locks" / f"{slot:04d}"))
        try:
            with lock(sink.root / ROOT_LOCK):
                if (sink.root / STAGING).is_dir():
                    recover_locked(sink.catalog, sink.root)
                self.staging = sink.root / STAGING / f"{os.getpid()}-{secrets.token_hex(4)}"
                self.scratch = self.staging / "scratch"
                make_folder(self.staging)
                with outside_faults(self.scratch, "make the folder"):
                    self.scratch.mkdir()
                self.held.enter_context(lock(self.staging / ALIVE))
            self.number = sink.catalog.next_run_number(pipeline.id, request.partition, request.stream)
        except BaseException:
            self.held.close()
            raise
        self.run_id = f"{pipeline.id} {request.stream} {request.partition} {self.number:03d}"

    def write(self, product: Product, spec: ProductSpec, header: Mapping[str, Any]) -> Written:
        """Stage one product under the version that it will have; same bytes as the last time keep their version."""
        series = product_name(product, spec, self.pipeline, 0)
        known = self.sink.catalog.products(
            partition=self.request.partition,
            stream=self.request.stream,
            pipe_id=self.pipeline.id,
            series=series,
            current=None,
        )
        if any(new.series == series for _, new in self.made):
            raise ConfigError(
                f"pipeline {self.pipeline.id} made two products {series}: their fields must tell them apart"
            )
        if known:
            last = max(known, key=lambda entry: entry.version)
            path = self.scratch / f"same-{last.name}"
            digest = self._dump(path, product, header, last.version, sync=False)
            size = path.stat().st_size
            path.unlink()
            standing = Path(last.path)
            if digest == last.sha256 and standing.is_file() and standing.stat().st_size == size:
                return self._note(product, spec, series, last.version, standing, digest, size, last.id)
            self.before = self.before or last
        number, path = self._claim(product, spec, series)
        digest = self._dump(path, product, header, number)
        return self._note(
            product, spec, series, number, self._final(spec, product, path.name), digest, path.stat().st_size, None
        )

    def _dump(self, path: Path, product: Product, header: Mapping[str, Any], version: int, sync: bool = True) -> str:
        with outside_faults(path, "write the product"):
            return dump_product(path, product, self.request.created, {**header, "REVISION": version}, sync)

    def _claim(self, product: Product, spec: ProductSpec, series: str) -> tuple[int, Path]:
        """The next free version: above those in the catalog and those that other living runs have staged."""
        with lock(self.sink.root / ROOT_LOCK):
            number = self.sink.catalog.last_version(self.request.stream, series) + 1
            taken = {p.name for f in self.staging.parent.iterdir() if held(f / ALIVE) for p in f.iterdir()}
            while (name := product_name(product, spec, self.pipeline, number)) in taken:
                number += 1
            path = self.staging / name
            with outside_faults(path, "write the product"):
                path.touch()
        return number, path

    def _final(self, spec: ProductSpec, product: Product, name: str) -> Path:
        # The first bin of a day may begin before midnight UTC: its product stands with those of its day all the same.
        start = max(product.tstart, self.request.tstart)
        return self._folder(spec.level or self.pipeline.level, start) / name

    def _folder(self, level: str, tstart: float) -> Path:
        year, day = to_yday(tstart).split(":")[:2]
        return self.sink.root / check_name(level or "other") / year / day

    def _note(
        self, product: Product, spec: ProductSpec, series: str, version: int, path: Path, digest: str, size: int,
        product_id: int | None,
    ) -> Written:  # fmt: skip
        written = Written(
            spec.id, path.name, path, digest, size, product.rows, product.tstart, product.tstop, version,
            product_id is None,
        )  # fmt: skip
        entry = NewProduct(
            spec.id, path.name, str(path), spec.level or self.pipeline.level, series, version, product.tstart,
            product.tstop, product.rows, size, digest, self.request.created, product_id,
            label=label_of(product.fields),
        )  # fmt: skip
        self.made.append((written, entry))
        return written

    def keep(self, block: TelemetryBlock) -> str:
        """Commit samples at once: the run that comes again, should this one die, finds them unchanged."""
        if self.sink.telemetry is None or self.request.stream != "sdp":
            raise ConfigError(
                f"pipeline {self.pipeline.id}: samples for the telemetry archive, which only the archival stream fills"
            )
        source = block_source(source_of(self.pipeline, self.request.partition), self.blocks)
        done = self.sink.telemetry().commit(source, block.groups, block.tstart, block.tstop, self.run_id)
        self.blocks += 1
        what = f"{done.rows} rows of {done.groups} groups"
        return f"{what}, unchanged" if not done.transaction else f"{what}, transaction {done.transaction}"

    def drop(self) -> None:
        for written, _ in self.made:
            if written.changed:
                (self.staging / written.name).unlink(missing_ok=True)
        self.made.clear()

    def finish(self, ending: Ending) -> tuple[Path, dict[str, Path]]:
        """Rename the staged files into their places and commit, under the lock of the root."""
        if self.blocks and ending.outcome == "done":
            self._withdraw_rest()
        moves = {self.staging / w.name: w.path for w, _ in self.made if w.changed}
        folder = self._folder(self.pipeline.level, self.request.tstart)
        stem = safe_name(f"{self.pipeline.id}_{self.request.partition}_{self.number:03d}")
        log_path = folder / f"{stem}.log"
        plot_paths = {t: folder / f"{stem}_{safe_name(t)}.png" for t in ending.plots}
        texts = {log_path: ending.log, **{plot_paths[t]: content for t, content in ending.plots.items()}}
        try:
            for number, (path, content) in enumerate(texts.items()):
                staged = self.scratch / f"text-{number}"
                write_bytes(staged, content)
                moves[staged] = path
            run = RunEntry(
                self.run_id, self.pipeline.id, self.request.partition, self.request.stream, self.number,
                ending.outcome, ending.started, ending.finished, ending.code_version, ending.registry_version,
                ending.limits_version, str(log_path), ending.message + self._because(ending),
            )  # fmt: skip
            with lock(self.sink.root / ROOT_LOCK):
                self._publish(moves, run, ending)
                with suppress(OSError):  # committed: what is left here is swept by the next run
                    shutil.rmtree(self.staging)
        except BaseException:
            self.abandon()
            raise
        self.held.close()
        return log_path, plot_paths

    def _because(self, ending: Ending) -> str:
        """Why there is another version, in words: other inputs, else other code or another registry."""
        if self.before is None or ending.outcome != "done":
            return ""
        catalog = self.sink.catalog
        text = because(catalog.inputs_of(self.before.id), ending.inputs)
        then = catalog.run(self.before.confirmed_by) or {}
        for what in () if text else ("code", "registry", "limits"):
            if then.get(f"{what}_version") != getattr(ending, f"{what}_version"):
                text = f"other {what}"
                break
        return f"{BECAUSE}{text}" if text else ""

    def _withdraw_rest(self) -> None:
        """Blocks that an earlier run of this partition had beyond those of this one."""
        assert self.sink.telemetry is not None
        archive = self.sink.telemetry()
        own = source_of(self.pipeline, self.request.partition)
        kept = {block_source(own, number) for number in range(self.blocks)}
        for source in archive.sources(own):
            if source not in kept:
                archive.withdraw(source, self.run_id)

    def _publish(self, moves: Mapping[Path, Path], run: RunEntry, ending: Ending) -> None:
        for path in moves.values():
            make_folder(path.parent)
        write_journal(self.staging, run.run_id, [str(path.relative_to(self.sink.root)) for path in moves.values()])
        with outside_faults(self.sink.root, "move the products into their places"):
            fsync_folder(self.staging)
            for staged, path in moves.items():
                staged.chmod(0o444)
                staged.rename(path)
            for folder in {path.parent for path in moves.values()}:
                fsync_folder(folder)
        self.sink.catalog.commit_run(
            run, [new for _, new in self.made], ending.inputs, ending.faults, ending.findings, ending.facts,
            self._report(ending),
        )  # fmt: skip

    def _report(self, ending: Ending) -> ObiReport | None:
        """Observation intervals that the run has found, and of what it knew then."""
        if ending.observations is None:
            return None
        file_ids = (*self.pipeline.inputs, *self.pipeline.optional_inputs)
        seen = frozenset(entry.product_id for entry in ending.inputs if entry.product_id is not None)
        zones = [
            (self.request.tstart - share * self.pipeline.reach, self.request.tstop + share * self.pipeline.reach)
            for share in (ZONE, 1.0)
        ]
        return ObiReport(ending.observations, zones[0], seen, file_ids, zones[1])

    def abandon(self) -> None:
        """Undo. What can not be undone now, because disk or catalog do not answer, the next run or start does."""
        self.held.close()
        with suppress(Exception), lock(self.sink.root / ROOT_LOCK):
            recover_locked(self.sink.catalog, self.sink.root)


def source_of(pipeline: Pipeline, partition: str) -> str:
    """What the rows of a run are known by in the telemetry archive: a playback by itself, days by their pipeline."""
    return partition if pipeline.partition == "playback" else f"{pipeline.id} {partition}"


def block_source(source: str, number: int) -> str:
    """What the rows of a block of a run are known by."""
    return source if not number else f"{source}#{number:03d}"
