"""Observations and deliveries on real instances: from playbacks in any order to levels 1 and 2, and from outside."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mta_assets.archive.entries import ObiReport, RunEntry
from mta_assets.archive.fits_read import read_fits
from mta_assets.core.request import Request
from mta_assets.defs.build import build_definitions
from mta_assets.pipelines.delivery import deliver, withdraw
from mta_assets.pipelines.delivery_folder import delivery_folder
from mta_assets.pipelines.platform import Platform
from mta_assets.pipelines.registry_check import check
from mta_assets.query.product_select import select_products
from mta_assets.settings import Settings
from mta_assets_tests.defs.packets import drop, playback_bytes
from mta_assets_tests.pipelines.toy_obi import LENGTH, MIDNIGHT, event_file, intervals, make_mission, orbit_file, piece

EVT1 = dg.AssetKey(["jpss", "sdp", "TOY_EVT1"])
EVT1_RAW = dg.AssetKey(["jpss", "raw", "TOY_EVT1"])
ORBIT_RAW = dg.AssetKey(["jpss", "raw", "ORBIT"])
SENSOR = "jpss_observation_sensor"


class House:
    """A deployment of the packet mission with observations, in a temporary folder."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.settings = Settings(mission=str(make_mission(folder / "mission")), data=folder / "data", settle_seconds=0)
        self.instance = instance
        self.defs = build_definitions(self.settings)
        self.platform = Platform(self.settings)
        self.cursors: dict[str, str | None] = {}
        self.asked: set[str] = set()

    def look(self, sensor: str) -> Any:
        """One evaluation of a sensor, with the partitions and events that it asks for."""
        context = dg.build_sensor_context(
            instance_ref=self.instance.get_ref(), cursor=self.cursors.get(sensor), definitions=self.defs
        )
        with context:
            result = self.defs.get_repository_def().get_sensor_def(sensor).evaluate_tick(context)
        self.cursors[sensor] = result.cursor
        for request in result.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions(request.partitions_def_name, request.partition_keys)
        for event in result.asset_events or []:
            self.instance.report_runless_asset_event(event)
        return result

    def run(self, job: str, key: str) -> dg.ExecuteInProcessResult:
        return self.defs.resolve_job_def(job).execute_in_process(instance=self.instance, partition_key=key)

    def play(self, number: int, first: int, count: int) -> None:
        """A playback arrives and is processed."""
        drop(self.settings.incoming, number, playback_bytes(first, count))
        (request,) = self.look("jpss_playback_sensor").run_requests
        assert self.run("playback", request.partition_key).success

    def wanted(self) -> list[str]:
        """Observations that the sensor requests, without the run keys that Dagster knows already."""
        requests = [r for r in self.look(SENSOR).run_requests or [] if r.run_key not in self.asked]
        self.asked |= {request.run_key for request in requests}
        return [request.partition_key for request in requests]

    def process(self) -> list[str]:
        """Everything that is requested, run."""
        keys = self.wanted()
        for key in keys:
            assert self.run("observation", key).success
        return keys

    def products(self, file_id: str, stream: str = "sdp", current: bool | None = True) -> list[Any]:
        return self.platform.catalog.products(file_id=file_id, stream=stream, current=current)

    def partitions(self) -> list[str]:
        return self.instance.get_dynamic_partitions("jpss_obi")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with dg.instance_for_test() as instance:
        yield House(tmp_path, instance)


def test_the_registry_of_the_toy_holds_together(tmp_path: Path) -> None:
    platform = Platform(Settings(mission=str(make_mission(tmp_path / "mission")), data=tmp_path))
    assert check(platform.registry) == []


def test_an_observation_over_two_playbacks_waits_for_both_and_is_made_of_both(house: House) -> None:
    house.play(1, 0, 200)
    result = house.look(SENSOR)
    assert not result.run_requests
    assert "01000_000 is not complete: its end has not come down yet" in result.skip_message
    assert house.partitions() == []
    house.play(2, 200, 200)
    assert house.process() == ["01000_000"]
    assert house.partitions() == ["01000_000"]
    (events,) = house.products("TOY_EVT1")
    assert (events.name, events.partition, events.rows) == ("toyf01000_000N001_evt1.fits", "01000_000", 300)
    assert (events.tstart, events.tstop) == pytest.approx((MIDNIGHT, MIDNIGHT + LENGTH), abs=1e-4)
    assert len(house.platform.catalog.inputs_of(events.id)) == 2
    assert [p.name for p in house.products("TOY_EVT2")] == ["toyf01000_000N001_evt2.fits"]
    (quick,) = house.products("TOY_EVT1", "sap")
    assert (quick.rows, Path(quick.path).is_relative_to(house.settings.temporary)) == (300, True)
    assert set(house.instance.get_materialized_partitions(EVT1)) == {"01000_000"}
    assert house.wanted() == []


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
def test_the_order_of_the_playbacks_does_not_matter(house: House, order: tuple[int, ...]) -> None:
    for number in order:
        house.play(number, number * 220, 220)
    assert sorted(house.process()) == ["01000_000", "01001_000"]
    found = {p.partition: p.rows for p in house.products("TOY_EVT1")}
    assert found == {"01000_000": 300, "01001_000": 300}
    entry = house.platform.catalog.obi("01002_000")
    assert entry is not None
    assert (entry.begun, entry.ended, entry.sources) == (True, False, ["telemetry"])


