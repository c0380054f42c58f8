"""Charts say what the numbers say, in the colours that a quantity has everywhere."""

import itertools
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

from app.charts import curve_figures, direction_figures, flow_figure, odr_figures, scr_figures
from app.charts.health_figure import HEALTH_KEYS, HEALTH_PANELS
from app.charts.parts import THEMES, curve_labels, nice_ceiling, theme_of, thinned
from app.charts.step_panels import MARGIN, Panel, keys_of, panels_height, step_panels
from app.panel_data import alarm_limits, wanted_directions
from app.runs import Runs
from layouts import live
from pointins_engine.config import OdrConfig, RunConfig, ScrConfig
from pointins_engine.offset_prior.record import PriorRecord, Provenance
from pointins_engine.run_log.records import SCALARS
from pointins_engine.run_log.store import RunStore

STYLE = Path(__file__).parents[2] / "assets/style.css"
CONTRAST_OF_TEXT, CONTRAST_OF_MARKS = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11
VIEWS = odr_figures.VIEWS


@pytest.fixture(scope="module")
def stats(folder):
    return Runs(RunStore(folder)).stats("rooms", "room_0001", 20)


@pytest.fixture(scope="module")
def rows(folder):
    return Runs(RunStore(folder)).stats_series("rooms", "room_0001")


@pytest.fixture(scope="module")
def scalars(folder):
    return Runs(RunStore(folder)).scalars("rooms")


@pytest.fixture(params=sorted(THEMES))
def theme(request):
    return THEMES[request.param]


def health(scalars, theme, marks=(), cursor=0, total_steps=800):
    return step_panels(
        HEALTH_PANELS,
        scalars,
        marks,
        name="health",
        total_steps=total_steps,
        cursor=cursor,
        theme=theme,
    )


def steps_of_odr(rows, theme, marks=(), cursor=20, limits=None):
    series = curve_figures.frame_series(rows, keys_of(curve_figures.ODR_PANELS))
    panels = curve_figures.ODR_PANELS
    return step_panels(
        *(panels, series, marks),
        name="odr-steps",
        total_steps=800,
        cursor=cursor,
        theme=theme,
        limits=limits,
    )


def all_figures(stats, rows, scalars, theme):
    marks = [(80, "offset loss"), (20, "checkpoint"), (30, "resume"), (35, "edit")]
    return [
        *(odr_figures.lengths(stats["odr"], view, theme) for view in VIEWS),
        direction_figures.directions(stats["odr"], theme),
        direction_figures.sphere(stats["odr"], theme),
        scr_figures.segments(stats["scr"], theme, 500),
        scr_figures.sizes(stats["scr"], theme, 500),
        flow_figure.flow(stats["scr"], theme),
        curve_figures.losses(scalars, marks, total_steps=800, cursor=20, theme=theme),
        steps_of_odr(rows, theme, marks, limits={"odr_misses": 0.05}),
        health(scalars, theme, [(30, "alarm")]),
    ]


def test_every_figure_is_one_that_plotly_knows(stats, rows, scalars, theme):
    for figure in all_figures(stats, rows, scalars, theme):
        go.Figure(figure)  # raises on a property or value that does not exist


def test_no_chart_takes_a_webgl_context(stats, rows, scalars, theme):
    figures = all_figures(stats, rows, scalars, theme)
    assert {trace["type"] for f in figures for trace in f["data"]} <= {"scatter", "bar", "heatmap"}


def test_zoom_survives_an_update_and_ranges_are_fixed(stats, rows, scalars, theme):
    for figure in all_figures(stats, rows, scalars, theme):
        layout = figure["layout"]
        assert layout["uirevision"]
        axes = [layout[name] for name in layout if re.fullmatch(r"[xy]axis\d?", name)]
        assert axes and all(len(axis["range"]) == 2 and axis["fixedrange"] for axis in axes)


# -- ODR --------------------------------------------------------------------------------------


def traces_of(stats, view, theme):
    data = odr_figures.lengths(stats["odr"], view, theme)["data"]
    return {trace["name"]: trace for trace in data}


@pytest.mark.parametrize("view", VIEWS)
def test_lengths_end_with_an_empty_trace_for_the_selection(stats, view, theme):
    figure = odr_figures.lengths(stats["odr"], view, theme)
    last = figure["data"][-1]
    assert (last["name"], last["x"], last["y"]) == ("selection", [], [])
    assert last["line"]["color"] == theme.text
    meta = figure["layout"]["meta"]
    assert meta["prior"] == stats["odr"]["quantiles"]["prior"] and meta["view"] == view


