"""Real tables in the telemetry archive: every value against one that was read independently."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mta_assets.archive.import_gain import read_cti, read_gain
from mta_assets.archive.import_hrc_temperatures import read_hrc_temperatures
from mta_assets.archive.import_packets import read_packets
from mta_assets.archive.import_tables import put
from mta_assets.archive.import_thermal import read_thermal
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.core.samples import Samples, to_nanoseconds
from mta_assets.core.times import from_utc
from mta_assets.missions.load import load_mission
from mta_assets.telemetry.xtce import load_xtce
from mta_assets_tests.realdata import realdata
from mta_assets_tests.telemetry.spp_reference import reference

MODELS = ["acisfp", "bep_pcb", "dea", "dpa", "fep1_actel", "psmc"]
JPSS = "J01_G011_LZ_2021-04-09T00-00-00Z_V01.DAT1"


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[TelemetryArchive]:
    with TelemetryArchive(f"sqlite:///{tmp_path / 'catalog.sqlite'}", tmp_path / "telemetry") as opened:
        yield opened


def read(archive: TelemetryArchive, name: str, raw: bool = False) -> Samples:
    return archive.snapshot().read([name], None, None, raw=raw)[name]


def table(model: str) -> tuple[dict[str, list[str]], Path]:
    """Columns of a thermal file as csv reads them."""
    path = realdata("chandra", "thermal", f"{model}_MAR0617A.csv.gz")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    return {name: [row[place] for row in rows[1:]] for place, name in enumerate(rows[0])}, path


def test_all_six_plain_thermal_files_are_one_table_with_every_value_of_each(archive: TelemetryArchive) -> None:
    expected = {}
    for model in MODELS:
        columns, path = table(model)
        found = read_thermal(path)
        assert (found.rows, found.taken, found.bad) == (5529, 5529, ())
        put(archive, found)
        expected.update({name: (columns["date"], texts) for name, texts in columns.items() if name != "date"})
    assert len(expected) == 20  # 6 temperatures, 4 others, a state, and 9 predictions
    for name, (dates, texts) in expected.items():
        samples = read(archive, f"THERMAL.{name.upper()}")
        np.testing.assert_array_equal(samples.times, [float(date) for date in dates])
        if name == "dh_heater":
            assert samples.texts.tolist() == texts
        else:
            assert samples.values.tolist() == [float(text) for text in texts], name
        assert not samples.bads.any()
    assert {info.group for info in map(archive.snapshot().info, archive.snapshot().names()) if info} == {"THERMAL"}


def test_the_file_with_five_model_rows_a_measurement_agrees_with_the_other_files(archive: TelemetryArchive) -> None:
    columns, path = table("fep1_mong")
    found = read_thermal(path)
    put(archive, found)
    first = {date: place for place, date in reversed(list(enumerate(columns["date"])))}
    dates = sorted(first, key=float)
    assert (found.rows, len(dates)) == (27649, 5531)
    for name in ("tmp_fep1_mong", "pitch", "roll", "tscpos", "dp_dpa_power"):
        samples = read(archive, f"THERMAL.{name.upper()}")
        np.testing.assert_array_equal(samples.times, [float(date) for date in dates])
        assert samples.values.tolist() == [float(columns[name][first[date]]) for date in dates]
    other, _ = table("dpa")  # the same commanded attitude, in a file with one row a measurement
    for name in ("pred_roll", "pred_pitch", "pred_tscpos"):
        samples = read(archive, f"THERMAL.{name.upper()}")
        at = np.searchsorted(samples.times, [float(date) for date in other["date"]])
        assert samples.values[at].tolist() == [float(text) for text in other[name]], name
    model = read(archive, "THERMAL_FEP1_MONG_MODEL.PRED_TMP_FEP1_MONG")
    assert model.values.tolist() == [float(text) for text in columns["pred_tmp_fep1_mong"]]
    assert np.abs(model.times - [float(date) for date in columns["date"]]).max() == pytest.approx(131.2, abs=1e-6)
    np.testing.assert_allclose(np.diff(model.time), 65_600_000_000, atol=200)  # [ns] rounding of float64 seconds


def test_ten_years_of_hrc_temperatures_are_in_one_unit_and_keep_the_other(archive: TelemetryArchive) -> None:
    import pandas

    path = realdata("chandra", "trend", "hrc_temperatures_10yr.xlsx")
    frame = pandas.read_excel(path)
    found = read_hrc_temperatures(path)
    put(archive, found)
    assert (found.rows, found.taken, found.bad) == (3903, 3903, ())
    kelvin = [name for name in frame.columns[:-1] if frame[name].median() > 150]
    assert len(kelvin) == 10
    assert sum("converted" in remark for remark in found.remarks) == 10
    for name in frame.columns[:-1]:
        samples = read(archive, f"HRC_DAILY.{name}", raw=True)
        np.testing.assert_array_equal(samples.times, frame["Time"].to_numpy(float))
        expected = frame[name].to_numpy()
        np.testing.assert_array_equal(samples.raw, expected)
        np.testing.assert_array_equal(samples.values, expected - 273.15 if name in kelvin else expected)
        assert samples.info.unit == "DEGC"
        assert -5 < samples.values.mean() < 45
        assert not samples.bads.any()


def test_the_gain_table_is_there_row_by_row_with_its_bad_fits_flagged(archive: TelemetryArchive) -> None:
    path = realdata("chandra", "trend", "ccd7_3.gz")
    with gzip.open(path, "rt") as stream:
        lines = [line.split() for line in stream if line.strip() and not line.startswith("#")]
    found = read_gain(path)
    put(archive, found)
    assert (found.rows, found.taken, found.bad) == (3275, 3260, ())
    assert len({tuple(line) for line in lines}) == 3260
    rows = set()
    for group in found.groups:
        columns = [
            "DATE",
            "OBSID",
            "TSTOP",
            "MN_KA",
            "AL_KA",
            "TI_KA",
            "SLOPE",
            "SLOPE_ERROR",
            "INTERCEPT",
            "INTERCEPT_ERROR",
        ]
        values = [group.values[f"{group.group}.{name}"].tolist() for name in columns]
        rows |= set(zip((group.time / 1e9).tolist(), *values, strict=True))
    expected = {(float(r[2]), r[0], int(r[1]), float(r[3]), *(float(cell) for cell in r[4:])) for r in lines}
    assert rows == expected
    slope = read(archive, "GAIN_CCD7_3.SLOPE")
    assert len(slope) == len({line[2] for line in lines}) == 1909
    assert slope.bads[-2:].all()  # the last rows of the table
    good = slope.values[~slope.bads]
    assert good.min() > 0.219
    assert good.max() < 0.230
    peaks = read(archive, "GAIN_CCD7_3.MN_KA")
    assert len(peaks) == 1909 - sum(
        group.quality[f"{group.group}.MN_KA"].tolist().count(1) for group in found.groups[:1]
    )
    assert peaks.values[~peaks.bads].min() > 1270
    assert -999.0 not in peaks.values


def test_the_cti_table_is_there_row_by_row(archive: TelemetryArchive) -> None:
    path = realdata("chandra", "trend", "detrended_data")
    days, values = np.loadtxt(path, unpack=True)
    put(archive, read_cti(path))
    samples = read(archive, "CTI_DETRENDED_DATA.CTI")
    order = np.argsort(days, kind="stable")
    np.testing.assert_array_equal(samples.values, values[order])
    np.testing.assert_array_equal(samples.time, to_nanoseconds(from_utc("1999-07-21T00:00:00") + days[order] * 86400))


def test_jpss_packets_in_the_archive_equal_those_of_space_packet_parser(archive: TelemetryArchive) -> None:
    path = realdata("packets", "jpss", JPSS)
    mission = load_mission("jpss")
    found = read_packets(path, mission)
    put(archive, found)
    assert (found.rows, found.taken) == (7200, 7200)
    definition = load_xtce(mission.path("xtce")).definitions[0]
    data = path.read_bytes()
    packets = [reference(definition, data[at : at + 71]) for at in range(0, len(data), 71)]
    assert len(packets) == 7200
    for name in ("ADGPSPOSX", "ADGPSVELZ", "ADCFAQ1", "ADAET1MS", "SRC_SEQ_CTR", "USEC", "ADAESCID"):
        samples = read(archive, name)
        assert samples.values.tolist() == [packet[name] for packet in packets], name
    first = from_utc("2021-04-09T00:00:00.007137")
    assert read(archive, "ADGPSPOSX").times[0] == pytest.approx(first, abs=1e-6)


IMAP = """
[mission]
name = "imap"
title = "IMAP SWE"
telescope = "IMAP"
[telemetry]
kind = "ccsds"
dictionary = "xtce"
[packet_time]
epoch = "2010-01-01T00:00:00"
scale = "tt"
seconds = "SWE_SCIENCE.SHCOARSE"
[monitor]
limits = "limits.csv"
"""


def test_another_mission_is_imported_by_its_folder_with_states_and_raw_counts(
    archive: TelemetryArchive, tmp_path: Path
) -> None:
    folder = tmp_path / "imap"
    (folder / "xtce").mkdir(parents=True)
    (folder / "mission.toml").write_text(IMAP, encoding="utf-8")
    dictionary = realdata("packets", "imap_swe", "swe_packet_definition.xml")
    (folder / "xtce" / "swe.xml").write_bytes(dictionary.read_bytes())
    path = realdata("packets", "imap_swe", "2024051010_SWE_SCIENCE_packet.bin")
    found = read_packets(path, load_mission(folder))
    put(archive, found)
    assert (found.rows, found.taken) == (29, 29)
    assert found.counts is not None
    assert found.counts["byte strings of SWE_SCIENCE.SCIENCE_DATA, left out"] == 29
    with realdata("packets", "imap_swe", "idle_export_raw.SWE_SCIENCE_20240510_092742.csv").open(
        encoding="utf-8-sig", newline=""
    ) as stream:
        rows = [row for row in csv.DictReader(stream) if row["SHCOARSE"]]
    clock = read(archive, "SWE_SCIENCE.SHCOARSE").values.tolist()
    for row in rows:
        place = clock.index(int(row["SHCOARSE"]))
        for title, text in row.items():
            name = f"SWE_SCIENCE.{title}"
            if archive.snapshot().info(name) is None:
                continue
            samples = read(archive, name, raw=True)
            counts = samples.values if samples.raw is None or samples.info.states else samples.raw
            assert int(text) == int(counts[place]), name
