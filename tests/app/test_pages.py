"""Pages: what callbacks need is there, words are right, and text of a run stays text."""

import json

import pytest
from fastapi import FastAPI

from app.callbacks import NO_ROOM, add_callbacks, odr_panel, scr_panel
from app.charts.parts import THEMES
from app.modules import Modules
from app.runs import Runs
from app.scenes.api import open_browser
from app.server import ASSETS, make_dash
from app.thumbnails import Thumbnails
from layouts import ids, live, odr_card, runs, scr_card, shell, words
from pointins_engine.run_log.store import RunStore
from tests.app.studio_fixtures import ORIGIN, PNG
from tests.recorded_run import open_recorded_run, write_recorded_run


def as_json(component):
    return component.to_plotly_json()


def ids_of(component) -> list[str]:
    """Ids of a tree of components."""
    own = [component.id] if getattr(component, "id", None) else []
    return own + [part.id for part in component._traverse() if getattr(part, "id", None)]


@pytest.fixture(scope="module")
def dash(folder, tmp_path_factory):
    dash = make_dash(FastAPI(), Modules(ASSETS))
    known = Runs(RunStore(folder))
    scenes = open_browser((), tmp_path_factory.mktemp("cache"), render=lambda _: PNG)
    add_callbacks(dash, known, Thumbnails(known, lambda *_: PNG), scenes)
    return dash


def test_every_callback_names_components_that_exist(dash):
    known = set(ids_of(shell.all_pages()))
    for callback in dash._callback_list:
        for dependency in [*callback["inputs"], *callback["state"]]:
            assert dependency["id"] in known
        for part in filter(None, (callback["output"] or "").strip(".").split("...")):
            if "@" not in part and "." in part:
                assert part.split(".")[0] in known, part
    assert not dash.config.suppress_callback_exceptions


def test_every_id_is_declared_once_and_used():
    declared = {value for name, value in vars(ids).items() if name.isupper()}
    assert declared == set(ids_of(shell.all_pages()))
    for page in (shell.shell(), runs.runs_page("runs"), live.live_page("run")):
        assert len(ids_of(page)) == len(set(ids_of(page)))


def test_the_viewport_finds_its_roots():
    page = live.live_page("rooms")
    (root,) = [p for p in page._traverse() if getattr(p, "id", None) == "viewport-root"]
    assert getattr(root, "data-run") == "rooms"
    assert "timeline-root" in ids_of(page)


def ask(client, output: list[tuple[str, str]], inputs, state=()) -> dict:
    """Call a callback as the browser does; the new properties by component."""
    name = ".." + "...".join(f"{id}.{prop}" for id, prop in output) + ".."
    body = {
        "output": name,
        "outputs": [{"id": id, "property": prop} for id, prop in output],
        "inputs": [{"id": i, "property": p, "value": v} for i, p, v in inputs],
        "state": [{"id": i, "property": p, "value": v} for i, p, v in state],
        "changedPropIds": [],
    }
    answer = client.post("/_dash-update-component", json=body, headers={"Origin": ORIGIN})
    if answer.status_code == 204:
        return {}
    assert answer.status_code == 200, answer.text[:300]
    return answer.json()["response"]


PAGE = [
    (ids.PAGE, "children"),
    (ids.RAIL_RUNS, "className"),
    (ids.RAIL_LIVE, "className"),
    (ids.RAIL_SCENES, "className"),
    (ids.RAIL_SEGMENT, "className"),
    (ids.RAIL_LAUNCH, "className"),
]


def page_at(client, path: str) -> str:
    at, rest = [(ids.URL, "pathname", path)], [(ids.URL, "search", "")]
    return json.dumps(ask(client, PAGE, at, rest)[ids.PAGE])