def test_all_distributions_lie_on_the_same_bins(stats, theme):
    odr, traces = stats["odr"], traces_of(stats, "density", theme)
    edges = traces["prior"]["x"]
    assert edges[0] == 0 and edges[-1] == odr["max_m"] and len(edges) == odr["num_bins"] + 1
    for name, label in odr_figures.NAMES.items():
        assert traces[label]["x"] == edges
        assert traces[label]["y"][:-1] == odr[name]
        assert traces[label]["line"]["color"] == getattr(theme, name)


def test_all_views_share_one_axis_of_lengths(stats, theme):
    ranges = [
        odr_figures.lengths(stats["odr"], view, theme)["layout"]["xaxis"]["range"] for view in VIEWS
    ]
    assert ranges == [[0, stats["odr"]["max_m"]]] * len(VIEWS)


def test_a_run_without_a_student_draws_the_rest(stats, theme):
    odr = {k: v for k, v in stats["odr"].items() if "student" not in k}
    odr["quantiles"] = {k: v for k, v in odr["quantiles"].items() if k != "student"}
    for view in VIEWS:
        names = [trace["name"] for trace in odr_figures.lengths(odr, view, theme)["data"]]
        assert "student" not in names and "after ODR" in names


def test_an_unknown_view_is_the_density(stats, theme):
    assert odr_figures.lengths(stats["odr"], "pie", theme)["layout"]["meta"]["view"] == "density"


def test_a_peak_that_the_axis_cuts_is_written_beside_it(stats, theme):
    odr = {**stats["odr"], "before": [0.9] + [0.0] * 46 + [0.1]}
    layout = odr_figures.lengths(odr, "density", theme)["layout"]
    assert "↑ 90 %" in [note["text"] for note in layout["annotations"]]


def test_the_range_depends_on_the_prior_alone(stats, theme):
    """So it stays while the teacher's distribution moves."""
    moved = {**stats["odr"], "before": [1.0] + [0.0] * 47}
    ranges = [
        odr_figures.lengths(odr, "density", theme)["layout"]["yaxis"]["range"]
        for odr in (stats["odr"], moved)
    ]
    assert ranges[0] == ranges[1]


def test_offsets_that_have_the_prior_lie_on_the_diagonal(stats, theme):
    quantiles = stats["odr"]["quantiles"]
    odr = {**stats["odr"], "quantiles": {**quantiles, "before": quantiles["prior"]}}
    line = {t["name"]: t for t in odr_figures.lengths(odr, "qq", theme)["data"]}["before ODR"]
    assert line["x"] == line["y"]


def test_the_map_of_odr_leads_from_the_quantiles_before_to_those_after(stats, theme):
    traces, quantiles = traces_of(stats, "map", theme), stats["odr"]["quantiles"]
    assert traces["after ODR"]["x"] == quantiles["before"]
    assert traces["after ODR"]["y"] == quantiles["after"]


def test_the_slope_of_a_map_that_doubles_lengths_is_two():
    before = np.linspace(0.1, 1.0, 101)
    middles, slopes = odr_figures.slopes_of(before.tolist(), (2 * before).tolist(), 0.001)
    assert slopes == pytest.approx([2.0] * 100, rel=1e-3)
    assert middles[0] == pytest.approx(0.1045)


def test_equal_lengths_have_no_slope_between_them():
    middles, slopes = odr_figures.slopes_of([0.0, 0.0, 0.0, 0.5], [0.1, 0.2, 0.3, 0.4], 0.01)
    assert middles == [0.25] and slopes == [pytest.approx(0.6)]


def test_directions_are_compared_with_uniform_ones(stats, theme):
    data = direction_figures.directions(stats["odr"], theme)["data"]
    wanted = [trace for trace in data if trace["name"] == "wanted"]
    shares = [1 / len(axis) for axis in stats["odr"]["direction_before"]]
    assert [trace["y"][0] for trace in wanted] == pytest.approx(shares)
    assert [trace.get("xaxis") for trace in wanted] == ["x", "x2", "x3"]
    assert all(trace["line"]["dash"] == "dash" for trace in wanted)


