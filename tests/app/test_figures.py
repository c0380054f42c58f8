"""Charts say what the numbers say, in the colours that a quantity has everywhere."""

import itertools
import re
from pathlib import Path

import plotly.graph_objects as go
import pytest

from app import figures
from app.chart_parts import THEMES, nice_ceiling, theme_of, thinned
from app.health_figure import HEALTH_KEYS, HEALTH_PANELS, health
from app.runs import Runs
from pointins_engine.run_log.records import SCALARS
from pointins_engine.run_log.store import RunStore

STYLE = Path(__file__).parents[2] / "assets/style.css"
CONTRAST_OF_TEXT, CONTRAST_OF_MARKS = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11


@pytest.fixture(scope="module")
def stats(folder):
    return Runs(RunStore(folder)).stats("rooms", "room_0001", 20)


@pytest.fixture(scope="module")
def scalars(folder):
    return Runs(RunStore(folder)).scalars("rooms")


@pytest.fixture(params=sorted(THEMES))
def theme(request):
    return THEMES[request.param]


def all_figures(stats, scalars, theme):
    marks = [(80, "offset loss"), (20, "checkpoint"), (30, "resume")]
    return [
        figures.odr_magnitude(stats["odr"], theme),
        figures.odr_directions(stats["odr"], theme),
        figures.scr_sizes(stats["scr"], theme),
        figures.curves(scalars, marks, total_steps=800, cursor=20, theme=theme),
        health(scalars, [30], total_steps=800, cursor=20, theme=theme),
    ]


def test_every_figure_is_one_that_plotly_knows(stats, scalars, theme):
    for figure in all_figures(stats, scalars, theme):
        go.Figure(figure)  # raises on a property or value that does not exist


def test_no_chart_takes_a_webgl_context(stats, scalars, theme):
    kinds = {trace["type"] for f in all_figures(stats, scalars, theme) for trace in f["data"]}
    assert kinds <= {"scatter", "bar"}


def test_zoom_survives_an_update_and_ranges_are_fixed(stats, scalars, theme):
    for figure in all_figures(stats, scalars, theme):
        layout = figure["layout"]
        assert layout["uirevision"]
        axes = [layout[name] for name in layout if re.fullmatch(r"[xy]axis\d?", name)]
        assert axes and all(len(axis["range"]) == 2 for axis in axes)


def test_three_distributions_lie_on_the_same_bins(stats, theme):
    odr = stats["odr"]
    traces = figures.odr_magnitude(odr, theme)["data"]
    assert [trace["name"] for trace in traces] == ["prior", "before ODR", "after ODR"]
    edges = traces[0]["x"]
    assert edges[0] == 0 and edges[-1] == odr["max_m"] and len(edges) == odr["num_bins"] + 1
    assert all(trace["x"] == edges for trace in traces)
    assert [trace["y"][:-1] for trace in traces] == [odr["prior"], odr["before"], odr["after"]]


def test_a_peak_that_the_axis_cuts_is_written_beside_it(stats, theme):
    odr = {**stats["odr"], "before": [0.9] + [0.0] * 46 + [0.1]}
    texts = [note["text"] for note in figures.odr_magnitude(odr, theme)["layout"]["annotations"]]
    assert "↑ 90 %" in texts


def test_the_range_depends_on_the_prior_alone(stats, theme):
    """So it stays while the teacher's distribution moves."""
    moved = {**stats["odr"], "before": [1.0] + [0.0] * 47}
    ranges = [
        figures.odr_magnitude(odr, theme)["layout"]["yaxis"]["range"]
        for odr in (stats["odr"], moved)
    ]
    assert ranges[0] == ranges[1]


def test_each_axis_of_the_directions_has_its_uniform_line(stats, theme):
    layout = figures.odr_directions(stats["odr"], theme)["layout"]
    assert [shape["y0"] for shape in layout["shapes"]] == pytest.approx([1 / 32] * 3)
    assert [shape["xref"] for shape in layout["shapes"]] == ["x", "x2", "x3"]


def test_sizes_come_largest_first(stats, theme):
    (bars,) = figures.scr_sizes(stats["scr"], theme)["data"]
    assert bars["y"] == sorted(stats["scr"]["sizes"], reverse=True)
    assert figures.scr_sizes({"sizes": []}, theme)["data"][0]["y"] == []


def test_the_first_line_of_the_curves_is_the_time_cursor(scalars, theme):
    """The browser moves shape 0; see assets/studio.js."""
    for cursor in (None, 30):
        figure = figures.curves(scalars, [], total_steps=800, cursor=cursor, theme=theme)
        line = figure["layout"]["shapes"][0]
        assert (line["x0"], line["visible"]) == (cursor or 0, cursor is not None)


def test_curves_are_drawn_from_the_logged_values(scalars, theme):
    figure = figures.curves(scalars, [(20, "checkpoint")], total_steps=800, cursor=0, theme=theme)
    by_name = {trace["name"]: trace for trace in figure["data"]}
    assert by_name["total"]["x"] == scalars["loss/total"][0]
    assert by_name["offset"]["y"] == scalars["loss/offset"][1]
    assert by_name["checkpoint"]["x"] == [20]
    assert figure["layout"]["xaxis"]["range"] == [0, 800]


