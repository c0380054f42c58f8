"""From what a form says to the words of a command line, or to what is wrong with it.

Only typed values become words, each bound to its flag, so nothing a browser sends is ever a path,
an option or a program of its own choice. Scans come from where whoever started the studio said.
"""

import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.fields import checked_values, flag, refusals
from app.runs import Runs
from pointins_engine.config import RunConfig, differences, with_values
from pointins_engine.errors import ConfigError, RunError
from pointins_engine.offset_prior.record import builtin_priors
from pointins_engine.recipes import RECIPES, get_recipe
from pointins_engine.run_log.paths import checked_name

SIMULATED = ("sim:rooms", "sim:streets")
DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,2})?")
CALL = (sys.executable, "-m", "pointins_engine")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a form asks for.

    Attributes:
        recipe: Where the configuration starts; left out for a resume or a fork.
        preset: How SCR groups votes, instead of the recipe's own; "" = that.
        run: Name of the run folder.
        values: Fields that differ from the recipe, or from the forked run.
        device: auto, cpu, cuda or cuda:1.
        resume: Go on with the run of that name.
        fork: Run and step to start from.
    """

    recipe: str = ""
    preset: str = ""
    run: str
    values: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    resume: bool = False
    fork: tuple[str, int] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A wish that can be carried out, or the reasons why not by field.

    Attributes:
        errors: Sentences by dotted field, or by `run`, `recipe`, `preset`, `device`, `fork`.
        argv: Program and words; empty if there are errors.
        config: What will be trained; None if that is not known.
    """

    errors: dict[str, str]
    argv: tuple[str, ...] = ()
    config: RunConfig | None = None

    @property
    def command(self) -> str:
        """The same as one line for a terminal."""
        words = self.argv[len(CALL) :]
        return shlex.join(["pointins", *words]) if words else ""


