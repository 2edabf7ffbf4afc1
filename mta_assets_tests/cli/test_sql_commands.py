"""``mta sql``: views that give what the reader gives, nothing but the archive, files, the prompt, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mta_assets
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_collect import collect
from mta_assets.archive.telemetry_compact import compact
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.cli.sql import prompt
from mta_assets.core import times
from mta_assets.core.samples import Samples, state_texts, to_nanoseconds
from mta_assets.query.sql import SqlArchive
from mta_assets.query.sql_rows import SqlError, told
from mta_assets.query.sql_views import quoted
from mta_assets_tests.cli.house import GRID, ODD_GROUP, ODD_NAME, PERIOD, START, fill, mta

pytestmark = pytest.mark.usefixtures("data", "here")
ODD = quoted(ODD_GROUP)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[TelemetryArchive]:
    """One for a test that changes it."""
    fill(tmp_path / "own")
    root = tmp_path / "own" / "chandra"
    with TelemetryArchive(f"sqlite:///{root / 'catalog.sqlite'}", root / "telemetry") as opened:
        yield opened


@pytest.fixture(scope="module")
def opened(data: Path) -> Iterator[SqlArchive]:
    root = data / "chandra"
    with (
        TelemetryArchive(f"sqlite:///{root / 'catalog.sqlite'}", root / "telemetry") as archive,
        SqlArchive(archive) as sql,
    ):
        yield sql


# ---- what the views say


def check_views(archive: TelemetryArchive) -> int:
    """All parameters of all views against the reader, value for value; returns how many samples there were."""
    snapshot = archive.snapshot()
    number = 0
    with SqlArchive(archive) as sql:
        for name, one in snapshot.read(snapshot.names(), None, None, raw=True).items():
            column = quoted({"utc": "utc_2"}.get(name, name))
            good = list(sql.execute(f"SELECT time, {column} FROM {quoted(one.info.group)} WHERE {column} IS NOT NULL"))
            everything = list(sql.execute(f"FROM {quoted(one.info.group + '__all')} WHERE {column} IS NOT NULL"))
            assert sorted(good) == _rows(one.where(~one.bads), name)
            columns = sql.execute(f"FROM {quoted(one.info.group + '__all')}").columns
            places = [columns.index(label) for label in ("time", column[1:-1].replace('""', '"'))]
            assert sorted((row[places[0]], row[places[1]]) for row in everything) == _rows(one, name)
            flags = columns.index(column[1:-1].replace('""', '"') + "__q")
            expected = np.zeros(len(one), np.uint8) if one.quality is None else one.quality
            assert [row[flags] for row in sorted(everything)] == expected.tolist()
            if one.raw is not None and f"{name}__r" in columns:
                counts = columns.index(f"{name}__r")
                assert [row[counts] for row in sorted(everything)] == one.raw.tolist()
            number += len(one)
    return number


def _rows(one: Samples, name: str) -> list[tuple[int, object]]:
    values = state_texts(one.values, one.info.states) if one.info.states else one.values
    return list(zip(one.time.tolist(), values.tolist(), strict=True))


def test_views_give_what_the_reader_gives_whatever_happened_to_the_archive(archive: TelemetryArchive) -> None:
    assert check_views(archive) == 300 * 4 - 1 + 9  # one cell of 1CBAT is a filler in every source
    archive.add_correction("1CBAT", GRID[10], GRID[20], "bad", author="me", reason="a test")
    archive.add_correction("1CBAT", GRID[1], GRID[180], "value", -50.5, author="me", reason="a test")
    archive.add_correction("COUNT", GRID[15], GRID[175], "value", -7, author="me", reason="a test")
    archive.add_correction("AOPCADMD", GRID[15], GRID[18], "value", 3, author="me", reason="a test")
    number = archive.add_correction("*", GRID[12], GRID[16], "bad", author="me", reason="a test")
    archive.add_correction("*", GRID[100], GRID[102], "bad", author="me", reason="a test")
    check_views(archive)
    archive.withdraw_correction(number, "me", "tested")
    check_views(archive)


def test_views_follow_sources_that_are_replaced_and_files_that_are_made_one(archive: TelemetryArchive) -> None:
    infos = tuple(info for info in map(archive.snapshot().info, ("1CBAT", "COUNT")) if info is not None)
    time = to_nanoseconds(GRID[160:190])
    values = {"1CBAT": np.full(30, -40, np.float32), "COUNT": np.full(30, 7, np.int16)}
    archive.commit("a/second", [GroupRows("THM", infos, time, values, period=PERIOD)], GRID[160], GRID[190])
    assert check_views(archive) < 300 * 4
    archive.withdraw("b/first", "a test")
    assert len(archive.snapshot().read(["COUNT"], None, None)["COUNT"]) == 30
    check_views(archive)
    assert compact(archive)
    check_views(archive)
    collect(archive, 0.0)
    check_views(archive)


def test_a_view_has_one_row_where_sources_overlap_and_the_better_cell_wins(opened: SqlArchive) -> None:
    ((rows, distinct),) = opened.execute("SELECT count(*), count(DISTINCT time) FROM THM")
    assert (rows, distinct) == (300, 300)
    ((value,),) = opened.execute('SELECT "1CBAT" FROM THM ORDER BY time LIMIT 1 OFFSET 160')
    assert value == -60 + (100 + 160 % 50) / 16  # bad in "a/second", good in "b/first"


def test_times_are_nanoseconds_seconds_and_utc_and_turn_into_each_other(opened: SqlArchive) -> None:
    ((time, seconds, utc),) = opened.execute("SELECT time, seconds, utc::VARCHAR FROM THM ORDER BY time LIMIT 1")
    assert seconds == START
    assert time == to_nanoseconds([START])[0]
    assert utc.startswith("2024-03-01 00:00:00.0000000")
    for moment in ("2016-12-31 23:59:59", "2017-01-01 00:00:00", "1998-01-01 00:00:00", "2024-03-01 12:34:56.5"):
        ((there, back),) = opened.execute(f"SELECT tt(TIMESTAMP '{moment}'), utc_of(tt(TIMESTAMP '{moment}'))::VARCHAR")
        assert there == pytest.approx(times.from_utc(moment.replace(" ", "T")), abs=1e-6)
        assert back[:19] == moment[:19]


def test_states_are_names_and_codes_without_a_name_are_themselves(opened: SqlArchive) -> None:
    rows = dict(opened.execute("SELECT AOPCADMD, count(*) FROM PCAD GROUP BY ALL"))
    assert rows == {"NPNT": 150, "NMAN": 50, "it's": 50, "9": 50}
    ((code,),) = opened.execute("SELECT DISTINCT AOPCADMD__code FROM PCAD__all WHERE AOPCADMD = 'it''s'")
    assert code == 3


def test_groups_and_parameters_of_any_name_can_be_asked_for(opened: SqlArchive) -> None:
    column = quoted(ODD_NAME)
    assert list(opened.execute(f'SELECT {column}, "select", utc_2 FROM {ODD} ORDER BY 1')) == [
        (0, 10, 20), (1, 11, 21), (2, 12, 22),
    ]  # fmt: skip


def test_the_catalog_stands_beside_the_telemetry(opened: SqlArchive) -> None:
    rows = list(opened.execute("SELECT name, rows, size FROM products ORDER BY name"))
    assert rows == [("mask0.fits", 0, 100), ("mask1.fits", 1, 100)]
    for table in ("findings", "playbacks", "observations"):
        assert list(opened.execute(f"SELECT * FROM {table}")) == []
    names = [name for (name,) in opened.execute("SHOW TABLES")]
    assert sorted(names) == sorted(opened.tables)


def test_the_rows_of_a_statement_are_a_data_frame_in_python(data: Path) -> None:
    frame = mta_assets.sql("SELECT sum(COUNT) AS total, 1.5 AS number FROM THM")
    assert frame.to_dict("list") == {"total": [14850.0], "number": [1.5]}


# ---- what is not allowed


@pytest.mark.parametrize(
    "source",
    [
        "read_text('/etc/passwd')", "read_csv('/etc/passwd')", "'/etc/passwd'", "read_blob('/etc/hostname')",
        "glob('/etc/*')", "sniff_csv('/etc/passwd')", "read_parquet('http://127.0.0.1/a.parquet')",
        "parquet_metadata('{data}/chandra/catalog.sqlite')", "sqlite_scan('{data}/chandra/catalog.sqlite', 'products')",
        "read_text('{segment}/../../../../catalog.sqlite')", "read_duckdb('/tmp/a.db')",
    ],
)  # fmt: skip
def test_no_other_file_can_be_read(opened: SqlArchive, data: Path, source: str) -> None:
    segment = next((data / "chandra" / "telemetry").rglob("*.parquet")).parent
    told = mta("sql", f"SELECT * FROM {source.format(data=data, segment=segment)}", code=1)
    assert told.out == ""
    assert "root:" not in told.err


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 1) TO '{here}/a.csv'", "COPY THM TO '{segment}'", "EXPLAIN ANALYZE COPY THM TO '{here}/a.csv'",
        "FROM query('COPY (SELECT 1) TO ''{here}/a.csv''')", "EXPORT DATABASE '{here}/a'",
        "ATTACH '{here}/a.db'", "ATTACH '{here}/a.db' AS b (TYPE sqlite)",
        "INSTALL httpfs", "LOAD httpfs", "FORCE INSTALL sqlite", "SET enable_external_access = true",
        "SET allowed_paths = ['/etc/passwd']", "RESET memory_limit", "PRAGMA enable_external_access",
        "CREATE TABLE a AS SELECT 1", "DELETE FROM products", "WITH a AS (SELECT 1) INSERT INTO products FROM a",
        "CALL pragma_version()", "SELECT 1; COPY (SELECT 1) TO '{here}/a.csv'", "USE memory", "CHECKPOINT",
    ],
)  # fmt: skip
def test_nothing_can_be_written_attached_installed_or_set(
    opened: SqlArchive, data: Path, here: Path, statement: str
) -> None:
    segment = next((data / "chandra" / "telemetry").rglob("*.parquet"))
    content = segment.read_bytes()
    told = mta("sql", statement.format(here=here, segment=segment), code=1)
    assert told.out == ""
    assert "not allowed" in told.err or "expected one statement" in told.err or "single SELECT" in told.err
    assert list(here.iterdir()) == [here / "tmp"]
    assert segment.read_bytes() == content


def test_the_settings_are_locked_behind_the_list_of_statements(opened: SqlArchive) -> None:
    connection = opened._connection
    for setting in ("enable_external_access = true", "allowed_paths = ['/etc/passwd']", "lock_configuration = false"):
        with pytest.raises(Exception, match=r"(?i)lock|configuration|cannot"):
            connection.execute(f"SET {setting}")
    for statement in ("FROM read_text('/etc/passwd')", "INSTALL httpfs", "LOAD sqlite", "ATTACH '/tmp/a.db'"):
        with pytest.raises(Exception, match=r"(?i)disabled|permission|not allowed|cannot"):
            connection.execute(statement).fetchall()


def test_a_statement_takes_no_more_memory_than_it_may(here: Path) -> None:
    words = ("SELECT list(x) FROM range(20000000) t(x)", "--limit-memory", "20M")
    assert "takes more memory than it may" in mta("sql", *words, code=1).err
    assert list(here.iterdir()) == [here / "tmp"]


# ---- what is wrong


def test_near_names_are_said_of_tables_and_columns() -> None:
    told = mta("sql", "SELECT * FROM THN", code=1)
    assert "There is no table 'THN'." in told.err
    assert 'Did you mean "THM"?' in told.err
    assert "COUNT" in mta("sql", "SELECT COUNTX FROM THM", code=1).err
    assert "syntax error" in mta("sql", "SELEKT 1", code=1).err
    assert "expected one statement, came 0" in mta("sql", "", code=1).err


def test_a_damaged_segment_is_left_out_and_told_of(archive: TelemetryArchive) -> None:
    (group,) = {path.parent for path in archive.root.rglob("*.parquet") if "PCAD" in str(path) and "rows" in str(path)}
    for path in group.iterdir():
        path.chmod(0o644)
        path.write_bytes(b"PAR1" + b"\x00" * 100)
    with SqlArchive(archive) as sql:
        assert list(sql.execute("SELECT count(*) FROM PCAD")) == [(0,)]
        assert len(sql.notes) == 1
        assert "damaged" in sql.notes[0]
        assert list(sql.execute("SELECT count(*) FROM THM")) == [(300,)]


# ---- what is shown and written


def test_rows_are_shown_with_all_their_digits() -> None:
    told = mta("sql", 'SELECT seconds, "1CBAT", COUNT FROM THM ORDER BY time LIMIT 1')
    assert [cell.strip() for cell in told.out.splitlines()[4].split("│")[1:-1]] == ["825638469.184", "-53.75", "-100"]
    assert told.out.startswith("1 row")
    assert "the first 40 rows" in mta("sql", "FROM THM").out
    assert mta("sql", "SELECT COUNT, utc FROM THM WHERE false").out == "0 rows of COUNT, utc\n"
    assert "READ_PARQUET" in mta("sql", "EXPLAIN SELECT COUNT FROM PCAD, THM").out


def test_json_has_columns_types_and_rows_of_plain_values() -> None:
    statement = (
        "SELECT sum(COUNT) AS a, 1.5 AS b, 'nan'::DOUBLE AS c, [1.5, NULL] AS d, {'x': DATE '2024-01-01'} AS e, "
        "TIMESTAMP '2024-01-01 12:00:00' AS f, NULL AS g, true AS h, 'ab'::BLOB AS i FROM THM"
    )
    found = mta("sql", statement, "--json").json
    assert found["columns"] == list("abcdefghi")
    assert found["types"][:3] == ["HUGEINT", "DECIMAL(2,1)", "DOUBLE"]
    row = [14850, 1.5, None, [1.5, None], {"x": "2024-01-01"}, "2024-01-01T12:00:00", None, True, "6162"]
    assert found["rows"] == [row]
    assert mta("sql", "SELECT 1 AS a, 2 AS a WHERE false", "--json").json == {
        "columns": ["a", "a_2"], "types": ["INTEGER", "INTEGER"], "rows": [],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["a.fits", "a.parquet", "a.csv", "a.ecsv", "a.json"])
def test_rows_go_to_a_file_once_and_again_only_if_it_is_said(here: Path, name: str) -> None:
    statement = 'SELECT utc, "1CBAT", sum(COUNT) AS total, any_value(COUNT) > 0 AS warm FROM THM GROUP BY ALL'
    told = mta("sql", f"{statement} ORDER BY utc LIMIT 5", "-o", name)
    assert told.out == f"{name}: 5 rows, {(here / name).stat().st_size:,} bytes\n"
    assert _read(here / name)["total"] == [-100, -99, -98, -97, -96]
    assert _read(here / name)["1CBAT"][3:] == [None, None]
    before = (here / name).read_bytes()
    assert "is there already" in mta("sql", "FROM THM", "-o", name, code=1).err
    assert (here / name).read_bytes() == before
    report = mta("sql", "FROM THM WHERE false", "-o", name, "--overwrite", "--json").json
    assert report == {"file": name, "rows": 0, "bytes": (here / name).stat().st_size, "notes": []}
    assert set(_read(here / name)) == {"time", "seconds", "utc", "1CBAT", "COUNT"}
    assert sorted(path.name for path in here.iterdir()) == sorted([name, "tmp"])


def _read(path: Path) -> dict[str, list]:
    """Columns of a file; None for what has no value."""
    if path.suffix == ".json":
        content = json.loads(path.read_text())
        return {name: [row[n] for row in content["rows"]] for n, name in enumerate(content["columns"])}
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return pq.read_table(path).to_pydict()
    if path.suffix == ".csv":
        from pyarrow import csv

        return csv.read_csv(path).to_pydict()
    from astropy.table import Table

    table = Table.read(path)
    return {name: table[name].tolist() for name in table.colnames}


def test_an_error_in_the_middle_leaves_no_file(here: Path) -> None:
    statement = "SELECT CASE WHEN x = 900000 THEN error('stop')::INTEGER ELSE x END AS x FROM range(1000000) t(x)"
    for name in ("a.csv", "a.parquet", "a.json"):
        assert "stop" in mta("sql", statement, "-o", name, code=1).err
    assert mta("sql", statement, "--json", code=1).out == ""
    assert [path for path in here.rglob("*") if path != here / "tmp"] == []


def test_a_statement_may_come_from_standard_input_and_wrong_use_is_exit_status_2() -> None:
    assert mta("sql", "-", "--json", given="SELECT 7 AS a;").json["rows"] == [[7]]
    assert mta("sql", given="SELECT 8 AS a").out.count("8") == 1
    mta("sql", "-o", "a.csv", code=2)
    mta("sql", "SELECT 1", "--limit-memory", "0", code=2)
    assert "expected one of .parquet" in mta("sql", "SELECT 1", "-o", "a.txt", code=1).err


# ---- the prompt


def test_the_prompt_takes_statements_over_several_lines_and_stays_after_errors(
    opened: SqlArchive, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = iter([
        "", ".tables", ".schema THM", "SELECT 6 * 7", " AS answer;", "SELECT * FROM THN;", ".help", None,
        "SELECT 1", None, ".quit", "SELECT 8 AS never;",
    ])  # fmt: skip

    def ask(text: str) -> str:
        line = next(lines)
        if line is None:
            raise KeyboardInterrupt
        return line

    prompt(opened, ask, False)
    told = capsys.readouterr()
    assert "products\n" in told.out
    assert f"{ODD_GROUP}__all\n" in told.out
    assert "TIMESTAMP_NS" in told.out
    assert "42" in told.out
    assert "There is no table 'THN'" in told.err
    assert told.out.count(".quit leaves") == 2
    assert "never" not in told.out


def test_the_end_of_input_ends_the_prompt(opened: SqlArchive, capsys: pytest.CaptureFixture[str]) -> None:
    def ask(text: str) -> str:
        raise EOFError

    prompt(opened, ask, False)
    assert capsys.readouterr().err == ""


# ---- Ctrl-C


def test_ctrl_c_stops_what_is_done_in_duckdb_and_waits_for_its_end() -> None:
    stopped, ended = threading.Event(), threading.Event()

    def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        assert stopped.wait(20)
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        told(work, stopped.set)
    assert ended.is_set()


@pytest.mark.parametrize(
    "words",
    [
        ["SELECT count(*) FROM range(20000000000) t(x) WHERE sqrt(x) > 3 AND x % 7 = 3"],
        ["SELECT x, x / 7 FROM range(100000000000) t(x)", "-o", "a.csv"],
        ["SELECT x, x / 7 FROM range(100000000000) t(x)", "-o", "a.parquet"],
        ["SELECT x, x / 7 FROM range(100000000000) t(x)", "--json"],
    ],
)
def test_ctrl_c_ends_a_statement_and_leaves_nothing_behind(
    here: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = SqlArchive.execute

    def execute(self: SqlArchive, statement: str) -> object:
        rows = begun(self, statement)
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()  # by then the rows are under way
        return rows

    monkeypatch.setattr(SqlArchive, "execute", execute)
    result = mta("sql", *words, code=130)
    assert (result.out, result.err) == ("", "mta: interrupted; nothing was kept\n")
    assert [path for path in here.rglob("*") if path != here / "tmp"] == []


def test_ctrl_c_at_the_prompt_ends_the_statement_only(opened: SqlArchive, capsys: pytest.CaptureFixture[str]) -> None:
    lines = iter(["SELECT count(*) FROM range(20000000000) t(x) WHERE sqrt(x) > 3;", "SELECT 9 AS nine;", ".quit"])

    def ask(text: str) -> str:
        line = next(lines)
        if "range" in line:
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        return line

    prompt(opened, ask, False)
    told = capsys.readouterr()
    assert told.err == "interrupted\n"
    assert "nine" in told.out


def test_an_archive_can_be_closed_while_its_rows_are_read(archive: TelemetryArchive) -> None:
    with SqlArchive(archive) as sql:
        rows = iter(sql.execute("SELECT x FROM range(1000000) t(x)"))
        assert next(rows) == (0,)
    with pytest.raises(SqlError):
        SqlArchive(archive).execute("SELECT 1; SELECT 2")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1CBAT FROM THM",
        "SELECT max(THM.1cbat) FROM THM",
        "SELECT '''' AS a, 1CBAT FROM THM",
        "SELECT\n1CBAT -- it",
    ],
)
def test_a_name_that_begins_with_a_digit_is_no_number_with_a_name(opened: SqlArchive, statement: str) -> None:
    with pytest.raises(SqlError, match=r'in double quotes: "1(CBAT|cbat)"'):
        opened.execute(statement)


def test_a_name_that_begins_with_a_digit_may_stand_in_texts_and_comments(opened: SqlArchive) -> None:
    statement = """SELECT '1CBAT', 'it''s 1CBAT', $$1CBAT$$, a1CBAT.x, 1e3, "1CBAT" IS NULL -- 1CBAT
        FROM THM, (SELECT 7 AS x) AS a1CBAT /* 1CBAT
        1CBAT */ ORDER BY time LIMIT 1"""
    assert list(opened.execute(statement)) == [("1CBAT", "it's 1CBAT", "1CBAT", 7, 1000, False)]
