"""The Dagster layer on real instances: sensors, runs, checks, partitions, backfills, retries."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mta_assets.defs.build import build_definitions
from mta_assets.pipelines.platform import Platform
from mta_assets.settings import Settings
from mta_assets_tests.defs.packets import drop, playback_bytes, playback_name

RAW = dg.AssetKey(["jpss", "raw", "PLAYBACK"])
RECORD = dg.AssetKey(["jpss", "sdp", "PLAYBACK_RECORD"])
ENGINEERING = dg.AssetKey(["jpss", "sdp", "JPSS_ATT_EPHEM_ENG0"])
TELEMETRY = dg.AssetKey(["jpss", "sdp", "TELEMETRY"])
STATIC = dg.AssetKey(["jpss", "sdp", "STATIC_JPSS_ATT_EPHEM"])


class House:
    """A deployment in a temporary folder: its settings, definitions and an ephemeral instance."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.settings = Settings(mission="jpss", data=folder, settle_seconds=0, retries=2)
        self.instance = instance
        self.defs = build_definitions(self.settings)
        self.job = self.defs.resolve_job_def("playback")
        self.cursor: str | None = None

    @property
    def platform(self) -> Platform:
        return Platform(self.settings)

    def tick(self) -> Any:
        """One evaluation of the sensor, with the dynamic partitions it asks for added."""
        sensor = self.defs.get_repository_def().get_sensor_def("jpss_playback_sensor")
        # By its reference, as the daemon hands it over: only then do the run requests know the requested partitions.
        context = dg.build_sensor_context(
            instance_ref=self.instance.get_ref(), cursor=self.cursor, definitions=self.defs
        )
        with context:
            result = sensor.evaluate_tick(context)
        self.cursor = result.cursor
        for request in result.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions(request.partitions_def_name, request.partition_keys)
        return result

    def run(self, key: str, raise_on_error: bool = True) -> dg.ExecuteInProcessResult:
        return self.job.execute_in_process(instance=self.instance, partition_key=key, raise_on_error=raise_on_error)

    def arrive(self, number: int, content: bytes) -> str:
        """A playback that was dropped and taken in; returns its partition."""
        drop(self.settings.incoming, number, content)
        return self.tick().run_requests[0].partition_key

    def materialised(self, key: dg.AssetKey) -> set[str]:
        return set(self.instance.get_materialized_partitions(key))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with dg.instance_for_test() as instance:
        yield House(tmp_path, instance)


def test_a_playback_that_appears_gets_its_partition_and_one_run(house: House) -> None:
    drop(house.settings.incoming, 1, playback_bytes())
    result = house.tick()
    (request,) = result.run_requests
    assert request.partition_key.startswith("20210409T000000-")
    assert request.run_key == request.partition_key
    assert house.instance.get_dynamic_partitions("jpss_playback") == [request.partition_key]
    (event,) = result.asset_events
    assert (event.asset_key, event.partition) == (RAW, request.partition_key)
    assert not house.tick().run_requests  # nothing new: no second run


def test_the_run_makes_every_product_with_rows_checks_columns_and_plots(house: House) -> None:
    key = house.arrive(1, playback_bytes(count=300))
    result = house.run(key)
    assert result.success
    for asset in (RECORD, ENGINEERING, STATIC, TELEMETRY):
        assert house.materialised(asset) == {key}
    (event,) = result.asset_materializations_for_node("sdp_ENGINEERING")
    assert event.metadata["dagster/row_count"].value == 300
    columns = {c.name for c in event.metadata["dagster/column_schema"].value.columns}
    assert {"TIME", "ADGPSPOSX", "ADCFAQ4"} <= columns
    (static,) = result.asset_materializations_for_node("sdp_STATIC_JPSS_ATT_EPHEM")
    plots = [value.value for name, value in static.metadata.items() if name.startswith("plot")]
    assert plots
    assert all(text.startswith("![plot](data:image/png;base64,") for text in plots)
    checks = result.get_asset_check_evaluations()
    assert {check.check_name for check in checks} == {"hash", "counts", "monotonic_time", "coverage"}
    assert len(checks) == 4 * 4
    assert [check.description for check in checks if not check.passed] == []
    found = house.platform.telemetry.snapshot().read(["ADCFAQ4"])["ADCFAQ4"]
    assert len(found) == 300  # the archive answers with what came down


def test_a_tick_that_died_before_its_cursor_was_kept_asks_for_the_same_run_again(house: House) -> None:
    drop(house.settings.incoming, 1, playback_bytes())
    first = house.tick().run_requests
    house.cursor = None
    again = house.tick().run_requests
    assert [r.run_key for r in again] == [r.run_key for r in first]  # Dagster starts one run for one run_key


def test_a_new_catalog_begins_at_its_first_playback_whatever_the_cursor_says(house: House, tmp_path: Path) -> None:
    house.arrive(1, playback_bytes())
    house.arrive(2, playback_bytes(first=500))
    with dg.instance_for_test() as instance:
        other = House(tmp_path / "other", instance)
        other.cursor = house.cursor  # the mark of another catalog, higher than anything here
        drop(other.settings.incoming, 3, playback_bytes(first=1000))
        assert len(other.tick().run_requests) == 1


