"""How the quick-look and the archival stream of an observation differ, as a person sees it."""

from __future__ import annotations

import json
from dataclasses import replace

import dagster as dg
import numpy as np
import pytest
from typer.testing import CliRunner

from mta_assets.cli import app
from mta_assets.core.errors import BadData
from mta_assets.core.tables import Product
from mta_assets.defs.events import asset_events
from mta_assets.defs.factory import asset_key
from mta_assets.instruments.geometry import ARCSEC
from mta_assets.pipelines.stream_report import stream_report
from mta_assets.simulate import onboard, sky
from mta_assets_tests.pipelines import science_truth
from mta_assets_tests.pipelines.observed import ACIS, HRC, Science


@pytest.mark.parametrize("key", [ACIS, HRC])
def test_the_report_of_an_observation_has_the_attitudes_and_every_source(science: Science, key: str) -> None:
    found = stream_report(science.platform, key)
    assert found["lacks"] == []
    assert [row["axis"] for row in found["aspect"]] == ["roll", "pitch", "yaw"]
    schedule, dwell = science.plan.schedule, science_truth.dwell_of(science, key)
    put_in = onboard.error(schedule, science.table("ASPDIFF", key)["time"]) / ARCSEC
    for row, error in zip(found["aspect"], put_in.T, strict=True):
        assert row["median"] == pytest.approx(np.median(error), abs=0.1)
        assert row["scatter"] == pytest.approx(np.std(error), abs=0.1)
    assert len(found["sources"]) == len(sky.sources(int(key[:5])))
    for row in found["sources"]:
        ra, dec = onboard.seen(schedule, dwell, row["ra"], row["dec"])
        moved = (ra - row["ra"]) * 3600 * np.cos(np.radians(row["dec"])), (dec - row["dec"]) * 3600
        assert np.hypot(*moved) > 0.3
        assert (row["east"], row["north"]) == pytest.approx(moved, abs=0.1)
        assert row["significance"] > 5
        assert row["error"] > 0


def test_what_is_not_there_is_said(science: Science) -> None:
    found = stream_report(science.platform, "28105_000")
    assert found["aspect"] == found["sources"] == []
    assert [text.split(":")[0] for text in found["lacks"]] == [
        "ASPDIFF", "source list, archival", "source list, quick look",
    ]  # fmt: skip
    with pytest.raises(BadData, match="`mta observations` lists them"):
        stream_report(science.platform, "1_000")


def test_the_command_shows_it_to_people_and_machines(science: Science, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTA_DATA", str(science.platform.settings.data))
    monkeypatch.setenv("MTA_MISSION", "chandra")
    monkeypatch.delenv("MTA_CATALOG_URL", raising=False)
    run = CliRunner()
    shown = json.loads(run.invoke(app, ["observations", HRC, "--json"], catch_exceptions=False).output)
    assert shown == stream_report(science.platform, HRC)
    text = run.invoke(app, ["observations", HRC], catch_exceptions=False).output
    assert f"{HRC}: on-board minus ground attitude" in text
    assert f"{shown['sources'][0]['ra']:.6f}" in text
    assert run.invoke(app, ["observations", HRC, "--waiting"]).exit_code == 2


def test_a_figure_that_is_not_known_is_shown_as_such(science: Science, monkeypatch: pytest.MonkeyPatch) -> None:
    table = science.table("ASPDIFF", HRC)
    header = {name: value for name, value in table.header.items() if name != "ROLLMED"}
    product = Product("ASPDIFF", (replace(table, header=header),), 0.0, 1.0)
    monkeypatch.setattr("mta_assets.pipelines.stream_report._current", lambda *a: product if "ASPDIFF" in a else None)
    monkeypatch.setenv("MTA_DATA", str(science.platform.settings.data))
    monkeypatch.setenv("MTA_MISSION", "chandra")
    assert stream_report(science.platform, HRC)["aspect"][0]["median"] is None
    text = CliRunner().invoke(app, ["observations", HRC], catch_exceptions=False).output
    assert next(line for line in text.splitlines() if "roll" in line).split("│")[2].strip() == "–"


def test_the_differences_stand_in_the_metadata_of_the_asset(science: Science) -> None:
    platform = science.platform
    result = science.results[HRC]["ASPDIFF", "sdp"]
    part = (HRC, result, result.products)
    key = asset_key(platform.mission.name, "sdp", "ASPDIFF")
    events = list(asset_events(key, platform, platform.registry.pipeline("ASPDIFF"), [part]))
    (made,) = (event for event in events if isinstance(event, dg.MaterializeResult))
    figures = {name.split(":")[0]: value for name, value in (made.metadata or {}).items()}
    header = science.table("ASPDIFF", HRC).header
    for keyword in ("ROLLMED", "ROLLSTD", "PITCHMED", "PITCHSTD", "YAWMED", "YAWSTD"):
        assert figures[keyword] == header[keyword][0]
    assert any(name.startswith("plot: on-board against ground") for name in made.metadata or {})
