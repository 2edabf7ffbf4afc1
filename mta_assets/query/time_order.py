"""Pieces of samples that come nearly in order of time, made into blocks that each are a stretch of time of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from mta_assets.core.samples import Samples

Piece = tuple[int | None, Mapping[str, Samples]]


def in_time_order(
    pieces: Iterable[Piece], settle: Callable[[Samples], Samples] | None = None, rows: int = 1 << 20
) -> Iterator[dict[str, Samples]]:
    """Blocks in order of time.

    Parameters
    ----------
    pieces
        Each with a bound [ns]: no sample of this or of a later piece lies before it (None: nothing is known).
    settle
        Makes one sample of several at the same time; a block never ends between samples of one time.
    rows
        About how many samples of a name are held before a block is given out.
    """
    held: dict[str, list[Samples]] = {}
    waiting = 0
    for bound, piece in pieces:
        if bound is not None and waiting >= rows:
            done, held = _split(held, bound)
            waiting = max((sum(map(len, parts)) for parts in held.values()), default=0)
            block = _joined(done, settle)
            if any(map(len, block.values())):
                yield block
        for name, samples in piece.items():
            held.setdefault(name, []).append(samples)
        waiting = max((sum(map(len, parts)) for parts in held.values()), default=0)
    block = _joined(held, settle)
    if any(map(len, block.values())):
        yield block


def concatenate(parts: list[Samples]) -> Samples:
    """Samples of one name after each other, in order of time; the order of those of one time is kept."""
    if len(parts) == 1:
        return ordered(parts[0])
    flagged = any(part.quality is not None for part in parts)
    counted = all(part.raw is not None for part in parts)
    lasting = all(part.until is not None for part in parts)
    return ordered(
        Samples(
            parts[-1].info,
            np.concatenate([part.time for part in parts]),
            np.concatenate([part.values for part in parts]),
            np.concatenate([_quality(part) for part in parts]) if flagged else None,
            np.concatenate([part.raw for part in parts]) if counted else None,
            np.concatenate([part.until for part in parts]) if lasting else None,
        )
    )


def ordered(samples: Samples) -> Samples:
    """In order of time."""
    time = samples.time
    if len(time) < 2 or bool(np.all(time[1:] >= time[:-1])):
        return samples
    return samples.where(np.argsort(time, kind="stable"))


def _quality(part: Samples) -> np.ndarray:
    return np.zeros(len(part), np.uint8) if part.quality is None else part.quality


def _split(held: dict[str, list[Samples]], bound: int) -> tuple[dict[str, list[Samples]], dict[str, list[Samples]]]:
    done: dict[str, list[Samples]] = {}
    rest: dict[str, list[Samples]] = {}
    for name, parts in held.items():
        whole = concatenate(parts)
        cut = int(np.searchsorted(whole.time, bound))
        done[name] = [whole.where(slice(None, cut))]
        rest[name] = [_copied(whole.where(slice(cut, None)))]
    return done, rest


def _copied(samples: Samples) -> Samples:
    """Without holding on to the arrays that it was cut from."""
    return replace(samples, time=samples.time.copy(), values=samples.values.copy())


def _joined(held: dict[str, list[Samples]], settle: Callable[[Samples], Samples] | None) -> dict[str, Samples]:
    found = {name: concatenate(parts) for name, parts in held.items()}
    return {name: settle(samples) for name, samples in found.items()} if settle else found
