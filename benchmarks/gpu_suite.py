"""One command for a machine with a GPU: `python -m benchmarks.gpu_suite [--json FILE]`.

First CUDA against the CPU, then what a step costs on both, then a short pre-training on simulated
rooms. Needs torch, NumPy, SciPy, scikit-learn, safetensors and jaxtyping; ends within ten minutes.
`--device cpu` runs the same code without a GPU, to see that it is whole.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pointins_engine.config import RunConfig
from pointins_engine.objectives.priors import LogNormal
from pointins_engine.recipes import get_recipe
from pointins_engine.run_log.store import Run
from pointins_engine.scenes import open_scenes
from pointins_engine.schedules import schedule
from pointins_engine.student_teacher import (
    PointNetwork,
    make_student_and_teacher,
    teacher_targets,
    training_loss,
)
from pointins_engine.trainer import device_name, pretrain
from pointins_engine.views import ViewBatch, collate, make_views, visible_points

REPEATS = 10
PRIOR = LogNormal(-1.0, 0.8)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_suite")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--steps", type=int, default=300, help="of the short pre-training")
    args = parser.parse_args()
    if args.device.startswith("cuda") and not torch.cuda.is_available():
        print("error: torch finds no CUDA device; --device cpu runs the suite without one.")
        return 2
    device = torch.device(args.device)
    figures: dict[str, Any] = {"device": device_name(device), "torch": torch.__version__}
    for name, part in (("agreement", agreement), ("speed", speed)):
        figures[name] = part(device)
        show(name, figures[name])
    figures["pretraining"] = short_pretraining(device, args.steps)
    show("pretraining", figures["pretraining"])
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


def show(title: str, rows: dict[str, Any]) -> None:
    print(f"\n{title}")
    for name, value in rows.items():
        print(f"  {name:<34} {value:.6g}" if isinstance(value, float) else f"  {name:<34} {value}")
    sys.stdout.flush()


def demo_batch(config: RunConfig, num_scenes: int = 2) -> ViewBatch:
    """Two views of each of a few simulated rooms."""
    scenes = open_scenes(replace(config.scene, num_simulated=num_scenes), seed=0)
    rng = np.random.default_rng(0)
    views = [v for scene in scenes for v in make_views(scene, config.scene, config.view, rng)]
    return collate(views)


def agreement(device: torch.device) -> dict[str, float]:
    """Largest differences between the device and the CPU, on the same weights and views."""
    config = get_recipe("indoor_demo")
    views = demo_batch(config)
    network = PointNetwork(config, torch.Generator().manual_seed(0)).eval()
    results = {}
    for name, where in (("cpu", torch.device("cpu")), ("device", device)):
        network.to(where).zero_grad(set_to_none=True)
        there = views.to(where)
        prediction = network(there.points, there)
        prediction.offset.square().sum().backward()
        targets = teacher_targets(
            prediction, PRIOR, config, torch.Generator().manual_seed(0), odr_active=False
        )
        gradient = network.encoder.stem.linear.weight.grad
        assert gradient is not None, "backward reaches the stem"
        results[name] = {
            "features": prediction.cells.feat.detach().cpu(),
            "offset_m": prediction.offset.detach().cpu(),
            "stem_gradient": gradient.detach().cpu() / gradient.abs().max().cpu(),
            "odr_m": targets.regularized.norm(dim=1).sort().values.cpu(),
            "num_instances": torch.tensor([float(len(targets.clusters.centroid))]),
        }
    return {
        f"{key}, largest difference": float(
            (results["cpu"][key] - results["device"][key]).abs().max()
        )
        for key in results["cpu"]
    }


def speed(device: torch.device) -> dict[str, Any]:
    """Median milliseconds of a step and its forward pass, for the demo and the 38 M encoder."""
    figures: dict[str, Any] = {}
    for recipe in ("indoor_demo", "indoor_38m"):
        config = get_recipe(recipe)
        if recipe == "indoor_38m" and device.type == "cuda":
            config = replace(config, backbone=replace(config.backbone, dtype="bfloat16"))
        views = demo_batch(config).to(device)
        student, teacher = make_student_and_teacher(config, torch.Generator().manual_seed(0))
        student, teacher = student.to(device).train(), teacher.to(device)
        now = schedule(config.optim.steps // 2, config)

        def step(config=config, views=views, student=student, teacher=teacher, now=now) -> None:
            rng = torch.Generator().manual_seed(1)
            visible = visible_points(views.points, now.mask_size, now.mask_ratio, rng)
            predicted = student(views.points.select(visible), views, rng)
            with torch.no_grad():
                wanted = teacher(views.points, views)
            targets = teacher_targets(wanted, PRIOR, config, rng, odr_active=True)
            training_loss(predicted, wanted, targets, config, now).total.backward()
            student.zero_grad(set_to_none=True)

        def forward(views=views, teacher=teacher) -> None:
            with torch.no_grad():
                teacher(views.points, views)

        repeats = REPEATS if device.type == "cuda" or recipe == "indoor_demo" else 2
        figures[f"{recipe}, voxels"] = len(views.points.coord)
        figures[f"{recipe}, teacher forward, ms"] = median_ms(forward, device, repeats)
        figures[f"{recipe}, whole step, ms"] = median_ms(step, device, repeats)
        if device.type == "cuda":
            figures[f"{recipe}, peak memory, GiB"] = torch.cuda.max_memory_allocated() / 2**30
            torch.cuda.reset_peak_memory_stats()
    return figures


def median_ms(work: Callable[[], None], device: torch.device, repeats: int) -> float:
    """Median time of a call after a warm-up call, by CUDA events where there are any."""
    work()
    times = []
    for _ in range(repeats):
        if device.type == "cuda":
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            work()
            end.record()
            torch.cuda.synchronize()
            times.append(start.elapsed_time(end))
        else:
            began = time.perf_counter()
            work()
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def short_pretraining(device: torch.device, steps: int) -> dict[str, Any]:
    """The indoor demo for a few hundred steps: do the losses fall, how long are the votes?"""
    config = get_recipe("indoor_demo")
    config = replace(
        config,
        scene=replace(config.scene, num_simulated=16),
        optim=replace(config.optim, steps=steps),
    )
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "gpu"
        pretrain(config, run, recipe="indoor_demo", device=str(device))
        scalars = Run(run).scalars()
        scene = Run(run).scenes()[0]
        last = Run(run).stats(scene, steps)
    tenth = max(steps // 10, 1)
    mean = {
        key: [
            float(np.mean([v for v in part if v is not None])) for part in (v[:tenth], v[-tenth:])
        ]
        for key, (_, v) in scalars.items()
        if key in ("loss/semantic", "loss/offset", "time/step_s")
    }
    return {
        **{
            f"{key}, first and last tenth": [round(x, 4) for x in pair]
            for key, pair in mean.items()
        },
        "mean vote, m": last["odr"]["mean_m"],
        "pseudo-instances": last["scr"]["components"],
    }


if __name__ == "__main__":
    sys.exit(main())