def test_directions_are_compared_with_the_measured_ones_where_odr_takes_those(stats, theme):
    down = tuple(np.linspace(-1, 0, 33))  # every offset points downwards
    even = tuple(np.linspace(-1, 1, 33))
    prior = PriorRecord(
        name="mine",
        kind="exponential",
        parameters={"scale": 0.5},
        direction=(even, even, down),
        provenance=Provenance(method="labels", source="rooms", labels_used=True),
    )
    uniform, measured = RunConfig(), RunConfig(odr=OdrConfig(direction_prior="empirical"))
    assert wanted_directions(uniform, prior) is None
    assert wanted_directions(measured, None) is None
    tables = wanted_directions(measured, prior)
    data = direction_figures.directions(stats["odr"], theme, tables)["data"]
    lines = [trace["y"][:-1] for trace in data if trace["name"] == "wanted"]
    num = len(lines[0])
    assert lines[0] == pytest.approx([1 / num] * num, abs=1e-6)
    assert lines[2] == pytest.approx([2 / num] * (num // 2) + [0] * (num // 2), abs=1e-6)


def test_the_sphere_shows_how_many_times_the_uniform_share_a_bin_has(stats, theme):
    rows, columns = direction_figures.SPHERE_ROWS, direction_figures.SPHERE_COLUMNS
    shares = np.full(rows * columns, 1 / (rows * columns))
    shares[3 * columns + 5] *= 2
    odr = {"sphere_before": shares.tolist(), "sphere_after": [0.0] * (rows * columns)}
    before, after = direction_figures.sphere(odr, theme)["data"]
    assert before["z"][3][5] == 1 and before["z"][3][4] == 0  # doublings
    assert before["customdata"][3][5] == 2
    assert {value for row in after["z"] for value in row} == {-direction_figures.SPHERE_SPAN}
    assert before["y0"] + 3 * before["dy"] == pytest.approx(-1 + 3.5 / 6)  # z of that band


def test_unevenness_is_chi_squared_over_n():
    counts = np.random.default_rng(0).multinomial(5000, [1 / 288] * 288)
    odr = {"sphere_before": (counts / 5000).tolist(), "sphere_after": [1 / 288] * 288}
    expected = 5000 / 288
    before, after = direction_figures.unevenness(odr)
    assert before == pytest.approx(float(((counts - expected) ** 2 / expected).sum()) / 5000)
    assert after == pytest.approx(0, abs=1e-12)


# -- SCR --------------------------------------------------------------------------------------


def test_the_bars_of_a_segment_add_up_to_its_cells(stats, theme):
    segments = stats["scr"]["segments"]
    bars = scr_figures.segments(stats["scr"], theme, 500)["data"]
    assert [bar["name"] for bar in bars] == ["largest", "in others", "in none"]
    assert np.sum([bar["y"] for bar in bars], axis=0).tolist() == [s["cells"] for s in segments]
    assert bars[0]["x"] == [s["segment"] for s in segments]
    assert bars[-1]["text"] == [str(s["components"]) for s in segments]


def test_the_axis_of_segments_says_k_and_has_room_for_all_of_them(stats, theme):
    axis = scr_figures.segments({**stats["scr"], "num_segments": 20}, theme, 500)["layout"]["xaxis"]
    assert "K = 20" in axis["title"]["text"] and axis["range"] == [-0.7, 19.7]


def test_sizes_come_largest_first(stats, theme):
    (bars,) = scr_figures.sizes(stats["scr"], theme, 500)["data"]
    assert bars["y"] == sorted(stats["scr"]["sizes"], reverse=True)
    assert scr_figures.sizes({"sizes": []}, theme, 1)["data"][0]["y"] == []


def test_the_axes_of_cells_stay_while_the_cursor_moves(rows, theme):
    most = scr_figures.most_cells(rows)
    assert most[0] == max(s["cells"] for row in rows for s in row["scr"]["segments"])
    assert most[1] == max(max(row["scr"]["sizes"]) for row in rows)
    for draw, top in ((scr_figures.segments, most[0]), (scr_figures.sizes, most[1])):
        ends = {draw(row["scr"], theme, top)["layout"]["yaxis"]["range"][1] for row in rows}
        assert len(ends) == 1 and ends.pop() >= top
    assert scr_figures.most_cells([{"scr": None}]) == (1, 1)


def blocks(transitions, changed=()):
    before, now, ribbons = flow_figure.arrange(transitions, changed)
    cells = {(r.before.row, r.now.row): (r.cells, r.is_change) for r in ribbons}
    return [b.row for b in before], [b.row for b in now], cells


def test_blocks_stand_by_size_and_beside_what_they_became():
    before, now, cells = blocks([[0, 1, 50], [1, 0, 80]])
    assert now == [0, 1] and before == [1, 0]
    assert cells == {(0, 1): (50, False), (1, 0): (80, False)}


def test_parts_of_merges_and_splits_stand_out():
    _, _, cells = blocks([[0, 0, 60], [1, 0, 40], [2, 1, 30], [2, 0, 3]], [[0, 0], [1, 0]])
    assert {pair for pair, (_, is_change) in cells.items() if is_change} == {(0, 0), (1, 0)}


def test_many_small_pseudo_instances_are_one_block():
    rows = flow_figure.MAX_BLOCKS + 10
    before, now, cells = blocks([[k, k, 100 - k] for k in range(rows)])
    assert len(before) == len(now) == flow_figure.MAX_BLOCKS and now[-1] == flow_figure.REST
    assert sum(count for count, _ in cells.values()) == sum(100 - k for k in range(rows))
    assert not any(is_change for _, is_change in cells.values())


def test_ribbons_fill_their_blocks_and_do_not_leave_the_chart(stats):
    before, now, ribbons = flow_figure.arrange([[0, 0, 60], [1, 0, 40], [1, 1, 20], [2, 1, 90]])
    for side, blocks in (("before", before), ("now", now)):
        for block in blocks:
            own = [r for r in ribbons if getattr(r, side).row == block.row]
            assert sum(r.cells for r in own) == block.cells
            tops = sorted(getattr(r, f"top_{side}") for r in own)
            assert tops[0] == pytest.approx(block.top)
        assert blocks[-1].top + blocks[-1].height == pytest.approx(1)


# -- over the steps ---------------------------------------------------------------------------


def test_the_first_line_of_a_chart_over_steps_is_the_time_cursor(scalars, rows, theme):
    """The browser moves shape 0; see assets/studio.js."""
    for cursor in (None, 30):
        figures = [
            curve_figures.losses(scalars, [], total_steps=800, cursor=cursor, theme=theme),
            steps_of_odr(rows, theme, [(10, "alarm")], cursor=cursor),
            health(scalars, theme, cursor=cursor),
        ]
        for figure in figures:
            line = figure["layout"]["shapes"][0]
            assert (line["x0"], line["visible"]) == (cursor or 0, cursor is not None)


def test_losses_are_drawn_from_the_logged_values(scalars, theme):
    marks = [(20, "checkpoint")]
    figure = curve_figures.losses(scalars, marks, total_steps=800, cursor=0, theme=theme)
    by_name = {trace["name"]: trace for trace in figure["data"]}
    assert by_name["total"]["x"] == scalars["loss/total"][0]
    assert by_name["offset"]["y"] == scalars["loss/offset"][1]
    assert by_name["checkpoint"]["x"] == [20]
    assert figure["layout"]["xaxis"]["range"] == [0, 800]


def test_edits_and_alarms_are_marked_on_every_chart_over_steps(scalars, rows, theme):
    marks = [(30, "edit"), (40, "alarm")]
    for figure in (
        curve_figures.losses(scalars, marks, total_steps=800, cursor=0, theme=theme),
        steps_of_odr(rows, theme, marks),
        health(scalars, theme, marks),
    ):
        lines = {shape["x0"]: shape["line"]["color"] for shape in figure["layout"]["shapes"][1:]}
        assert lines[30] == theme.semantic and lines[40] == theme.danger


def test_a_run_without_an_offset_loss_is_drawn(theme):
    scalars = {"loss/total": ([0, 1], [2.0, None])}
    figure = curve_figures.losses(scalars, [], total_steps=10, cursor=None, theme=theme)
    assert [trace["name"] for trace in go.Figure(figure).data] == ["total", "checkpoint"]


@pytest.mark.parametrize("heights", [[1.0, 1.0, 1.0], [0.0, 0.0, 0.1], [0.5, 1.0, 0.98]])
def test_labels_of_curves_that_end_together_stand_apart_inside_the_chart(heights):
    rows = [(([0, 10], [0.0, height]), str(k), "#fff") for k, height in enumerate(heights)]
    at = sorted(note["y"] for note in curve_labels(rows, 1.0, "y", gap=0.2))
    assert all(b - a >= 0.2 - 1e-9 for a, b in itertools.pairwise(at))
    assert at[0] >= 0 and at[-1] <= 1


def test_figures_of_frames_become_series_and_missing_ones_are_left_out(rows):
    keys = ("odr.w1_before_m", "scr.ari_before", "scr.nothing")
    series = curve_figures.frame_series(rows, keys)
    assert set(series) == {"odr.w1_before_m", "scr.ari_before"}
    steps, values = series["odr.w1_before_m"]
    assert steps == [row["step"] for row in rows]
    assert values == [row["odr"]["w1_before_m"] for row in rows]
    assert series["scr.ari_before"][1][0] is None  # the first frame has none before it


def test_health_draws_each_logged_figure_on_the_axis_of_its_panel(scalars, theme):
    figure = health(scalars, theme, [(30, "alarm")], cursor=None)
    layout, data = figure["layout"], figure["data"]
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
    layout = health(scalars, theme, total_steps=20)["layout"]
    assert [note["text"] for note in layout["annotations"]] == [
        "Collapse: effective rank of the features",
        "rank",
    ]
    assert len(go.Figure(health({}, theme, total_steps=20)).data) == 0


def test_the_times_of_the_stages_stand_on_each_other_below_the_end_of_their_axis(scalars, theme):
    figure = health(scalars, theme)
    stacked = [trace for trace in figure["data"] if "stackgroup" in trace]
    axis = "yaxis" + stacked[0]["yaxis"][1:]
    total = sum(trace["y"][-1] for trace in stacked)
    assert total == pytest.approx(0.5) and total <= figure["layout"][axis]["range"][1] <= 2 * total
    named = {note["text"] for note in figure["layout"]["annotations"]}
    assert "student" in named and "EMA" not in named  # 2 % of a step need no name


def test_bounds_of_alarms_are_drawn_where_they_are_on_the_axis(rows, theme):
    limits = {"odr_misses": 0.05, "zero_offsets": 0.95}
    shapes = steps_of_odr(rows, theme, limits=limits)["layout"]["shapes"]
    drawn = [(s["y0"], s["yref"]) for s in shapes if s["xref"] == "paper"]
    assert drawn == [(0.05, "y"), (0.95, "y3")]
    far = steps_of_odr(rows, theme, limits={"odr_misses": 1e6})["layout"]["shapes"]
    assert all(shape["xref"] == "x" for shape in far)


def test_bounds_are_in_the_units_of_what_is_logged():
    prior = PriorRecord(
        name="mine",
        kind="exponential",
        parameters={"scale": 0.5},
        provenance=Provenance(method="configured", source="here", labels_used=False),
    )
    limits = alarm_limits(RunConfig(), prior)
    assert limits["odr_misses"] == pytest.approx(0.05)  # metres: a tenth of the prior's mean
    assert limits["zero_offsets"] == 0.95 and limits["scr_inert"] == 0.8
    assert "extent_growth" not in limits and "odr_misses" not in alarm_limits(RunConfig(), None)
    clipped = replace(RunConfig(), odr=OdrConfig(clip=True), scr=ScrConfig(grouping="affinity"))
    assert not {"odr_misses", "scr_inert"} & alarm_limits(clipped, prior).keys()


def test_every_panel_names_alarms_that_there_are():
    known = set(alarm_limits(RunConfig(), None)) | {"odr_misses"}
    panels = (*HEALTH_PANELS, *curve_figures.ODR_PANELS, *curve_figures.SCR_PANELS)
    assert {alarm for panel in panels for alarm in panel.alarms} <= known


def test_cards_are_as_high_as_their_panels():
    heights = {
        live.ODR_STEPS_HEIGHT: curve_figures.ODR_PANELS,
        live.SCR_STEPS_HEIGHT: curve_figures.SCR_PANELS,
        live.HEALTH_HEIGHT: HEALTH_PANELS,
    }
    for height, panels in heights.items():
        assert height == panels_height(len(panels))
    assert panels_height(1) == 72 + MARGIN["t"] + MARGIN["b"]


def test_a_panel_names_its_reference_among_its_keys():
    panel = Panel(title="t", curves=(("a", "a", "text"),), reference="b")
    assert keys_of([panel]) == ("a", "b")


def test_every_figure_of_health_is_declared():
    assert set(HEALTH_KEYS) <= set(SCALARS)
    assert set(curve_figures.LOSS_KEYS) <= set(SCALARS)


def test_figures_over_the_steps_are_recorded_ones(stats):
    keys = keys_of(curve_figures.ODR_PANELS) + keys_of(curve_figures.SCR_PANELS)
    assert all(key.split(".")[1] in stats[key.split(".")[0]] for key in keys)


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