def test_late_data_of_a_complete_observation_make_a_new_version(house: House) -> None:
    house.play(1, 0, 100)
    house.play(2, 200, 200)
    assert house.process() == ["01000_000"]  # both edges are known, the toy waits for no gap
    assert [p.rows for p in house.products("TOY_EVT1")] == [200]
    house.play(3, 100, 100)
    assert house.process() == ["01000_000"]
    assert [(p.rows, p.version) for p in house.products("TOY_EVT1")] == [(300, 2)]
    assert [p.version for p in house.products("TOY_EVT2")] == [2]


def test_a_reprocessed_input_asks_for_the_observation_again(house: House) -> None:
    house.play(1, 0, 320)
    assert house.process() == ["01000_000"]
    house.play(2, 100, 100)  # an overlapping playback brings another input
    assert house.process() == ["01000_000"]
    (events,) = house.products("TOY_EVT1")
    assert (events.rows, events.version) == (300, 2)  # the same rows; DATE is that of the newest input
    assert len(house.platform.catalog.inputs_of(events.id)) == 2


def test_an_observation_that_does_not_meet_the_kickoff_is_a_visible_skip(house: House) -> None:
    house.play(1, 2690, 330)  # obsid 1009 is one of the HRC
    assert house.process() == ["01009_000"]
    assert house.products("TOY_EVT2") == []
    (run,) = house.platform.catalog.runs(pipe_id="LEVEL2")
    assert (run["outcome"], run["message"]) == ("nothing to do", "kickoff not met: instrument is HRC; expected ACIS")


def test_a_run_for_an_observation_that_is_not_complete_says_so_and_quick_look_takes_what_there_is(house: House) -> None:
    house.play(1, 0, 200)
    result = house.platform.execute("LEVEL1", "sdp", "01000_000")
    assert (result.outcome, result.message) == (
        "nothing to do", "01000_000 is not complete: its end has not come down yet",
    )  # fmt: skip
    quick = house.platform.execute("LEVEL1", "sap", "01000_000")
    assert [written.rows for written in quick.products] == [199]  # what came ends with its last packet


def test_an_observation_that_telemetry_takes_back_is_no_partition_to_be_run(house: House) -> None:
    house.play(1, 0, 320)
    catalog = house.platform.catalog
    run = next(r for r in catalog.runs(pipe_id="OBI_DET"))
    again = RunEntry(**{**run, "run_id": "again", "number": 2})
    catalog.commit_run(again, observations=ObiReport((), (MIDNIGHT, MIDNIGHT + LENGTH)))
    entry = catalog.obi("01000_000")
    assert entry is not None
    assert (entry.standing, entry.complete) == (False, False)
    assert house.wanted() == []
    assert house.platform.execute("LEVEL1", "sdp", "01000_000").outcome == "nothing to do"


def test_a_tick_that_died_asks_with_the_same_run_keys_again(house: House) -> None:
    house.play(1, 0, 320)
    first = house.look(SENSOR).run_requests
    house.cursors.clear()
    assert [r.run_key for r in house.look(SENSOR).run_requests] == [r.run_key for r in first]


def test_a_delivery_materialises_its_observation_and_what_follows_runs(house: House, tmp_path: Path) -> None:
    event_file(delivery_folder(house.platform) / "package", "toyf01000_000N002_evt1.fits.gz", INSTRUME="ACIS")
    for _ in range(2):  # whole when it has not changed between two looks
        result = house.look("jpss_delivery_sensor")
    assert {(e.asset_key, e.partition) for e in result.asset_events} == {(EVT1_RAW, "01000_000"), (EVT1, "01000_000")}
    (event, _) = result.asset_events
    assert event.metadata["origin"].value == "delivered"
    assert "CHECKSUM and DATASUM of 2 of 2 HDUs fit" in event.metadata["delivery"].value
    assert house.process() == ["01000_000"]
    (made,) = house.products("TOY_EVT2")
    assert read_fits(Path(made.path), "X").tables[0].header["SOURCE"] in (("archive", ""), "archive")
    assert list(delivery_folder(house.platform).rglob("*.gz")) == []
    assert house.wanted() == []


