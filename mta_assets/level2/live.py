"""Exposure of a level-2 event list, held against its good times before anything is made of it.

EXPOSURE is LIVETIME, which is ONTIME times DTCOR, and ONTIME is the sum of the good times: so in the archive's files,
to 2e-14 (40 lists of ACIS and HRC), and in ours (`instruments.livetime`). A list that was cut in time and kept its
keywords, as that of M82 in ``realdata/test_sources.py``, states twenty times what it has, and rates would be wrong by
that.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np

from mta_assets.core import intervals
from mta_assets.core.errors import BadData
from mta_assets.core.gti import Gtis, gtis_of
from mta_assets.core.headers import keyword
from mta_assets.core.records import finding
from mta_assets.core.tables import Header, Product, Table
from mta_assets.instruments.livetime import dead_time, live_keywords

ROUNDING = 1e-3  # share by which an exposure may be too long: less than a frame of an hour
STATED = re.compile(r"EXPOSURE|EXPOSUR\d")
LIVE = re.compile(r"ONTIME\d?|LIVETIME|LIVTIME\d|EXPOSURE|EXPOSUR\d|DTCOR")


def held(evt2: Product) -> tuple[Product, list[Table]]:
    """The event list with an exposure that its good times allow, and a finding if it states another.

    Where EXPOSURE or EXPOSURn of a chip is no number, negative or longer than its good times times DTCOR, all keywords
    of exposure are those of the good times, as level 2 makes them. One that is not stated stays so.

    Raises
    ------
    BadData
        If one can not be and there are no good times, or no dead time, that tell the right one.
    """
    events, gtis = evt2.table("EVENTS"), gtis_of(evt2.tables)
    wrong = _wrong(events.header, gtis)
    if not wrong:
        return evt2, []
    said = ", ".join(f"{name} {value!s:.12}" for name, value in list(wrong.items())[:2])
    if not gtis:
        raise BadData(
            f"{evt2.file_id}: {said} can not be, expected seconds, and there are no good times that tell them; make "
            "the product again or deliver another"
        )
    live = live_keywords(gtis, events.header, dead_time(events.header))
    rest = {name: value for name, value in events.header.items() if not LIVE.fullmatch(name)}
    table = replace(events, header={**rest, **live})
    made = replace(
        evt2,
        tables=tuple(table if one is events else one for one in evt2.tables),
        header={name: value for name, value in evt2.header.items() if not LIVE.fullmatch(name)},
    )
    detail = (
        f"{evt2.file_id}: {said} s can not be, the good times times DTCOR are {keyword(live, 'EXPOSURE'):.1f} s: these "
        "were used; make the product again or deliver it as its maker wrote it"
    )
    return made, [finding(f"{evt2.file_id} exposure", "EVT", "exposure", detail, (evt2.tstart, evt2.tstop), len(wrong))]


def _wrong(header: Header, gtis: Gtis) -> dict[str, Any]:
    """Values of the keywords of exposure that can not be, by name."""
    dtcor = keyword(header, "DTCOR")
    share = dtcor if _number(dtcor) and 0 < dtcor <= 1 else 1.0
    longest = max((intervals.total(good) for good in gtis.values()), default=np.inf)
    found = {}
    for name in (name for name in header if STATED.fullmatch(name)):
        value = keyword(header, name)
        good = gtis.get(int(name[-1]) if name[-1].isdigit() else -1)
        most = (longest if good is None else intervals.total(good)) * share * (1 + ROUNDING)
        if not (_number(value) and 0 <= value <= most):  # NaN is not less
            found[name] = value
    return found


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
