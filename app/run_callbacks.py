"""Which page an address leads to, the list of runs, and where a run stands.

Pages that steer or start a training talk to the API from the browser; here is nothing of that.
"""

import hashlib
from typing import Any
from urllib.parse import unquote

from dash import ClientsideFunction, Dash, Input, Output, State, no_update

from app.runs import Runs
from app.scenes.api import SceneBrowser
from app.scenes.callbacks import scenes_page
from app.thumbnails import Thumbnails
from layouts import ids, launch, live, recording, segment, states
from layouts import runs as runs_layout
from layouts.shell import rail_classes

LOG_LINES = 12


def add_run_callbacks(
    dash: Dash, runs: Runs, thumbnails: Thumbnails, browser: SceneBrowser
) -> None:
    _add_navigation(dash, runs, browser)
    _add_run_list(dash, runs, thumbnails)
    _add_state(dash, runs)


def _add_navigation(dash: Dash, runs: Runs, browser: SceneBrowser) -> None:
    @dash.callback(
        Output(ids.PAGE, "children"),
        Output(ids.RAIL_RUNS, "className"),
        Output(ids.RAIL_LIVE, "className"),
        Output(ids.RAIL_SCENES, "className"),
        Output(ids.RAIL_SEGMENT, "className"),
        Output(ids.RAIL_LAUNCH, "className"),
        Input(ids.URL, "pathname"),
        State(ids.URL, "search"),
    )
    def show_page(path: str | None, search: str | None) -> Any:
        name, _, rest = (path or "/").strip("/").partition("/")
        if name == "live":
            return (_live_page(runs, rest), *rail_classes("live"))
        if name == "scenes":
            return (scenes_page(browser, unquote(rest), search), *rail_classes("scenes"))
        if name == "segment":
            page = segment.result_page(unquote(rest)) if rest else segment.start_page()
            return (page, *rail_classes("segment"))
        if name == "launch":
            return (launch.launch_page(str(runs.root)), *rail_classes("launch"))
        if name:
            return (runs_layout.no_such_page(), *rail_classes(""))
        return (runs_layout.runs_page(str(runs.root)), *rail_classes("runs"))

    @dash.callback(
        Output(ids.PAGE, "children", allow_duplicate=True),
        Input(ids.AWAITED_TICK, "n_intervals"),
        State(ids.AWAITED_RUN, "data"),
        prevent_initial_call=True,
    )
    def look_again(_: int | None, run_id: str) -> Any:
        """The page of a run that was not there when its address was opened."""
        return _live_page(runs, run_id) if run_id in runs.ids() else no_update

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
        run_id = next((row["id"] for row in rows if row["status"] in states.ALIVE), known[0])
    if not run_id:
        return runs_layout.nothing_live(_command_of_first_run(runs))
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
        is_example = bool(rows) and rows[-1]["id"] == runs.example and bool(rows[-1]["recording"])
        own, example = (rows[:-1], rows[-1]) if is_example else (rows, None)
        return runs_layout.run_list(own, example, _command_of_first_run(runs)), key


def _add_state(dash: Dash, runs: Runs) -> None:
    @dash.callback(
        Output(ids.LIVE_TOP, "children"),
        Output(ids.LIVE_BANNER, "children"),
        Output(ids.LIVE_ALARMS, "children"),
        Output(ids.RUN_FACTS, "children"),
        Input(ids.LIVE_TICK, "n_intervals"),
        Input(ids.LIVE_NOTICE, "data"),
        State(ids.LIVE_RUN, "data"),
    )
    def show_state(_: int | None, notice: Any, run_id: str) -> Any:
        details = runs.details(run_id)
        return (
            live.live_top(details),
            _banner(runs, details),
            live.alarms(details["alarms"]),
            live.run_facts(details),
        )


def _banner(runs: Runs, details: dict[str, Any]) -> Any:
    if details["recording"]:
        return recording.recording_banner(details, _command_of_first_run(runs))
    log = details["log"][-LOG_LINES:]
    return states.banner(details, _resume_command(runs, details), log)


def _resume_command(runs: Runs, details: dict[str, Any]) -> str:
    """The command that goes on with a run: the one that started it, with --resume."""
    started = details["command"] or (
        f"pointins pretrain {details['recipe']} --run {runs.root / details['id']}"
    )
    return started if "--resume" in started.split() else f"{started} --resume"


def _digest(rows: list[dict[str, Any]]) -> str:
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def _command_of_first_run(runs: Runs) -> str:
    return f"pointins pretrain indoor_demo --run {runs.root / 'rooms'}"