def test_addresses_lead_to_their_pages(client):
    assert ids.RUNS_LIST in page_at(client, "/")
    assert ids.VIEWPORT_ROOT in page_at(client, "/live/rooms")
    assert ids.SEGMENT_START in page_at(client, "/segment")
    assert '"data-segmentation": "20260102T030405-a1b2c3"' in page_at(
        client, "/segment/20260102T030405-a1b2c3"
    )
    assert "There is nothing at this address" in page_at(client, "/nowhere/else")


def test_an_unknown_run_lists_those_that_there_are(client):
    page = page_at(client, "/live/nope")
    assert "nope" in page and "/live/rooms" in page and "/live/gray" in page
    assert ids.VIEWPORT_ROOT not in page


def test_live_without_a_run_shows_one(client):
    assert ids.VIEWPORT_ROOT in page_at(client, "/live")


LIST = [(ids.RUNS_LIST, "children"), (ids.RUNS_SHOWN, "data")]


def test_the_list_is_sent_once_and_again_only_when_it_changed(client):
    inputs = [(ids.RUNS_TICK, "n_intervals", 1)]
    first = ask(client, LIST, inputs, [(ids.RUNS_SHOWN, "data", None)])
    assert "/live/rooms" in json.dumps(first)
    for _ in range(50):  # pictures are drawn meanwhile, each of them a change
        shown = first[ids.RUNS_SHOWN]["data"]
        again = ask(client, LIST, inputs, [(ids.RUNS_SHOWN, "data", shown)])
        if not again:
            break
        first = again
    assert again == {}


FRAME = [
    *((ids.FRAME_ANSWERED, "data"), (ids.FRAME_SHOWN, "data")),
    *((ids.ODR_BODY, "className"), (ids.ODR_FACTS, "children")),
    *((ids.ODR_COLLAPSE, "children"), (ids.ODR_COLLAPSE, "className")),
    *((ids.ODR_LENGTHS, "figure"), (ids.ODR_UNIFORMITY, "children")),
    *((ids.ODR_SPHERE, "figure"), (ids.ODR_SPHERE_BODY, "style")),
    *((ids.ODR_DIRECTIONS, "figure"), (ids.ODR_DIRECTIONS_NOTE, "children")),
    *((ids.SCR_BODY, "className"), (ids.SCR_FACTS, "children")),
    *((ids.SCR_SEGMENTS, "figure"), (ids.SCR_SEGMENTS_NOTE, "children")),
    (ids.SCR_SEGMENTS_BODY, "style"),
    *((ids.SCR_TABLE, "children"), (ids.SCR_SIZES, "figure"), (ids.SCR_CHANGES, "children")),
    *((ids.SCR_FLOW, "figure"), (ids.SCR_FLOW_BODY, "style")),
]


def panels(client, cursor, shown=None, run="rooms", view="density", number=7) -> dict:
    return ask(
        client,
        FRAME,
        [
            (ids.FRAME_WANTED, "data", {"ask": number, "cursor": cursor}),
            (ids.THEME, "data", "dark"),
            (ids.ODR_VIEW, "value", view),
        ],
        [(ids.LIVE_RUN, "data", run), (ids.FRAME_SHOWN, "data", shown)],
    )


def test_panels_describe_the_frame_that_is_drawn(client):
    cursor = {"run": "rooms", "scene": "room_0002", "step": 10, "following": False}
    answer = panels(client, cursor)
    assert answer[ids.FRAME_SHOWN]["data"][:2] == ["room_0002", 10]
    assert answer[ids.ODR_BODY]["className"] == answer[ids.SCR_BODY]["className"] == live.READY
    again = panels(client, cursor, answer[ids.FRAME_SHOWN]["data"], number=8)
    assert again == {ids.FRAME_ANSWERED: {"data": 8}}  # so that the browser may ask for the next


def test_a_view_of_the_lengths_is_a_chart_of_its_own(client):
    meta = [
        panels(client, None, view=view)[ids.ODR_LENGTHS]["figure"]["layout"]["meta"]["view"]
        for view in odr_card.VIEWS
    ]
    assert meta == list(odr_card.VIEWS)


