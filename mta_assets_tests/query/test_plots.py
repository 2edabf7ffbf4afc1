"""Plots: what was drawn, by the figure's own account."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.collections import PathCollection, PolyCollection, QuadMesh
from matplotlib.figure import Figure

from mta_assets.core.errors import BadData, MtaError
from mta_assets.core.samples import ParameterInfo, Samples, to_nanoseconds
from mta_assets.core.statistics import Statistics
from mta_assets.monitors.limit_table import LimitRow, LimitTable
from mta_assets.monitors.limits import Bounds
from mta_assets.query.dataset import Msid
from mta_assets.query.dataset_set import Msidset
from mta_assets.query.plots import Gap, against, plot, reduce, series_of, style
from mta_assets.query.plots.draw import render
from mta_assets.query.plots.reduce import line_points
from mta_assets.query.plots.series import day_of, gaps_of
from mta_assets_tests.query.answers import CHECKSUM, MISSING, answer, table

T0 = 825_638_469.184  # [s] 2024-03-01T00:00:00 UTC
DAY0 = 19783.0  # [d] the same since 1970


def samples(values, name="TEPHIN", step=10.0, times=None, states=None, bad=(), unit="degC", period=None):
    times = np.arange(len(values)) * step if times is None else np.asarray(times, float)
    quality = np.zeros(len(values), np.uint8)
    quality[list(bad)] = CHECKSUM
    shown = "" if states else unit
    info = ParameterInfo(name, "G", "f8", shown, f"meaning of {name}", states or {}, step if period is None else period)
    time = to_nanoseconds(T0 + times) if len(values) else np.zeros(0, np.int64)
    return Samples(info, time, np.asarray(values), quality)


def mode(codes, **kwargs):
    return samples(np.array(codes, np.int8), "AOPCADMD", states={0: "STBY", 1: "NPNT", 2: "NMAN"}, **kwargs)


def texts(figure):
    """Every text of a figure."""
    from matplotlib.text import Text

    figure.canvas.draw()
    return [found.get_text() for found in figure.findobj(Text) if found.get_text()]


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def main_line(axes):
    return axes.get_lines()[0]


def bars(axes, label):
    """(start, stop) in seconds after T0 of the bars with a label."""
    (found,) = [c for c in axes.collections if isinstance(c, PolyCollection) and c.get_label() == label]
    days = [(path.vertices[:, 0].min(), path.vertices[:, 0].max()) for path in found.get_paths()]
    return [(round((a - DAY0) * 86400, 2), round((b - DAY0) * 86400, 2)) for a, b in days]


def test_each_parameter_has_a_panel_with_name_meaning_unit_and_utc():
    figure = plot([samples([1.0, 2, 3]), samples([4.0, 5, 6], "ELBV", unit="V")], title="GET TEPHIN, ELBV")
    assert isinstance(figure, Figure)
    assert len(figure.axes) == 2
    np.testing.assert_allclose(main_line(figure.axes[0]).get_ydata(), [1, 2, 3])
    np.testing.assert_allclose(main_line(figure.axes[0]).get_xdata(), DAY0 + np.array([0, 10, 20]) / 86400)
    found = texts(figure)
    for words in ("GET TEPHIN, ELBV", "TEPHIN", "meaning of TEPHIN", "degC", "ELBV", "V"):
        assert words in found
    assert "UTC, 2024-03-01 00:00:00 – 2024-03-01 00:00:20 (2024:061)" in found


def test_figures_are_1200_pixels_wide():
    assert plot(samples([1.0, 2])).get_size_inches()[0] * style.DPI == 1200


def test_parameters_of_a_unit_share_a_panel_if_that_is_wanted():
    given = [samples([1.0, 2], "A"), samples([3.0, 4], "B"), samples([5.0, 6], "C", unit="V"), mode([1, 2])]
    figure = plot(given, panels="unit")
    assert len(figure.axes) == 3
    assert legend(figure.axes[0]) == ["A", "B"]
    assert len(plot(given).axes) == 4


def test_many_parameters_are_put_together_by_unit():
    nine = [samples([float(i), i + 1], f"T{i}") for i in range(9)]
    assert [len(axes.get_lines()) for axes in plot(nine).axes] == [8, 1]
    assert len(plot(nine[:8]).axes) == 8


def test_what_is_not_shown_is_said():
    many = [samples([1.0, 2], f"T{i}") for i in range(style.MOST + 2)]
    figure = plot(many, panels="parameter")
    assert len(figure.axes) == style.MOST
    assert "2 more not shown" in texts(figure)


def test_a_line_breaks_where_more_than_three_periods_have_no_sample():
    one = samples([1.0, 2, 3, 4, 5], times=[0, 10, 40, 70.01, 80])
    np.testing.assert_array_equal(main_line(plot(one).axes[0]).get_ydata(), [1, 2, 3, np.nan, 4, 5])


def test_gaps_are_found_and_shaded():
    one = samples([1.0, 2, 3, 4], times=[0, 10, 110, 120])
    assert [(g.start - T0, g.stop - T0, g.reason) for g in gaps_of(series_of(one)[0])] == [(15, 105, "no data")]
    figure = plot(one)
    assert bars(figure.axes[0], " gap: no data") == [(15, 105)]
    assert "no data" in texts(figure)
    assert not [c for c in plot(one, gaps=()).axes[0].collections if isinstance(c, PolyCollection)]


def test_each_reason_of_a_gap_has_its_shade_and_its_name_below():
    reasons = ["no contact", "not yet dumped", "decommutation error", "filtered", "instrument off", "of my own"]
    gaps = [Gap(T0 + 10 * i, T0 + 10 * i + 5, reason) for i, reason in enumerate(reasons)]
    figure = plot([samples(np.arange(10.0)), mode([1] * 10)], gaps=gaps)
    for axes in figure.axes:
        assert bars(axes, " gap: filtered") == [(30, 35)]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == reasons
    shades = {(patch.get_facecolor(), patch.get_hatch()) for patch in figure.legends[0].get_patches()}
    assert len(shades) == len(reasons)


def test_gaps_can_be_those_of_one_parameter():
    given = [samples(np.arange(10.0), "A"), samples(np.arange(10.0), "B")]
    figure = plot(given, gaps={"A": [(T0, T0 + 9, "filtered")]})
    assert bars(figure.axes[0], " gap: filtered") == [(0, 9)]
    assert not figure.axes[1].collections


def test_limits_are_dashed_lines_yellow_and_red():
    limits = {"TEPHIN": Bounds(yellow_low=0.5, yellow_high=3.5, red_high=50.0)}
    axes = plot(samples([1.0, 2, 3]), limits=limits).axes[0]
    dashed = {line.get_label(): line for line in axes.get_lines() if line.is_dashed()}
    assert list(dashed) == ["yellow low 0.5", "yellow high 3.5", "red high 50 (off scale)"]
    assert dashed["yellow low 0.5"].get_color() == style.YELLOW
    assert dashed["red high 50 (off scale)"].get_color() == style.RED
    low, high = axes.get_ylim()
    assert low < 0.5 < 3.5 < high < 50
    assert legend(axes) == ["TEPHIN", *dashed]


def test_limits_are_those_of_their_time():
    rows = [LimitRow("TEPHIN", 0, T0 - 100, yellow_high=3.0), LimitRow("TEPHIN", 0, T0 + 15, yellow_high=4.0)]
    axes = plot(samples([1.0, 2, 3, 3]), limits=LimitTable(rows, "v")).axes[0]
    (line,) = [line for line in axes.get_lines() if line.is_dashed()]
    assert line.get_ydata().tolist() == [3, 3, 4, 4]
    assert line.get_label() == "yellow high 3 … 4"


def test_bad_samples_are_crosses_and_not_part_of_the_line():
    axes = plot(samples([1.0, 99, 3, 4], bad=[1])).axes[0]
    assert 99 not in main_line(axes).get_ydata()
    assert [line.get_ydata().tolist() for line in axes.get_lines() if line.get_marker() == "x"] == [[99]]
    assert "not good (1)" in legend(axes)


def test_states_are_bars_in_lanes_with_their_names():
    axes = plot(mode([1, 1, 2, 1, 1], bad=[4])).axes[0]
    assert bars(axes, "NPNT") == [(0, 20), (30, 40)]
    assert bars(axes, "NMAN") == [(20, 30)]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["NPNT", "NMAN", "not good (1)"]


def test_a_state_lasts_a_period_before_a_gap_and_at_the_end():
    assert bars(plot(mode([1, 1, 1], times=[0, 10, 100])).axes[0], "NPNT") == [(0, 20), (100, 110)]


def test_intervals_last_as_long_as_they_say():
    time = to_nanoseconds(T0 + np.array([0.0, 100.0]))
    given = Samples(
        ParameterInfo("OBS.TARGET", dtype="U5"), time, np.array(["M31", "Cas A"]), until=time + 50_000_000_000
    )
    axes = plot(given).axes[0]
    assert bars(axes, "M31") == [(0, 50)]
    assert bars(axes, "Cas A") == [(100, 150)]


def test_numbers_of_intervals_are_level_until_their_end():
    time = to_nanoseconds(T0 + np.array([0.0, 50.0, 200.0]))
    until = to_nanoseconds(T0 + np.array([50.0, 100.0, 250.0]))
    line = main_line(plot(Samples(ParameterInfo("OBSID"), time, np.array([7, 8, 9]), until=until)).axes[0])
    np.testing.assert_array_equal(line.get_ydata(), [7, 7, 8, 8, np.nan, 9, 9])
    np.testing.assert_allclose((line.get_xdata() - DAY0) * 86400, [0, 50, 50, 100, 200, 200, 250], atol=1e-3)


def test_rare_states_of_too_many_share_a_lane():
    codes = np.concatenate([np.repeat(np.arange(20), 3), [0, 1]])
    axes = plot(samples(codes, "X", states={i: f"S{i}" for i in range(20)})).axes[0]
    names = [tick.get_text() for tick in axes.get_yticklabels()]
    assert len(names) == style.MOST_STATES
    assert names[-1] == "other (9)"


def test_statistics_are_an_envelope_and_the_mean():
    number = np.arange(3.0)
    info = ParameterInfo("TEPHIN", "G", "f4", "degC", "", {}, 32.8)
    columns = (np.arange(3) + 229344, np.full(3, 9), number - 1, number + 2, *[number] * 5)
    found = Statistics(info, 3600.0, *columns)
    for shown in (found, Msid.of_statistics(found, T0, T0 + 9, "hourly")):
        axes = plot(shown).axes[0]
        (band,) = [c for c in axes.collections if isinstance(c, PolyCollection)]
        heights = band.get_paths()[0].vertices[:, 1]
        assert (heights.min(), heights.max()) == (-1, 4)
        assert main_line(axes).get_ydata().tolist() == [0, 1, 2]
        assert legend(axes) == ["TEPHIN, min–max", "TEPHIN, mean"]


def test_an_answer_is_drawn_with_its_query_as_title():
    figure = plot(answer(table(TEPHIN=[0, CHECKSUM, 0, 0, MISSING])))
    assert len(figure.axes) == 4
    assert "GET TEPHIN, AOPCADMD FROM 2024-03-01 TO 2024-03-02" in texts(figure)
    assert len(main_line(figure.axes[0]).get_ydata()) == 3  # neither the bad one nor the one that is missing


def test_a_session_draws_itself():
    one = Msid.of_samples(samples([1.0, 2, 3]), T0, T0 + 30)
    assert main_line(one.plot().axes[0]).get_ydata().tolist() == [1, 2, 3]
    both = Msidset([one, Msid.of_samples(mode([1, 2, 1]), T0, T0 + 30)], T0, T0 + 30)
    assert len(both.plot().axes) == 2
    own = Figure().add_subplot()
    assert one.plot(ax=own) is own.figure
    assert main_line(own).get_ydata().tolist() == [1, 2, 3]


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 9000), st.integers(2, 50))
def test_thinning_keeps_extremes_order_and_gaps(seed, size, columns):
    rng = np.random.default_rng(seed)
    steps = np.where(rng.random(size) < 0.01, 100.0, 1.0)
    one = series_of(samples(rng.normal(size=size), times=np.cumsum(steps), period=1.0))[0]
    x, y = line_points(one, columns)
    assert np.all(np.diff(x) >= 0)
    assert (np.nanmin(y), np.nanmax(y)) == (one.values.min(), one.values.max())
    assert np.isnan(y).sum() == np.sum(np.diff(one.time) > 3.5e9)
    if size > 4 * columns:
        assert len(x) <= 2 * columns + 3 * np.isnan(y).sum()


def test_a_line_of_many_samples_is_thinned():
    axes = plot(samples(np.sin(np.arange(100_000.0)))).axes[0]
    assert len(main_line(axes).get_xdata()) <= 2 * reduce.COLUMNS


# ---- one against another


def pair(count=20):
    return [samples(np.arange(float(count)), "A"), samples(np.arange(float(count)) ** 2, "B", unit="V")]


def scatter(figure):
    return [c for c in figure.axes[0].collections if isinstance(c, PathCollection)]


def test_points_are_coloured_by_time_with_a_bar_of_utc():
    figure = plot(pair(), "xy", title="B against A")
    (points,) = scatter(figure)
    np.testing.assert_allclose(points.get_offsets()[:3], [[0, 0], [1, 1], [2, 4]])
    np.testing.assert_allclose(points.get_array()[:2], [DAY0, DAY0 + 10 / 86400])
    found = texts(figure)
    for words in ("B against A", "UTC", "A [degC] meaning of A", "B [V] meaning of B"):
        assert words in found


def test_the_axes_can_be_chosen():
    figure = plot([*pair(), samples(np.ones(20), "C")], x="B", y="C")
    assert scatter(figure)[0].get_offsets()[2].tolist() == [4, 1]


def test_points_can_be_coloured_by_state_number_or_date():
    three = [*pair(4), mode([1, 1, 2, 1])]
    by_state = plot(three, "xy", colour="aopcadmd")
    assert legend(by_state.axes[0]) == ["NMAN (1)", "NPNT (3)"]
    by_number = plot([*pair(4), samples([5.0, 6, 7, 8], "C")], x="A", y="B", colour="C")
    assert scatter(by_number)[0].get_array().tolist() == [5, 6, 7, 8]
    by_date = plot(pair(4), "xy", split=[T0 + 20])
    assert legend(by_date.axes[0]) == ["before 2024-03-01 00:00 (2)", "from 2024-03-01 00:00 (2)"]
    assert len(scatter(plot(pair(4), "xy", colour=None))) == 1


@pytest.mark.parametrize(("count", "is_density"), [(against.TOO_MANY, False), (against.TOO_MANY + 1, True)])
def test_too_many_points_are_a_density(count, is_density):
    figure = plot(pair(count), "xy")
    cells = [c for c in figure.axes[0].collections if isinstance(c, QuadMesh)]
    assert bool(cells) == is_density
    if is_density:
        assert cells[0].get_array().sum() == count
        assert "samples in a cell" in texts(figure)


def test_a_density_can_be_asked_for():
    assert [c for c in plot(pair(), "density").axes[0].collections if isinstance(c, QuadMesh)]


def test_parameters_of_other_rates_meet_at_the_nearest_sample_if_it_is_near():
    slow = samples([1.0, 2, 3], "SLOW", step=30.0)
    fast = samples(np.arange(8.0), "FAST", times=[0, 10, 14, 16, 20, 60, 104, 106])
    points = scatter(plot([fast, slow], "xy"))[0].get_offsets()
    assert points.tolist() == [[0, 1], [1, 1], [2, 1], [3, 2], [4, 2], [5, 3], [6, 3]]


def test_bad_and_missing_values_are_no_points():
    given = [samples([0.0, np.nan, 2, 3], "A"), samples([0.0, 1, 2, 3], "B", bad=[3])]
    assert scatter(plot(given, "xy"))[0].get_offsets().tolist() == [[0, 0], [2, 2]]


# ---- anything goes


@pytest.mark.parametrize(
    "value",
    [
        [],
        [1.0],
        [np.nan, np.nan],
        [7, 7, 7],
        [1e30, -1e30],
        [1e-30, 2e-30],
        np.array([0, 255], np.uint8),
        [np.inf, 1.0],
    ],
)
@pytest.mark.parametrize("kind", ["timeline", "xy", "density"])
def test_awkward_values_are_drawn(value, kind):
    given = [samples(np.asarray(value), "A"), samples(np.asarray(value), "B")]
    assert render(plot(given, kind)).startswith(b"\x89PNG")


def test_nothing_is_drawn_as_nothing():
    assert "no data" in texts(plot([]))
    assert "no samples" in texts(plot(samples([])))
    assert "no samples" in texts(plot(mode([])))


@pytest.mark.parametrize("name", ["$x^2", "$\\frac{$", "_hidden", "a\nb", "\x00", "<svg>", "名前", "x" * 500, "%s{0}"])
def test_hostile_names_are_shown_and_do_no_harm(name):
    given = samples([1.0, 2, 3], name, unit="$\\u", bad=[1])
    other = samples([3.0, 2, 3], "B")
    for figure in (
        plot([given, other], title=name),
        plot([given, other], "xy", title=name),
        plot([mode([1, 2]), given]),
    ):
        assert render(figure)
    states = samples(np.array([0, 1, 1]), "S", states={0: name, 1: "ON"})
    assert render(plot(states))


def test_what_can_not_be_drawn_is_said():
    for wrong, words in ((7, "int can not be drawn"), ("TEPHIN", "str can not be drawn")):
        with pytest.raises(BadData, match=words):
            plot(wrong)
    with pytest.raises(BadData, match="expected one of timeline"):
        plot(samples([1.0]), "pie")
    with pytest.raises(BadData, match="two numbers"):
        plot([samples([1.0]), mode([1])], "xy")
    with pytest.raises(BadData, match="'C' is not among A, B"):
        plot(pair(), x="C")
    with pytest.raises(BadData, match="is a state"):
        plot([*pair(2), mode([1, 2])], x="A", y="AOPCADMD")


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_a_plot_is_written_whole_and_the_same_each_time(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    plot(pair(), path=path)
    first = path.read_bytes()
    plot(pair(), path=path)
    assert path.read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_other_suffixes_are_refused_before_anything_is_drawn(tmp_path):
    path = tmp_path / "data.fits"
    path.write_text("mine")
    with pytest.raises(MtaError, match=r"\.png, \.pdf, \.svg"):
        plot(pair(), path=path)
    assert path.read_text() == "mine"


def test_a_period_of_ones_own_is_shown():
    axes = plot(samples([1.0, 2]), tstart=T0 - 86400, tstop=T0 + 86400).axes[0]
    assert axes.get_xlim() == (day_of(T0 - 86400), day_of(T0 + 86400)) == (DAY0 - 1, DAY0 + 1)
