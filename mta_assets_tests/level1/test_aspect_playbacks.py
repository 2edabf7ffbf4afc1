"""From playbacks with injected faults through extractors and files to observation intervals and aspect."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from mta_assets.archive.products import read_fits
from mta_assets.core.tables import Product, Table
from mta_assets.instruments import quaternions
from mta_assets.level05.detect import extract_segments, find_intervals, make_obspar
from mta_assets.level05.obi import obi_key
from mta_assets.level1.aca_tables import STARCAT
from mta_assets.level1.aspect import make_aspect
from mta_assets.level1.aspect_compare import compare
from mta_assets.level1.aspect_onboard import onboard_solution
from mta_assets.simulate import attitude, schedule
from mta_assets.simulate.starcat import star_catalogue
from mta_assets_tests.truth_runs import Run, make

PERIOD = 2.05  # [s] of COBSRQID


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "LEAST_SPAN", 900.0)
        yield make(tmp_path_factory.mktemp("aspect"), hours=1.5, minutes=30.0, seed=3)


def products(run: Run, file_id: str) -> list[Product]:
    return [
        read_fits(path, file_id) for number in range(len(run.truth.playbacks)) for path in run.files(number, file_id)
    ]


@pytest.fixture(scope="module")
def segments(run: Run) -> list[Product]:
    found = []
    for number in range(len(run.truth.playbacks)):
        groups = [
            [read_fits(path, f"{name}_ENG0") for path in run.files(number, f"{name}_ENG0")]
            for name in ("CCDM", "PCAD", "SIM", "SMS")
        ]
        found.append(extract_segments(*groups))
    return found


def test_intervals_of_damaged_playbacks_are_those_of_the_plan(run: Run, segments: list[Product]) -> None:
    obis, _, _ = find_intervals(segments[::-1])
    dwells = [dwell for dwell in run.plan.schedule.dwells if dwell.kind != "manoeuvre"]
    assert obis["obsid"].tolist() == [dwell.obsid for dwell in dwells]
    assert obis["complete"].tolist() == [False, *[True] * (len(dwells) - 2), False]
    late = obis["tstart"][1:] - [dwell.tstart for dwell in dwells[1:]]
    after = obis["tstop"][:-1] - [dwell.tstop for dwell in dwells[:-1]]
    print(
        f"{len(late) + len(after)} edges within {max(late.max(), after.max()):.2f} s; {obis['gaps'].sum()} gaps inside"
    )
    assert 0 <= min(late.min(), after.min()) <= max(late.max(), after.max()) < PERIOD
    assert obis["gaps"].sum() > 0


def test_attitudes_of_all_whole_intervals_are_true(run: Run, segments: list[Product]) -> None:
    obis, _, _ = find_intervals(segments)
    images, engineering = products(run, "ACA_IMG0"), products(run, "PCAD_ENG0")
    onboard, stars = products(run, "OSOL"), STARCAT.build(star_catalogue(run.plan.schedule.dwells))
    solved = 0
    for index in np.flatnonzero(obis["complete"]):
        key = obi_key(int(obis["obsid"][index]), int(obis["obi"][index]))
        obspar = make_obspar(segments, key).tables[0]
        made = list(make_aspect(images, engineering, stars, obspar))
        solution = next(item for item in made if isinstance(item, Product) and item.file_id == "ASPSOL")
        table = solution.tables[0]
        truth = attitude.quaternion(run.plan.schedule, table["time"])
        apart = np.degrees(quaternions.difference(table["q_att"], truth)) * 3600
        rms = np.sqrt(np.mean(apart**2, axis=0))
        said = [str(text) for item in made if isinstance(item, Table) for text in item["detail"]]
        ours = compare(onboard_solution(onboard, solution.tstart, solution.tstop).tables[0], table).header
        medians = np.array([ours[f"{axis}MED"][0] for axis in ("ROLL", "PITCH", "YAW")])
        print(
            f"{key}: {len(table)} rows, rms of roll, pitch, yaw {np.round(rms, 4)} arcsec; "
            f"on-board minus ground {np.round(medians, 3)} arcsec; {said}"
        )
        assert rms.max() < 0.2
        assert rms[1:].max() < 0.02
        solved += 1
    assert solved >= 3