def test_labels_of_curves_that_end_together_stand_apart(theme):
    series = ([0, 10], [1.0, 1.0])
    scalars = {"loss/total": series, "loss/semantic": series, "loss/offset": series}
    layout = figures.curves(scalars, [], total_steps=10, cursor=None, theme=theme)["layout"]
    heights = sorted(note["y"] for note in layout["annotations"])
    assert min(b - a for a, b in itertools.pairwise(heights)) > 0.05


def test_a_run_without_an_offset_loss_is_drawn(theme):
    scalars = {"loss/total": ([0, 1], [2.0, None])}
    go.Figure(figures.curves(scalars, [], total_steps=10, cursor=None, theme=theme))


def test_health_draws_each_logged_figure_on_the_axis_of_its_panel(scalars, theme):
    layout, data = (
        health(scalars, [30], total_steps=800, cursor=None, theme=theme)[part]
        for part in ("layout", "data")
    )
    named = {key: name for panel in HEALTH_PANELS for key, name, _ in panel.curves}
    by_name = {trace["name"]: trace for trace in data}
    assert {named[key] for key in named if key in scalars} <= set(by_name)
    assert by_name["rank"]["y"] == scalars["collapse/effective_rank"][1]
    assert by_name["class"]["yaxis"] == "y" and by_name["rank"]["yaxis"] == "y4"
    assert layout["shapes"][0]["visible"] is False and layout["shapes"][1]["x0"] == 30
    domains = [layout[name]["domain"] for name in layout if name.startswith("yaxis")]
    assert all(low < high for low, high in domains)
    assert all(below[1] < above[0] for above, below in itertools.pairwise(domains))


def test_a_group_of_health_without_a_figure_takes_no_room(theme):
    scalars = {"collapse/effective_rank": ([0, 10], [100.0, 90.0])}
    layout = health(scalars, [], total_steps=20, cursor=0, theme=theme)["layout"]
    assert [note["text"] for note in layout["annotations"]] == [
        "Collapse: effective rank of the features",
        "rank",
    ]
    go.Figure(health({}, [], total_steps=20, cursor=0, theme=theme))


def test_the_times_of_the_stages_stand_on_each_other_below_the_end_of_their_axis(scalars, theme):
    figure = health(scalars, [], total_steps=800, cursor=0, theme=theme)
    stacked = [trace for trace in figure["data"] if "stackgroup" in trace]
    axis = "yaxis" + stacked[0]["yaxis"][1:]
    total = sum(trace["y"][-1] for trace in stacked)
    assert total == pytest.approx(0.5) and total <= figure["layout"][axis]["range"][1] <= 2 * total
    named = {note["text"] for note in figure["layout"]["annotations"]}
    assert "student" in named and "EMA" not in named  # 2 % of a step need no name


def test_every_figure_of_health_is_declared():
    assert set(HEALTH_KEYS) <= set(SCALARS)
    assert set(figures.CURVE_KEYS) <= set(SCALARS)


def test_long_curves_are_thinned_but_keep_their_extremes():
    steps = list(range(60_000))
    values: list[float | None] = [1.0] * 60_000
    values[31_234], values[47_001], values[5] = 9.0, -3.0, None
    kept_steps, kept = thinned((steps, values))
    assert len(kept) <= 1000
    assert {9.0, -3.0} <= set(kept)
    assert (kept_steps[0], kept_steps[-1]) == (0, 59_999)
    assert kept_steps == sorted(kept_steps)


def test_short_curves_and_gaps_are_left_alone():
    series = ([1, 2, 3], [0.5, None, 0.25])
    assert thinned(series) == ([1, 2, 3], [0.5, None, 0.25])
    assert len(thinned((list(range(5000)), [None] * 5000))[0]) < 1000


@pytest.mark.parametrize(
    ("value", "ceiling"),
    [(0.97, 1), (1.0, 1), (1.01, 1.5), (2.1, 3), (0.0151, 0.02), (47, 50), (0, 1), (-1, 1)],
)
def test_axes_end_at_round_numbers(value, ceiling):
    assert nice_ceiling(value) == pytest.approx(ceiling)
    assert nice_ceiling(float("nan")) == 1.0


# -- colours ----------------------------------------------------------------------------------


def css_colours(theme_name: str) -> dict[str, str]:
    """Custom properties of a theme in the style sheet."""
    block = re.search(rf'html\[data-theme="{theme_name}"\] \{{(.*?)\}}', STYLE.read_text(), re.S)
    return dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", block[1])) if block else {}


def luminance(colour: str) -> float:
    """Relative luminance after WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a: str, b: str) -> float:
    high, low = sorted([luminance(a), luminance(b)], reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", sorted(THEMES))
def test_charts_and_style_sheet_have_one_colour_a_quantity(name):
    colours, theme = css_colours(name), THEMES[name]
    for quantity in theme.__slots__:
        assert getattr(theme, quantity) == colours[quantity], quantity


@pytest.mark.parametrize("name", sorted(THEMES))
def test_text_and_marks_can_be_told_from_their_ground(name):
    colours = css_colours(name)
    for ground in ("bg", "panel", "canvas"):
        for text in ("text", "quiet", "accent", "danger", "good"):
            assert contrast(colours[text], colours[ground]) >= CONTRAST_OF_TEXT, (text, ground)
    for quantity in ("prior", "before", "after", "student", "target", "truth"):
        assert contrast(colours[quantity], colours["panel"]) >= CONTRAST_OF_MARKS, quantity


@pytest.mark.parametrize("name", ["dark", "light", None, "sepia"])
def test_an_unknown_theme_is_dark(name):
    assert theme_of(name) is THEMES["light" if name == "light" else "dark"]
