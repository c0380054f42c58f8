"""How time and memory grow with the number of points: `python -m benchmarks.scaling`.

The encoder's training step (forward and backward) from ten thousand to a million points, with the
slope in log-log axes; and the peak memory of a 38 M training step per thousand points. On a CPU the
encoder is a small one, on one thread, times are CPU times, and memory is what a process of its own
needs at most; with `--device cuda` it is the 38 M encoder, and memory is what torch hands out.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.workload import Step, median_ms, room_views, slope, surface_batch
from pointins_engine.backbone.encoder import Encoder
from pointins_engine.config import BackboneConfig, RunConfig
from pointins_engine.randomness import StepRandom
from pointins_engine.recipes import get_recipe

POINTS = (10_000, 30_000, 100_000, 300_000, 1_000_000)
SMALL = BackboneConfig(
    depths=(1, 1, 1), channels=(16, 32, 64), heads=(1, 2, 4), patch_size=128, loss_stage=1
)
CROPS = {"cpu": (3_000, 9_000), "cuda": (10_000, 40_000)}  # voxels of a view of the 38 M step


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--points", type=int, default=POINTS[-1], help="largest number")
    parser.add_argument(
        "--crop", type=int, help=argparse.SUPPRESS
    )  # a process measured from outside
    args = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device(args.device)
    if args.crop:
        print(json.dumps(step_memory(args.crop, device)))
        return
    print(f"## Encoder, forward and backward, {device.type}\n")
    print(time_table(device, args.points), flush=True)
    print(f"\n## Memory of a 38 M training step, {device.type}\n")
    print(memory_table(device))


def encoder_step_ms(points: int, device: torch.device) -> float:
    """Median milliseconds of an encoder's forward and backward pass."""
    on_gpu = device.type == "cuda"
    config = replace(get_recipe("indoor_38m").backbone, dtype="bfloat16") if on_gpu else SMALL
    encoder = Encoder(config, 9).to(device).train()
    batch = surface_batch(points, 9, device)

    def step() -> None:
        encoder.zero_grad(set_to_none=True)
        encoder(batch, StepRandom(0, 0)).feat.square().mean().backward()

    return median_ms(step, device, repeats=10 if on_gpu else 3 if points <= 100_000 else 1)


def time_table(device: torch.device, largest: int) -> str:
    points = [count for count in POINTS if count <= largest]
    times = [encoder_step_ms(count, device) for count in points]
    rows = [
        f"| {count:,} | {ms:,.1f} ms | {1000 * ms / count:.2f} µs |"
        for count, ms in zip(points, times, strict=True)
    ]
    head = "| points | step | per point |\n|---|---|---|\n"
    return head + "\n".join(rows) + f"\n\nSlope in log-log axes: {slope(points, times):.3f}"


def step_memory(crop: int, device: torch.device) -> tuple[int, float]:
    """Voxels of the teacher's views of two rooms, and the peak memory of the step in MiB."""
    base: RunConfig = get_recipe("indoor_38m")
    dtype = "bfloat16" if device.type == "cuda" else "float32"
    config = replace(
        base,
        view=replace(base.view, max_points=crop, crop_scale=(1.0, 1.0)),
        backbone=replace(base.backbone, dtype=dtype),
    )
    step = Step(config, room_views(config, num_scenes=2), device)
    step()
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**20
    else:
        peak = peak_of_process()
    return len(step.views.points.coord), peak


def peak_of_process() -> float:
    """MiB that this process has needed at most (Linux); `ru_maxrss` would count the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def memory_table(device: torch.device) -> str:
    measured = []
    for crop in CROPS[device.type]:
        command = [sys.executable, "-m", "benchmarks.scaling", "--crop", str(crop)]
        done = subprocess.run(
            [*command, "--device", str(device)], capture_output=True, text=True, check=True
        )
        measured.append(json.loads(done.stdout.splitlines()[-1]))
    rows = [f"| {points:,} | {peak:,.0f} MiB |" for points, peak in measured]
    (few, low), (many, high) = measured
    return (
        "| voxels in the teacher's views | peak |\n|---|---|\n"
        + "\n".join(rows)
        + f"\n\n{1000 * (high - low) / (many - few):.1f} MiB per thousand voxels, beside "
        f"{low - few * (high - low) / (many - few):,.0f} MiB that do not depend on them."
    )


if __name__ == "__main__":
    main()
