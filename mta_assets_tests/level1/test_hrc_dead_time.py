"""Dead-time factors and the correction made of them."""

from __future__ import annotations

import numpy as np
import pytest

from mta_assets.core.errors import BadData
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.level1 import goodtime, steps_hrc
from mta_assets.level1 import hrc_dead_time as dead
from mta_assets.level1.hrc_dead_time import ADJUSTED, IMPOSSIBLE, UNLIKELY


def factor(total: int, valid: int, processed: int) -> float:
    return float(dead.factors([total], [valid], [processed])[0][0])


def test_checks_and_processing_take_their_gates() -> None:
    assert factor(1000, 300, 300) == pytest.approx(1 - (19.5e-6 * 1000 + 49e-6 * 300) / 2, abs=1e-15)
    assert factor(1000, 300, 150) == pytest.approx(1 - (19.5e-6 * 1000 / 2 + 49e-6 * 150) / 2, abs=1e-15)
    assert factor(0, 0, 0) == 1


def test_from_368_valid_events_on_the_telemetry_is_full() -> None:
    below, at = (1 - (19.5e-6 * 700 * 300 / v + 49e-6 * 300) / 2 for v in (367, 368))
    assert factor(700, 367, 300) == pytest.approx(below, abs=1e-15)
    assert factor(700, 368, 300) == pytest.approx(at - (1 - 300 / 368), abs=1e-15)
    value, error, _ = dead.factors([700], [368], [300])
    assert error[0] == pytest.approx(0.01 * (1 - value[0]))


def test_one_processed_event_too_many_is_adjusted_and_more_are_not_believed() -> None:
    value, error, status = dead.factors([500] * 4, [300] * 4, [300, 301, 302, 501])
    assert status[:, ADJUSTED].tolist() == [False, True, False, False]
    assert status[:, UNLIKELY].tolist() == [False, False, True, False]
    assert status[:, IMPOSSIBLE].tolist() == [False, False, False, True]
    assert value[1] == pytest.approx(1 - (19.5e-6 * 500 + 49e-6 * 301) / 2, abs=1e-15)
    assert value[2:].tolist() == [0, 0]
    assert error[2:].tolist() == [1000, 1000]


def test_without_valid_events_only_the_checks_count() -> None:
    value, error, status = dead.factors([2], [0], [1])
    assert value[0] == pytest.approx(1 - 19.5e-6, abs=1e-15)
    assert error[0] == pytest.approx(19.5e-6 * (1 + np.sqrt(2.75)) / 2)
    assert status[0].nonzero()[0].tolist() == [ADJUSTED]


def test_negative_counts_are_refused() -> None:
    with pytest.raises(BadData, match="negative"):
        dead.factors([-1], [0], [0])


def test_only_rows_wholly_in_the_good_times_count() -> None:
    table = dead.dead_time(np.array([0.0, 2.05, 4.1, 6.15]), [0, 100, 200, 400], [0] * 4, [0] * 4)
    stats = dead.statistics(table, np.array([[2.05, 6.1]]))
    assert stats["DTCOR"][0] == pytest.approx(table["DTF"][1:3].mean(), abs=1e-15)
    assert dead.statistics(table, np.array([[2.05, 6.0999]]))["DTCOR"][0] == table["DTF"][1]
    assert dead.statistics(table, np.array([[2.0501, 6.1]]))["DTCOR"][0] == table["DTF"][2]
    for gti in (np.array([[100.0, 200.0]]), np.zeros((0, 2))):
        with pytest.raises(BadData, match="no row"):
            dead.statistics(table, gti)


@pytest.mark.parametrize(("name", "value"), [("DTF", np.nan), ("DTF", np.inf), ("DTF_ERR", 0.0), ("DTF_ERR", np.nan)])
def test_a_row_without_a_factor_or_its_error_is_refused_if_its_time_is_good(name: str, value: float) -> None:
    table = dead.dead_time(np.array([0.0, 2.05, 4.1, 6.15]), [0, 100, 200, 400], [0] * 4, [0] * 4)
    table.columns[name][1] = value
    with pytest.raises(BadData, match="1 rows of the dtf1 file hold no factor with its error"):
        dead.statistics(table, np.array([[2.05, 6.1]]))
    assert dead.statistics(table, np.array([[4.1, 6.2]]))["DTCOR"][0] == table["DTF"][2]


def test_processed_events_are_counted_in_their_rows() -> None:
    counts = dead.processed_counts(np.array([0.0, 1.0, 2.0499, 2.05, 9.0]), np.array([0.0, 2.05]))
    assert counts.tolist() == [3, 1]


def test_the_steps_of_a_pipeline_name_their_products_and_state_the_live_time_of_the_good_times() -> None:
    values = {"obs_id": "7", "detector": "HRC-I", "tstart": "0.0", "tstop": "10.0", "ra_nom": "1.0", "dec_nom": "2.0"}
    table = Table("OBSPAR", {"name": np.array(list(values)), "value": np.array(list(values.values()))})
    obspar = Product("OBSPAR", (table,), 0.0, 10.0)
    flt = Product("HRC_FLT1", (goodtime.gti_table(np.array([[0.0, 10.0]])),), 0.0, 10.0)
    dtf = Product("HRC_DTF1", (dead.dead_time([0.0, 2.05], [10, 20], [5, 5], [5, 5]),), 0.0, 10.0)
    request = Request("00007_000", "sdp", 0.0, 10.0, 0.0)
    (made,) = steps_hrc.statistics([dtf], [flt], [obspar], request)
    assert isinstance(made, Product)
    table = made.table("DTFSTATS")
    assert (made.file_id, made.header["CONTENT"][0], made.header["DETNAM"][0]) == ("HRC_DTFSTAT1", "DTFSTATS", "HRC-I")
    assert table["DTF_VAR"].tolist() == [False]
    assert table.header["ONTIME"][0] == 10
    assert table.header["EXPOSURE"][0] == 10 * table["DTCOR"][0]
    silent = Product("HRC_DTF1", (dead.dead_time([0.0, 2.05, 4.1, 9.0], [0, 0, 20, 0], [0] * 4, [0] * 4),), 0.0, 10.0)
    made, finding = steps_hrc.statistics([silent], [flt], [obspar], request)  # the last row is not wholly in
    assert isinstance(made, Product)
    assert isinstance(finding, Table)
    assert made.table("DTFSTATS")["DTF_MAX"][0] == 1
    assert (finding["kind"].tolist(), finding["count"].tolist()) == (["hrc_silent"], [2])
    assert finding["detail"][0] == (
        "hrcf00007_000 dtf1: nothing triggered in 4 s of the good times, so EXPOSURE is too long by them: look at "
        "2IMONST and deliver a flt1 or a limit without them"
    )
