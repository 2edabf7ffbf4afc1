"""SQL over the archive: DuckDB in memory, one view for each group of telemetry, tables of the catalog beside them.

A statement reads. DuckDB may open the segments of the archive and nothing else, its settings are locked, and only
statements that can not write are carried out: DuckDB's own list of allowed paths allows writing too.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from mta_assets.archive import corrections
from mta_assets.archive import telemetry_sql as store
from mta_assets.archive.database import reading
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_read import Snapshot
from mta_assets.archive.telemetry_spans import BEGINNING, END
from mta_assets.core.errors import TransientError
from mta_assets.core.samples import ParameterInfo
from mta_assets.query.near import near_names
from mta_assets.query.sql_catalog import TABLES
from mta_assets.query.sql_rows import Rows, SqlError, told
from mta_assets.query.sql_views import (
    EVERYTHING,
    INTERNAL,
    Group,
    Views,
    from_utc,
    internal,
    quoted,
    seconds,
    text,
    utc,
    views_of,
)

if TYPE_CHECKING:
    from mta_assets.settings import Settings

MEMORY = 2 << 30  # [byte] that DuckDB may take; it has no disk to go to
# Statements that are about all tables need all of them to be there.
ABOUT_ALL = re.compile(r"\bshow\b|information_schema|\bduckdb_|\bpg_|sqlite_master", re.IGNORECASE)
EXPLAIN = re.compile(r"\s*explain\s+(?:analyze\s+)?(?:\([^)]*\)\s*)?", re.IGNORECASE)
# Texts, names in quotes and comments; and what begins with a digit and goes on with letters (the last group).
WORDS = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|(?<![\w$])(\d+[^\W\d]\w*)""", re.DOTALL
)
MACROS = {
    "tt_ns(moment)": from_utc("moment"),
    "tt(moment)": seconds(from_utc("moment")),
    "utc_of(seconds)": utc("(round(seconds * 1e9)::BIGINT)"),
}


