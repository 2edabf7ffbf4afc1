"""The example queries of the SPIRE trend analysis requirements (SPIRE-RAL-DOC-002815 4.1.6, 4.2, 4.3), in their order.

Each is written in the query language, run through the whole chain, and compared with an answer computed from the
simulated arrays with NumPy and pandas.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mta_assets_tests.spire import answers, products
from mta_assets_tests.spire.answers import (
    Rows,
    aot_at,
    around,
    binned,
    column,
    crossings,
    held,
    matching,
    runs,
    samples,
)
from mta_assets_tests.spire.ask import Ask, only, same_products, same_samples, utc
from mta_assets_tests.spire.schedule import MOVING, START, blocks, observations, of_aot
from mta_assets_tests.spire.telemetry import CADENCE, NS, THERMISTORS, group_of

HOUR, DAY = 3600, 86400  # [s]
AT_REST = "AOT NOT IN ('PointSource', 'SmallMap', 'SpectroRaster')"
MEAN = 1e-12  # relative difference of means: the order in which a sum is taken is not the same


def rows_of(**columns: pd.Series) -> Rows:
    """Columns on the union of their times, NaN where one has no sample."""
    frame = pd.DataFrame(columns).sort_index()
    return Rows(frame.index.to_numpy(), {name: frame[name].to_numpy() for name in frame})


def firsts(every: int, **columns: pd.Series) -> Rows:
    """First sample of each bin; the row has the time of the earliest of them."""
    found = {name: binned(series, every, "first") for name, series in columns.items()}
    times = {name: binned(pd.Series(s.index, index=s.index), every, "first") for name, s in columns.items()}
    made = rows_of(**found)
    return Rows(pd.DataFrame(times).sort_index().min(axis=1).to_numpy().astype(np.int64), made.columns)


def rest_positions(name: str) -> pd.Series:
    series = samples(name)
    return series[~np.isin(aot_at(series.index.to_numpy()), MOVING)]


# ---- 4.1.6


def test_01_the_rest_position_of_the_mirror_once_per_hour_over_the_whole_mission(ask: Ask) -> None:
    found = ask(f"GET CHOPPOSN, JIGGPOSN DURING MISSION WHERE {AT_REST} EVERY 1 HOUR")
    expected = firsts(HOUR, CHOPPOSN=rest_positions("CHOPPOSN"), JIGGPOSN=rest_positions("JIGGPOSN"))
    assert len(expected) > 4500
    same_samples(only(found), expected)


@pytest.mark.parametrize("hours", [24, 48])
def test_02_subktemp_once_per_minute_over_a_period(ask: Ask, hours: int) -> None:
    start = utc("2009-09-06T12:00:00")
    found = ask(f"GET SUBKTEMP FROM 2009-09-06T12:00 FOR {hours} HOURS EVERY 1 MIN")
    series = answers.within(samples("SUBKTEMP"), start, start + hours * HOUR)
    expected = firsts(60, SUBKTEMP=series)
    assert hours * 50 < len(expected) <= hours * 60 + 1
    same_samples(only(found), expected)


def test_03_mcueng_as_fast_as_generated_from_an_engineering_observation(ask: Ask) -> None:
    obs = of_aot("Engineering")[3]
    expected = rows_of(MCUENG=answers.within(samples("MCUENG"), obs.tstart, obs.tstop))
    assert len(expected) > 50_000
    same_samples(only(ask(f"GET MCUENG DURING OBSID {obs.obsid}")), expected)
    day = f"FROM {obs.tstart - 7200} TO {obs.tstop + 7200}"
    same_samples(only(ask(f"GET MCUENG {day} WHERE AOT = 'Engineering'")), expected)


def test_04_the_lvdt_position_when_the_encoder_is_in_a_range_over_24_hours_a_year_ago(ask: Ask) -> None:
    now = utc("2010-10-17T06:00:00")
    found = ask("GET SMECLVDTPOSN FROM 1 YEAR AGO FOR 24 HOURS WHERE SMECENCPOSN BETWEEN 10000 AND 20000.5", now=now)
    series = answers.within(samples("SMECLVDTPOSN"), now - 365.25 * DAY, now - 364.25 * DAY)
    encoder = held("SMECENCPOSN", series.index.to_numpy())
    expected = rows_of(SMECLVDTPOSN=series[(encoder >= 10000) & (encoder <= 20000.5)])
    assert len(expected) > 2000
    same_samples(only(found), expected)


def test_05_scal2_current_and_temperature_once_per_10_minutes_when_warmer_than_80_k(ask: Ask) -> None:
    found = ask("GET SCAL2CURR, SCAL2TEMP WHERE SCAL2TEMP > 80 EVERY 10 MIN DURING MISSION")
    current, warmth = samples("SCAL2CURR"), samples("SCAL2TEMP")
    hot = current[held("SCAL2TEMP", current.index.to_numpy()) > 80]
    expected = firsts(600, SCAL2CURR=hot, SCAL2TEMP=warmth[warmth > 80])
    assert len(expected) > 200
    same_samples(only(found), expected)


def test_06_all_mirror_positions_when_the_chopper_is_beyond_50000(ask: Ask) -> None:
    found = ask("GET BSMCHOPPOSN, BSMJIGGPOSN WHERE BSMCHOPPOSN > 50000")
    chop, jigg = samples("BSMCHOPPOSN"), samples("BSMJIGGPOSN")
    expected = rows_of(
        BSMCHOPPOSN=chop[chop > 50000], BSMJIGGPOSN=jigg[held("BSMCHOPPOSN", jigg.index.to_numpy()) > 50000]
    )
    assert len(expected) > 10_000
    same_samples(only(found), expected)


def test_07_the_pump_temperature_an_hour_around_each_time_it_reaches_20_k(ask: Ask) -> None:
    series = samples("PUMPHSTEMP")
    moments = [(time, time) for time in crossings("PUMPHSTEMP", 20).tolist()]
    assert len(moments) == 40  # twenty recycles, on the way up and on the way down
    expected = rows_of(PUMPHSTEMP=around(series, moments, HOUR, HOUR))
    same_samples(
        only(ask("GET PUMPHSTEMP WITHIN 1 HOUR BEFORE AND 1 HOUR AFTER EACH TIME PUMPHSTEMP REACHES 20")), expected
    )
    recycles = runs("PUMPHSTEMP", 20)
    assert len(recycles) == 20
    expected = rows_of(PUMPHSTEMP=around(series, recycles, HOUR, HOUR))
    same_samples(only(ask("GET PUMPHSTEMP WITHIN 1 HOUR OF EACH TIME PUMPHSTEMP >= 20")), expected)


@pytest.mark.parametrize(
    ("period", "start", "stop"),
    [
        ("FROM 2009-10-01T00:00 TO 2009-11-01T00:00", "2009-10-01", "2009-11-01"),
        ("DURING MISSION", "2000-01-01", "2020-01-01"),
    ],
)
def test_08_the_flux_of_one_pixel_from_pcal_flashes(ask: Ask, period: str, start: str, stop: str) -> None:
    found = ask(f"GET PROCESSED PCALFLUX.FLUX.PSWE8 {period}")
    expected = answers.within(column("PCALFLUX", "PSWE8"), utc(start), utc(stop))
    assert len(expected) > 300
    same_samples(only(found), rows_of(**{"PCALFLUX.FLUX.PSWE8": expected}))


def test_09_derived_detector_parameters_once_per_observation_of_a_type(ask: Ask) -> None:
    for aot, file_id, channels in (
        ("SmallMap", "PDETPAR", products.PHOTOMETER_CHANNELS),
        ("SpectroPoint", "SDETPAR", products.SPECTROMETER_CHANNELS),
    ):
        names = {f"{file_id}.DETECTORS.{channel}": channel for channel in channels}
        chosen = of_aot(aot)
        table = only(ask(f"GET {file_id}.DETECTORS.* WHERE AOT = '{aot}' EVERY OBSERVATION MEAN"))
        kept = matching_observations(file_id, aot)
        columns = {
            whole: answers.per_observation(column(file_id, channel, kept), "mean", chosen)
            for whole, channel in names.items()
        }
        assert list(table.columns) == ["OBSID", *columns]
        assert len(columns) in (288, 72)
        assert np.array_equal(table.time, [obs.tstart * NS for obs in chosen])
        assert np.array_equal(table.columns["OBSID"], [obs.obsid for obs in chosen])
        for name, values in columns.items():
            np.testing.assert_allclose(table.columns[name], values.to_numpy(), rtol=MEAN)


def matching_observations(file_id: str, aot: str):  # type: ignore[no-untyped-def]
    starts = {float(obs.tstart) for obs in of_aot(aot)}
    return lambda start, stop: start in starts


def test_10_the_average_temperature_of_the_thermistors_of_each_day(ask: Ask) -> None:
    names = [f"{array}{t}" for array in ("PSW", "PMW", "PLW", "SSW", "SLW") for t in ("T1", "T2")]
    found = only(ask("GET THERMISTORS.TEMPERATURES.*T? DURING MISSION EVERY 1 DAY MEAN"))
    columns = {f"THERMISTORS.TEMPERATURES.{n}": binned(column("THERMISTORS", n), DAY, "mean") for n in names}
    assert len(found) in (210, 211)
    same_samples(found, rows_of(**columns), MEAN)


def test_10_the_same_of_temperatures_that_are_derived_from_telemetry_as_it_is_read(ask: Ask) -> None:
    found = only(ask("GET DP_* DURING MISSION EVERY 1 DAY MEAN"))
    columns = {}
    for name in THERMISTORS:
        volts = samples(name)
        columns[f"DP_{name[:-1]}"] = binned(0.2 + 2.5 * volts + 0.3 * volts**2, DAY, "mean")
    assert len(columns) == 10
    same_samples(found, rows_of(**columns), MEAN)
    together = only(ask('GET mean("DP_*") AS T DURING MISSION EVERY 1 DAY MEAN'))
    times = samples(THERMISTORS[0]).index.to_numpy()
    volts = np.column_stack([held(name, times) for name in THERMISTORS])  # a damaged sample: the one before it
    every = pd.Series((0.2 + 2.5 * volts + 0.3 * volts**2).mean(axis=1), index=times)
    same_samples(together, rows_of(T=binned(every, DAY, "mean")), MEAN)


def test_11_all_products_of_an_aot_in_a_period(ask: Ask) -> None:
    start, stop = utc("2009-10-01"), utc("2010-01-01")
    found = ask("GET PRODUCTS * FROM 2009-10-01T00:00 TO 2010-01-01T00:00 WHERE AOT = 'SmallMap'")
    expected = matching(
        EVERY_KIND, lambda head, first, last: head.get("AOT") == "SmallMap" and first < stop and last >= start
    )
    assert len({file_id for file_id, _ in expected}) == 4
    same_products(found, expected)


EVERY_KIND = tuple({product.file_id: None for product in products.all_products()})


def test_12_all_level_1_products_of_half_a_year_while_subktemp_was_above_290_mk(ask: Ask) -> None:
    start, stop = utc("2009-09-15"), utc("2010-03-15")
    found = ask("GET PRODUCTS PHOT_L1, SPEC_L1 FROM 2009-09-15T00:00 TO 2010-03-15T00:00 WHERE SUBKTEMP > 0.29")
    warm = samples("SUBKTEMP")
    warm = warm[warm > 0.29]
    expected = matching(
        ("PHOT_L1", "SPEC_L1"),
        lambda head, first, last: first < stop and last >= start and len(answers.within(warm, first, last)) > 0,
    )
    everything = matching(("PHOT_L1", "SPEC_L1"), lambda head, first, last: first < stop and last >= start)
    assert 50 < len(expected) < len(everything)
    same_products(found, expected)


def test_13_all_channel_derived_tables_of_a_month(ask: Ask) -> None:
    start, stop = utc("2009-10-01"), utc("2009-11-01")
    expected = matching(("CHANTAB",), lambda head, first, last: first < stop and last >= start)
    assert len(expected) == 4
    same_products(ask("GET PRODUCTS CHANTAB FROM 2009-10-01T00:00 TO 2009-11-01T00:00"), expected)


def test_14_all_maps_of_an_area_of_the_sky(ask: Ask) -> None:
    found = ask("GET PRODUCTS SMALL_MAP, LARGE_MAP WHERE RA BETWEEN 160 AND 164 AND DEC BETWEEN 57 AND 60")
    expected = matching(
        ("SMALL_MAP", "LARGE_MAP"),
        lambda head, first, last: 160 <= head["RA"] <= 164 and 57 <= head["DEC"] <= 60,  # type: ignore[operator]
    )
    assert len({file_id for file_id, _ in expected}) == 2
    same_products(found, expected)


def test_15_all_high_resolution_spectra_of_more_than_100_scans(ask: Ask) -> None:
    expected = matching(
        ("SPECTRUM",), lambda head, first, last: head["RESOLUT"] == "HR" and head["NUMSCANS"] > 100  # type: ignore[operator]
    )  # fmt: skip
    assert expected
    same_products(ask("GET PRODUCTS SPECTRUM WHERE RESOLUT = 'HR' AND NUMSCANS > 100"), expected)


def test_16_all_interferograms_and_spectra_that_are_clipped_at_zero_path_difference(ask: Ask) -> None:
    expected = matching(("INTERFEROGRAM", "SPECTRUM"), lambda head, first, last: bool(head["ZPDCLIP"]))
    assert 20 < len(expected) < 100
    same_products(ask("GET PRODUCTS INTERFEROGRAM, SPECTRUM WHERE ZPDCLIP = TRUE"), expected)


# ---- 4.2 and 4.3


def test_the_average_flux_of_a_detector_in_each_pcal_flash_of_a_day(ask: Ask) -> None:
    day = START + 4 * DAY
    found = only(ask(f"GET PCALFLUX.FLUX.PSWE8 FROM {day} TO {day + DAY} WHERE BBTYPE = 'PCALFLASH' EVERY BLOCK MEAN"))
    flux = answers.within(column("PCALFLUX", "PSWE8"), day, day + DAY)
    chosen = [block for block in blocks() if block.bbtype == "PCALFLASH"]
    means = {block: answers.within(flux, block.tstart, block.tstop) for block in chosen}
    means = {block: part.mean() for block, part in means.items() if len(part)}
    assert len(means) >= 3
    assert np.array_equal(found.time, [block.tstart * NS for block in means])
    assert np.array_equal(found.columns["BBID"], [block.bbid for block in means])
    np.testing.assert_allclose(found.columns["PCALFLUX.FLUX.PSWE8"], list(means.values()), rtol=MEAN)


def test_the_averages_of_scal2_over_each_hour_that_it_is_on_in_a_week(ask: Ask) -> None:
    start = utc("2009-09-05")
    found = ask("GET SCAL2TEMP, SCAL2CURR FROM 2009-09-05T00:00 FOR 7 DAYS WHERE SCAL2STAT = 'ON' EVERY 1 HOUR MEAN")
    columns = {}
    for name in ("SCAL2TEMP", "SCAL2CURR"):
        series = answers.within(samples(name), start, start + 7 * DAY)
        columns[name] = binned(series[held("SCAL2STAT", series.index.to_numpy()) == 1], HOUR, "mean")
    assert len(columns["SCAL2TEMP"]) > 10
    same_samples(only(found), rows_of(**columns), MEAN)


def test_the_rest_positions_before_and_after_a_date(ask: Ask) -> None:
    parts = [
        ask(f"GET CHOPPOSN, JIGGPOSN {side} 2009-12-01T00:00 WHERE {AT_REST} EVERY 1 HOUR")
        for side in ("UNTIL", "SINCE")
    ]
    for found, early in zip(parts, (True, False), strict=True):
        border = round(utc("2009-12-01") * NS)
        chosen = {name: rest_positions(name) for name in ("CHOPPOSN", "JIGGPOSN")}
        expected = firsts(HOUR, **{name: s[(s.index < border) == early] for name, s in chosen.items()})
        assert len(expected) > 2000
        same_samples(only(found), expected)


def test_a_thermistor_of_ssw_against_scal2temp(ask: Ask) -> None:
    found = ask(
        "GET THERMISTORS.TEMPERATURES.SSWT1, SCAL2TEMP FROM 2009-09-01T00:00 TO 2009-12-01T00:00 "
        "ON TIMELINE OF THERMISTORS.TEMPERATURES.SSWT1"
    )
    series = answers.within(column("THERMISTORS", "SSWT1"), utc("2009-09-01"), utc("2009-12-01"))
    expected = Rows(
        series.index.to_numpy(),
        {"THERMISTORS.TEMPERATURES.SSWT1": series.to_numpy(), "SCAL2TEMP": held("SCAL2TEMP", series.index.to_numpy())},
    )
    assert len(expected) > 12_000
    assert 0 < np.isnan(expected.columns["SCAL2TEMP"]).sum() < 1000
    same_samples(only(found), expected)


def test_subktemp_five_hours_after_each_recycle(ask: Ask) -> None:
    series = samples("SUBKTEMP")
    for text, ends in (
        ("AOT = 'CoolerRecycle'", [obs.tstop * NS for obs in of_aot("CoolerRecycle")]),
        ("PUMPHSTEMP >= 20", [last for _, last in runs("PUMPHSTEMP", 20)]),
    ):
        moments = np.array(ends) + 5 * HOUR * NS
        place = np.searchsorted(series.index.to_numpy(), moments, side="right") - 1
        fresh = moments - series.index.to_numpy()[place] <= 3 * round(CADENCE[group_of("SUBKTEMP").name][0] * NS)
        assert fresh.sum() >= 18
        found = ask(f"GET SUBKTEMP AT 5 HOURS AFTER EACH TIME {text}")
        same_samples(only(found), rows_of(SUBKTEMP=series.iloc[place[fresh]]))


def test_every_example_can_be_explained(ask: Ask) -> None:
    text = ask(f"EXPLAIN GET CHOPPOSN, JIGGPOSN DURING MISSION WHERE {AT_REST} EVERY 1 HOUR").plan.explain()
    assert "CHOPPOSN" in text
    assert len(observations()) == 362
