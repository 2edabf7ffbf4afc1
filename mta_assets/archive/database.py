"""Opening the catalog's database: SQLite or PostgreSQL, migrated to the newest schema, errors with names."""

from __future__ import annotations

import importlib.util
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, OperationalError

from mta_assets.archive.catalog_schema import REVISION
from mta_assets.archive.store import lock, make_folder
from mta_assets.core.errors import ConfigError, TransientError

BUSY_TIMEOUT = 60.0  # [s] how long a writer waits for another one
MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 0x4D5441  # key of PostgreSQL's advisory lock: "MTA"


def open_engine(url: str) -> sa.Engine:
    """An engine on a database that has the newest schema; several processes may do this at once.

    Parameters
    ----------
    url
        SQLAlchemy URL. ``postgresql://`` is taken as ``postgresql+psycopg2://`` where psycopg2 is installed.

    Raises
    ------
    ConfigError
        If the URL is wrong or the database was made by a newer version of the package.
    TransientError
        If it can not be reached, or is locked for too long.
    """
    try:
        parsed = sa.make_url(url)
        if parsed.drivername == "postgresql" and importlib.util.find_spec("psycopg2"):
            parsed = parsed.set(drivername="postgresql+psycopg2")
        engine = (
            _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else sa.create_engine(parsed, pool_pre_ping=True)
        )
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise ConfigError(f"MTA_CATALOG_URL: {error}; expected sqlite:///PATH or postgresql://…") from error
    _migrate(engine)
    return engine


def _sqlite(url: sa.URL) -> sa.Engine:
    if url.database and url.database != ":memory:":
        make_folder(Path(url.database).resolve().parent)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT})

    @sa.event.listens_for(engine, "connect")
    def on_connect(connection, record):  # type: ignore[no-untyped-def]
        connection.isolation_level = None  # transactions are begun below, not by the driver
        _write_ahead(connection)
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def on_begin(connection: sa.Connection) -> None:
        # A writer takes the lock at once: a reader that turns into a writer can not wait for it.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("write") else "BEGIN")

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn the write-ahead log on; while another process does so in a new database, SQLite does not wait by itself."""
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A consistent view of the database."""
    with _named_errors(engine), engine.connect() as connection:
        yield connection


class Glance:
    """A statement that is asked often and alone: its text is made once, and no transaction is begun around it.

    For SQLite, where SQLAlchemy and the transaction take longer than the statement; elsewhere it is asked plainly.
    """

    def __init__(self, statement: sa.Select[Any]) -> None:
        self.statement = statement

    @cached_property
    def _compiled(self) -> tuple[str, Sequence[str], Mapping[str, Any]]:
        """Text, names of its places, and the values that the statement itself gives."""
        made = self.statement.compile(dialect=sqlite.dialect())
        return str(made), tuple(made.positiontup or ()), made.params

    def rows(self, where: sa.Engine | sa.Connection, **given: Any) -> list[tuple[Any, ...]]:
        """All rows, of columns as the database keeps them; in the transaction of a connection, if it is one."""
        if isinstance(where, sa.Connection):
            return [tuple(row) for row in where.execute(self.statement, given)]
        if where.dialect.name != "sqlite":
            with reading(where) as connection:
                return self.rows(connection, **given)
        text, order, own = self._compiled
        values = [given.get(name, own[name]) for name in order]
        with _named_errors(where), closing(where.raw_connection()) as connection:
            try:
                found: list[tuple[Any, ...]] = connection.cursor().execute(text, values).fetchall()
            except sqlite3.OperationalError as error:
                raise OperationalError(text, None, error) from error
            return found


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction: all of it or nothing."""
    with _named_errors(engine), engine.connect().execution_options(write=True) as connection, connection.begin():
        yield connection


@contextmanager
def _named_errors(engine: sa.Engine) -> Iterator[None]:
    where = engine.url.render_as_string(hide_password=True)
    try:
        yield
    except OperationalError as error:
        if "database is locked" in str(error.orig):
            raise TransientError(
                f"catalog {where}: database is locked: another process has held it for more than {BUSY_TIMEOUT:g} s. "
                "The work is tried again"
            ) from error
        raise TransientError(f"catalog {where}: {error.orig}. The work is tried again") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise TransientError(f"catalog {where}: the connection was lost: {error.orig}") from error
        raise


def _migrate(engine: sa.Engine) -> None:
    if _revision(engine) == REVISION:
        return
    if engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:"):
        with lock(Path(f"{engine.url.database}.migrating").resolve()), writing(engine) as connection:
            _upgrade(connection)
        return
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        _upgrade(connection)


def _revision(engine: sa.Engine) -> str | None:
    with reading(engine) as connection:
        return _revision_of(connection)


def _revision_of(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    version = sa.table("alembic_version", sa.column("version_num"))
    return connection.execute(sa.select(version.c.version_num)).scalar_one_or_none()


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    found = _revision_of(connection)
    if found == REVISION:
        return  # another process was faster
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise ConfigError(
            f"catalog {connection.engine.url.render_as_string(hide_password=True)}: its schema {found!r} is not known "
            f"to this version, which knows {', '.join(sorted(known))}: install the newer version of the package"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
