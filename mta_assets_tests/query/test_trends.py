"""Trend tables by hand: who may write, what fits, what is replaced, and what the history says of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from mta_assets.archive import telemetry_schema as db
from mta_assets.archive.database import reading
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.core.errors import BadData
from mta_assets.core.flags import Quality
from mta_assets.core.samples import ParameterInfo, to_nanoseconds
from mta_assets.missions.load import TrendsSection
from mta_assets.query import trends
from mta_assets.query.answer import Answer, AnswerTable
from mta_assets.query.language import parse
from mta_assets.query.trends import NotAllowed, append_trend, check_writer, single, table_name, trend_rows
from mta_assets.settings import Settings

MISSION = (
    '[mission]\nname = "spire"\ntitle = "t"\ntelescope = "HERSCHEL"\nowner = "boss"\n'
    '[telemetry]\nkind = "ccsds"\ndictionary = "x"\n'
    '[trends]\nwriters = ["ana", "team"]\n[trends.roles]\nteam = ["tom", "tim"]\nboss = ["ruth"]\n'
    '[trends.tables]\nscal2 = ["sue"]\nTREND_CLOSED = []\n'
)
RIGHTS = TrendsSection(
    writers=["ana", "team"], roles={"team": ["tom", "tim"], "boss": ["ruth"]},
    tables={"scal2": ["sue"], "TREND_CLOSED": []},
)  # fmt: skip


def as_user(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(trends, "process_user", lambda: name)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[TelemetryArchive]:
    with TelemetryArchive(f"sqlite:///{tmp_path / 'catalog.sqlite'}", tmp_path / "telemetry") as opened:
        yield opened


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "mission"
    folder.mkdir()
    (folder / "mission.toml").write_text(MISSION)
    return Settings(mission=str(folder), data=tmp_path / "data")


def answer(times: Any, values: Any, query: str = "GET TEMP", unit: str = "K", **given: Any) -> Answer:
    """An answer with one column TEMP."""
    values = np.asarray(values)
    info = ParameterInfo("TEMP", "G", values.dtype.str[1:], unit, "a temperature", given.pop("states", {}))
    quality = given.pop("quality", None)
    flags = None if quality is None else {"TEMP": np.array(quality, np.uint8)}
    table = AnswerTable("G", to_nanoseconds(times), {"TEMP": values}, {"TEMP": unit}, flags, {"TEMP": info})
    return Answer(parse(query, 1000.0), None, (table,), [])


def rows(archive: TelemetryArchive, name: str = "TREND_T.TEMP") -> dict[float, float]:
    found = archive.snapshot().read([name])[name]
    return dict(zip(found.times.tolist(), found.values.tolist(), strict=True))


# ---- rights


@pytest.mark.parametrize(
    ("user", "author", "table", "name"),
    [
        ("ana", None, "TREND_T", "ana"),
        ("tim", None, "TREND_T", "tim"),
        ("boss", None, "TREND_T", "boss"),
        ("ruth", None, "TREND_T", "ruth"),
        ("sue", None, "TREND_SCAL2", "sue"),
        ("boss", None, "TREND_SCAL2", "boss"),
        ("boss", None, "TREND_CLOSED", "boss"),
        ("boss", "ana", "TREND_T", "ana"),
        ("ruth", "tom", "TREND_T", "tom"),
        ("ana", " ana ", "TREND_T", "ana"),
    ],
)
def test_writers_roles_owners_and_writers_of_single_tables_may_write(
    monkeypatch: pytest.MonkeyPatch, user: str, author: str | None, table: str, name: str
) -> None:
    as_user(monkeypatch, user)
    assert check_writer(table, author, RIGHTS, "boss") == name


@pytest.mark.parametrize(
    ("user", "author", "table", "reason"),
    [
        ("eve", None, "TREND_T", "eve may not write to TREND_T: its writers are ana, boss, team"),
        ("sue", None, "TREND_T", "sue may not write"),
        ("ana", None, "TREND_SCAL2", "ana may not write to TREND_SCAL2: its writers are boss, sue"),
        ("tim", None, "TREND_CLOSED", "its writers are boss"),
        ("ana", "boss", "TREND_T", "ana can not write to TREND_T as boss: only the owner"),
        ("ana", "tim", "TREND_T", "only the owner"),
        ("eve", "ana", "TREND_T", "only the owner"),
        ("boss", "eve", "TREND_T", "eve may not write"),
        ("", None, "TREND_T", "nobody may not write"),
        ("boss", "ana\nboss", "TREND_T", "may not write"),
    ],
)
def test_all_others_are_refused_and_told_who_may(
    monkeypatch: pytest.MonkeyPatch, user: str, author: str | None, table: str, reason: str
) -> None:
    as_user(monkeypatch, user)
    with pytest.raises(NotAllowed, match=reason):
        check_writer(table, author, RIGHTS, "boss")


def test_who_may_not_write_changes_nothing(
    archive: TelemetryArchive, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_user(monkeypatch, "eve")
    with pytest.raises(NotAllowed, match=r"\[trends\] of mission.toml"):
        append_trend("T", answer([1.0], [2.0]), settings=settings, archive=archive)
    assert archive.snapshot().transaction == 0
    assert not archive.root.exists()


def test_the_history_says_who_wrote_and_why(
    archive: TelemetryArchive, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_user(monkeypatch, "tim")
    append_trend("t", answer([1.0], [2.0]), settings=settings, archive=archive)
    append_trend("T", answer([2.0], [3.0]), reason="second run", settings=settings, archive=archive)
    as_user(monkeypatch, "ruth")
    append_trend("T", answer([3.0], [4.0]), author="ana", reason="for Ana", settings=settings, archive=archive)
    t = db.transactions.c
    with reading(archive.engine) as read:
        history = [tuple(row) for row in read.execute(sa.select(t.source, t.reason).order_by(t.id))]
    assert history == [
        ("TREND_T +by hand", "tim: GET TEMP"),
        ("TREND_T +by hand", "tim: second run"),
        ("TREND_T +by hand", "ana: for Ana"),
    ]


def test_the_user_of_the_process_is_known_by_its_name_or_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import pwd

    assert trends.process_user() == pwd.getpwuid(os.geteuid()).pw_name
    monkeypatch.setattr(os, "geteuid", lambda: 999_999_999)
    assert trends.process_user() == "999999999"


# ---- names and tables


@pytest.mark.parametrize(("name", "full"), [("scal2", "TREND_SCAL2"), ("TREND_9_X", "TREND_9_X"), (" a ", "TREND_A")])
def test_a_table_may_be_called_with_or_without_trend(name: str, full: str) -> None:
    assert table_name(name) == full


@pytest.mark.parametrize("name", ["", "TREND_", "A B", "A.B", "../x", "Ä", "_A", "A" * 61, "A\0", "A;--"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(BadData, match="no name of a trend table"):
        table_name(name)


def test_an_answer_of_several_tables_is_refused_with_what_to_do() -> None:
    (table,) = answer([1.0], [2.0]).tables
    assert single([table], "TREND_T") is table
    with pytest.raises(BadData, match=r"has 2 \(G, G\): add EVERY"):
        single([table, table], "TREND_T")
    with pytest.raises(BadData, match=r"has 0 \(none\)"):
        single([], "TREND_T")


def test_rows_carry_units_states_quality_text_and_how_long_they_hold() -> None:
    time = to_nanoseconds([20.0, 10.0])
    info = {"MODE": ParameterInfo("MODE", "G", "u1", "", "a mode", {0: "OFF", 1: "ON"})}
    table = AnswerTable(
        "G", time, {"MODE": np.array([1, 0], np.uint8), "WHO": np.array(["x", "yz"], object)}, {"MODE": "", "WHO": ""},
        {"MODE": np.array([0, 4], np.uint8)}, info, until=time + 5_000_000_000,
    )  # fmt: skip
    made = trend_rows("TREND_T", table, 3600.0).checked()
    by_name = {info.name: info for info in made.parameters}
    assert (made.time / 1e9).tolist() == [10.0, 20.0], "in order of time"
    assert made.values["TREND_T.MODE"].tolist() == [0, 1]
    assert made.quality["TREND_T.MODE"].tolist() == [4, 0]
    assert by_name["TREND_T.MODE"].states == {0: "OFF", 1: "ON"}
    assert made.values["TREND_T.WHO"].tolist() == ["yz", "x"]
    assert [sorted(values.tolist()) for name, values in made.values.items() if by_name[name].unit == "s"] == [
        [15.0, 25.0]
    ]
    assert made.period == 3600.0


# ---- what is replaced


@pytest.fixture
def writer(archive: TelemetryArchive, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Appends to table TREND_T as somebody who may."""
    as_user(monkeypatch, "ana")
    return lambda made, name="T": append_trend(name, made, settings=settings, archive=archive)


