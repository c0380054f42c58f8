"""Steering a run over HTTP: what can be asked of its trainer, what was asked, and what it said.

A command is a file in the run's `control` folder; the trainer checks it again and answers with an
event. Routes that change something are for sessions with control: the gate sees to that.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from app.access import visitor
from app.fields import checked_values, field_record, refusals
from app.limits import RateLimit
from app.runs import Runs, Trainer
from pointins_engine.config import RunConfig, flat
from pointins_engine.live_edits import LIVE_FIELDS, edit_lines, edited
from pointins_engine.run_log.control import (
    CommandKind,
    drop_command,
    pending,
    read_commands,
    why_nobody_listens,
)

COMMANDS_A_SECOND = 5  # of one session
MAX_PENDING = 50  # commands that wait for the trainer
MAX_TOLD = 100  # commands of an answer, the newest
FROM_WHEN = "from the next step"
RECORDING = "This is a recording: nobody trains it, so there is nothing to steer."


class Edit(BaseModel):
    """New values by dotted name, as JSON of the field's kind."""

    values: dict[str, Any] = Field(default_factory=dict, max_length=len(LIVE_FIELDS))


class Order(Edit):
    """What is asked of a trainer; `values` belong to the command `set`."""

    command: CommandKind


class Preview(BaseModel):
    """What an edit would change, a line a field, and what is wrong with it, by field."""

    lines: list[str]
    errors: dict[str, str]


class Accepted(BaseModel):
    """The command's id: its answer is the event of kind `control` that has it."""

    id: str


def add_control_api(server: FastAPI, runs: Runs) -> None:
    """Put the routes on `server`; before the API's last route."""
    router = APIRouter(prefix="/api/runs/{run}", tags=["steering"])
    limit = RateLimit(COMMANDS_A_SECOND, 1.0)

    @router.get("/control")
    def control(run: str) -> dict[str, Any]:
        """Whether the trainer takes commands, the fields it can change, and past commands."""
        trainer = runs.trainer(run)
        why = _why_not(trainer)
        return {
            "accepts": not why,
            "is_recording": trainer.is_recording,
            "status": trainer.state["status"],
            "why": why,
            "fields": _fields(trainer),
            "commands": commands(trainer),
        }

    @router.post("/control/preview")
    def preview(run: str, edit: Edit) -> Preview:
        """What an edit would change; nothing is sent to the trainer."""
        lines, errors = previewed(runs.trainer(run), edit.values)
        return Preview(lines=lines, errors=errors)

    @router.post("/control", status_code=202, response_model=Accepted)
    def order(run: str, order: Order) -> Response:
        """Ask something of the trainer."""
        asking = visitor.get()
        by = "" if asking is None else asking.id
        trainer = runs.trainer(run)
        why = _why_not(trainer)
        if why:
            raise HTTPException(409, why)
        if order.command == "set":
            lines, errors = previewed(trainer, order.values)
            if not errors and not lines:
                errors = {"": "No value was changed: a set needs at least one that differs."}
            if errors:
                first = next(iter(errors.values()))
                return JSONResponse({"error": first, "errors": errors}, 400)
        if not limit.allows(by):
            raise HTTPException(429, f"At most {COMMANDS_A_SECOND} commands a second, please.")
        if len(pending(trainer.paths)) >= MAX_PENDING:
            raise HTTPException(
                429, f"{MAX_PENDING} commands wait for the trainer already; it will answer them."
            )
        is_set = order.command == "set"
        # What lies in the folder is judged by the trainer as well, which may be of another version.
        values = checked_values(order.values)[0] if is_set else None
        id = drop_command(trainer.paths, order.command, values, by)
        return JSONResponse({"id": id}, 202)

    server.include_router(router)


def _why_not(trainer: Trainer) -> str:
    """Why a run takes no commands, in a sentence; empty if its trainer listens."""
    return RECORDING if trainer.is_recording else why_nobody_listens(trainer.state)


def previewed(trainer: Trainer, values: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Lines of what an edit would change, and a sentence for each field that is wrong."""

    def apply(new: Mapping[str, Any]) -> RunConfig:
        return edited(trainer.config, new, first=trainer.first)

    good, errors = checked_values(values)
    errors |= refusals(good, apply)
    return ([], errors) if errors else (edit_lines(trainer.config, apply(good), FROM_WHEN), {})


def commands(trainer: Trainer) -> list[dict[str, Any]]:
    """Commands, oldest first: those that wait, and those that were answered."""
    told: dict[str, dict[str, Any]] = {}
    for event in trainer.events:
        id = event.get("id")
        if not isinstance(id, str):
            continue
        row = told.setdefault(id, _row(id, event.get("by"), event.get("t")))
        if event["kind"] == "control":
            row |= {"command": event.get("command"), "answered": True}
            row |= {"ok": event.get("ok"), "text": event.get("text", "")}
        else:
            row |= {"command": row["command"] or "set", "values": event.get("values")}
    for command in read_commands(trainer.paths):
        row = told.setdefault(command.id, _row(command.id, command.by, command.t))
        row |= {"command": command.command, "values": row["values"] or dict(command.values) or None}
    return [told[id] for id in sorted(told)][-MAX_TOLD:]


def _row(id: str, by: Any, t: Any) -> dict[str, Any]:
    return {
        "id": id,
        "command": None,
        "values": None,
        "by": by,
        "t": t,
        "answered": False,
        "ok": None,
        "text": "",
    }


def _fields(trainer: Trainer) -> list[dict[str, Any]]:
    values = flat(trainer.config)
    return [field_record(name, values[name]) for name in LIVE_FIELDS]