@pytest.mark.parametrize(
    "cursor",
    [
        None,
        {"run": "another", "scene": "room_0001", "step": 0},
        {"run": "rooms", "scene": None, "step": None},
        {"run": "rooms", "scene": "../x", "step": "0"},
        "text",
    ],
)
def test_without_a_usable_cursor_they_describe_the_newest_frame(client, cursor):
    assert panels(client, cursor)[ids.FRAME_SHOWN]["data"][:2] == ["room_0001", 40]


def test_a_cursor_on_a_frame_that_is_gone_changes_nothing_but_is_answered(client):
    gone = {"run": "rooms", "scene": "room_0001", "step": 7}
    assert panels(client, gone, number=3) == {ids.FRAME_ANSWERED: {"data": 3}}


def old_statistics() -> dict:
    """A frame as runs wrote it before the student, the sphere and the segments were recorded."""
    half = [0.5, 0.5]
    lengths = {name: half for name in ("prior", "before", "after")}
    return {
        "odr": {
            **lengths,
            **{"num_bins": 2, "max_m": 1.0, "quantiles": lengths, "zero_share": 0.1},
            **{"direction_before": [half] * 3, "direction_after": [half] * 3},
            **{"w1_before_m": 0.2, "w1_after_m": 0.0, "ks_before": 0.4, "ks_after": 0.0},
        },
        "scr": {"components": 2, "kept_share": 0.9, "largest_share": 0.4, "sizes": [5, 4]},
    }


def test_what_an_older_run_did_not_record_is_said_and_takes_no_room(folder):
    old, known = old_statistics(), Runs(RunStore(folder))
    odr = odr_panel(known, "rooms", 20, old["odr"], "density", THEMES["dark"])
    scr = scr_panel(old["scr"], THEMES["dark"], (9, 9))
    assert odr["odr_body"] == scr["scr_body"] == live.READY
    told = json.dumps(
        [odr["odr_facts"], odr["uniformity"], scr["changes"], scr["segments_note"]],
        default=as_json,
    )
    assert told.count(odr_card.NOT_RECORDED) == 4
    assert odr["sphere_room"] == scr["segments_room"] == scr["flow_room"] == NO_ROOM


def test_statistics_of_another_version_leave_the_panel_waiting(folder):
    known, theme = Runs(RunStore(folder)), THEMES["dark"]
    for odr in ({"edges": []}, None):
        assert odr_panel(known, "rooms", 20, odr, "density", theme) == {"odr_body": live.WAITING}
    assert scr_panel({}, theme, (1, 1)) == {"scr_body": live.WAITING}


@pytest.mark.parametrize(
    ("share", "is_raised", "start", "mood"),
    [
        (0.03, False, "No collapse: 3 % under 2 cm; 95 % raise", "quiet"),
        (
            0.97,
            False,
            "Offsets collapse: 97 % are under 2 cm. The alarm is not raised yet",
            "raised",
        ),
        (0.9, True, "Offsets collapse: 90 % are under 2 cm. The alarm is raised", "raised"),
        (None, False, odr_card.NOT_RECORDED, "quiet"),
    ],
)
def test_the_collapse_of_offsets_is_told_in_words(share, is_raised, start, mood):
    text, classes = odr_card.collapse_state(share, 0.95, is_raised)
    assert text.startswith(start) and mood in classes


def test_the_table_of_segments_says_what_the_bars_say(folder):
    scr = Runs(RunStore(folder)).stats("rooms", "room_0001", 20)["scr"]
    text = json.dumps(scr_card.segment_table(scr), default=as_json)
    for row in scr["segments"]:
        assert f'"data-segment": "{row["segment"]}"' in text
        assert f'"{words.count(row["cells"])}"' in text
    first = Runs(RunStore(folder)).stats("rooms", "room_0001", 0)["scr"]
    assert "first frame" in json.dumps(scr_card.change_facts(first), default=as_json)


STEPS = [(ids.ODR_STEPS, "figure"), (ids.SCR_STEPS, "figure"), (ids.STEPS_SHOWN, "data")]


