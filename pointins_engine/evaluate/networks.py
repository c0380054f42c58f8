"""Frozen networks from run folders, and what the evaluation of one of them says."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from pointins_engine.checkpoint import latest_checkpoint
from pointins_engine.config import RunConfig, SceneConfig, from_dict
from pointins_engine.errors import RunError
from pointins_engine.evaluate.neighbours import neighbour_accuracy
from pointins_engine.evaluate.read_out import best_read_out, read_out_ap, read_outs
from pointins_engine.evaluate.scene_sets import EvaluationScenes
from pointins_engine.evaluate.seen import SeenScene, see
from pointins_engine.evaluate.separability import fit_linear_probe, separability
from pointins_engine.evaluate.votes import vote_errors
from pointins_engine.randomness import StepRandom
from pointins_engine.run_log.files import read_json
from pointins_engine.run_log.paths import RunPaths
from pointins_engine.student_teacher import PointNetwork, make_student_and_teacher
from pointins_engine.types import Scene

BANK_ROWS = 16_000  # labelled cells that neighbours are sought among
QUERY_ROWS = 8_000
PROBE_ROWS = 32_000  # labelled cells that the linear probe is fitted on


def load_teacher(run: Path, device: str = "cpu") -> tuple[PointNetwork, RunConfig]:
    """The teacher of a run's newest checkpoint, frozen, and the run's configuration.

    Raises:
        RunError: If the folder holds no run or no checkpoint, or the weights do not fit.
    """
    paths = RunPaths(run)
    if not paths.run.exists():
        raise RunError(f"{run} holds no run.json; give the folder of a run.")
    config: RunConfig = from_dict(read_json(paths.run)["config"])
    found = latest_checkpoint(paths)
    if found is None:
        raise RunError(f"{run} has no checkpoint yet; train at least log.checkpoint_every steps.")
    network = PointNetwork(config, torch.Generator().manual_seed(0)).to(device)
    file = found.path / "teacher.safetensors"
    try:
        network.load_state_dict(load_file(file, device=device))
    except (RuntimeError, OSError, SafetensorError) as error:
        raise RunError(
            f"{file} does not fit the configuration of {run} or is damaged ({error}). Remove the "
            "folder of that checkpoint and go on with --resume."
        ) from error
    return network.eval().requires_grad_(False), config


def untrained_teacher(config: RunConfig, device: str = "cpu") -> PointNetwork:
    """The teacher that a run of this configuration starts with."""
    rng = StepRandom(config.seed, 0).shared("weights")
    return make_student_and_teacher(config, rng)[1].to(device)


def evaluate_network(
    network: PointNetwork, config: RunConfig, scenes: EvaluationScenes
) -> dict[str, Any]:
    """Everything that is measured of one network, by name; NaN where a scene set lacks a class.

    Semantic figures: `linear_accuracy`, `linear_miou`, `neighbour_accuracy` over cells of unseen
    scenes. Votes: see `VoteErrors`. Instances: for `all` points and `without_planes`, for each
    read-out `ap`, `ap50`, `ap25` on the points, with the parameters that development scenes chose;
    `best` names the read-out that did best there.
    """
    probe = [see(network, scene, config) for scene in scenes.probe]
    development = [see(network, scene, config) for scene in scenes.development]
    unseen = [see(network, scene, config) for scene in scenes.unseen]
    return {
        **_semantics(probe, unseen),
        **asdict(vote_errors(unseen, config.scr)),
        **instance_figures(development, unseen, config.scene),
    }


def zero_offset_figures(config: RunConfig, scenes: EvaluationScenes) -> dict[str, Any]:
    """`instance_figures` of votes that stay where they are: what the read-out does by itself."""
    network = untrained_teacher(config)

    def still(scene: Scene) -> SeenScene:
        seen = see(network, scene, config)
        return replace(seen, offset=np.zeros_like(seen.offset))

    development = [still(scene) for scene in scenes.development]
    return instance_figures(development, [still(scene) for scene in scenes.unseen], config.scene)


def instance_figures(
    development: Sequence[SeenScene], unseen: Sequence[SeenScene], config: SceneConfig
) -> dict[str, Any]:
    """AP of every read-out on unseen scenes, with the numbers that development scenes chose.

    For `all` points and `without_planes`: a record a read-out, and `best`, the name of the one
    that did best on development scenes.
    """
    has_color = all(scene.voxel_color is not None for scene in [*development, *unseen])
    figures: dict[str, Any] = {}
    for points, without_planes in (("all", False), ("without_planes", True)):
        rows: dict[str, Any] = {}
        chosen_ap: dict[str, float] = {}
        names = read_outs(
            config.grid_size,
            has_color=has_color,
            domain=config.domain,
            without_planes=without_planes,
        )
        for name, choices in names.items():
            choice, chosen_ap[name] = best_read_out(
                choices, development, without_planes=without_planes
            )
            found = read_out_ap(unseen, choice, without_planes=without_planes)
            rows[name] = {**found.figures(), "parameters": asdict(choice)}
        figures[points] = {**rows, "best": max(chosen_ap, key=lambda name: chosen_ap[name])}
    return figures


def _semantics(probe: Sequence[SeenScene], unseen: Sequence[SeenScene]) -> dict[str, float]:
    known, known_label = _labelled(probe)
    asked, label = _labelled(unseen)
    fit = _stride(len(known), PROBE_ROWS)
    linear = separability(fit_linear_probe(known[::fit], known_label[::fit]), asked, label)
    bank, query = _stride(len(known), BANK_ROWS), _stride(len(asked), QUERY_ROWS)
    return {
        "linear_accuracy": linear.accuracy,
        "linear_miou": linear.miou,
        "neighbour_accuracy": neighbour_accuracy(
            known[::bank], known_label[::bank], asked[::query], label[::query]
        ),
    }


def _labelled(scenes: Sequence[SeenScene]) -> tuple[torch.Tensor, torch.Tensor]:
    """Features and classes of the cells that have a class."""
    feat = torch.cat([torch.from_numpy(scene.feat) for scene in scenes])
    label = torch.cat([torch.from_numpy(scene.semantic_label) for scene in scenes])
    return feat[label >= 0], label[label >= 0]


def _stride(count: int, wanted: int) -> int:
    """Every how many rows to take to get at most `wanted`; cells lie along a curve, so a stride
    spreads over the scenes."""
    return max(1, -(-count // wanted))
