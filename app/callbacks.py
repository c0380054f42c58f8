"""What joins the panels of a run and its data. Each callback asks `Runs` and hands on.

Whatever moves with the hand (camera, time cursor, brush) stays in the browser; these run a few
times a second at most. The frame to describe is asked for one at a time by `assets/panels`, the
last one wins. A callback that has nothing new to show answers `no_update`.
"""

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update

from app.charts import curve_figures, direction_figures, odr_figures, scr_figures
from app.charts.flow_figure import flow
from app.charts.health_figure import HEALTH_KEYS, HEALTH_PANELS
from app.charts.parts import Figure, Theme, theme_of
from app.charts.step_panels import keys_of, step_panels
from app.panel_data import alarm_limits, prior_of, wanted_directions
from app.run_callbacks import add_run_callbacks
from app.runs import Runs
from app.scenes.api import SceneBrowser
from app.scenes.callbacks import add_scene_callbacks
from app.thumbnails import Thumbnails
from layouts import ids, odr_card, scr_card
from layouts.live import READY, WAITING
from layouts.states import ALIVE
from pointins_engine.errors import RunError

ODR_KEYS = {
    *("num_bins", "max_m", "prior", "before", "after", "quantiles"),
    *("direction_before", "direction_after"),
}
SCR_STEP_KEYS = keys_of(curve_figures.SCR_PANELS)
ODR_STEP_KEYS = keys_of(curve_figures.ODR_PANELS)
NO_ROOM = {"display": "none"}
STEP_CHARTS = (ids.LOSSES, ids.HEALTH, ids.ODR_STEPS, ids.SCR_STEPS)


def add_callbacks(dash: Dash, runs: Runs, thumbnails: Thumbnails, browser: SceneBrowser) -> None:
    add_run_callbacks(dash, runs, thumbnails, browser)
    _add_browser_side(dash)
    _add_frame_panels(dash, runs)
    _add_step_panels(dash, runs)
    _add_training_panels(dash, runs)
    add_scene_callbacks(dash, browser)


def _add_browser_side(dash: Dash) -> None:
    dash.clientside_callback(
        ClientsideFunction("panels", "want"),
        Input(ids.LIVE_CURSOR, "data"),
        Input(ids.LIVE_TICK, "n_intervals"),
        Input(ids.FRAME_ANSWERED, "data"),
    )
    dash.clientside_callback(
        ClientsideFunction("panels", "beat"),
        Output(ids.STEPS_BEAT, "data"),
        Input(ids.LIVE_TICK, "n_intervals"),
        Input(ids.LIVE_NOTICE, "data"),
    )
    dash.clientside_callback(
        ClientsideFunction("studio", "moveTimeLine"), Input(ids.LIVE_CURSOR, "data")
    )
    for chart in STEP_CHARTS:
        dash.clientside_callback(ClientsideFunction("studio", "seek"), Input(chart, "clickData"))


# -- one frame ----------------------------------------------------------------------------------

ODR_OUTPUTS = {
    "odr_body": Output(ids.ODR_BODY, "className"),
    "odr_facts": Output(ids.ODR_FACTS, "children"),
    "collapse": Output(ids.ODR_COLLAPSE, "children"),
    "collapse_class": Output(ids.ODR_COLLAPSE, "className"),
    "lengths": Output(ids.ODR_LENGTHS, "figure"),
    "uniformity": Output(ids.ODR_UNIFORMITY, "children"),
    "sphere": Output(ids.ODR_SPHERE, "figure"),
    "sphere_room": Output(ids.ODR_SPHERE_BODY, "style"),
    "directions": Output(ids.ODR_DIRECTIONS, "figure"),
    "directions_note": Output(ids.ODR_DIRECTIONS_NOTE, "children"),
}
SCR_OUTPUTS = {
    "scr_body": Output(ids.SCR_BODY, "className"),
    "scr_facts": Output(ids.SCR_FACTS, "children"),
    "segments": Output(ids.SCR_SEGMENTS, "figure"),
    "segments_note": Output(ids.SCR_SEGMENTS_NOTE, "children"),
    "segments_room": Output(ids.SCR_SEGMENTS_BODY, "style"),
    "table": Output(ids.SCR_TABLE, "children"),
    "sizes": Output(ids.SCR_SIZES, "figure"),
    "changes": Output(ids.SCR_CHANGES, "children"),
    "flow": Output(ids.SCR_FLOW, "figure"),
    "flow_room": Output(ids.SCR_FLOW_BODY, "style"),
}


