"""The recorded example: what is said of it in the list of runs and on its page."""

from typing import Any
from urllib.parse import quote

from dash import dcc, html
from dash.development.base_component import Component

from layouts import words
from layouts.parts import command

TITLE = "Recorded example"
PLAY = "#play=1"  # of an address: the page starts to play by itself


def address(run_id: str) -> str:
    """Of the page that plays the recording."""
    return f"/live/{quote(run_id, safe='')}{PLAY}"


def caption(row: dict[str, Any]) -> str:
    """What was recorded: steps, time, machine, day; `row` is the API's summary."""
    told = row["recording"]
    return (
        f"{row['recipe']}: {words.count(told['steps'])} steps in "
        f"{words.duration(told['seconds'])} on {told['machine']}, {words.moment(row['created'])}"
    )


def welcome(row: dict[str, Any], example: str) -> Component:
    """First thing that a new user sees: the recording, and the command that starts a run."""
    picture = (
        html.Img(src=row["thumbnail"], alt="", className="welcome-picture")
        if row["thumbnail"]
        else html.Span(className="welcome-picture is-empty")
    )
    return html.Div(
        [
            dcc.Link(
                [
                    picture,
                    html.Span(
                        [
                            html.B(TITLE),
                            html.Span(
                                "A network that is shown no labels learns where the objects of a "
                                "room are: each point votes for the centroid of its object."
                            ),
                            html.Span(caption(row), className="quiet"),
                            html.Span("Play the recording", className="button is-main"),
                        ],
                        className="welcome-text",
                    ),
                ],
                href=address(row["id"]),
                className="welcome-card",
            ),
            html.Div([_segment_own(), _train_own(example)], className="welcome-own"),
        ],
        className="welcome",
    )


def _segment_own() -> Component:
    return html.Section(
        [
            html.H2("Segment your own scan"),
            html.P(
                "Drop a scan and see its objects, found by a network that learned like this. No "
                "labels, no settings; nothing leaves this machine."
            ),
            dcc.Link("Drop a scan", href="/segment", className="button"),
        ]
    )


def _train_own(example: str) -> Component:
    return html.Section(
        [
            html.H2("Train your own"),
            html.P(
                "A training writes a run, and it appears here by itself. Simulated rooms, two CPU "
                "cores, no GPU: the first frame comes within a minute."
            ),
            command(example),
            html.P(["Or ", dcc.Link("fill in a form", href="/launch"), " that starts it."]),
        ]
    )


def example_line(row: dict[str, Any]) -> Component:
    """The recording below the runs of somebody who has some."""
    return html.P(
        [
            dcc.Link(TITLE, href=address(row["id"])),
            html.Span(f" {caption(row)}", className="quiet"),
        ],
        className="run-example",
    )


def recording_banner(row: dict[str, Any], example: str) -> Component:
    """What the page of a recording says above its cards."""
    told = row["recording"]
    return html.Div(
        [
            html.H2("A recording of a pre-training"),
            html.P(
                f"{caption(row)}. It keeps {words.count(told['frames'])} of "
                f"{words.count(told['of_frames'])} frames and no checkpoint; nobody trains it."
            ),
            html.P("Space plays it. Train your own:", className="quiet"),
            command(example),
        ],
        className="banner banner-recording",
    )