def test_charts_over_the_steps_are_those_of_the_scene_that_is_drawn(client):
    def charts(cursor, shown=None):
        inputs = [(ids.STEPS_BEAT, "data", 1), (ids.FRAME_SHOWN, "data", None)]
        state = [
            *((ids.LIVE_RUN, "data", "rooms"), (ids.LIVE_CURSOR, "data", cursor)),
            (ids.STEPS_SHOWN, "data", shown),
        ]
        return ask(client, STEPS, [*inputs, (ids.THEME, "data", "dark")], state)

    cursor = {"run": "rooms", "scene": "room_0002", "step": 20}
    first = charts(cursor)
    shown = first[ids.STEPS_SHOWN]["data"]
    assert shown[0] == "room_0002"
    assert first[ids.ODR_STEPS]["figure"]["layout"]["shapes"][0]["x0"] == 20
    assert charts({**cursor, "step": 10}, shown) == {}  # the browser moves the line
    assert charts({**cursor, "scene": "room_0001"}, shown) != {}


STATE = [
    (ids.LIVE_TOP, "children"),
    (ids.LIVE_BANNER, "children"),
    (ids.LIVE_ALARMS, "children"),
    (ids.RUN_FACTS, "children"),
]


def test_a_failed_run_says_how_to_go_on(client, folder):
    inputs = [(ids.LIVE_TICK, "n_intervals", 1), (ids.LIVE_NOTICE, "data", None)]
    answer = ask(client, STATE, inputs, [(ids.LIVE_RUN, "data", "gray")])
    text = json.dumps(answer[ids.LIVE_BANNER])
    assert f"pointins pretrain indoor_demo --run {folder / 'gray'} --resume" in text
    done = ask(client, STATE, inputs, [(ids.LIVE_RUN, "data", "rooms")])
    assert done[ids.LIVE_BANNER]["children"] is None


SCR_INERT = "SCR is inert: each segment is one piece. Lower it or use --preset affinity."


def alarm(writer, step, name, state, text):
    writer.event("alarm", step, name=name, state=state, text=text)


def test_an_alarm_is_shown_until_it_is_cleared_or_the_run_resumed(tmp_path):
    writer = open_recorded_run(tmp_path / "rooms", num_points=300)
    known = Runs(RunStore(tmp_path))

    def shown() -> str:
        part = live.alarms(known.details("rooms")["alarms"])
        return "" if part is None else json.dumps(part, default=lambda p: p.to_plotly_json())

    assert shown() == ""
    alarm(writer, 20, "scr_inert", "raised", SCR_INERT)
    alarm(writer, 30, "odr_misses", "raised", "ODR misses its prior: <b>far</b>. Do this.")
    assert "SCR is inert" in shown() and "since step 20" in shown()
    assert "use --preset affinity" in shown() and "<b>far</b>" in shown()
    alarm(writer, 40, "scr_inert", "cleared", "SCR is inert: no longer.")
    assert "SCR is inert" not in shown() and "ODR misses" in shown()
    assert (40, "alarm") not in known.step_marks("rooms")
    assert {(20, "alarm"), (30, "alarm")} <= set(known.step_marks("rooms"))
    writer.event("resume", 30, from_step=30)
    assert shown() == ""
    writer.close("stopped")


HEALTH = [(ids.HEALTH, "figure"), (ids.HEALTH_BODY, "className"), (ids.HEALTH_SHOWN, "data")]


def test_health_is_sent_once_and_again_only_when_there_is_more(client):
    inputs = [
        (ids.STEPS_BEAT, "data", 1),
        (ids.THEME, "data", "dark"),
    ]
    state = [(ids.LIVE_RUN, "data", "rooms"), (ids.LIVE_CURSOR, "data", None)]
    first = ask(client, HEALTH, inputs, [*state, (ids.HEALTH_SHOWN, "data", None)])
    assert first[ids.HEALTH_BODY]["className"] == live.READY and first[ids.HEALTH]["figure"]["data"]
    seen = first[ids.HEALTH_SHOWN]["data"]
    assert ask(client, HEALTH, inputs, [*state, (ids.HEALTH_SHOWN, "data", seen)]) == {}


