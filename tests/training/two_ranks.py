"""What each of two ranks does for `test_distributed.py`: one process a rank, started with a folder.

Small scans, five steps, no frames to speak of. The runs that a single rank does for comparison are
made from the same configurations.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from pointins_engine.config import PriorConfig, RunConfig
from pointins_engine.errors import SceneError
from pointins_engine.recipes import get_recipe
from pointins_engine.run_log.control import drop_command
from pointins_engine.run_log.paths import RunPaths
from pointins_engine.trainer import Trainer, pretrain
from pointins_engine.training.distributed import end_rank, joined
from pointins_engine.training.recorder import Progress
from pointins_engine.world import World
from tests.conftest import box_surface

NUM_SCENES = 4
STEPS = 5
EDIT = {"offset.weight": 0.5, "view.mask_size": [0.3, 0.3], "odr.prior.kind": "exponential"}


def write_scans(folder: Path) -> None:
    """Rooms of a few boxes on a floor, 2,500 points each."""
    folder.mkdir(parents=True)
    for number in range(NUM_SCENES):
        rng = np.random.default_rng(number)
        floor = np.column_stack([rng.uniform(0, 3, (1000, 2)), np.zeros(1000)])
        boxes = [
            box_surface((*rng.uniform(0, 2.4, 2), 0.05), (0.5, 0.5, 0.7), 500, rng)
            for _ in range(3)
        ]
        coord = np.concatenate([floor, *boxes]).astype(np.float32)
        color = np.repeat(rng.integers(30, 220, (4, 3)), [1000, 500, 500, 500], axis=0)
        np.savez(folder / f"room{number}.npz", coord=coord, color=color.astype(np.uint8))


def tiny(scans: Path, *, accumulate: int = 1, batch_scenes: int = NUM_SCENES) -> RunConfig:
    """A network of two stages whose offset loss is on from the first step."""
    base = get_recipe("indoor_demo")
    return replace(
        base,
        scene=replace(base.scene, source=str(scans), feats=("coord", "color")),
        backbone=replace(
            base.backbone, depths=(1, 1), channels=(16, 32), heads=(1, 2), patch_size=64
        ),
        semantic=replace(base.semantic, num_prototypes=32, hidden=32, embed=16),
        offset=replace(base.offset, hidden=32, start=0.0),
        # Loose enough for some pseudo-instances on thin scans.
        scr=replace(base.scr, link_radius=0.3, min_cosine=-1.0, core_neighbours=1, min_size=4),
        odr=replace(base.odr, prior=PriorConfig(kind="lognormal"), start=0.0),
        optim=replace(
            base.optim, steps=STEPS, batch_scenes=batch_scenes, accumulate=accumulate, lr=1e-3
        ),
        log=replace(
            base.log,
            num_inspected=1,
            max_inspected_voxels=500,
            frame_every=1000,
            probe_every=0,
            checkpoint_every=3,
        ),
    )


def assignments(config: RunConfig) -> RunConfig:
    """Sonata's objective with mask tokens and local views, in two parts a rank."""
    return replace(
        config,
        semantic=replace(
            config.semantic, objective="assignments", zipf_alpha=0.0, unmask_head=True
        ),
        view=replace(config.view, masking="token", num_local=2),
        optim=replace(config.optim, accumulate=2),
    )


def hdbscan(config: RunConfig) -> RunConfig:
    """A prior that one rank fits for all."""
    return replace(config, odr=replace(config.odr, prior=PriorConfig(kind="hdbscan")))


def steering(run: Path) -> Callable[[Progress], None]:
    """Commands to a run of `assignments`, the same from one rank and from two."""

    def report(now: Progress) -> None:
        if run.name == "assignments" and now.step == 2:
            paths = RunPaths(run)
            drop_command(paths, "pause")
            drop_command(paths, "step")
            drop_command(paths, "set", EDIT)
            drop_command(paths, "resume")

    return report


def at_step(step: int, act) -> None:
    """Let this rank do something before it begins a step."""
    plain = Trainer.step

    def step_and_act(self, number, *args, **kwargs):
        if number == step:
            act()
        return plain(self, number, *args, **kwargs)

    Trainer.step = step_and_act


def stop_self() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    raise SceneError("a scan went away.")


def reductions(world: World) -> dict[str, object]:
    """What the ranks make of tensors that differ by rank."""
    first, second, third = (torch.nn.Parameter(torch.zeros(2)) for _ in range(3))
    first.grad = torch.tensor([1.0, 2.0]) * (world.rank + 1)
    if world.rank == 1:
        second.grad = torch.ones(2)
    world.sum_gradients([first, second, third])
    assert first.grad is not None and second.grad is not None
    return {
        "sum_gradients": [first.grad.tolist(), second.grad.tolist(), third.grad],
        "any": [world.any(world.rank == 1), world.any(False)],
        "agrees": [world.agrees(torch.tensor([0.5])), world.agrees(torch.tensor([world.rank]))],
        "share": world.share({"from": world.rank}),
    }


def main(out: Path, task: str) -> None:
    torch.set_num_threads(1)
    scans = out.parent / "scans"
    config = tiny(scans)
    with joined(torch.device("cpu")) as world:

        def run(name: str, config: RunConfig) -> None:
            pretrain(config, out / name, recipe=name, world=world, report=steering(out / name))

        if task == "train":
            (out / f"reductions{world.rank}.json").write_text(json.dumps(reductions(world)))
            run("softmaps", config)
            run("assignments", assignments(config))
            broken = tiny(out.parent / "broken")
            run("left_out", replace(broken, optim=replace(broken.optim, steps=1)))
            run("hdbscan", replace(hdbscan(config), optim=replace(config.optim, steps=1)))
            if world.rank == 1:
                at_step(1, stop_self)
            try:
                run("stopped", config)
            except KeyboardInterrupt:
                (out / f"stopped{world.rank}").touch()
            return
        if world.rank == 1:
            at_step(2, fail if task == "fail" else kill_self)
        run(task, config)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
    end_rank()
