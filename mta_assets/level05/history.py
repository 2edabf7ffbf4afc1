"""The few parameters that observation intervals are found from, out of level-0 engineering products."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Product, Table, plain

Array = NDArray[Any]

OBSID, MODE = "COBSRQID", "AOPCADMD"  # last commanded observation identifier; pointing mode
ATTITUDE = ("AOATTQT1", "AOATTQT2", "AOATTQT3", "AOATTQT4")  # estimated attitude, scalar last
TSC, FA, HETG, LETG, FORMAT = "3TSCPOS", "3FAPOS", "4HPOSARO", "4LPOSARO", "CCSDSTMF"
NEEDED = (OBSID, MODE)
WANTED = (*NEEDED, *ATTITUDE, TSC, FA, HETG, LETG, FORMAT)


@dataclass(frozen=True)
class Samples:
    """Good samples of one parameter: (n,) times [s], ascending, and values; the period [s] of the rows."""

    time: Array
    value: Array
    period: float

    def during(self, tstart: float, tstop: float) -> Array:
        """Values of the samples from ``tstart`` to before ``tstop``."""
        low, high = np.searchsorted(self.time, [tstart, tstop])
        return self.value[low:high]


History = Mapping[str, Samples]


def read_history(products: Iterable[Product], msids: Iterable[str] = WANTED) -> dict[str, Samples]:
    """Good samples of some parameters out of engineering products in any order; what overlaps is taken once.

    Parameters
    ----------
    products
        Level-0 engineering (``PCAD_ENG0``, ``CCDM_ENG0`` …), read one at a time.
    msids
        Which parameters; one that is in no product is left out.

    Raises
    ------
    BadData
        If a parameter without which no interval can be found is in no product.
    """
    wanted = tuple(msids)
    parts: dict[str, list[Samples]] = {}
    for product in products:
        table = product.tables[0]
        for msid in wanted:
            if msid in table:
                parts.setdefault(msid, []).append(good_samples(table, msid))
    missing = [msid for msid in NEEDED if msid in wanted and msid not in parts]
    if missing:
        raise BadData(
            f"{', '.join(missing)}: in none of the engineering products that were given; "
            "observation intervals need CCDM_ENG0 and PCAD_ENG0 of the playback"
        )
    return {msid: _joined(found) for msid, found in parts.items()}


def good_samples(table: Table, msid: str) -> Samples:
    """Samples of one parameter of an engineering table whose QUALITY bit is not set."""
    good = np.ones(len(table), dtype=bool)
    if "QUALITY" in table:
        good = ~table["QUALITY"][:, list(table.columns).index(msid)].astype(bool)
    stated = table.header.get("TIMEDEL", np.nan)
    period = float(plain(stated))
    return Samples(table["TIME"][good], table[msid][good], period)


def _joined(parts: list[Samples]) -> Samples:
    time = np.concatenate([part.time for part in parts])
    value = np.concatenate([part.value for part in parts])
    time, first = np.unique(time, return_index=True)
    return Samples(time, value[first], min(part.period for part in parts))