def test_rows_of_other_times_stay_and_those_of_the_query_s_periods_are_replaced(
    archive: TelemetryArchive, writer: Any
) -> None:
    first = "GET TEMP FROM 0 TO 60"
    writer(answer([0.0, 30.0, 59.0], [1.0, 1.0, 1.0], first))
    writer(answer([60.0, 90.0], [2.0, 2.0], "GET TEMP FROM 60 TO 120"))
    assert rows(archive) == {0.0: 1.0, 30.0: 1.0, 59.0: 1.0, 60.0: 2.0, 90.0: 2.0}
    writer(answer([30.0], [3.0], first))
    assert rows(archive) == {30.0: 3.0, 60.0: 2.0, 90.0: 2.0}, "the minute is as its newest answer has it"
    writer(answer([], np.zeros(0), first))
    assert rows(archive) == {60.0: 2.0, 90.0: 2.0}, "also where that has no rows"
    writer(answer([5.0], [4.0]))
    assert rows(archive) == {5.0: 4.0}, "a query without periods is about all times"


def test_a_row_of_the_same_time_is_replaced_also_by_one_that_lies_without(
    archive: TelemetryArchive, writer: Any
) -> None:
    period = "GET TEMP FROM 60 TO 120"
    writer(answer([50.0, 60.0], [1.0, 1.0], period))
    writer(answer([50.0, 60.0], [2.0, 2.0], period))
    assert rows(archive) == {50.0: 2.0, 60.0: 2.0}


