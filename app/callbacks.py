"""What joins pages and data. Each callback asks `Runs`, hands on, and decides nothing else.

Whatever moves with the hand (camera, time cursor) stays in the browser; these run a few times a
second at most. A callback that has nothing new to show answers `no_update`.
"""

import hashlib
from typing import Any
from urllib.parse import unquote

from dash import ClientsideFunction, Dash, Input, Output, State, no_update

from app import figures
from app.chart_parts import theme_of
from app.health_figure import HEALTH_KEYS, health
from app.runs import Runs
from app.scene_api import SceneBrowser
from app.scene_callbacks import add_scene_callbacks, scenes_page
from app.thumbnails import Thumbnails
from layouts import ids, live
from layouts import runs as runs_layout
from layouts.shell import rail_classes

LOG_LINES = 12
ODR_KEYS = {
    *("num_bins", "max_m", "prior", "before", "after"),
    *("direction_before", "direction_after"),
}


def add_callbacks(dash: Dash, runs: Runs, thumbnails: Thumbnails, browser: SceneBrowser) -> None:
    _add_navigation(dash, runs, browser)
    _add_run_list(dash, runs, thumbnails)
    _add_frame_panels(dash, runs)
    _add_run_panels(dash, runs)
    add_scene_callbacks(dash, browser)


def _add_navigation(dash: Dash, runs: Runs, browser: SceneBrowser) -> None:
    @dash.callback(
        Output(ids.PAGE, "children"),
        Output(ids.RAIL_RUNS, "className"),
        Output(ids.RAIL_LIVE, "className"),
        Output(ids.RAIL_SCENES, "className"),
        Input(ids.URL, "pathname"),
        State(ids.URL, "search"),
    )
    def show_page(path: str | None, search: str | None) -> Any:
        name, _, run_id = (path or "/").strip("/").partition("/")
        if name == "live":
            return (_live_page(runs, run_id), *rail_classes("live"))
        if name == "scenes":
            return (scenes_page(browser, unquote(run_id), search), *rail_classes("scenes"))
        if name:
            return (runs_layout.no_such_page(), *rail_classes(""))
        return (runs_layout.runs_page(str(runs.root)), *rail_classes("runs"))

    dash.clientside_callback(
        ClientsideFunction("studio", "theme"),
        Output(ids.THEME, "data"),
        Input(ids.THEME_TOGGLE, "n_clicks"),
    )


def _live_page(runs: Runs, run_id: str) -> Any:
    """The page of a run; without an id, of the run that goes on now or else of the newest."""
    known = runs.ids()
    if not run_id and known:
        rows = runs.summaries()
        run_id = next((row["id"] for row in rows if row["status"] == "running"), known[0])
    if not run_id:
        return runs_layout.nothing_live(_example(runs))
    if run_id not in known:
        return runs_layout.no_such_run(run_id, known)
    row = runs.summary_or_damage(run_id)
    if row["status"] == "damaged":
        return runs_layout.damaged_run(run_id, row["detail"])
    return live.live_page(run_id)


def _add_run_list(dash: Dash, runs: Runs, thumbnails: Thumbnails) -> None:
    @dash.callback(
        Output(ids.RUNS_LIST, "children"),
        Output(ids.RUNS_SHOWN, "data"),
        Input(ids.RUNS_TICK, "n_intervals"),
        State(ids.RUNS_SHOWN, "data"),
    )
    def show_runs(_: int | None, shown: Any) -> Any:
        rows = [{**row, "thumbnail": thumbnails.url(row["id"])} for row in runs.summaries()]
        key = _digest([{**row, "age_s": None} for row in rows])
        if key == shown:
            return no_update, no_update
        return runs_layout.run_list(rows) if rows else runs_layout.no_runs(_example(runs)), key


def _add_frame_panels(dash: Dash, runs: Runs) -> None:
    @dash.callback(
        Output(ids.FRAME_SHOWN, "data"),
        Output(ids.ODR_FACTS, "children"),
        Output(ids.ODR_MAGNITUDE, "figure"),
        Output(ids.ODR_DIRECTIONS, "figure"),
        Output(ids.ODR_BODY, "className"),
        Output(ids.SCR_FACTS, "children"),
        Output(ids.SCR_SIZES, "figure"),
        Output(ids.SCR_BODY, "className"),
        Input(ids.LIVE_CURSOR, "data"),
        Input(ids.LIVE_TICK, "n_intervals"),
        Input(ids.THEME, "data"),
        State(ids.LIVE_RUN, "data"),
        State(ids.FRAME_SHOWN, "data"),
    )
    def show_frame(cursor: Any, _: int | None, theme: str | None, run_id: str, shown: Any) -> Any:
        place = _frame_at(runs, run_id, cursor)
        key = [*place, theme] if place else None
        if place is None or key == shown:
            return [no_update] * 8
        stats = runs.stats(run_id, place[0], place[1])
        return [key, *_odr_panel(stats.get("odr"), theme), *_scr_panel(stats.get("scr"), theme)]

    dash.clientside_callback(
        ClientsideFunction("studio", "moveTimeLine"), Input(ids.LIVE_CURSOR, "data")
    )
    for chart in (ids.CURVES, ids.HEALTH):
        dash.clientside_callback(ClientsideFunction("studio", "seek"), Input(chart, "clickData"))


