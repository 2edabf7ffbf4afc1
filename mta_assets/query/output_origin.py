"""Where an answer comes from, in every file that holds it: the query and its hash, the archive's state, the date."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mta_assets.archive.products import package_version
from mta_assets.core.tables import Header
from mta_assets.core.times import now, to_utc_iso


@dataclass(frozen=True)
class Origin:
    """What a file says of the answer that it holds.

    Parameters
    ----------
    query
        Its text.
    created
        Moment of the answer, TT seconds since 1998.0 TT.
    transaction
        Newest transaction of the archive that it was taken from; None if it is not known.
    notes
        Of the answer.
    extra
        Further keywords, ``TELESCOP`` and the like.
    """

    query: str
    created: float
    transaction: int | None = None
    notes: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The query in one line."""
        return " ".join(self.query.split())

    @property
    def digest(self) -> str:
        """Hash of the query, `query.saved.query_hash`: the same however it was written."""
        from mta_assets.query.errors import QueryError
        from mta_assets.query.saved import query_hash

        try:
            return query_hash(self.query)
        except QueryError:  # a query that a program put together, and that has no text
            return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def keywords(self) -> Header:
        """As FITS keywords."""
        header: Header = dict(self.extra)
        header["CONTENT"] = ("QUERY", "what data product")
        header["QUERY"] = (self.text, "the query")
        header["QUERYSHA"] = (self.digest, "SHA-256 of the query")
        if self.transaction is not None:
            header["ARCHTRAN"] = (self.transaction, "transaction of the archive that was read")
        header["HISTORY"] = [line for line in self.lines if line]
        return header

    @property
    def lines(self) -> list[str]:
        """As lines of text, for the head of a file."""
        state = f", archive at transaction {self.transaction}" if self.transaction is not None else ""
        lines = [f"query: {line}" for line in self.query.splitlines() if line.strip()]
        lines.append(f"sha256 of the query: {self.digest}")
        lines.append(f"mta_assets {package_version()}, {to_utc_iso(self.created, 0)} UTC{state}")
        return lines + [f"note: {line}" for note in self.notes for line in note.splitlines()]


def origin_of(answer: Any, created: float | None = None, extra: Mapping[str, Any] | None = None) -> Origin:
    """What there is to say of an answer; its moment is the present unless it is given."""
    query = getattr(answer, "query", None)
    text = query if isinstance(query, str) else str(getattr(query, "text", ""))
    return Origin(
        text,
        now() if created is None else created,
        _transaction(answer),
        tuple(getattr(answer, "notes", ()) or ()),
        dict(extra or {}),
    )


def _transaction(answer: Any) -> int | None:
    """The transaction that the telemetry archive was read at; None if it was not asked."""
    sources = getattr(getattr(getattr(answer, "plan", None), "resolver", None), "sources", ())
    as_of = getattr(getattr(answer, "query", None), "as_of", None)
    known = [source.transaction(as_of) for source in sources if hasattr(source, "transaction")]
    return known[0] if known else None
