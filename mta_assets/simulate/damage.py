"""How injected faults damage the frames of a playback file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.simulate.faults import FRAME_KINDS, Fault

Array = NDArray[Any]


def damage(frames: Array, first: int, faults: Sequence[Fault]) -> bytes:
    """The bytes of a playback file: its frames with the frame and file faults that are in it.

    Parameters
    ----------
    frames
        (n, length) sealed frames with the counters ``first`` … ``first + n - 1``.
    first
        Unwrapped counter of the first one.
    faults
        Faults of this playback; those of sensors and pixels are in the frames already.
    """
    changed = frames
    order = [np.arange(len(frames))]
    tail = b""
    here = [fault for fault in faults if fault.kind in (*FRAME_KINDS, "truncated")]
    for fault in sorted(here, key=lambda f: f.first):
        a, b = fault.first - first, fault.last + 1 - first
        if fault.kind.startswith("bit_"):
            if changed is frames:
                changed = frames.copy()
            changed[a, fault.params["byte"]] ^= np.uint8(1 << fault.params["bit"])
            continue
        head = order.pop()
        cut = a - int(head[0])
        before, inside, after = head[:cut], head[cut : cut + b - a], head[cut + b - a :]
        if fault.kind == "gap":
            order += [before, after]
        elif fault.kind in ("repeated_frame", "repeated_stretch"):
            order += [before, inside, inside, after]
        elif fault.kind == "out_of_order":
            order += [before, inside[len(inside) // 2 :], inside[: len(inside) // 2], after]
        else:
            order += [before]
            tail = changed[a, : fault.params["bytes_left"]].tobytes()
    rows = np.concatenate(order)
    body = changed if len(rows) == len(changed) and np.array_equal(rows, np.arange(len(rows))) else changed[rows]
    return body.tobytes() + tail