def _odr_panel(odr: dict[str, Any] | None, theme: str | None) -> list[Any]:
    if not odr or not ODR_KEYS <= odr.keys():  # a run of another version may lack them
        return [[], no_update, no_update, live.WAITING_BODY]
    colours = theme_of(theme)
    charts = figures.odr_magnitude(odr, colours), figures.odr_directions(odr, colours)
    return [live.odr_facts(odr), *charts, ""]


def _scr_panel(scr: dict[str, Any] | None, theme: str | None) -> list[Any]:
    if not scr or "sizes" not in scr:
        return [[], no_update, live.WAITING_BODY]
    return [live.scr_facts(scr), figures.scr_sizes(scr, theme_of(theme)), ""]


def _add_run_panels(dash: Dash, runs: Runs) -> None:
    @dash.callback(
        Output(ids.LIVE_TOP, "children"),
        Output(ids.LIVE_BANNER, "children"),
        Output(ids.LIVE_ALARMS, "children"),
        Output(ids.RUN_FACTS, "children"),
        Output(ids.RUN_LOG, "children"),
        Input(ids.LIVE_TICK, "n_intervals"),
        Input(ids.LIVE_NOTICE, "data"),
        State(ids.LIVE_RUN, "data"),
    )
    def show_state(_: int | None, notice: Any, run_id: str) -> Any:
        details = runs.details(run_id)
        log = details["log"][-LOG_LINES:]
        return (
            live.live_top(details),
            live.banner(details, _resume_command(runs, details), log),
            live.alarms(details["alarms"]),
            live.run_facts(details),
            "\n".join(log) or "The log is empty.",
        )

    @dash.callback(
        Output(ids.CURVES, "figure"),
        Output(ids.CURVES_BODY, "className"),
        Output(ids.CURVES_SHOWN, "data"),
        Input(ids.LIVE_TICK, "n_intervals"),
        Input(ids.LIVE_NOTICE, "data"),
        Input(ids.THEME, "data"),
        State(ids.LIVE_RUN, "data"),
        State(ids.LIVE_CURSOR, "data"),
        State(ids.CURVES_SHOWN, "data"),
    )
    def show_curves(
        _: int | None, notice: Any, theme: str | None, run_id: str, cursor: Any, shown: Any
    ) -> Any:
        scalars = runs.scalars(run_id, figures.CURVE_KEYS)
        marks = runs.step_marks(run_id)
        key = [{name: len(steps) for name, (steps, _) in scalars.items()}, len(marks), theme]
        if not scalars or key == shown:
            return no_update, no_update, no_update
        figure = figures.curves(
            scalars,
            marks,
            total_steps=runs.summary(run_id)["total_steps"],
            cursor=(cursor or {}).get("step"),
            theme=theme_of(theme),
        )
        return figure, "", key

    @dash.callback(
        Output(ids.HEALTH, "figure"),
        Output(ids.HEALTH_BODY, "className"),
        Output(ids.HEALTH_SHOWN, "data"),
        Input(ids.LIVE_TICK, "n_intervals"),
        Input(ids.LIVE_NOTICE, "data"),
        Input(ids.THEME, "data"),
        State(ids.LIVE_RUN, "data"),
        State(ids.LIVE_CURSOR, "data"),
        State(ids.HEALTH_SHOWN, "data"),
    )
    def show_health(
        _: int | None, notice: Any, theme: str | None, run_id: str, cursor: Any, shown: Any
    ) -> Any:
        scalars = runs.scalars(run_id, HEALTH_KEYS)
        alarms = [step for step, kind in runs.step_marks(run_id) if kind == "alarm"]
        key = [{name: len(steps) for name, (steps, _) in scalars.items()}, len(alarms), theme]
        if not scalars or key == shown:
            return no_update, no_update, no_update
        figure = health(
            scalars,
            alarms,
            total_steps=runs.summary(run_id)["total_steps"],
            cursor=(cursor or {}).get("step"),
            theme=theme_of(theme),
        )
        return figure, "", key


def _frame_at(runs: Runs, run_id: str, cursor: Any) -> tuple[str, int, str] | None:
    """Scene, step and version of the frame to describe: the drawn one, or else the newest."""
    if isinstance(cursor, dict) and cursor.get("run") == run_id:
        scene, step = cursor.get("scene"), cursor.get("step")
        if isinstance(scene, str) and isinstance(step, int):
            return (scene, step, runs.version(run_id))
    head = runs.head(run_id)
    newest = next(iter(head["latest"].items()), None)
    return None if newest is None else (*newest, head["version"])


def _resume_command(runs: Runs, details: dict[str, Any]) -> str:
    """The command that goes on with a run: the one that started it, with --resume."""
    started = details["command"] or (
        f"pointins pretrain {details['recipe']} --run {runs.root / details['id']}"
    )
    return started if "--resume" in started.split() else f"{started} --resume"


def _digest(rows: list[dict[str, Any]]) -> str:
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def _example(runs: Runs) -> str:
    return f"pointins pretrain indoor_demo --run {runs.root / 'rooms'}"