def test_the_same_rows_again_are_no_transaction(archive: TelemetryArchive, writer: Any) -> None:
    assert writer(answer([1.0], [2.0])).transaction == 1
    assert writer(answer([1.0], [2.0])).transaction == 0
    assert writer(answer([], np.zeros(0)), "U").transaction == 0


def test_rows_by_hand_win_over_those_of_the_pipeline_and_only_at_their_times(
    archive: TelemetryArchive, writer: Any
) -> None:
    info = ParameterInfo("TREND_T.TEMP", "TREND_T", "f8", "K")
    made = GroupRows("TREND_T", (info,), to_nanoseconds([1.0, 2.0]), {"TREND_T.TEMP": np.array([5.0, 5.0])})
    archive.commit("TREND_T 1998-01-01", [made], 0.0, 1.0)
    writer(answer([2.0, 3.0], [7.0, 7.0]))
    assert rows(archive) == {1.0: 5.0, 2.0: 7.0, 3.0: 7.0}
    writer(answer([], np.zeros(0)))
    assert rows(archive) == {1.0: 5.0, 2.0: 5.0}


def test_a_doubtful_row_stays_doubtful(archive: TelemetryArchive, writer: Any) -> None:
    writer(answer([1.0, 2.0], [5.0, 6.0], quality=[Quality.BAD_CHECKSUM, 0]))
    found = archive.snapshot().read(["TREND_T.TEMP"])["TREND_T.TEMP"]
    assert found.bads.tolist() == [True, False]
    assert archive.snapshot().statistics("TREND_T.TEMP", "day").n.tolist() == [1]


# ---- what fits


def test_other_columns_units_states_or_kinds_are_refused_and_nothing_changes(
    archive: TelemetryArchive, writer: Any
) -> None:
    writer(answer([1.0], [2.0]))
    wrong: list[tuple[Answer, str]] = [
        (answer([2.0], [2.0], unit="degC"), r"column TEMP: the table has f8 \[K\], the answer f8 \[degC\]"),
        (answer([2.0], [2.0], unit=""), r"\[no unit\]"),
        (answer([2.0], ["warm"]), "the answer U"),
        (answer([2.0], np.array([1], np.uint8), states={1: "ON"}), "column TEMP"),
    ]
    other = answer([2.0], [2.0])
    table = other.tables[0]
    renamed = AnswerTable("G", table.time, {"TEMPP": table.columns["TEMP"]}, {"TEMPP": "K"}, None, {})
    wrong.append((Answer(other.query, None, (renamed,), []), "has the columns TEMP; the answer has TEMPP: name them"))
    for made, reason in wrong:
        with pytest.raises(BadData, match=reason):
            writer(made)
    assert archive.snapshot().transaction == 1
    assert rows(archive) == {1.0: 2.0}


def test_an_answer_may_lack_columns_of_the_table(archive: TelemetryArchive, writer: Any) -> None:
    both = answer([1.0], [2.0])
    table = both.tables[0]
    wide = AnswerTable(
        "G", table.time, {**table.columns, "MORE": np.array([9.0])}, {"TEMP": "K", "MORE": ""}, None, dict(table.info)
    )
    writer(Answer(parse("GET TEMP FROM 0 TO 2", 0.0), None, (wide,), []))
    writer(answer([5.0], [3.0], "GET TEMP FROM 2 TO 9"))
    assert rows(archive) == {1.0: 2.0, 5.0: 3.0}
    assert rows(archive, "TREND_T.MORE") == {1.0: 9.0}
