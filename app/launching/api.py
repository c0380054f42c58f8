"""Recipes as forms, and training processes over HTTP: check, start, look, cancel.

Routes that start or end something are for sessions with control: the gate sees to that.
"""

from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from app.access import visitor
from app.fields import field_record
from app.launching.estimate import estimate
from app.launching.launches import Launches, LaunchRefused
from app.launching.machine import resolved_device
from app.launching.plan import Plan, Planner, Wish
from app.limits import RateLimit
from app.runs import Runs
from pointins_engine.config import flat
from pointins_engine.errors import ConfigError
from pointins_engine.recipes import PRESETS, RECIPES, get_recipe, recipe_changes

LAUNCHES_A_MINUTE = 10  # of one session
SWITCHED_OFF = (
    "This studio starts no training (--no-launch). Copy the command, and run it in a terminal."
)


class Fork(BaseModel):
    """Where a fork starts: a checkpoint of a run."""

    run: str = Field(max_length=100)
    step: int = Field(ge=0)


class Launch(BaseModel):
    """What to train: a recipe with changed values, a fork of a run, or a run that goes on."""

    recipe: str = Field("", max_length=100)
    preset: str = Field("", max_length=100)
    run: str = Field("", max_length=100)
    values: dict[str, Any] = Field(default_factory=dict, max_length=300)
    device: str = Field("auto", max_length=20)
    resume: bool = False
    fork: Fork | None = None

    def wish(self) -> Wish:
        fork = None if self.fork is None else (self.fork.run, self.fork.step)
        return Wish(
            recipe=self.recipe,
            preset=self.preset,
            run=self.run,
            values=self.values,
            device=self.device,
            resume=self.resume,
            fork=fork,
        )


class Checked(BaseModel):
    """What a launch would do and take; with `errors` by field it cannot be started."""

    errors: dict[str, str]
    notes: list[str]
    argv: list[str]
    command: str
    parameters: int | None = None
    parameters_all: int | None = None
    memory_gib: float | None = None
    step_s: float | None = None
    duration_s: float | None = None


class Started(BaseModel):
    """A launch and the run that it writes."""

    id: str
    run: str


def add_launch_api(
    server: FastAPI, runs: Runs, planner: Planner, launches: Launches | None
) -> None:
    """Put the routes on `server`; before the API's last route. Without launches none starts."""
    server.include_router(_recipe_routes(planner))
    server.include_router(_launch_routes(runs, planner, launches))


def _recipe_routes(planner: Planner) -> APIRouter:
    router = APIRouter(prefix="/api/recipes", tags=["launching"])

    @router.get("")
    def list_recipes() -> list[dict[str, str]]:
        """Recipes with what they are for and what to expect of them."""
        return [
            {"name": r.name, "about": r.purpose, "expect": r.expect, "preset": r.preset}
            for r in RECIPES.values()
        ]

    @router.get("/{name}")
    def recipe(name: str, preset: str = "") -> dict[str, Any]:
        """A recipe as a form: every field with its value, kind, meaning and source."""
        try:
            config = get_recipe(name, preset or None)
            changes = recipe_changes(name, preset or None)
        except ConfigError as error:
            raise HTTPException(404, str(error)) from error
        sources = {field: source for field, (_, source) in changes.items()}
        fields = [field_record(f, value, sources.get(f)) for f, value in flat(config).items()]
        return {
            "name": name,
            "about": RECIPES[name].purpose,
            "expect": RECIPES[name].expect,
            "preset": preset or RECIPES[name].preset,
            "presets": [
                {"name": each, "about": (function.__doc__ or "").partition("\n")[0]}
                for each, function in PRESETS.items()
            ],
            "run": planner.free_name(name),
            "devices": ["auto", "cpu", *([] if resolved_device("auto") == "cpu" else ["cuda:0"])],
            "sources": list(planner.sources),
            "fields": fields,
        }

    return router


def _launch_routes(runs: Runs, planner: Planner, launches: Launches | None) -> APIRouter:
    router = APIRouter(prefix="/api/launches", tags=["launching"])
    limit = RateLimit(LAUNCHES_A_MINUTE, 60.0)

    def switched_on() -> Launches:
        if launches is None:
            raise HTTPException(403, SWITCHED_OFF)
        return launches

    @router.post("/check")
    def check(launch: Launch) -> Checked:
        """What a launch would do and take; nothing is started."""
        wish = launch.wish()
        plan = planner.plan(wish)
        errors, notes = dict(plan.errors), []
        if launches is None:
            errors["launch"] = SWITCHED_OFF
        elif "device" not in errors:
            notes += launches.notes()
            refusal = launches.refusal(resolved_device(wish.device))
            if refusal:
                errors["launch"] = refusal
        return _checked(plan, wish, errors, notes, runs)

    @router.post("", status_code=201, response_model=Started)
    def start(launch: Launch) -> Response:
        """Start training in a process of its own, which outlives the studio."""
        here, asking = switched_on(), visitor.get()
        by = "" if asking is None else asking.id
        wish = launch.wish()
        plan = planner.plan(wish)
        if plan.errors:
            first = next(iter(plan.errors.values()))
            return JSONResponse({"error": first, "errors": plan.errors}, 400)
        if not limit.allows(by):
            raise HTTPException(429, f"At most {LAUNCHES_A_MINUTE} launches a minute, please.")
        try:
            record = here.start(wish, plan, by)
        except LaunchRefused as error:
            raise HTTPException(409, str(error)) from error
        return JSONResponse({"id": record["id"], "run": record["run"]}, 201)

    @router.get("")
    def list_launches() -> dict[str, Any]:
        """Launches, newest first, with state and the end of their log."""
        return {"launches": [] if launches is None else launches.all()}

    @router.get("/{id}")
    def one_launch(id: str) -> dict[str, Any]:
        """One launch with more of its log."""
        return switched_on().one(id)

    @router.post("/{id}/cancel", status_code=202)
    def cancel(id: str) -> dict[str, str]:
        """Ask a training process to save and stop; asked again after ten seconds, end it."""
        try:
            return {"text": switched_on().cancel(id)}
        except LaunchRefused as error:
            raise HTTPException(409, str(error)) from error

    return router


def _checked(
    plan: Plan, wish: Wish, errors: dict[str, str], notes: list[str], runs: Runs
) -> Checked:
    checked = Checked(errors=errors, notes=notes, argv=list(plan.argv), command=plan.command)
    if plan.config is None or "device" in errors:
        return checked
    found = estimate(plan.config, wish.device, runs)
    if resolved_device(wish.device) != "cpu":
        checked.notes.append("The memory is extrapolated from runs on CPUs.")
    checked.parameters = found.parameters
    checked.parameters_all = found.parameters_all
    checked.memory_gib = round(found.memory_gib, 2)
    if found.step_s is None:
        checked.notes.append("How long it takes is known after the first steps.")
        return checked
    checked.step_s = found.step_s
    checked.duration_s = found.step_s * (plan.config.optim.steps - _done(wish, runs))
    checked.notes.append(f"A step takes as long as in {found.like}, a run of the same shape.")
    return checked


def _done(wish: Wish, runs: Runs) -> int:
    """Steps that are done already."""
    if wish.fork is not None:
        return wish.fork[1]
    steps = [found["step"] for found in runs.checkpoints(wish.run)] if wish.resume else []
    return max(steps, default=0)