class Planner:
    """Makes plans for one folder of runs.

    Args:
        runs: Runs that are there.
        sources: Scans that the studio was started with; they may be trained on.
        folders: Folders under which any path may be trained on.
    """

    def __init__(
        self, runs: Runs, sources: Iterable[str] = (), folders: Sequence[Path] = ()
    ) -> None:
        self._runs = runs
        self._folders = tuple(folder.expanduser().resolve() for folder in folders)
        given = [source for source in sources if source not in SIMULATED]
        self.sources = (*SIMULATED, *(str(Path(s).expanduser().resolve()) for s in given))

    def plan(self, wish: Wish) -> Plan:
        """What a wish comes to; nothing is written or started."""
        errors: dict[str, str] = {}
        if not DEVICE.fullmatch(wish.device):
            errors["device"] = f"device must be auto, cpu, cuda or cuda:1, got {wish.device!r}."
        values, wrong = checked_values(wish.values)
        errors |= wrong
        if wish.resume:
            return self._resume(wish, errors)
        errors |= self._name_errors(wish.run)
        start, refusal = self._start(wish)
        errors |= refusal
        if start is None:
            return Plan(errors=errors)
        errors |= self._path_errors(values, start)
        errors |= refusals(values, lambda new: with_values(start, new))
        if errors:
            return Plan(errors=errors)
        config = with_values(start, values)
        changes = {name: now for name, (_, now) in differences(start, config).items()}
        words = ["pretrain"]
        if wish.fork is not None:
            words += ["--fork", f"{self._runs.folder(wish.fork[0])}@{wish.fork[1]}"]
        else:
            words += [wish.recipe, *(["--preset", wish.preset] if wish.preset else [])]
        words += ["--run", str(self._runs.root.resolve() / wish.run), "--device", wish.device]
        # One word a flag comes last: a list takes all words up to the next flag.
        for name, value in sorted(changes.items(), key=lambda item: isinstance(item[1], tuple)):
            words += flag(name, self._path_value(name, value))
        return Plan(errors={}, argv=(*CALL, *words), config=config)

    def free_name(self, wanted: str) -> str:
        """`wanted`, or the first of `wanted-2`, `wanted-3`, ... that is not there yet."""
        number, name = 1, wanted
        while (self._runs.root / name).exists():
            number += 1
            name = f"{wanted}-{number}"
        return name

    def _resume(self, wish: Wish, errors: dict[str, str]) -> Plan:
        if wish.values:
            errors["run"] = "A run that goes on keeps its values; fork it to change them."
        try:
            folder = self._runs.folder(wish.run)
            config = self._runs.config(wish.run)
            status = self._runs.summary(wish.run)["status"]
        except RunError as error:
            return Plan(errors=errors | {"run": str(error)})
        if status in ("starting", "running", "paused", "stalled"):
            errors["run"] = f"{wish.run} is {status}; stop it first, or fork from it."
        elif status == "finished":
            errors["run"] = f"{wish.run} has finished; fork from it to train on."
        if errors:
            return Plan(errors=errors, config=config)
        words = ("pretrain", "--resume", "--run", str(folder), "--device", wish.device)
        return Plan(errors={}, argv=(*CALL, *words), config=config)

    def _start(self, wish: Wish) -> tuple[RunConfig | None, dict[str, str]]:
        """The configuration that the values change."""
        if wish.fork is not None:
            return self._forked(*wish.fork)
        if wish.recipe not in RECIPES:
            names = ", ".join(RECIPES)
            return None, {"recipe": f"no recipe is called {wish.recipe!r}; there are: {names}."}
        try:
            return get_recipe(wish.recipe, wish.preset or None), {}
        except ConfigError as error:
            return None, {"preset": str(error)}

    def _forked(self, run: str, step: int) -> tuple[RunConfig | None, dict[str, str]]:
        try:
            steps = [checkpoint["step"] for checkpoint in self._runs.checkpoints(run)]
            config = self._runs.config_at(run, step)
        except RunError as error:
            return None, {"fork": str(error)}
        if step not in steps:
            there = ", ".join(map(str, steps)) or "none"
            return config, {
                "fork": f"run {run} has no checkpoint of step {step}; there are: {there}."
            }
        return config, {}

    def _name_errors(self, name: str) -> dict[str, str]:
        try:
            checked_name(name, "run")
        except RunError as error:
            return {"run": str(error)}
        if (self._runs.root / "run.json").exists():
            return {"run": f"{self._runs.root} is one run; open the studio on the folder above it."}
        if (self._runs.root / name).exists():
            free = self.free_name(name)
            return {"run": f"{name} is there already; {free} is free."}
        return {}

    def _path_errors(self, values: Mapping[str, Any], start: RunConfig) -> dict[str, str]:
        errors: dict[str, str] = {}
        source = values.get("scene.source", start.scene.source)
        if source != start.scene.source and not self._may_read(source):
            errors["scene.source"] = (
                f"{source} is not among the scans of this studio ({', '.join(self.sources)}). "
                f"Start it with them: pointins studio --scenes {shlex.quote(source)}"
            )
        prior = values.get("odr.prior.path", start.odr.prior.path)
        if prior != start.odr.prior.path and prior and not self._known_prior(prior):
            errors["odr.prior.path"] = (
                f"{prior} is neither a built-in prior ({', '.join(builtin_priors())}) nor a run of "
                "this studio. A file of another place can be named on the command line."
            )
        return errors

    def _may_read(self, source: str) -> bool:
        if source in self.sources:
            return True
        path = Path(source).expanduser().resolve()
        return str(path) in self.sources or any(path.is_relative_to(f) for f in self._folders)

    def _known_prior(self, name: str) -> bool:
        return name in builtin_priors() or name in self._runs.ids()

    def _path_value(self, name: str, value: Any) -> Any:
        """Paths are whole on the command line: the program runs in a folder of its own."""
        if name == "scene.source" and value not in SIMULATED:
            return str(Path(value).expanduser().resolve())
        if name == "odr.prior.path" and value in self._runs.ids() and value not in builtin_priors():
            return str(self._runs.folder(value))
        return value
