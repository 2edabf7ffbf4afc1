"""Days, weeks and the upkeep on real instances: products, trend tables, late playbacks, nightly schedules."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest

from mta_assets.archive.fits_read import read_fits
from mta_assets.core.times import from_utc
from mta_assets.defs.build import build_definitions
from mta_assets.defs.daily import runs
from mta_assets.defs.upkeep import upkeep_key
from mta_assets.missions.load import BUILT_IN
from mta_assets.pipelines.platform import Platform
from mta_assets.query.language import parse
from mta_assets.query.run import run
from mta_assets.query.session import sources
from mta_assets.settings import Settings
from mta_assets_tests.defs.packets import drop, playback_bytes

DAY, MONDAY = "2021-04-09", "2021-04-05"
POSITIONS = dg.AssetKey(["jpss", "sdp", "TREND_POSITIONS"])
TRENDS = r"""
[product.TREND_POSITIONS]
title   = "Positions, minute by minute"
level   = "trend"
pattern = 'trendf(?P<day>\d{8})N(?P<version>\d{3})_pos_trd1\.fits'
suffix  = "_pos_trd1.fits"
keywords = { CONTENT = "TRD1" }
columns = { TREND = ["TIME", "ADGPSPOSX_max"] }

[pipeline.TREND_POSITIONS]
title     = "Positions, day by day"
level     = "trend"
group     = "trends"
partition = "day"
inputs    = ["TELEMETRY"]
outputs   = ["TREND_POSITIONS"]
root      = "trendf{day}N{version:03d}"
[[pipeline.TREND_POSITIONS.profile]]
tool   = "mta_assets.pipelines.batch:run_query"
reads  = ["archive", "request"]
writes = ["products", "plots"]
[pipeline.TREND_POSITIONS.profile.params]
query   = "GET ADGPSPOSX, ADGPSPOSY EVERY 60 SECONDS COUNT, MAX"
product = "TREND_POSITIONS"
plot    = "timeline"

[product.TREND_WEEK]
title   = "Positions against each other"
level   = "trend"
pattern = 'trendf(?P<day>\d{8})N(?P<version>\d{3})_week_trd1\.fits'
suffix  = "_week_trd1.fits"

[pipeline.TREND_WEEK]
title     = "Positions, week by week"
level     = "trend"
group     = "trends"
partition = "week"
inputs    = ["TELEMETRY"]
outputs   = ["TREND_WEEK"]
root      = "trendf{day}N{version:03d}"
[[pipeline.TREND_WEEK.profile]]
tool   = "mta_assets.pipelines.batch:run_query"
reads  = ["archive", "request"]
writes = ["products", "plots"]
[pipeline.TREND_WEEK.profile.params]
query   = "GET ADGPSPOSX, ADGPSPOSY EVERY 60 SECONDS MAX"
product = "TREND_WEEK"
plot    = "xy"
x       = "ADGPSPOSX"
y       = "ADGPSPOSY"
"""


class House:
    """A deployment of the packet mission with trends, in a temporary folder."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        mission = folder / "mission"
        shutil.copytree(BUILT_IN / "jpss", mission)
        (mission / "registry" / "trends.toml").write_text(TRENDS)
        self.settings = Settings(mission=str(mission), data=folder / "data", settle_seconds=0, retries=2)
        self.instance = instance
        self.defs = build_definitions(self.settings)
        self.platform = Platform(self.settings)
        self.cursors: dict[str, str | None] = {}

    def look(self, sensor: str) -> Any:
        """One evaluation of a sensor, with the dynamic partitions it asks for added."""
        context = dg.build_sensor_context(
            instance_ref=self.instance.get_ref(), cursor=self.cursors.get(sensor), definitions=self.defs
        )
        with context:
            result = self.defs.get_repository_def().get_sensor_def(sensor).evaluate_tick(context)
        self.cursors[sensor] = result.cursor
        for request in result.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions(request.partitions_def_name, request.partition_keys)
        return result

    def run(self, job: str, key: str | None = None, raise_on_error: bool = True) -> dg.ExecuteInProcessResult:
        return self.defs.resolve_job_def(job).execute_in_process(
            instance=self.instance, partition_key=key, raise_on_error=raise_on_error
        )

    def play(self, number: int, first: int, count: int = 120) -> None:
        """A playback arrives and is processed."""
        drop(self.settings.incoming, number, playback_bytes(first, count))
        (request,) = self.look("jpss_playback_sensor").run_requests
        assert self.run("playback", request.partition_key).success

    def wanted(self, sensor: str = "jpss_late_day") -> list[str]:
        """Partitions that the sensor for late data requests."""
        return [request.partition_key for request in self.look(sensor).run_requests or []]

    def ask(self, text: str) -> Any:
        (table,) = run(parse(text), sources(self.settings)).tables
        return table


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with dg.instance_for_test() as instance:
        yield House(tmp_path, instance)


def products(house: House, file_id: str = "TREND_POSITIONS") -> list[Any]:
    return house.platform.catalog.products(file_id=file_id)


