"""Small dictionaries and blocks of frames for the tests."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from mta_assets.telemetry.odb import COLUMNS, load_odb

HEADER = ",".join(COLUMNS)
PERIOD = 0.25625


def write_odb(folder, *rows, name="some.csv", header=HEADER):
    """A dictionary folder of one CSV file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder


def odb(folder, *rows):
    return load_odb(write_odb(folder, *rows))


def block(counter, data=None, format=2, quality=0):
    """Frames with the given counters; zero bytes unless given."""
    counter = np.asarray(counter, dtype=np.int64)
    n = len(counter)
    return SimpleNamespace(
        data=np.zeros((n, 1025), np.uint8) if data is None else data,
        counter=counter,
        time=1000.0 + counter * PERIOD,
        format=np.broadcast_to(np.asarray(format, np.uint8), n).copy(),
        quality=np.broadcast_to(np.asarray(quality, np.uint8), n).copy(),
    )
