"""What instance awareness costs: a step with the offset branch over a step without it.

Both trainers take the same steps of the same scenes in turn, in one process, and the ratio of each
pair of steps is taken. On the CPU a step costs what the operating system counts for the thread that
takes it, so that other programs, and the threads that make views ahead, do not count; torch is kept
to that one thread. On a GPU it is the time on the clock until the device is done.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch

from pointins_engine.config import RunConfig, with_values
from pointins_engine.objectives.priors import Empirical
from pointins_engine.randomness import StepRandom
from pointins_engine.recipes import get_recipe
from pointins_engine.scenes import SceneSet, open_scenes
from pointins_engine.student_teacher import make_student_and_teacher
from pointins_engine.trainer import Trainer
from pointins_engine.training.optimizer import make_optimizer
from pointins_engine.training.view_stream import Parts, ViewStream
from pointins_engine.world import ALONE

PRIOR = Empirical((0.05, 0.2, 0.4, 0.9))
WARM_UP = 5
PRESETS = ("affinity", "robust", "paper")


@dataclass(slots=True)
class _Runner:
    """One trainer and its own stream of the same views."""

    trainer: Trainer
    stream: ViewStream
    views: Iterator[Parts]

    def step(self, number: int) -> float:
        """Take a step; returns its seconds."""
        started = self._seconds()
        self.trainer.step(number, self.views, self.stream, is_looked_at=False)
        return self._seconds() - started

    def _seconds(self) -> float:
        if self.trainer.device.type == "cpu":
            return time.thread_time()
        torch.cuda.synchronize()
        return time.perf_counter()


def table(
    folder: Path, *, recipe: str = "indoor_demo", steps: int = 40, device: str = "cpu"
) -> str:
    """Ratios of step times for each preset, as a Markdown table."""
    rows = [
        "| recipe | preset | with the offset branch | without | ratio, median | 90 % |",
        "|---|---|---|---|---|---|",
    ]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rows += [_row(recipe, preset, steps, torch.device(device)) for preset in PRESETS]
    finally:
        torch.set_num_threads(threads)
    return "\n".join(rows)


def _row(recipe: str, preset: str, steps: int, device: torch.device) -> str:
    base = with_values(
        get_recipe(recipe, preset),
        {
            "scene.num_simulated": 4,
            "optim.steps": 100_000,  # the schedules stand still
            "offset.start": 0.0,
            "odr.start": 0.0,
        },
    )
    scenes = open_scenes(base.scene, base.seed)
    runners = [
        _runner(with_values(base, {"offset.enabled": enabled}), scenes, device)
        for enabled in (True, False)
    ]
    times: list[tuple[float, float]] = []
    with closing(runners[0].views), closing(runners[1].views):  # type: ignore[type-var]
        for number in range(WARM_UP + steps):
            pair = tuple(runner.step(number) for runner in runners[:: 1 - 2 * (number % 2)])
            times.append(pair if number % 2 == 0 else pair[::-1])  # type: ignore[arg-type]
    times = times[WARM_UP:]
    ratios = sorted(a / b for a, b in times)
    with_branch, without = (statistics.median(column) for column in zip(*times, strict=True))
    return (
        f"| `{recipe}` | `{preset}` | {with_branch:.3f} s | {without:.3f} s "
        f"| {statistics.median(ratios):.3f} | {ratios[int(0.9 * len(ratios))]:.3f} |"
    )


def _runner(config: RunConfig, scenes: SceneSet, device: torch.device) -> _Runner:
    student, teacher = make_student_and_teacher(
        config, StepRandom(config.seed, 0).shared("weights")
    )
    student, teacher = student.to(device), teacher.to(device)
    optimizer = make_optimizer(student, config)
    trainer = Trainer(config, scenes, PRIOR, student, teacher, optimizer, ALONE)
    stream = ViewStream(scenes, config, lambda step, text: print(text))
    return _Runner(trainer, stream, stream.from_step(0))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instances")
    parser.add_argument("--recipe", default="indoor_demo")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    print(table(Path(), recipe=args.recipe, steps=args.steps, device=args.device))


if __name__ == "__main__":
    main()