def _add_frame_panels(dash: Dash, runs: Runs) -> None:
    outputs = {
        "answered": Output(ids.FRAME_ANSWERED, "data"),
        "shown": Output(ids.FRAME_SHOWN, "data"),
        **ODR_OUTPUTS,
        **SCR_OUTPUTS,
    }

    @dash.callback(
        output=outputs,
        inputs={
            "wanted": Input(ids.FRAME_WANTED, "data"),
            "theme": Input(ids.THEME, "data"),
            "view": Input(ids.ODR_VIEW, "value"),
            "run_id": State(ids.LIVE_RUN, "data"),
            "shown": State(ids.FRAME_SHOWN, "data"),
        },
    )
    def show_frame(wanted: Any, theme: str | None, view: str, run_id: str, shown: Any) -> Any:
        wanted = wanted if isinstance(wanted, dict) else {}
        answer = dict.fromkeys(outputs, no_update) | {"answered": wanted.get("ask")}
        try:
            place = _frame_at(runs, run_id, wanted.get("cursor"))
            key = [*place, theme, view] if place else None
            if place is None or key == shown:
                return answer
            stats, colours = runs.stats(run_id, place[0], place[1]), theme_of(theme)
            odr = odr_panel(runs, run_id, place[1], stats.get("odr"), view, colours)
            most = scr_figures.most_cells(runs.stats_series(run_id, place[0]))
            scr = scr_panel(stats.get("scr"), colours, most)
        except RunError:  # the run or the frame went away; the browser asks on
            return answer
        return answer | {"shown": key} | odr | scr


def odr_panel(
    runs: Runs, run_id: str, step: int, odr: dict[str, Any] | None, view: str, theme: Theme
) -> dict[str, Any]:
    """Properties of the ODR card; a run of another version may lack some or all figures."""
    if not odr or not ODR_KEYS <= odr.keys():
        return {"odr_body": WAITING}
    prior, config = prior_of(runs, run_id), runs.config_at(run_id, step)
    limit = alarm_limits(config, prior)["zero_offsets"]
    raised = any(event["name"] == "zero_offsets" for event in runs.alarms(run_id))
    text, mood = odr_card.collapse_state(odr.get("zero_share"), limit, raised)
    tables = wanted_directions(config, prior)
    has_sphere = all(odr.get(key) for key in direction_figures.SPHERE_KEYS)
    uneven = direction_figures.unevenness(odr) if has_sphere else None
    return {
        "odr_body": READY,
        "odr_facts": odr_card.odr_table(odr, None if prior is None else prior.mean()),
        "collapse": text,
        "collapse_class": mood,
        "lengths": odr_figures.lengths(odr, view, theme),
        "uniformity": odr_card.uniformity_facts(odr, uneven),
        "sphere": direction_figures.sphere(odr, theme) if has_sphere else no_update,
        "sphere_room": {} if has_sphere else NO_ROOM,
        "directions": direction_figures.directions(odr, theme, tables),
        "directions_note": odr_card.DIRECTIONS_NOTE[tables is not None],
    }


def scr_panel(scr: dict[str, Any] | None, theme: Theme, most: tuple[int, int]) -> dict[str, Any]:
    """Properties of the SCR card; a run of another version may lack some or all figures."""
    if not scr or "sizes" not in scr:
        return {"scr_body": WAITING}
    has_segments, has_flow = bool(scr.get("segments")), bool(scr.get("transitions"))
    return {
        "scr_body": READY,
        "scr_facts": scr_card.scr_facts(scr),
        "segments": scr_figures.segments(scr, theme, most[0]) if has_segments else no_update,
        "segments_note": None if has_segments else odr_card.NOT_RECORDED,
        "segments_room": {} if has_segments else NO_ROOM,
        "table": scr_card.segment_table(scr) if has_segments else [],
        "sizes": scr_figures.sizes(scr, theme, most[1]),
        "changes": scr_card.change_facts(scr),
        "flow": flow(scr, theme) if has_flow else no_update,
        "flow_room": {} if has_flow else NO_ROOM,
    }


# -- over the steps -----------------------------------------------------------------------------