def test_a_day_makes_its_product_its_trend_rows_and_its_plot(house: House) -> None:
    house.play(1, 0, 300)
    result = house.run("daily", DAY)
    (event,) = result.asset_materializations_for_node("sdp_TREND_POSITIONS")
    assert event.partition == DAY
    assert event.metadata["plot: trend"].value.startswith("![plot](data:image/png;base64,")
    assert [check.description for check in result.get_asset_check_evaluations() if not check.passed] == []
    (product,) = products(house)
    assert product.name == "trendf20210409N001_pos_trd1.fits"
    table = read_fits(Path(product.path), "TREND_POSITIONS").table("TREND")
    samples = house.platform.telemetry.snapshot().read(["ADGPSPOSX"])["ADGPSPOSX"]
    assert len(samples) == 300
    assert table["ADGPSPOSX_count"].sum() == np.isfinite(samples.values).sum()
    trend = house.ask("GET TREND_POSITIONS.ADGPSPOSX_count, TREND_POSITIONS.ADGPSPOSX_max")
    assert trend.times.tolist() == table["TIME"].tolist()
    assert trend.columns["TREND_POSITIONS.ADGPSPOSX_max"].tolist() == table["ADGPSPOSX_max"].tolist()
    plots = list(Path(product.path).parent.glob("TREND_POSITIONS_2021-04-09_*_trend.png"))
    assert len(plots) == 1
    (source,) = house.platform.catalog.inputs_of(product.id)
    assert source.name.startswith("telemf")


def test_the_rows_are_those_of_a_query_over_the_samples(house: House) -> None:
    house.play(1, 0, 300)
    house.run("daily", DAY)
    trend = house.ask("GET TREND_POSITIONS.ADGPSPOSX_max")
    samples = house.platform.telemetry.snapshot().read(["ADGPSPOSX"])["ADGPSPOSX"]
    good = np.isfinite(samples.values)  # any bits may be a number; what is none does not count
    bins, values = np.floor(samples.times[good] / 60).astype(int), samples.values[good]
    assert trend.times.tolist() == (np.unique(bins) * 60.0).tolist()
    largest = [values[bins == number].max() for number in np.unique(bins)]
    assert trend.columns["TREND_POSITIONS.ADGPSPOSX_max"].tolist() == largest


def test_a_day_without_data_has_nothing_to_do_and_says_so(house: House) -> None:
    house.play(1, 0)
    result = house.run("daily", "2021-04-12")
    assert result.success
    assert not result.asset_materializations_for_node("sdp_TREND_POSITIONS")
    (entry,) = house.platform.catalog.runs(pipe_id="TREND_POSITIONS")
    assert entry["outcome"] == "nothing to do"
    assert "there is no TELEMETRY for partition 2021-04-12" in entry["message"]


def test_a_repeated_day_changes_nothing(house: House) -> None:
    house.play(1, 0)
    house.run("daily", DAY)
    (before,) = products(house)
    first = house.platform.telemetry.snapshot().transaction
    house.run("daily", DAY)
    (after,) = products(house)
    assert (after.id, after.version, after.sha256) == (before.id, 1, before.sha256)
    assert house.platform.telemetry.snapshot().transaction == first


def test_a_late_playback_asks_for_its_day_again_once_and_its_rows_come_in(house: House) -> None:
    house.play(1, 0)
    assert house.wanted() == [DAY]
    house.run("daily", DAY)
    assert house.wanted() == []  # what the trend itself wrote is no new data
    house.play(2, 7200)
    assert house.wanted() == [DAY]
    house.run("daily", DAY)
    (product,) = products(house)
    assert product.version == 2
    samples = house.platform.telemetry.snapshot().read(["ADGPSPOSX"])["ADGPSPOSX"]
    counted = house.ask("GET TREND_POSITIONS.ADGPSPOSX_count").columns["TREND_POSITIONS.ADGPSPOSX_count"]
    assert (len(samples), counted.sum()) == (240, np.isfinite(samples.values).sum())
    assert house.wanted() == []


def test_a_correction_asks_for_its_day_again_and_the_rows_that_it_takes_away_go(house: House) -> None:
    house.play(1, 0)
    house.run("daily", DAY)
    house.wanted()
    start = from_utc(f"{DAY}T00:00:00")
    for name in ("ADGPSPOSX", "ADGPSPOSY"):
        house.platform.telemetry.add_correction(name, start, start + 3600, author="me", reason="test")
    assert house.wanted() == [DAY]
    house.run("daily", DAY)
    (product,) = products(house)
    assert (product.version, product.rows) == (2, 0)
    assert len(house.platform.telemetry.snapshot().read(["TREND_POSITIONS.ADGPSPOSX_max"]).popitem()[1]) == 0


def test_a_tick_that_died_asks_with_the_same_run_key_again(house: House) -> None:
    house.play(1, 0)
    first = house.look("jpss_late_day").run_requests
    house.cursors.clear()
    again = house.look("jpss_late_day").run_requests
    assert [request.run_key for request in again] == [request.run_key for request in first]


