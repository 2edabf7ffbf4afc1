"""Steps of pipelines that find observation intervals: what was planned comes in, what was found is kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from mta_assets.archive.catalog import Catalog
from mta_assets.archive.database import reading
from mta_assets.archive.observing_read import observations
from mta_assets.core.request import Request
from mta_assets.core.samples import to_seconds
from mta_assets.core.tables import Product, Table
from mta_assets.missions.load import Mission

# The observing catalogue's names of what the FITS files call otherwise.
RENAMED = {"mode": "datamode", "seqnum": "seq_num"}


def planned(catalog: Catalog, tstart: float, tstop: float) -> list[dict[str, Any]]:
    """Observations of the observing catalogue that meet [tstart, tstop), as rows: the reserved name ``observing``.

    Each has obsid, obi, target, ra, dec, roll, instrument, detector, grating, datamode, seq_num, tstart, tstop, and the
    catalogue's further facts.
    """
    with reading(catalog.engine) as connection:
        found = observations(connection, tstart, tstop, None)
    columns = {"tstart": to_seconds(found.time), "tstop": to_seconds(found.until)}
    columns |= {RENAMED.get(name.lower(), name.lower()): values for name, values in found.columns.items()}
    lists = {name: np.asarray(values).tolist() for name, values in columns.items()}
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def found(
    table: Table, request: Request, mission: Mission, *, product: str, content: str = ""
) -> tuple[Table, Product]:
    """Intervals for the catalog, and as the product of the playback that they were looked for with.

    For the catalog with the fact ``instrument``: whose science the telemetry format carries. That is not always the
    detector at the focus: ACIS watches its calibration source with the HRC there.

    Parameters
    ----------
    table
        As `observations.observations_of` takes it, with a column ``format``.
    product
        File id.
    content
        CONTENT of its header, if it has one.
    """
    header = {"CONTENT": (content, "what data product")} if content else {}
    carried = mission.frame.science_formats
    instrument = np.array([carried.get(int(number), "") for number in table["format"]], "U16")
    known = Table(table.name, {**table.columns, "instrument": instrument})
    return known, Product(product, (table,), request.tstart, request.tstop, dict(header))
