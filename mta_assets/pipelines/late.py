"""Which days and weeks have to be made again, because data of theirs came, went or were corrected."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from mta_assets.core.errors import MtaError
from mta_assets.pipelines.batch import OVERHANG, understood
from mta_assets.pipelines.batch_check import TOOL
from mta_assets.pipelines.calendar import keys_between
from mta_assets.pipelines.inputs import input_stream
from mta_assets.pipelines.platform import Platform


@dataclass(frozen=True)
class Marks:
    """How far archive and catalog have been looked at."""

    transaction: int = 0
    product: int = 0

    @classmethod
    def from_json(cls, text: str | None) -> Marks:
        """The marks of a cursor; the beginning, if it is none."""
        try:
            return cls(**{name: int(value) for name, value in json.loads(text or "{}").items()})
        except (ValueError, TypeError, AttributeError):
            return cls()

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def affected(platform: Platform, kind: str, before: Marks) -> tuple[list[str], Marks]:
    """Partitions with other data than when it was last looked, in order.

    Parameters
    ----------
    kind
        ``day`` or ``week``.
    before
        How far it was looked. Marks that lie ahead of archive and catalog are of others: all is new then.

    Returns
    -------
    Their keys, and how far it was looked now. A change counts with the rows that it touches, which may begin before it:
    bins, observations, building blocks.
    """
    from mta_assets.archive.telemetry_changes import changes_since
    from mta_assets.query.trends import PREFIX

    newest = platform.catalog.products(newest=1, current=None)
    highest = newest[0].id if newest else 0
    product = before.product if before.product <= highest else 0
    changes = changes_since(platform.telemetry, before.transaction, PREFIX)
    if changes.newest < before.transaction:
        changes = changes_since(platform.telemetry, 0, PREFIX)
    spans = list(changes.spans)
    if highest > product:
        wanted = _inputs(platform, kind)
        spans += [
            (p.tstart, p.tstop)
            for p in platform.catalog.products(after=product, current=True)
            if (p.file_id, p.stream) in wanted
        ]
    reaches = _reaches(platform, kind)
    keys = {
        key
        for start, stop in spans
        for every, before_it in reaches
        for key in keys_between(kind, *(_widened(start, stop, every) if every else (start - before_it, stop)))
    }
    return sorted(keys), Marks(changes.newest, highest)


def _widened(start: float, stop: float, every: float) -> tuple[float, float]:
    """From the middle of the first bin that is touched to that of the last: the middle says whose a bin is."""
    first = start // every * every + every / 2
    last = -(-stop // every) * every - every / 2
    return first, max(last, first) + 1e-3


def _inputs(platform: Platform, kind: str) -> set[tuple[str, str]]:
    """File id and stream of all inputs of the pipelines of a kind that these do not make themselves."""
    pipelines = platform.registry.pipelines_of(kind)
    made = {file_id for pipeline in pipelines for file_id in pipeline.outputs}
    return {
        (file_id, input_stream(platform.registry, file_id, stream))
        for pipeline in pipelines
        for stream in pipeline.streams
        for file_id in (*pipeline.inputs, *pipeline.optional_inputs)
        if file_id not in made
    }


def _reaches(platform: Platform, kind: str) -> set[tuple[float, float]]:
    """Of the batch queries of a kind: the width of their bins [s], 0 where rows are none; and how long before what
    changes in them the other rows may begin [s]."""
    found = {(0.0, 0.0)}
    for pipeline in platform.registry.pipelines_of(kind):
        for step in pipeline.profile:
            if step.tool != TOOL:
                continue
            try:
                every = understood(str(step.params.get("query", ""))).sampling.every
            except MtaError:
                continue  # its run says so
            if every is not None:
                found.add((float(every), 0.0) if isinstance(every, int | float) else (0.0, OVERHANG))
    return found
