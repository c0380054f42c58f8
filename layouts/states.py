"""What a run that does not simply go on says: what happened, why, and what to do now."""

from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from layouts import words
from layouts.parts import command

ALIVE = ("starting", "running", "paused", "stalled")  # the trainer's process is there


def banner(row: dict[str, Any], go_on: str, log: Sequence[str]) -> Component | None:
    """What a run is in that needs a person; None while it goes on, or has reached its end.

    Args:
        row: The API's summary of the run.
        go_on: The command that resumes it.
        log: The last lines of its log.
    """
    status = row["status"]
    if status not in _TEXTS:
        return None
    title, why, advice = _TEXTS[status](row)
    parts: list[Any] = [html.H2(title)]
    if why:
        parts.append(html.P(why))
    if status in ("lost", "failed", "stalled") and log:
        parts.append(html.Pre("\n".join(log), className="log"))
    parts.append(html.P(advice, className="quiet"))
    if status != "paused":
        parts.append(command(go_on))
    return html.Div(parts, className=f"banner banner-{status}", role="status")


def _paused(row: dict[str, Any]) -> tuple[str, str, str]:
    return (
        f"Paused at step {words.count(row['step'])}",
        "",
        "The trainer waits between two steps. Resume it, or take one step at a time.",
    )


def _stalled(row: dict[str, Any]) -> tuple[str, str, str]:
    return (
        f"No sign of life for {words.duration(row['age_s'])}",
        f"Its process is there and was last heard of at step {words.count(row['step'])}. "
        "A full disk, a frozen machine or a debugger can hold it up.",
        "Wait, or end the process and go on from the last checkpoint:",
    )


def _lost(row: dict[str, Any]) -> tuple[str, str, str]:
    last = f" It was last heard of {words.ago(row['age_s'])}." if row.get("age_s") else ""
    why = row["detail"] or f"It was cut off at step {words.count(row['step'])}."
    return (
        "The trainer is gone",
        why + last,
        "Go on from the last checkpoint, in the card below or in a terminal:",
    )


def _failed(row: dict[str, Any]) -> tuple[str, str, str]:
    why = row["detail"] or f"It ended at step {words.count(row['step'])}."
    return (
        "The training failed",
        why,
        "Once the cause is out of the way, go on in the card below or in a terminal:",
    )


def _stopped(row: dict[str, Any]) -> tuple[str, str, str]:
    step, total = words.count(row["step"]), words.count(row["total_steps"])
    why = row["detail"] or f"Stopped at step {step} of {total}."
    return "Stopped", why, "Go on from the last checkpoint, in the card below or in a terminal:"


_TEXTS = {
    "paused": _paused,
    "stalled": _stalled,
    "lost": _lost,
    "failed": _failed,
    "stopped": _stopped,
}
