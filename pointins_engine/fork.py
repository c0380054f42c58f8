"""A fork: a new run that goes on from a checkpoint of another. No torch.

The parent is only read. What it is at that step counts: its configuration with the edits that were
in force there, and the prior that these brought.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointins_engine.config import RunConfig
from pointins_engine.errors import RunError
from pointins_engine.live_edits import prior_of_edits
from pointins_engine.offset_prior.files import prior_of_run
from pointins_engine.offset_prior.record import PriorRecord
from pointins_engine.run_log.paths import RunPaths
from pointins_engine.run_log.store import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Parent:
    """A run at one of its checkpoints."""

    run: str  # its id
    uid: str
    step: int  # optimiser steps that are done
    checkpoint: Path
    recipe: str
    config: RunConfig
    prior: PriorRecord

    def to_json(self) -> dict[str, Any]:
        """What `run.json` of a fork says of it."""
        return {"run": self.run, "step": self.step, "uid": self.uid}


def find_parent(text: str, runs: Path) -> Parent:
    """The run and checkpoint that a person names.

    Args:
        text: `RUN` or `RUN@STEP`: a run folder, or its name; without a step the newest checkpoint.
        runs: Where runs lie that are called by their name.

    Raises:
        RunError: If there is no such run or checkpoint; names those that are there.
    """
    name, _, wanted = text.rpartition("@")
    if not (name and wanted.isascii() and wanted.isdecimal()):
        name, wanted = text, ""
    root = next((path for path in (Path(name), runs / name) if RunPaths(path).run.exists()), None)
    if root is None:
        raise RunError(
            f"--fork {text}: neither {name} nor {runs / name} holds a run. Give a run folder, or "
            "the name of a run, and @STEP for one of its checkpoints."
        )
    run = Run(root.resolve())
    steps = [checkpoint["step"] for checkpoint in run.checkpoints()]
    if not steps:
        raise RunError(
            f"--fork {text}: {root} holds no checkpoint yet. Ask for one with "
            f"`pointins steer {root} checkpoint`, or wait for the first."
        )
    step = _step(wanted, steps, text) if wanted else steps[-1]
    edits = [edit for edit in run.edits() if edit["step"] <= step]
    return Parent(
        run=run.id,
        uid=str(run.record.get("uid", "")),
        step=step,
        checkpoint=run.paths.checkpoint(step),
        recipe=str(run.record.get("recipe", "")),
        config=run.config_at(step),
        prior=prior_of_edits(edits) or prior_of_run(run.paths.root),
    )


def _step(wanted: str, steps: list[int], text: str) -> int:
    if int(wanted) not in steps:
        raise RunError(
            f"--fork {text}: there is no checkpoint of step {wanted}; there are those of "
            f"{', '.join(map(str, steps))}."
        )
    return int(wanted)
