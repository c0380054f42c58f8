"""How a run begins: anew, or from a checkpoint; and the prior that its offsets are mapped onto."""

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pointins_engine.checkpoint import Checkpoint, latest_checkpoint
from pointins_engine.config import PriorConfig, RunConfig, differences, from_dict, to_dict
from pointins_engine.errors import RunError
from pointins_engine.objectives.priors import Empirical, MagnitudePrior, make_prior
from pointins_engine.run_log.files import read_json
from pointins_engine.run_log.paths import RunPaths
from pointins_engine.run_log.writer import RunWriter, refuse_if_taken, refuse_if_written
from pointins_engine.scenes import SceneSet
from pointins_engine.world import World

PRIOR_SCENES = 4  # scenes that a label-free prior is fitted on
# They change how a batch is computed, not what comes out.
FREE_TO_CHANGE = frozenset({"optim.accumulate", "backbone.activation_checkpointing"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Beginning:
    """From where a run starts or goes on; the same on all ranks."""

    is_resuming: bool
    checkpoint: Path | None
    step: int  # steps that are done
    prior: MagnitudePrior

    def sentence(self, run: Path) -> str:
        """For a person."""
        if not self.is_resuming:
            return f"Writing {run}."
        if self.checkpoint is None:
            return f"Starting {run} again."
        return f"Going on with {run} from step {self.step}."


def beginning(
    config: RunConfig, run: Path, scenes: SceneSet, world: World, *, resume: bool
) -> Beginning:
    """Decide on one rank how the run begins; all ranks are told.

    Args:
        config: Run configuration.
        run: Run folder, the same on all ranks.
        scenes: Training scenes; a label-free prior is fitted on some of them, on one rank.
        world: The ranks.
        resume: Go on with the run in that folder, if there is one.

    Raises:
        RunError: If the folder is taken, being written, or its run has another configuration.
    """
    told = world.share(_decide(config, run, scenes, resume) if world.is_main else None)
    step: int | None = told["step"]
    return Beginning(
        is_resuming=told["is_resuming"],
        checkpoint=None if step is None else RunPaths(run).checkpoint(step),
        step=step or 0,
        prior=make_prior(
            from_dict(told["prior"], PriorConfig), cell_size=config.cell_size, seed=config.seed
        ),
    )


def _decide(config: RunConfig, run: Path, scenes: SceneSet, resume: bool) -> dict[str, Any]:
    paths = RunPaths(run)
    is_resuming = resume and paths.run.exists()
    if is_resuming:
        refuse_if_written(run)
        _refuse_changes(paths, config)
    else:
        refuse_if_taken(run)
    found = latest_checkpoint(paths) if is_resuming else None
    return {
        "is_resuming": is_resuming,
        "step": None if found is None else found.step,
        "prior": _find_prior(config, scenes, found),
    }


def _find_prior(config: RunConfig, scenes: SceneSet, found: Checkpoint | None) -> dict[str, Any]:
    """The record of the run's prior; a fitted one is taken from the checkpoint if there is one."""
    if found is not None:
        return found.trainer["prior"]
    if config.odr.prior.kind != "hdbscan":
        return to_dict(config.odr.prior)
    chosen = [scenes[number] for number in evenly_spread(len(scenes), PRIOR_SCENES)]
    coords = [
        scene.coord if scene.is_plane is None else scene.coord[~scene.is_plane] for scene in chosen
    ]
    prior = make_prior(
        config.odr.prior, coords=coords, cell_size=config.cell_size, seed=config.seed
    )
    return prior_record(prior, config)


def prior_record(prior: MagnitudePrior, config: RunConfig) -> dict[str, Any]:
    """A prior as the configuration that makes it without fitting; ready for JSON."""
    if isinstance(prior, Empirical):
        return to_dict(PriorConfig(kind="empirical", quantiles=prior.quantiles))
    return to_dict(config.odr.prior)


def _refuse_changes(paths: RunPaths, config: RunConfig) -> None:
    stored = from_dict(read_json(paths.run)["config"])
    for name, (was, now) in differences(stored, config).items():
        if name not in FREE_TO_CHANGE:
            raise RunError(
                f"{paths.root} was started with {name} = {was!r}, and {now!r} was asked for now. "
                "Resume with the same values, or start a new run in another folder."
            )


def open_writer(
    config: RunConfig,
    run: Path,
    begin: Beginning,
    recipe: str,
    device: torch.device,
    world: World,
    command: str,
) -> RunWriter:
    """The run folder, made or opened again; on the rank that writes.

    Raises:
        RunError: If it cannot be written.
    """
    if begin.is_resuming:
        return RunWriter.reopen(run, step=begin.step, config=config)
    return RunWriter.create(
        run,
        recipe=recipe,
        config=config,
        device=device_names(device, world),
        libraries={"torch": torch.__version__, "numpy": np.__version__},
        command=command,
    )


def device_names(device: torch.device, world: World) -> str:
    """The device of this rank, and how many others there are."""
    name = device_name(device)
    return name if world.size == 1 else f"{name} and {world.size - 1} more ranks"


def device_name(device: torch.device) -> str:
    """`cpu` or `cuda` with the machine's own name for it."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device.type} ({platform.machine()}, {torch.get_num_threads()} threads)"


def evenly_spread(count: int, wanted: int) -> list[int]:
    """At most `wanted` scene numbers, evenly spread, the first among them."""
    return sorted({number * count // min(wanted, count) for number in range(min(wanted, count))})