def test_a_delivery_wins_over_our_own_and_its_withdrawal_brings_that_back(house: House, tmp_path: Path) -> None:
    house.play(1, 0, 320)
    house.process()
    (own,) = house.products("TOY_EVT1")
    told = deliver(house.platform, event_file(tmp_path, "toyf01000_000N001_evt1.fits"))
    assert f"wins over {own.name}" in told.text
    (current,) = house.products("TOY_EVT1")
    assert (current.delivered, current.rows, current.version) == (True, 7, 1)
    beaten = next(p for p in house.products("TOY_EVT1", current=None) if p.id == own.id)
    assert (beaten.current, beaten.superseded_by, Path(beaten.path).is_file()) == (False, current.id, True)
    assert house.process() == ["01000_000"]
    (level2,) = house.products("TOY_EVT2")
    assert [source.name for source in house.platform.catalog.inputs_of(level2.id)] == [current.name]
    assert [p.id for p in house.products("TOY_EVT1")] == [current.id]  # our own was made again, and stays behind
    house.look("jpss_delivery_sensor")
    _, back = withdraw(house.platform, current.name, "a mistake")
    assert back == [own.name]
    observed = house.look("jpss_delivery_sensor").asset_events
    assert {(type(e).__name__, e.asset_key) for e in observed} == {
        ("AssetObservation", EVT1), ("AssetObservation", EVT1_RAW),
    }  # fmt: skip
    assert observed[0].metadata["delivery"].value == f"withdrawn {current.name}: a mistake"
    assert observed[0].partition == "01000_000"
    assert [p.id for p in house.products("TOY_EVT1")] == [own.id]
    assert house.process() == ["01000_000"]
    (level2,) = house.products("TOY_EVT2")
    assert [source.name for source in house.platform.catalog.inputs_of(level2.id)] == [own.name]


def test_ephemerides_belong_to_their_time_and_ask_for_the_observations_in_it(house: House) -> None:
    house.play(1, 0, 320)
    assert house.process() == ["01000_000"]
    orbit_file(delivery_folder(house.platform))
    for _ in range(2):
        result = house.look("jpss_delivery_sensor")
    assert [(e.asset_key, e.partition) for e in result.asset_events] == [(ORBIT_RAW, None)]
    assert house.process() == ["01000_000"]
    (events,) = house.products("TOY_EVT1")
    assert events.version == 2
    assert {source.name[:6] for source in house.platform.catalog.inputs_of(events.id)} >= {"orbitf"}


def test_a_bad_delivery_goes_to_quarantine_and_the_others_go_through(house: House) -> None:
    folder = delivery_folder(house.platform)
    good = event_file(folder, "toyf01000_000N001_evt1.fits")
    damaged = event_file(folder, "toyf01001_000N001_evt1.fits", 1001)
    damaged.write_bytes(damaged.read_bytes()[:-2880] + b"\1" * 2880)
    lies = event_file(folder, "toyf01003_000N001_evt1.fits", 1000)
    (folder / "rm -rf;.fits").write_bytes(b"x")
    for _ in range(2):
        house.look("jpss_delivery_sensor")
    assert [p.name for p in house.products("TOY_EVT1")] == [good.name]
    reasons = {row["name"]: row["reason"] for row in house.platform.catalog.quarantined()}
    assert set(reasons) == {damaged.name, lies.name, "rm -rf;.fits"}
    assert "DATASUM" in reasons[damaged.name]
    assert "header says observation 1000 (OBS_ID), its name 1003" in reasons[lies.name]
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_all_orders_of_four_pieces_give_the_same_intervals() -> None:
    pieces = [piece(Request("p", "sdp", MIDNIGHT + 150 * k, MIDNIGHT + 150 * k + 150, MIDNIGHT)) for k in range(4)]
    results = {repr(intervals(order)) for order in permutations(pieces)}
    assert len(results) == 1


def test_a_query_as_of_a_time_before_the_delivery_finds_our_own(house: House, tmp_path: Path) -> None:
    house.play(1, 0, 320)
    house.process()
    (own,) = house.products("TOY_EVT1")
    before = house.platform.catalog.runs()[-1]["finished"] + 1e-3
    deliver(house.platform, event_file(tmp_path, "toyf01000_000N005_evt1.fits"))
    assert house.process() == ["01000_000"]  # our own is made again, later than the delivery
    after = house.platform.catalog.runs()[-1]["finished"] + 1.0
    engine = house.platform.catalog.engine
    assert [p.name for p in select_products(engine, ["TOY_EVT1"], as_of=before)] == [own.name]
    assert [p.name for p in select_products(engine, ["TOY_EVT1"], as_of=after)] == ["toyf01000_000N005_evt1.fits"]
    assert [p.name for p in select_products(engine, ["TOY_EVT1"])] == ["toyf01000_000N005_evt1.fits"]
