"""Parameters in a Python session: filters, intervals, interpolation."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData
from mta_assets.core.samples import ParameterInfo, Samples, to_nanoseconds
from mta_assets.query.dataset import Msid
from mta_assets.query.dataset_intervals import bounds_of
from mta_assets.query.dataset_set import Msidset

T0 = 825_638_469.0
MODES = {0: "STBY", 1: "NPNT", 2: "NMAN"}


def msid(times, values, name="TEPHIN", bad=(), states=None, group="EPHIN5ENG", period=10.0):
    info = ParameterInfo(name, group, "f8", "" if states else "degC", "", states or {}, period)
    quality = np.zeros(len(times), np.uint8)
    quality[list(bad)] = 4
    time = to_nanoseconds(T0 + np.asarray(times, float)) if len(times) else np.zeros(0, np.int64)
    return Msid.of_samples(Samples(info, time, np.asarray(values), quality), T0, T0 + 1000)


def mode(times, codes, **kwargs):
    return msid(times, np.array(codes, np.int16), "AOPCADMD", states=MODES, **kwargs)


def seconds(table, *names):
    return [[round(float(row[name]) - T0, 6) for name in names] for row in table]


def test_it_has_the_names_that_users_of_cheta_know():
    one = msid([0, 10, 20], [1.0, 2.0, 3.0], bad=[1])
    assert (one.msid, one.MSID, one.unit, one.content) == ("tephin", "TEPHIN", "degC", "EPHIN5ENG")
    assert one.times.tolist() == [T0, T0 + 10, T0 + 20]
    assert one.vals.tolist() == [1, 2, 3]
    assert one.bads.tolist() == [False, True, False]
    assert (one.datestart, one.datestop) == ("2024:060:23:59:59.816", "2024:061:00:16:39.816")
    assert one.raw is None
    assert one.state_codes is None
    assert one.raw_vals is None
    assert "TEPHIN" in repr(one)
    assert "len=3" in repr(one)


def test_states_are_names_with_codes_beside_them():
    one = mode([0, 10], [1, 7])
    assert one.vals.tolist() == ["NPNT", "7"]
    assert one.raw_vals.tolist() == [1, 7]
    assert one.state_codes == [(0, "STBY"), (1, "NPNT"), (2, "NMAN")]


def test_an_array_that_is_not_there_is_named():
    with pytest.raises(AttributeError, match="TEPHIN has no 'maxes'; its arrays are times, vals, bads"):
        _ = msid([0], [1.0]).maxes


def test_filters_change_the_object_or_a_copy_and_never_the_arrays():
    one = mode([0, 10, 20], [1, 2, 1], bad=[0])
    values = one.vals
    assert one.filter_bad(copy=True).vals.tolist() == ["NMAN", "NPNT"]
    assert one.vals is values
    one.filter_bad()
    assert one.vals.tolist() == ["NMAN", "NPNT"]
    assert values.tolist() == ["NPNT", "NMAN", "NPNT"]
    assert one.bads.tolist() == [False, False]


def test_a_mask_of_ones_own_says_what_is_bad():
    assert msid([0, 10], [1.0, 99.0]).filter_bad(np.array([False, True])).vals.tolist() == [1.0]


@pytest.mark.parametrize(
    "intervals",
    [
        [(T0 + 10, T0 + 20)],
        np.array([[T0 + 10, T0 + 20]]),
        Table({"tstart": [T0 + 10], "tstop": [T0 + 20]}),
        Table({"datestart": ["2024:061:00:00:09.816"], "datestop": ["2024-03-01T00:00:19.816"]}),
        {"tstart": np.array([T0 + 10]), "tstop": np.array([T0 + 20])},
        [type("Event", (), {"tstart": T0 + 10, "tstop": T0 + 20})()],
    ],
)
def test_intervals_of_any_form_select_with_their_start_and_without_their_stop(intervals):
    one = msid([0, 9.999, 10.001, 19.99, 20.001, 30], np.arange(6.0))
    assert one.select_intervals(intervals, copy=True).vals.tolist() == [2, 3]
    assert one.remove_intervals(intervals, copy=True).vals.tolist() == [0, 1, 4, 5]


@pytest.mark.parametrize("wrong", [[(2, 1)], [1, 2], Table({"a": [1]}), [("x", "y")]])
def test_what_are_no_intervals_is_refused(wrong):
    with pytest.raises(ValueError):
        bounds_of(wrong)


def test_states_end_half_way_to_the_next_sample():
    table = mode([0, 10, 20, 30], [1, 1, 2, 1]).state_intervals()
    assert table["vals"].tolist() == ["NPNT", "NMAN", "NPNT"]
    assert table["raw_vals"].tolist() == [1, 2, 1]
    assert seconds(table, "tstart", "tstop") == [[-5, 15], [15, 25], [25, 35]]
    assert table["datestart"][1] == "2024-03-01T00:00:14.816"


def test_a_gap_ends_a_state_half_a_period_after_its_last_sample():
    one = mode([0, 10, 40, 50, 81, 91], [1, 1, 1, 1, 1, 1])
    assert seconds(one.state_intervals(), "tstart", "tstop") == [[-5, 55], [76, 96]]
    assert seconds(one.state_intervals(max_gap=100), "tstart", "tstop") == [[-5, 96]]


def test_when_a_condition_held_is_found():
    one = msid([0, 10, 20, 30, 40], [5.0, 1, 5, 1, 5])
    assert seconds(one.logical_intervals(">", 3), "tstart", "tstop") == [[-5, 5], [15, 25], [35, 45]]
    assert seconds(one.logical_intervals(">", 3, complete_intervals=True), "tstart", "tstop") == [[15, 25]]
    assert len(one.logical_intervals(">", 5)) == 0
    assert len(mode([0, 10], [1, 2]).logical_intervals("==", "NMAN")) == 1
    with pytest.raises(ValueError, match="expected one of =="):
        one.logical_intervals("=", 3)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 2)), max_size=30))
def test_every_sample_lies_in_the_interval_of_its_state(steps):
    times = np.cumsum([step for step, _ in steps]).astype(float)
    one = mode(times, [code for _, code in steps])
    table = one.state_intervals()
    for time, value in zip(one.times, one.vals, strict=True):
        inside = (table["tstart"] <= time) & (time < table["tstop"])
        assert table["vals"][inside].tolist() == [value]


def test_a_set_is_a_dict_of_any_case_with_attributes():
    both = Msidset([msid([0], [1.0]), mode([0], [1])], T0, T0 + 1)
    assert both["tephin"] is both.TEPHIN is both["TEPHIN"] is both.tephin
    assert list(both) == ["TEPHIN", "AOPCADMD"]
    assert "tephin" in both
    assert "TEPHIN2" not in both
    with pytest.raises(KeyError, match="there are TEPHIN, AOPCADMD"):
        both["X"]


def test_a_set_filters_the_parameters_of_a_group_alike():
    def parts():
        return [
            msid([0, 10, 20, 30], np.arange(4.0), "A", bad=[1]),
            msid([0, 10, 20], np.arange(3.0), "B"),
            msid([0, 10, 20], np.arange(3.0), "C", group="OTHER", bad=[0]),
            msid([], [], "EMPTY"),
        ]

    both = Msidset(parts(), T0, T0 + 1).filter_bad()
    assert [part.vals.tolist() for part in both.values()] == [[0, 2], [0, 2], [1, 2], []]
    each = Msidset(parts(), T0, T0 + 1).filter_bad(union=False)
    assert [part.vals.tolist() for part in each.values()] == [[0, 2, 3], [0, 1, 2], [1, 2], []]


def fast_and_slow():
    fast = msid(np.arange(0, 41, 4), np.arange(11.0), "FAST", bad=[5], period=4.0)
    slow = msid([2, 12, 22, 32, 42], np.arange(5.0), "SLOW", bad=[1], group="SLOW")
    return Msidset([fast, slow], T0, T0 + 50)


def relative(part):
    return (part.times - T0).round(6).tolist()


def test_interpolation_takes_the_nearest_good_sample():
    both = fast_and_slow().interpolate(dt=10)
    assert relative(both["FAST"]) == relative(both["SLOW"]) == [2, 12, 22, 32]
    assert both["FAST"].vals.tolist() == [0, 3, 6, 8]  # at 22 s the nearest one, at 20 s, is bad; 2 s: the earlier
    assert both["SLOW"].vals.tolist() == [0, 0, 2, 3]
    assert (both["SLOW"].times0 - T0).round(6).tolist() == [2, 2, 22, 32]
    assert both.times.tolist() == both["SLOW"].times.tolist()


def test_interpolation_may_keep_what_is_bad_or_leave_it_out_of_all():
    kept = fast_and_slow().interpolate(dt=10, filter_bad=False)
    assert kept["SLOW"].bads.tolist() == [False, True, False, False]
    assert kept["FAST"].bads.tolist() == [False, False, True, False]
    union = fast_and_slow().interpolate(dt=10, filter_bad=False, bad_union=True)
    assert union["SLOW"].bads.tolist() == union["FAST"].bads.tolist() == [False, True, True, False]
    left = fast_and_slow().interpolate(dt=10, bad_union=True)
    assert relative(left["FAST"]) == relative(left["SLOW"]) == [2, 32]


def test_interpolation_on_given_times_can_refuse_what_is_far():
    both = fast_and_slow()
    out = both.interpolate(times=T0 + np.array([0.0, 100.0]), filter_bad=False, max_gap=20, copy=True)
    assert out["SLOW"].bads.tolist() == [False, True]
    assert out["SLOW"].vals.tolist() == [0, 4]
    assert len(both["SLOW"]) == 5


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.sets(st.integers(0, 300), min_size=1, max_size=20), st.lists(st.integers(-20, 320), max_size=20))
def test_interpolation_is_that_of_a_search_through_all(samples, line):
    own = np.array(sorted(samples), float)
    out = msid(own, own).interpolate(times=T0 + np.array(sorted(line), float))
    expected = [own[np.argmin(np.abs(own - t))] for t in sorted(line)]
    assert out.vals.tolist() == expected


def test_parameters_with_other_times_have_no_common_table_but_a_frame():
    both = fast_and_slow()
    with pytest.raises(BadData, match="interpolate"):
        _ = both.table
    frame = both.to_pandas()
    assert len(frame) == 14  # at two times both have a sample
    assert frame["SLOW"].notna().sum() == 5
    assert str(frame.index[0]) == "2024-02-29 23:59:59.816000+00:00"
    table = both.interpolate(dt=10).table
    assert table.colnames == ["time", "utc", "FAST", "SLOW"]
    assert str(table["FAST"].unit) == "degC"


def test_the_table_of_one_parameter_has_time_and_utc():
    table = mode([0, 10], [1, 2], bad=[1]).table
    assert table.colnames == ["time", "utc", "vals", "raw_vals", "bads"]
    assert (table["time"].format, table["utc"].isot[0]) == ("cxcsec", "2024-02-29T23:59:59.816")
    assert table["vals"].tolist() == ["NPNT", "NMAN"]
    assert mode([0, 10], [1, 2]).to_pandas()["vals"].tolist() == ["NPNT", "NMAN"]


def test_nothing_can_be_empty():
    empty = msid([], [])
    assert len(empty.state_intervals()) == len(empty.logical_intervals(">", 1)) == len(empty.filter_bad()) == 0
    assert len(empty.interpolate(dt=10)) == 0
    assert empty.dt == 10.0
    assert len(Msidset([empty], T0, T0).interpolate(dt=1).to_pandas()) == 0


def test_a_parameter_without_samples_stays_without_and_spoils_nothing():
    one, none = msid([0, 10], [1.0, 2.0], bad=[1]), msid([], [], "NONE")
    both = Msidset([one, none], T0, T0 + 20).interpolate(dt=5, filter_bad=False, bad_union=True)
    assert [len(part) for part in both.values()] == [3, 0]