def test_two_missions_on_one_instance_share_no_asset_and_no_sensor(house: House, tmp_path: Path) -> None:
    chandra = build_definitions(Settings(mission="chandra", data=tmp_path))
    both = [d.get_repository_def() for d in (house.defs, chandra)]
    assets = [set(repository.asset_graph.get_all_asset_keys()) for repository in both]
    sensors = [{sensor.name for sensor in repository.sensor_defs} for repository in both]
    assert not assets[0] & assets[1]
    assert not sensors[0] & sensors[1]


def test_a_file_that_still_grows_waits_and_comes_when_it_is_whole(tmp_path: Path) -> None:
    with dg.instance_for_test() as instance:
        house = House(tmp_path, instance)
        house.settings.incoming.mkdir(parents=True)
        path = house.settings.incoming / playback_name(1)
        content = playback_bytes()
        for part in (content[:1000], content[:4000], content):
            path.write_bytes(part)
            result = house.tick()
            assert not result.run_requests
            assert "still growing" in result.skip_message
        assert len(house.tick().run_requests) == 1  # same size and time as at the look before


def test_a_bad_file_goes_to_quarantine_and_the_next_playback_goes_through(house: House) -> None:
    drop(house.settings.incoming, 1, b"\xff" * 5000)
    drop(house.settings.incoming, 2, playback_bytes())
    result = house.tick()
    assert len(result.run_requests) == 1
    (entry,) = house.platform.catalog.quarantined()
    assert entry["name"] == playback_name(1)
    assert "expected CCSDS packets" in entry["reason"]
    assert Path(entry["path"]).read_bytes() == b"\xff" * 5000
    assert house.run(result.run_requests[0].partition_key).success


def test_a_damaged_product_fails_its_checks_with_a_word_on_what_to_do(house: House) -> None:
    from mta_assets.pipelines.checks import check_products

    key = house.arrive(1, playback_bytes())
    house.run(key)
    (product,) = house.platform.catalog.products(file_id="JPSS_ATT_EPHEM_ENG0")
    path = Path(product.path)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    entry = house.platform.playback_entry(key)

    class Written:
        file_id, name, sha256, rows = product.file_id, product.name, product.sha256, product.rows
        tstart, tstop = product.tstart, product.tstop

    Written.path = path  # type: ignore[attr-defined]
    outcomes, _ = check_products([Written()], (entry.tstart, entry.tstop))
    bad = {o.name: o.text for o in outcomes if not o.passed}
    assert set(bad) == {"hash"}
    assert "reprocess" in bad["hash"]


def test_a_transient_fault_is_retried_and_a_bug_is_not(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    key = house.arrive(1, playback_bytes())
    calls: list[str] = []
    real = Platform.execute

    def full_disk_once(self: Platform, pipe_id: str, stream: Any, partition: str) -> Any:
        from mta_assets.core.errors import TransientError

        calls.append(pipe_id)
        if calls.count("ENGINEERING") == 1 and pipe_id == "ENGINEERING":
            raise TransientError(f"{pipe_id}: {errno.errorcode[errno.ENOSPC]}, free some space")
        return real(self, pipe_id, stream, partition)

    monkeypatch.setattr(Platform, "execute", full_disk_once)
    assert house.run(key).success
    assert calls.count("ENGINEERING") == 2

    def bug(*args: Any, **kwargs: Any) -> Any:
        calls.append("bug")
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("mta_assets.level0.packets.extract", bug)
    result = house.run(key, raise_on_error=False)
    assert not result.success
    assert calls.count("bug") == 1
    runs = house.platform.catalog.runs(pipe_id="ENGINEERING")
    assert runs[-1]["outcome"] == "failed"
    assert "ZeroDivisionError" in Path(runs[-1]["log_path"]).read_text()


def test_a_backfill_of_a_range_of_playbacks_is_one_run_and_changes_nothing(house: House) -> None:
    keys = [house.arrive(number, playback_bytes(first=number * 200)) for number in range(3)]
    for key in keys:
        house.run(key)
    before = {p.name: p.sha256 for p in house.platform.catalog.products()}
    result = house.job.execute_in_process(
        instance=house.instance,
        tags={"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]},
    )
    assert result.success
    assert {p.name: p.sha256 for p in house.platform.catalog.products()} == before
    (event,) = result.asset_materializations_for_node("sdp_ENGINEERING")[:1]
    assert event.metadata["dagster/row_count"].value == 3 * 120


def test_every_asset_says_what_it_is_whose_it_is_and_from_what(house: House) -> None:
    graph = house.defs.resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.description
        assert node.owners == ["team:mta"]
        assert node.kinds
        assert node.group_name != "default"
        assert node.code_version
        assert node.parent_keys
    assert graph.get(STATIC).parent_keys == {ENGINEERING}
    assert graph.get(ENGINEERING).parent_keys == {RAW}