def test_the_command_of_a_run_is_taken_as_it_was_given(folder):
    from app.run_callbacks import _resume_command

    known = Runs(RunStore(folder))
    row = {"id": "a", "recipe": "indoor_demo", "command": "pointins pretrain x --scenes y"}
    assert _resume_command(known, row) == "pointins pretrain x --scenes y --resume"
    row["command"] += " --resume"
    assert _resume_command(known, row).count("--resume") == 1


def test_a_run_that_is_deleted_while_it_is_shown_does_no_harm(client):
    assert panels(client, None, run="deleted") == {ids.FRAME_ANSWERED: {"data": 7}}
    inputs = [(ids.LIVE_TICK, "n_intervals", 1), (ids.LIVE_NOTICE, "data", None)]
    assert ask(client, STATE, inputs, [(ids.LIVE_RUN, "data", "deleted")]) == {}


def test_no_text_of_a_run_is_markup():
    """Dash escapes children; Markdown and inner HTML are the ways around it."""
    for component in shell.all_pages()._traverse():
        kind = getattr(component, "_type", "")
        assert kind not in ("Markdown", "Iframe", "DangerouslySetInnerHTML")
    row = {"id": "<b>x</b>", "status": "damaged", "detail": "<img src=x>", "recipe": None}
    listed = runs.run_list([{**row, "thumbnail": None}], None, "").to_plotly_json()
    assert "%3Cb%3E" in json.dumps(listed, default=lambda part: part.to_plotly_json())


def test_a_new_folder_says_how_to_start():
    text = json.dumps(
        runs.no_runs("pointins pretrain indoor_demo --run runs/rooms").to_plotly_json(),
        default=lambda part: part.to_plotly_json(),
    )
    assert "pointins pretrain indoor_demo --run runs/rooms" in text


def test_a_run_that_waits_for_its_first_frame_is_a_page(tmp_path):
    writer = open_recorded_run(tmp_path / "fresh", num_points=300)
    write_recorded_run(tmp_path / "rooms", num_frames=1, num_points=300)
    from app.callbacks import _frame_at
    from app.run_callbacks import _live_page

    known = Runs(RunStore(tmp_path))
    assert ids.VIEWPORT_ROOT in ids_of(_live_page(known, "fresh"))
    assert _frame_at(known, "fresh", None) is None
    (shown,) = [p for p in _live_page(known, "")._traverse() if getattr(p, "id", "") == "live-run"]
    assert shown.data == "fresh", "the one that runs goes before the one that ended"
    writer.close("stopped")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0 m"),
        (0.21234, "0.212 m"),
        (12.345, "12.3 m"),
        (1234.5, "1,234 m"),
        (0.0004, "< 0.001 m"),
        (-2.5, "-2.5 m"),
        (8.0, "8 m"),
        (99.96, "100 m"),
    ],
)
def test_numbers_have_three_digits_and_a_unit(value, text):
    assert words.number(value, "m") == text or (value is None and text == "–")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.52, "0.52 s"),
        (12.4, "12 s"),
        (59.9, "60 s"),
        (600, "10 min"),
        (3599, "1 h 00 min"),
        (11_400, "3 h 10 min"),
        (200_000, "2 d 8 h"),
    ],
)
def test_durations_have_their_two_largest_units(seconds, text):
    assert words.duration(seconds) == text


def test_ages_and_moments():
    assert words.ago(0.4) == "just now"
    assert words.ago(65) == "1 min ago"
    assert words.ago(None) == words.NOTHING
    assert words.moment("no time") == "no time"
    assert words.moment("2026-03-01T12:00:00+00:00").startswith(("1 Mar 2026", "2 Mar", "28 Feb"))
    assert words.share(0.1234) == "12.3 %"
