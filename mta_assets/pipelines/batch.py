"""The tool of batch queries: a query over the time of a partition → a product, rows of a trend table, a plot.

The query gives no times: the partition does. They are set in the query as it was understood, never pasted into text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mta_assets.archive.telemetry_rows import TelemetryBlock
from mta_assets.core.errors import ConfigError, NothingToDo
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.pipelines.calendar import day_of, whole_bins

if TYPE_CHECKING:
    from mta_assets.query.answer import Answer, AnswerTable
    from mta_assets.query.model import Query
    from mta_assets.query.sources import Source

PLOTS = ("", "timeline", "xy", "density")
TABLE = "TREND"  # the HDU of the product
CONTENT = "TRD1"
OVERHANG = 2 * 86400.0  # [s] how far an observation or block that begins in the partition may reach beyond it


@dataclass(frozen=True)
class Asking:
    """What a batch query is asked of.

    Attributes
    ----------
    sources
        Gives the sources of one query, as they stand now.
    earlier
        Whether the pipeline has a current product of this partition, which an empty answer would make stale.
    """

    sources: Callable[[], Sequence[Source]]
    earlier: bool = False


def run_query(
    archive: Asking | None,
    request: Request,
    *,
    query: str,
    product: str,
    plot: Literal["", "timeline", "xy", "density"] = "",
    x: str = "",
    y: str = "",
    title: str = "",
) -> tuple[Iterator[Product | TelemetryBlock], dict[str, bytes]]:
    """Ask a query over the time of the partition.

    Parameters
    ----------
    query
        In the query language, without times. Rows of ``EVERY …`` belong to the partition that the middle of their bin
        lies in; rows of observations, building blocks and samples to the one that they begin in.
    product
        File id of the product; also the name of the trend table, so ``TREND_…``.
    plot
        Kind of plot, empty for none; ``x`` and ``y`` are the parameters of ``xy`` and ``density``.
    title
        Of the plot; the query if it is not given.

    Returns
    -------
    The product and the rows for the telemetry archive; the plot by its name.

    Raises
    ------
    NothingToDo
        If there are no rows, and were none before.
    ConfigError
        If there is no archive to ask, or the query does not fit.
    """
    from mta_assets.query.run import run
    from mta_assets.query.trends import single, trend_rows

    if archive is None:
        raise ConfigError(f"{product}: a batch query needs the archive; run it by its schedule, not on single files")
    asked = bounded(query, request)
    answer = run(asked, archive.sources())
    table = own_rows(single(answer.tables, product), asked, request)
    if not len(table) and not archive.earlier:
        raise NothingToDo(f"no rows for {request.partition}: nothing met what was asked for ({asked.text})")
    every = asked.sampling.every
    rows = trend_rows(product, table, float(every) if isinstance(every, int | float) else 0.0)
    start, stop = _asked_for(asked, request)
    made: list[Product | TelemetryBlock] = [
        _product(product, answer, table, request, start, stop),
        TelemetryBlock((rows,), start, stop),
    ]
    return iter(made), _plots(plot, table, title or asked.text, x, y)


def understood(query: str) -> Query:
    """A batch query, if it can be one.

    Raises
    ------
    QueryError
        If it can not be understood.
    ConfigError
        If it says things that are the partition's: times, AS OF, EXPLAIN, LIMIT, complete products.
    """
    from mta_assets.query.language import parse
    from mta_assets.query.model import Products

    found = parse(query, 0.0)
    wrong = {
        "a time (FROM, SINCE, LAST, ON …)": found.periods,
        "AS OF": found.as_of is not None,
        "EXPLAIN": found.explain,
        "LIMIT": found.limit is not None,
        "PRODUCTS": isinstance(found.what, Products),
    }
    said = [what for what, is_so in wrong.items() if is_so]
    if said:
        raise ConfigError(f"the query of a batch can not have {', '.join(said)}: it is asked over each partition")
    return found


def bounded(query: str, request: Request) -> Query:
    """The query over the time of a partition."""
    from mta_assets.query.language import parse
    from mta_assets.query.language_format import format_query
    from mta_assets.query.model import Period

    found = understood(query)
    every = found.sampling.every
    start, stop = request.tstart, request.tstop
    if isinstance(every, int | float):
        start, stop = whole_bins(start, stop, float(every))
    elif every is not None:
        stop += OVERHANG
    # As text again, so that what is said of it later, errors included, points at words that can be read.
    return parse(format_query(replace(found, periods=(Period(start, stop),))), request.tstop)


def own_rows(table: AnswerTable, asked: Query, request: Request) -> AnswerTable:
    """The rows that are this partition's."""
    start, stop = _asked_for(asked, request)
    times = table.times
    return table.where(np.flatnonzero((times >= start) & (times < stop)))


def _asked_for(asked: Query, request: Request) -> tuple[float, float]:
    every = asked.sampling.every
    if isinstance(every, int | float):
        return whole_bins(request.tstart, request.tstop, float(every))
    return request.tstart, request.tstop


@dataclass(frozen=True)
class _One:
    """A table as an answer that can be written."""

    table: AnswerTable

    @property
    def names(self) -> list[str]:
        return [self.table.name]

    def blocks(self, name: str | None = None) -> Iterator[AnswerTable]:
        yield self.table


def _product(
    file_id: str, answer: Answer, table: AnswerTable, request: Request, start: float, stop: float
) -> Product:  # fmt: skip
    from mta_assets.query.output_tables import rows_of, survey
    from mta_assets.query.output_text import gather
    from mta_assets.query.saved import query_hash

    made = _One(replace(table, name=TABLE))
    (shape,) = survey(made)
    rows = gather(shape, rows_of(made, shape))
    header = {
        "CONTENT": (CONTENT, "what data product"),
        "QUERY": (answer.query.text, "the query"),
        "QUERYSHA": (query_hash(answer.query.text), "SHA-256 of the query"),
    }
    hdu = Table(TABLE, rows.columns, {}, rows.schema)
    day = day_of(request.tstart).isoformat().replace("-", "")
    return Product(file_id, (hdu,), start, stop, header, {"day": day})


def _plots(kind: str, table: AnswerTable, title: str, x: str, y: str) -> dict[str, bytes]:
    """The plot, no larger than the user interface takes; none of no rows."""
    if kind not in PLOTS:
        raise ConfigError(f"plot {kind!r}: expected one of {', '.join(PLOTS[1:])}, or nothing")
    if not kind or not len(table):
        return {}
    from PIL import Image

    from mta_assets.core.png import LARGEST, small_png
    from mta_assets.query.plots import plot
    from mta_assets.query.plots.draw import render

    options: dict[str, Any] = {} if kind == "timeline" else {"x": x or None, "y": y or None}
    content = render(plot(table, kind, title=title, **options))
    if len(content) > LARGEST:
        content = small_png(np.asarray(Image.open(BytesIO(content)).convert("RGB")))
    return {"trend": content}
