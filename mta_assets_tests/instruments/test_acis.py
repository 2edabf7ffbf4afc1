import numpy as np
import pytest

from mta_assets.instruments import acis

# bits of the flight grades that make ASCA grades 0, 2, 3, 4 and 6, as published (ACIS calibration report, 2001)
GOOD_GRADE_MAP = (
    0x1D05, 0x0047, 0x0004, 0x0047, 0x1133, 0x0003, 0x1100, 0, 0x1D04, 0, 0x0004, 0, 0, 0x0003, 0, 0,
)  # fmt: skip


def test_good_grades_are_those_of_the_published_map():
    published = [16 * word + bit for word, bits in enumerate(GOOD_GRADE_MAP) for bit in range(16) if bits >> bit & 1]
    assert published == np.flatnonzero(np.isin(acis.grade(np.arange(256)), (0, 2, 3, 4, 6))).tolist()


@pytest.mark.parametrize(
    ("flight", "grade"), [(0, 0), (128, 1), (64, 2), (8, 3), (16, 4), (192, 5), (208, 6), (255, 7)]
)
def test_grades_of_the_published_examples(flight, grade):
    assert acis.grade(flight) == grade


def test_split_threshold_counts_from_thirteen_on():
    island = np.zeros((2, 3, 3), np.int16)
    island[:, 1, 1] = 500
    island[0, 2, 1], island[1, 2, 1] = 12, 13
    assert acis.fltgrade(island).tolist() == [0, 64]
    assert acis.pha(island).tolist() == [500, 513]


def test_a_corner_counts_only_beside_an_edge():
    island = np.zeros((2, 3, 3), np.int16)
    island[:, 1, 1] = 500
    island[:, 2, 2] = 20
    island[1, 2, 1] = 30
    assert acis.pha(island).tolist() == [500, 550]


def test_the_inner_island_of_five_by_five_is_graded():
    large = np.full((1, 5, 5), 100, np.int16)
    large[0, 1:4, 1:4] = [[0, 0, 0], [0, 700, 15], [0, 0, 0]]
    assert acis.fltgrade(large).tolist() == [16]
    assert acis.pha(large).tolist() == [715]


def test_nodes_are_256_columns_wide():
    assert acis.node_id([1, 256, 257, 512, 513, 768, 769, 1024]).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_thresholds_differ_for_back_illuminated_chips():
    assert acis.event_threshold([0, 5, 7, 9]).tolist() == [38, 20, 20, 38]


def test_every_chip_and_node_has_a_gain():
    assert acis.gains().shape == (10, 4)
    assert acis.gains().min() > 3
    assert acis.gains().max() < 6


def test_frame_times():
    assert acis.frame_time("FAINT", (7,)) == pytest.approx(3.14104)
    assert acis.frame_time("FAINT", (4, 5, 6, 7, 8, 9)) == pytest.approx(3.24104)
    assert acis.frame_time("CC33_FAINT", (7,)) == pytest.approx(1.4592)