def test_a_week_is_made_and_asked_for_by_its_monday(house: House) -> None:
    house.play(1, 0)
    assert house.wanted("jpss_late_week") == [MONDAY]
    result = house.run("weekly", MONDAY)
    (event,) = result.asset_materializations_for_node("sdp_TREND_WEEK")
    assert "plot: trend" in event.metadata
    (product,) = products(house, "TREND_WEEK")
    assert product.name == "trendf20210405N001_week_trd1.fits"
    assert len(house.ask("GET TREND_WEEK.ADGPSPOSX")) == product.rows > 1


def test_a_range_of_days_is_one_run(house: House) -> None:
    house.play(1, 0)
    job = house.defs.resolve_job_def("daily")
    tags = {"dagster/asset_partition_range_start": "2021-04-08", "dagster/asset_partition_range_end": "2021-04-10"}
    assert job.execute_in_process(instance=house.instance, tags=tags).success
    outcomes = [entry["outcome"] for entry in house.platform.catalog.runs(pipe_id="TREND_POSITIONS")]
    assert sorted(outcomes) == ["done", "nothing to do", "nothing to do"]


def test_days_that_follow_each_other_are_asked_for_as_one_range() -> None:
    assert list(runs("day", ["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-03"])) == [
        ["2024-02-28", "2024-02-29", "2024-03-01"], ["2024-03-03"],
    ]  # fmt: skip
    assert list(runs("week", ["2024-02-26", "2024-03-04", "2024-03-18"])) == [
        ["2024-02-26", "2024-03-04"], ["2024-03-18"],
    ]  # fmt: skip
    assert [len(run) for run in runs("day", [f"2024-01-{n:02d}" for n in range(1, 32)])] == [31]


def test_the_night_asks_for_the_day_that_ended_and_monday_for_the_week(house: House) -> None:
    repository = house.defs.get_repository_def()
    for name, cron, moment, expected in [
        ("jpss_daily", "30 0 * * *", datetime(2021, 4, 10, 0, 30, tzinfo=UTC), DAY),
        ("jpss_weekly", "40 0 * * 1", datetime(2021, 4, 12, 0, 40, tzinfo=UTC), MONDAY),
    ]:
        schedule = repository.get_schedule_def(name)
        assert schedule.cron_schedule == cron
        assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
        with dg.build_schedule_context(
            instance=house.instance, scheduled_execution_time=moment, repository_def=repository
        ) as context:
            (request,) = schedule.evaluate_tick(context).run_requests
        assert request.partition_key == expected


def test_before_the_first_day_of_the_mission_the_night_has_nothing_to_do(house: House) -> None:
    schedule = house.defs.get_repository_def().get_schedule_def("jpss_daily")
    moment = datetime(2017, 11, 18, 0, 30, tzinfo=UTC)
    with dg.build_schedule_context(instance=house.instance, scheduled_execution_time=moment) as context:
        result = schedule.evaluate_tick(context)
    assert not result.run_requests
    assert "nothing to do" in str(result.skip_message)


def test_the_upkeep_compacts_verifies_and_says_what_it_did(house: House) -> None:
    house.play(1, 0)
    house.play(2, 7200)
    house.play(3, 40_000)
    house.run("daily", DAY)
    archive = house.platform.telemetry
    archive.commit("next month", [far_rows()], 0.0, 1.0)
    before = house.ask("GET ADGPSPOSX").columns["ADGPSPOSX"].tobytes()
    assert house.run("archive_upkeep").success
    event = house.instance.get_latest_materialization_event(upkeep_key("jpss"))
    assert event is not None
    assert event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert metadata["compactions"].value > 0
    assert metadata["verified transaction"].value == archive.snapshot().transaction
    assert house.ask("GET ADGPSPOSX").columns["ADGPSPOSX"].tobytes() == before
    assert house.run("archive_upkeep").success
    schedule = house.defs.get_repository_def().get_schedule_def("jpss_upkeep")
    assert schedule.cron_schedule == "45 0 * * *"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def test_a_changed_file_of_the_archive_fails_the_upkeep_and_is_named(house: House) -> None:
    house.play(1, 0)
    path = next((house.settings.telemetry).rglob("rows/*.parquet"))
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-8] + b"\0" * 8)
    result = house.run("archive_upkeep", raise_on_error=False)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    text = str(failure.step_failure_data.user_failure_data or failure.step_failure_data.error)
    assert path.name in text
    assert house.instance.get_latest_materialization_event(upkeep_key("jpss")) is None


def far_rows() -> Any:
    """Rows of another group, a month later, so that the days before have ended."""
    from mta_assets.archive.telemetry_rows import GroupRows
    from mta_assets.core.samples import ParameterInfo, to_nanoseconds

    time = to_nanoseconds([from_utc("2021-05-09T00:00:00")])
    return GroupRows("FAR", (ParameterInfo("FARAWAY", "FAR"),), time, {"FARAWAY": np.ones(1)})