class SqlArchive:
    """One state of an archive, to ask in SQL. For one thread.

    Parameters
    ----------
    archive
        The telemetry archive; the catalog is in its database.
    memory_limit
        Bytes that a statement may take.

    Attributes
    ----------
    notes
        What could not be served: damaged segments.
    """

    def __init__(self, archive: TelemetryArchive, memory_limit: int = MEMORY) -> None:
        self.archive = archive
        self.notes: list[str] = []
        self._groups = _groups(archive)
        self._names = self._named()
        self._there: set[str] = set()
        self._connection = self._opened(memory_limit)

    def close(self) -> None:
        """Let go of everything; rows that are still being read keep the connection until they go themselves."""
        import duckdb

        with suppress(duckdb.Error):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def tables(self) -> list[str]:
        """Names of all views and tables."""
        return [*TABLES, *(name + end for name in self._names for end in ("", EVERYTHING))]

    def _named(self) -> dict[str, str]:
        """Group of each view by the view's name: SQL does not tell capital letters apart."""
        taken = set(TABLES)
        out: dict[str, str] = {}
        for name in self._groups:
            label, number = name, 2
            while {label.lower(), (label + EVERYTHING).lower()} & taken:
                label, number = f"{name}_{number}", number + 1
            taken |= {label.lower(), (label + EVERYTHING).lower()}
            out[label] = name
        return out

    def _opened(self, memory_limit: int) -> Any:
        import duckdb

        connection = duckdb.connect(":memory:")
        connection.execute(f"CREATE SCHEMA {INTERNAL}")
        paths = {str(self.archive.root / one.path) for group in self._groups.values() for one in group.segments}
        for name, sql in MACROS.items():
            connection.execute(f"CREATE MACRO {name} AS {sql}")
        settings = {
            "memory_limit": text(f"{memory_limit // 1024}KiB"),
            "temp_directory": "''",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "python_enable_replacements": "false",
            "enable_progress_bar": "false",
            "allowed_paths": f"[{', '.join(text(path) for path in sorted(paths))}]",
            "enable_external_access": "false",
            "lock_configuration": "true",
        }
        for name, value in settings.items():
            connection.execute(f"SET {name} = {value}")
        return connection

    def prepare(self, statement: str | None = None) -> None:
        """Make the views that a statement may be about: those whose names stand in it; all, if it is None."""
        every = statement is None or ABOUT_ALL.search(statement) is not None
        upper = (statement or "").upper()
        for name in self._names:
            if name not in self._there and (every or quoted(name)[1:-1].upper() in upper):
                self._make(name)
        for name, read in TABLES.items():
            if name not in self._there and (every or name.upper() in upper):
                self._register(quoted(name), read(self.archive.engine))
                self._there.add(name)

    def _make(self, name: str) -> None:
        group = self._groups[self._names[name]]
        try:
            made: Views = views_of(self.archive.root, group, f"{name}__")
        except FileNotFoundError as error:
            raise TransientError(
                f"segment {error.filename} is gone: the archive was tidied up; open it anew"
            ) from error
        for table, content in made.tables.items():
            self._register(internal(table), content)
        self._connection.execute(f"CREATE VIEW {quoted(name)} AS {made.good}")
        self._connection.execute(f"CREATE VIEW {quoted(name + EVERYTHING)} AS {made.everything}")
        self._there.add(name)
        self.notes += made.notes

    def _register(self, name: str, content: Any) -> None:
        """A table of DuckDB's own, from Arrow; the name is one of SQL."""
        self._connection.register("given__", content)
        self._connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given__")  # noqa: S608
        self._connection.unregister("given__")

    def execute(self, statement: str) -> Rows:
        """Carry out one statement.

        Raises
        ------
        SqlError
            If it is wrong, names what is not there, or is none that reads.
        """
        self._check_names(statement)
        parsed = self._reads(statement)
        self.prepare(statement)
        try:
            relation = told(lambda: self._connection.sql(parsed))
            columns, types = told(lambda: (relation.columns, relation.types))
        except SqlError as error:
            raise self._with_near(error) from error.__cause__
        return Rows(_distinct(columns), [str(one) for one in types], relation, self._connection.interrupt)

    def _check_names(self, statement: str) -> None:
        """Refuse ``SELECT 1DPAMZT``, which in SQL is the number 1, called DPAMZT."""
        found = {match[2] for match in WORDS.finditer(statement) if match[2]}
        if found:
            known = {info.name.upper() for group in self._groups.values() for info in group.infos}
            known |= {name.upper() for name in self.tables}
            wrong = sorted(name for name in found if name.upper() in known)
            if wrong:
                raise SqlError(f"names that begin with a digit stand in double quotes: {', '.join(map(quoted, wrong))}")

    def _reads(self, statement: str) -> str:
        """The statement, if it is one and can not write."""
        import duckdb

        found = told(lambda: self._connection.extract_statements(statement))
        if len(found) != 1:
            raise SqlError(f"expected one statement, came {len(found)}")
        inner = found
        if found[0].type == duckdb.StatementType.EXPLAIN:
            head = EXPLAIN.match(found[0].query)
            inner = told(lambda: self._connection.extract_statements(found[0].query[head.end() if head else 0 :]))
        if len(inner) != 1 or inner[0].type != duckdb.StatementType.SELECT:
            kind = getattr(inner[0].type, "name", "nothing") if inner else "nothing"
            raise SqlError(
                f"{kind} is not allowed here: the archive is only read. "
                "SELECT, FROM, WITH, VALUES, DESCRIBE, SUMMARIZE, SHOW and EXPLAIN are"
            )
        return str(found[0].query)

    def _with_near(self, error: SqlError) -> SqlError:
        """With the tables that may have been meant."""
        missing = re.search(r"Table with name (.+?) does not exist", str(error))
        if not missing:
            return error
        near = near_names(missing[1], self.tables)
        hint = f"Did you mean {' or '.join(quoted(one) for one in near)}? " if near else ""
        where = [line for line in str(error).splitlines()[1:] if not line.startswith("Did you mean")]
        lines = [f"There is no table {missing[1]!r}.", *where, f"{hint}`.tables` or SHOW TABLES lists them."]
        return SqlError("\n".join(line for line in lines if line.strip()))


def _distinct(names: list[str]) -> list[str]:
    out: list[str] = []
    for name in names:
        label, number = name, 2
        while label in out:
            label, number = f"{name}_{number}", number + 1
        out.append(label)
    return out


def _groups(archive: TelemetryArchive) -> dict[str, Group]:
    """All groups of the archive as it stands now."""
    snapshot = archive.snapshot()
    infos: dict[int, list[ParameterInfo]] = {}
    for key, number in snapshot.definitions.group_of.items():
        infos.setdefault(number, []).append(snapshot.definitions.infos[key])
    with reading(archive.engine) as connection:
        fixes = corrections.find(connection, None, None, None, snapshot.transaction)
        made = [_group(connection, snapshot, number, tuple(own), fixes) for number, own in infos.items()]
    return {group.name: group for group in sorted(made, key=lambda group: group.name)}


def _group(connection: Any, snapshot: Snapshot, number: int, infos: tuple[ParameterInfo, ...], fixes: Any) -> Group:
    standing = store.segments(connection, number, "rows", BEGINNING, END, snapshot.transaction)
    return Group(infos[0].group, infos, tuple(standing), tuple(fixes))


def sql(
    statement: str, *, archive: TelemetryArchive | None = None, settings: Settings | None = None,
    memory_limit: int = MEMORY,
) -> Any:  # fmt: skip
    """Ask in SQL (docs/cli.md, `mta sql`): the rows as a pandas DataFrame.

    Parameters
    ----------
    archive, settings
        Which archive: the object, or where the settings say; those of the environment if neither is given.

    Raises
    ------
    SqlError
        If the statement is wrong or does not only read.
    """
    from mta_assets.query.session import telemetry_archive

    with SqlArchive(archive if archive is not None else telemetry_archive(settings), memory_limit) as opened:
        return opened.execute(statement).to_pandas()
