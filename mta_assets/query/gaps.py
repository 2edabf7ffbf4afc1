"""Why there are no samples: each gap of a timeline with its reason, from playbacks, formats and corrections.

``no contact``: no playback covers it. ``not yet dumped``: it lies behind the newest playback. ``instrument off``: the
telemetry format that was on does not carry the parameter. ``filtered``: a correction says that the samples are bad.
``decommutation error``: a playback covers it, and no good sample came out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mta_assets.archive.catalog import Catalog
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.core.flags import Quality
from mta_assets.core.intervals import Intervals, from_samples, intersect, normalise, subtract, union
from mta_assets.core.samples import SECOND, to_seconds
from mta_assets.query.plots.series import Gap

FORMAT = np.uint8(Quality.OTHER_FORMAT)


@dataclass(frozen=True)
class Causes:
    """What explains gaps: intervals (n, 2) [TT s since 1998.0] of each cause for one parameter."""

    dumped: Intervals
    other_format: Intervals
    filtered: Intervals


def explained(gaps: Iterable[Gap], causes: Causes) -> list[Gap]:
    """Gaps cut where their reason changes, each piece with its reason, in order of time."""
    found: list[Gap] = []
    newest = float(causes.dumped[-1, 1]) if len(causes.dumped) else -np.inf
    later = np.array([[newest, np.inf]])
    for gap in gaps:
        rest: Intervals = np.array([[gap.start, gap.stop]])
        for reason, where in (
            ("filtered", causes.filtered),
            ("instrument off", causes.other_format),
            ("decommutation error", causes.dumped),
            ("not yet dumped", later),
            ("no contact", rest),
        ):
            found += [Gap(start, stop, reason) for start, stop in intersect(rest, where).tolist()]
            rest = subtract(rest, where)
    return sorted(found)


def causes_of(archive: TelemetryArchive, catalog: Catalog, names: Sequence[str]) -> Mapping[str, Causes]:
    """What explains the gaps of parameters of the telemetry archive, by their names."""
    snapshot = archive.snapshot()
    dumped = normalise([(p.tstart, p.tstop) for p in catalog.playbacks(state="accepted")])
    answer = {}
    for name in names:
        info = snapshot.info(name)
        if info is None:
            continue
        time, flags = snapshot.fillers(name)
        carried = time[(flags & FORMAT) != 0]
        other = from_samples(to_seconds(carried), info.period) if info.period else np.zeros((0, 2))
        bad = [
            (one.start / SECOND, one.stop / SECOND)
            for one in archive.corrections(name)
            if one.dead is None and one.kind == "bad"
        ]
        answer[name] = Causes(dumped, other, union(bad, []) if bad else np.zeros((0, 2)))
    return answer
