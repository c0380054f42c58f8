"""What an optimiser step of the demo recipes costs, and which share of the time frames take.

Read from the run's own log: `time/step_s`, `time/data_s`, `time/frame_s`, `time/frame_write_s`.
Each recipe trains on few simulated scenes, all of which are in memory after the warm-up steps.
"""

import statistics
import subprocess
import sys
from pathlib import Path

from pointins_engine.run_log.store import Run

RECIPES = ("indoor_demo", "outdoor_demo")
STEPS = 60
WARM_UP = 20  # simulates the scenes and fills the caches


def table(folder: Path) -> str:
    rows = [
        "| recipe | step, median | 95 % | of which waiting for views | frames every "
        "| watching takes | of which writing |",
        "|---|---|---|---|---|---|---|",
    ]
    rows += [_row(recipe, folder / recipe) for recipe in RECIPES]
    return "\n".join(rows)


def _row(recipe: str, run: Path) -> str:
    command = [sys.executable, "-m", "pointins_engine", "pretrain", recipe, "--quiet"]
    options = ["--run", run, "--steps", STEPS, "--seed", 0, "--scene.num-simulated", 4]
    subprocess.run([*command, *map(str, options)], check=True)
    log = Run(run).scalars()
    step_s = _after_warm_up(log["time/step_s"])
    data_s = _after_warm_up(log["time/data_s"])
    frame_s, write_s = (
        _after_warm_up(log[f"time/{name}"]) for name in ("frame_s", "frame_write_s")
    )
    whole = sum(step_s) + sum(frame_s)
    late = sorted(step_s)[int(0.95 * len(step_s))]
    return (
        f"| `{recipe}` | {statistics.median(step_s):.2f} s | {late:.2f} s "
        f"| {sum(data_s) / sum(step_s):.1%} | {len(step_s) / len(frame_s):.0f} steps "
        f"| {sum(frame_s) / whole:.1%} | {sum(write_s) / whole:.2%} |"
    )


def _after_warm_up(series: tuple[list[int], list[float | None]]) -> list[float]:
    steps, values = series
    return [v for step, v in zip(steps, values, strict=True) if v is not None and step > WARM_UP]
