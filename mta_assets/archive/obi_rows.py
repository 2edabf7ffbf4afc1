"""The single statements on observation intervals that the catalog's transactions are put together from.

What telemetry says of an interval is one source of it, every delivered product of it another. What holds is computed
from all of them, so the order in which they come does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from mta_assets.archive import catalog_schema as db
from mta_assets.archive.catalog_rows import plain
from mta_assets.archive.entries import ObiReport
from mta_assets.archive.obi_schema import obi_sources, obis
from mta_assets.core.errors import TransientError
from mta_assets.core.records import Observation

TELEMETRY = "telemetry"
ADVISORY_LOCK = 0x4F4249  # key of PostgreSQL's advisory lock: "OBI"


def report(connection: sa.Connection, given: ObiReport, when: float) -> None:
    """What a run found in telemetry takes the place of what stood in its zone.

    Raises
    ------
    TransientError
        If other products have become current since the run was given its own: it has seen too little.
    """
    if connection.dialect.name == "postgresql":  # SQLite has one writer anyhow
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
    _check_seen(connection, given)
    found = {observation.key: observation for observation in given.found}
    s = obi_sources.c
    start, stop = given.zone
    query = sa.select(s.partition).where(s.source == TELEMETRY, s.tstart < stop, s.tstop > start)
    known = set(connection.execute(query).scalars())
    for key in sorted(known - set(found)):
        drop_source(connection, key, TELEMETRY, when)
    for key, observation in sorted(found.items()):
        if key in known or (observation.tstart < stop and observation.tstop > start):
            put_source(connection, observation, TELEMETRY, when)


def _check_seen(connection: sa.Connection, given: ObiReport) -> None:
    if not given.file_ids:
        return
    c = db.products.c
    query = sa.select(c.id).where(
        c.file_id.in_(given.file_ids), c.stream == "sdp", c.current,
        c.tstart < given.reach[1], c.tstop > given.reach[0],
    )  # fmt: skip
    if set(connection.execute(query).scalars()) != given.seen:
        raise TransientError(
            f"observation intervals: other {', '.join(given.file_ids)} came in while they were looked for; "
            "they are looked for again"
        )


def put_source(connection: sa.Connection, observation: Observation, source: str, when: float) -> None:
    """What a source says of an interval, in place of what it said before."""
    key = observation.key
    values: dict[str, Any] = {
        "tstart": observation.tstart, "tstop": observation.tstop, "begun": observation.begun,
        "ended": observation.ended, "facts": plain({k: v for k, v in observation.facts.items() if v not in (None, "")}),
    }  # fmt: skip
    if connection.execute(sa.select(obis.c.partition).where(obis.c.partition == key)).first() is None:
        connection.execute(
            sa.insert(obis).values(
                partition=key, obsid=observation.obsid, obi=observation.obi, **values, sources=[], revision=0,
                sequence=0, changed=when, standing=False,
            )
        )  # fmt: skip
    c = obi_sources.c
    done = connection.execute(sa.update(obi_sources).where(c.partition == key, c.source == source).values(values))
    if not done.rowcount:
        connection.execute(sa.insert(obi_sources).values(partition=key, source=source, **values))
    _merge(connection, key, when)


def drop_source(connection: sa.Connection, partition: str, source: str, when: float) -> None:
    """A source says nothing of an interval any more."""
    c = obi_sources.c
    connection.execute(sa.delete(obi_sources).where(c.partition == partition, c.source == source))
    _merge(connection, partition, when)


def touch(connection: sa.Connection, partitions: Iterable[str], when: float) -> None:
    """Something that belongs to these intervals changed although they stay as they are: look at them again."""
    for partition in sorted(set(partitions)):
        connection.execute(
            sa.update(obis)
            .where(obis.c.partition == partition)
            .values(sequence=_next_sequence(connection), changed=when)
        )


def meeting(connection: sa.Connection, tstart: float, tstop: float) -> list[str]:
    """Keys of the standing intervals that meet [tstart, tstop]."""
    c = obis.c
    query = sa.select(c.partition).where(c.standing, c.tstart <= tstop, c.tstop >= tstart)
    return list(connection.execute(query.order_by(c.partition)).scalars())


def _merge(connection: sa.Connection, partition: str, when: float) -> None:
    before = connection.execute(sa.select(obis).where(obis.c.partition == partition)).mappings().one_or_none()
    if before is None:
        return
    query = sa.select(obi_sources).where(obi_sources.c.partition == partition).order_by(obi_sources.c.source)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    after = {**merged(rows), "standing": True} if rows else {"standing": False, "sources": []}
    if all(before[name] == value for name, value in after.items() if name != "sources"):
        if before["sources"] != after["sources"]:
            connection.execute(sa.update(obis).where(obis.c.partition == partition).values(sources=after["sources"]))
        return
    number = _next_sequence(connection)
    changes = {**after, "revision": before["revision"] + 1, "sequence": number, "changed": when}
    connection.execute(sa.update(obis).where(obis.c.partition == partition).values(changes))


def merged(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What follows from all sources of an interval.

    The edges that telemetry shows are exact, so they hold where both are known. Otherwise all sources together make the
    interval, of what was delivered the products of the science instrument; aspect and angles, which lie around it on
    grids of their own, only where there are no others. Of facts, what is delivered wins.
    """
    rows = list(rows)
    telemetry = [row for row in rows if row["source"] == TELEMETRY]
    delivered = [row for row in rows if row["source"] != TELEMETRY]
    exact = [row for row in telemetry if row["begun"] and row["ended"]]
    science = [row for row in delivered if row["facts"].get("instrument")]
    parts = exact or [*telemetry, *(science or delivered)]
    facts = {name: value for row in (*telemetry, *delivered) for name, value in row["facts"].items()}
    return {
        "tstart": min(row["tstart"] for row in parts),
        "tstop": max(row["tstop"] for row in parts),
        "begun": any(row["begun"] for row in parts),
        "ended": any(row["ended"] for row in parts),
        "facts": facts,
        "sources": [row["source"] for row in (*telemetry, *delivered)],
    }


def _next_sequence(connection: sa.Connection) -> int:
    return int(connection.execute(sa.select(sa.func.max(obis.c.sequence))).scalar() or 0) + 1
