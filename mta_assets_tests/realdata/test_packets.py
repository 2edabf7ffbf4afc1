"""Real packet files: JPSS-1, IMAP SWE and IMAP CoDICE, against space_packet_parser and the given values."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from mta_assets.core.errors import BadData
from mta_assets.core.times import from_utc
from mta_assets.level0.packets import extract, record_packets
from mta_assets.missions.load import load_mission
from mta_assets.telemetry.ccsds import frame_bytes
from mta_assets.telemetry.ccsds_playback import open_packets
from mta_assets.telemetry.packet_decom import decode, decommutate_packets, tables
from mta_assets.telemetry.xtce import load_xtce
from mta_assets_tests.realdata import realdata
from mta_assets_tests.telemetry.spp_reference import compare, compare_file

JPSS = "J01_G011_LZ_2021-04-09T00-00-00Z_V01.DAT1"


@pytest.mark.parametrize("dictionary", ["jpss1_geolocation_xtce_v1.xml", "contrived_inheritance_structure.xml"])
def test_all_values_of_all_jpss_packets_equal_those_of_space_packet_parser(dictionary):
    data = realdata("packets", "jpss", JPSS).read_bytes()
    _, decoded, values = compare_file(realdata("packets", "jpss", dictionary), data)
    assert values == 7200 * 27
    assert decoded.troubles == []


def test_our_own_jpss_dictionary_gives_the_same_values():
    data = realdata("packets", "jpss", JPSS).read_bytes()
    theirs = decommutate_packets(data, load_xtce(realdata("packets", "jpss", "jpss1_geolocation_xtce_v1.xml")))
    mission = load_mission("jpss")
    ours = decommutate_packets(data, load_xtce(mission.path("xtce")))
    assert list(ours) == list(theirs) == ["JPSS_ATT_EPHEM"]
    table, other = ours["JPSS_ATT_EPHEM"], theirs["JPSS_ATT_EPHEM"]
    assert list(table.columns) == list(other.columns)
    for name, array in table.columns.items():
        np.testing.assert_array_equal(array, other[name], strict=True)


def test_the_jpss_file_is_a_playback_of_two_hours_without_a_fault():
    mission = load_mission("jpss")
    playback = open_packets(realdata("packets", "jpss", JPSS), mission)
    assert playback.tstart == pytest.approx(from_utc("2021-04-09T00:00:00.007137"), abs=1e-6)
    assert playback.tstop - playback.tstart == pytest.approx(7199, abs=0.01)
    assert len(playback.faults) == 0
    assert playback.facts["packets"] == 7200
    assert playback.facts["skipped_bytes"] == 0
    products = list(extract(playback, mission, None))
    assert [p.file_id for p in products] == ["JPSS_ATT_EPHEM_ENG0"] * 2
    assert [p.rows for p in products] == [3600, 3600]
    time = np.concatenate([p.table("VALUES")["TIME"] for p in products])
    assert np.all(np.diff(time) > 0.9)
    record, faults, facts = record_packets(playback, mission, None)
    assert record.table("PACKETS")["count"].tolist() == [7200]
    assert len(faults) == 0
    assert facts == playback.facts


def test_a_file_of_another_mission_is_refused_with_its_apids():
    with pytest.raises(BadData, match=r"1344.*file of this mission"):
        open_packets(realdata("packets", "imap_swe", "2024051010_SWE_SCIENCE_packet.bin"), load_mission("jpss"))


def _rows(name, *where):
    with open(realdata("packets", *where, name), encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


SWE_HEADER = {
    "PHVERNO": "VERSION", "PHTYPE": "TYPE", "PHSHF": "SEC_HDR_FLG", "PHAPID": "PKT_APID", "PHGROUPF": "SEQ_FLGS",
    "PHSEQCNT": "SRC_SEQ_CTR", "PHDLEN": "PKT_LEN",
}  # fmt: skip


def _swe():
    data = realdata("packets", "imap_swe", "2024051010_SWE_SCIENCE_packet.bin").read_bytes()
    model, decoded, values = compare_file(realdata("packets", "imap_swe", "swe_packet_definition.xml"), data)
    packets, _ = frame_bytes(data)
    assert values == 29 * 28
    return tables(model, packets, decoded)["SWE_SCIENCE"]


@pytest.mark.parametrize("level", ["raw", "eu"])
def test_swe_equals_the_given_values(level):
    table = _swe()
    rows = _rows(f"idle_export_{level}.SWE_SCIENCE_20240510_092742.csv", "imap_swe")
    starts = [n for n, row in enumerate(rows) if row["SHCOARSE"]]
    clock = table["SWE_SCIENCE.SHCOARSE"].tolist()
    compared = 0
    for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
        row = rows[start]
        place = clock.index(int(row["SHCOARSE"]))
        for title, text in row.items():
            name = SWE_HEADER.get(title, f"SWE_SCIENCE.{title}")
            if title == "timestamp" or (title.startswith("CEM") and title[3:].isdigit()):
                continue
            value = table[f"{name}__r" if level == "raw" and f"{name}__r" in table else name][place]
            if value.dtype.kind == "f":
                assert float(text) == pytest.approx(float(value), rel=1e-12)
            else:
                assert text == str(value), (title, place)
            compared += 1
        counts = [[int(line[f"CEM{k}"]) for k in range(1, 8)] for line in rows[start + 1 : stop]]
        np.testing.assert_array_equal(table["SWE_SCIENCE.SCIENCE_DATA"][place].reshape(180, 7), counts)
    assert compared == {"raw": 2, "eu": 3}[level] * 27


def test_codice_housekeeping_equals_the_given_raw_values():
    data = realdata("packets", "imap_codice", "imap_codice_l0_hskp_20100101_v001.pkts").read_bytes()
    model, decoded, values = compare_file(realdata("packets", "imap_codice", "P_COD_NHK.xml"), data)
    packets, flaws = frame_bytes(data)
    assert flaws == []
    table = tables(model, packets, decoded)["P_COD_NHK"]
    rows = _rows("idle_export_raw.COD_NHK_20230822_122700.csv", "imap_codice")
    assert len(table) == len(rows) == 99
    titles = [title for title in rows[0] if title != "timestamp"]  # when the ground received it: not in the packet
    assert len(titles) == len(table.columns) - 8  # ours have the primary header and the packet's number besides
    for title in titles:
        assert table[title].tolist() == [int(row[title]) for row in rows], title
    # The other 11 APIDs are known by their primary header only; of housekeeping two bytes are not described.
    assert len(decoded.index["CCSDSPacket"]) == 622 - 99
    assert sum(len(trouble.index) for trouble in decoded.troubles) == 622
    assert {trouble.kind for trouble in decoded.troubles} == {"unplaced"}
    assert values == 99 * (len(titles) + 7) + (622 - 99) * 7


def test_a_file_with_several_dictionaries_is_read_by_each_for_its_own_packets(tmp_path):
    files = (("imap_swe", "swe_packet_definition.xml"), ("jpss", "jpss1_geolocation_xtce_v1.xml"))
    for number, name in enumerate(files):
        (tmp_path / f"{number}.xml").write_bytes(realdata("packets", *name).read_bytes())
    data = realdata("packets", "imap_swe", "2024051010_SWE_SCIENCE_packet.bin").read_bytes()
    data += realdata("packets", "jpss", JPSS).read_bytes()
    found = decommutate_packets(data, load_xtce(tmp_path))
    assert {name: len(table) for name, table in found.items()} == {"SWE_SCIENCE": 29, "JPSS_ATT_EPHEM": 7200}


def test_the_spp_comparison_notices_a_wrong_value():
    model = load_xtce(realdata("packets", "jpss", "jpss1_geolocation_xtce_v1.xml"))
    packets, _ = frame_bytes(realdata("packets", "jpss", JPSS).read_bytes()[: 71 * 10])
    decoded = decode(model, packets)
    decoded.values["JPSS_ATT_EPHEM"]["ADAET1MS"].raw[7] += 1
    with pytest.raises(AssertionError, match="ADAET1MS"):
        compare(model, packets, decoded)