def _add_step_panels(dash: Dash, runs: Runs) -> None:
    @dash.callback(
        Output(ids.ODR_STEPS, "figure"),
        Output(ids.SCR_STEPS, "figure"),
        Output(ids.STEPS_SHOWN, "data"),
        Input(ids.STEPS_BEAT, "data"),
        Input(ids.FRAME_SHOWN, "data"),
        Input(ids.THEME, "data"),
        State(ids.LIVE_RUN, "data"),
        State(ids.LIVE_CURSOR, "data"),
        State(ids.STEPS_SHOWN, "data"),
    )
    def show_steps(
        _: Any, frame: Any, theme: str | None, run_id: str, cursor: Any, shown: Any
    ) -> Any:
        place = _frame_at(runs, run_id, cursor)
        if place is None:
            return no_update, no_update, no_update
        rows, marks = runs.stats_series(run_id, place[0]), runs.step_marks(run_id)
        key = [place[0], place[2], len(rows), len(marks), theme]
        if key == shown:
            return no_update, no_update, no_update
        limits = alarm_limits(runs.config(run_id), prior_of(runs, run_id))

        def chart(panels: Any, keys: tuple[str, ...], name: str) -> Figure:
            return step_panels(
                panels,
                curve_figures.frame_series(rows, keys),
                marks,
                name=name,
                total_steps=_last_step(runs, run_id),
                cursor=place[1],
                theme=theme_of(theme),
                limits=limits,
            )

        odr = chart(curve_figures.ODR_PANELS, ODR_STEP_KEYS, "odr-steps")
        return odr, chart(curve_figures.SCR_PANELS, SCR_STEP_KEYS, "scr-steps"), key


def _add_training_panels(dash: Dash, runs: Runs) -> None:
    @dash.callback(
        Output(ids.LOSSES, "figure"),
        Output(ids.LOSSES_BODY, "className"),
        Output(ids.LOSSES_SHOWN, "data"),
        Input(ids.STEPS_BEAT, "data"),
        Input(ids.THEME, "data"),
        State(ids.LIVE_RUN, "data"),
        State(ids.LIVE_CURSOR, "data"),
        State(ids.LOSSES_SHOWN, "data"),
    )
    def show_losses(_: Any, theme: str | None, run_id: str, cursor: Any, shown: Any) -> Any:
        scalars = runs.scalars(run_id, curve_figures.LOSS_KEYS)
        marks = runs.step_marks(run_id)
        key = [{name: len(steps) for name, (steps, _) in scalars.items()}, len(marks), theme]
        if not scalars or key == shown:
            return no_update, no_update, no_update
        figure = curve_figures.losses(
            scalars,
            marks,
            total_steps=_last_step(runs, run_id),
            cursor=(cursor or {}).get("step"),
            theme=theme_of(theme),
        )
        return figure, READY, key

    @dash.callback(
        Output(ids.HEALTH, "figure"),
        Output(ids.HEALTH_BODY, "className"),
        Output(ids.HEALTH_SHOWN, "data"),
        Input(ids.STEPS_BEAT, "data"),
        Input(ids.THEME, "data"),
        State(ids.LIVE_RUN, "data"),
        State(ids.LIVE_CURSOR, "data"),
        State(ids.HEALTH_SHOWN, "data"),
    )
    def show_health(_: Any, theme: str | None, run_id: str, cursor: Any, shown: Any) -> Any:
        scalars = runs.scalars(run_id, HEALTH_KEYS)
        marks = [mark for mark in runs.step_marks(run_id) if mark[1] in ("alarm", "edit")]
        key = [{name: len(steps) for name, (steps, _) in scalars.items()}, len(marks), theme]
        if not scalars or key == shown:
            return no_update, no_update, no_update
        figure = step_panels(
            HEALTH_PANELS,
            scalars,
            marks,
            name="health",
            total_steps=_last_step(runs, run_id),
            cursor=(cursor or {}).get("step"),
            theme=theme_of(theme),
            limits=alarm_limits(runs.config(run_id), prior_of(runs, run_id)),
        )
        return figure, READY, key


def _last_step(runs: Runs, run_id: str) -> int:
    """End of the axes of steps: what a run is to reach, or has reached when it ended."""
    row = runs.summary(run_id)
    return row["total_steps"] if row["status"] in ALIVE else max(row["step"], 1)


def _frame_at(runs: Runs, run_id: str, cursor: Any) -> tuple[str, int, str] | None:
    """Scene, step and version of the frame to describe: the drawn one, or else the newest."""
    if isinstance(cursor, dict) and cursor.get("run") == run_id:
        scene, step = cursor.get("scene"), cursor.get("step")
        if isinstance(scene, str) and isinstance(step, int):
            return (scene, step, runs.version(run_id))
    head = runs.head(run_id)
    newest = next(iter(head["latest"].items()), None)
    return None if newest is None else (*newest, head["version"])
