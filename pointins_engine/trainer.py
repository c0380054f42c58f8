"""Pre-training: make views, predict, regularise, score, step, log. Reads like the method figure.

Nothing random is carried from step to step: every draw comes from the run's seed and the step's
number, so a run that is resumed goes on as if it had never stopped.
"""

import platform
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pointins_engine import checkpoint
from pointins_engine.config import PriorConfig, RunConfig, differences, from_dict, to_dict
from pointins_engine.errors import RunError
from pointins_engine.inspection import FrameClock, Inspector, odr_rows
from pointins_engine.lifecycle import closing_run, stop_requests
from pointins_engine.objectives.odr_statistics import ZERO_LENGTH, kolmogorov_smirnov, wasserstein
from pointins_engine.objectives.priors import Empirical, MagnitudePrior, make_prior
from pointins_engine.objectives.scr_statistics import scr_statistics
from pointins_engine.objectives.semantic import prototype_entropy
from pointins_engine.optimizer import make_optimizer
from pointins_engine.run_log.files import read_json
from pointins_engine.run_log.paths import RunPaths
from pointins_engine.run_log.writer import RunWriter, refuse_if_taken, refuse_if_written
from pointins_engine.scenes import SceneSet, open_scenes
from pointins_engine.schedules import StepSchedule, schedule
from pointins_engine.student_teacher import (
    LossTerms,
    PointNetwork,
    Prediction,
    TeacherTargets,
    make_student_and_teacher,
    teacher_targets,
    training_loss,
    update_teacher,
)
from pointins_engine.view_stream import ViewStream
from pointins_engine.views import ViewBatch, visible_points

PRIOR_SCENES = 4  # scenes that a label-free prior is fitted on
RECENT_STEPS = 50  # over which the step time is the median


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """What the trainer reports after every step."""

    step: int
    total_steps: int
    loss: float
    offset_loss: float
    step_s: float  # median of the last steps
    eta_s: float
    frame_written: bool


def pretrain(
    config: RunConfig,
    run: Path,
    *,
    recipe: str,
    device: str = "cpu",
    resume: bool = False,
    command: str = "",
    report: Callable[[Progress], None] = lambda progress: None,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Pre-train into a run folder.

    Args:
        config: Everything that decides the result.
        run: Run folder; must not hold a run unless `resume`.
        recipe: Name that the run goes by.
        device: `cpu`, `cuda` or `cuda:1`.
        resume: Go on from the newest checkpoint of `run`, or start if it holds no run yet.
        command: Command line to put into `run.json`.
        report: Called after every step.
        say: Called with sentences for a person: warnings, where the run stands.

    Raises:
        SceneError, ConfigError: Before anything is written.
        RunError: If the folder cannot be used, or the loss is not finite.
    """
    paths = RunPaths(run)
    resuming = resume and paths.run.exists()
    if resuming:
        refuse_if_written(run)
        _refuse_changes(paths, config)
    else:
        refuse_if_taken(run)
    scenes = open_scenes(config.scene, config.seed)
    inspected = [scenes[number] for number in _spread(len(scenes), config.log.num_inspected)]
    found = checkpoint.latest_checkpoint(paths) if resuming else None
    prior = _prior(config, scenes, found)
    for warning in scenes.warnings:
        say(warning)

    target = torch.device(device)
    student, teacher = make_student_and_teacher(config, _generator(config.seed, 0))
    student, teacher = student.to(target), teacher.to(target)
    optimizer = make_optimizer(student, config)
    start = 0
    if found is not None:
        checkpoint.load_checkpoint(
            found, student=student, teacher=teacher, optimizer=optimizer, device=target
        )
        start = found.step
    inspector = Inspector(inspected, config, prior, target)
    if resuming:
        writer = RunWriter.reopen(run, step=start, config=config)
        say(f"Going on with {run} from step {start}." if found else f"Starting {run} again.")
    else:
        writer = RunWriter.create(
            run,
            recipe=recipe,
            config=config,
            device=device_name(target),
            libraries={"torch": torch.__version__, "numpy": np.__version__},
            command=command,
        )
        say(f"Writing {run}.")
    trainer = _Trainer(config, scenes, prior, student, teacher, optimizer, inspector, writer)
    with closing_run(writer):
        for warning in scenes.warnings:
            writer.event("warning", start, text=warning)
        writer.log(f"{recipe} on {device_name(target)}; prior: {prior.describe()}")
        trainer.run(start, report)


@dataclass(frozen=True, kw_only=True, slots=True)
class _StepResult:
    """What a step leaves for the log."""

    now: StepSchedule
    terms: LossTerms
    teacher: Prediction
    targets: TeacherTargets
    grad_norm: Tensor
    data_s: float  # spent waiting for views


class _Trainer:
    """The loop and the objects that live as long as it."""

    def __init__(
        self,
        config: RunConfig,
        scenes: SceneSet,
        prior: MagnitudePrior,
        student: PointNetwork,
        teacher: PointNetwork,
        optimizer: torch.optim.Optimizer,
        inspector: Inspector,
        writer: RunWriter,
    ) -> None:
        self.config = config
        self.views = ViewStream(
            scenes, config, lambda step, text: writer.event("warning", step, text=text)
        )
        self.prior = prior
        self.student = student
        self.teacher = teacher
        self.optimizer = optimizer
        self.writer = writer
        self.device = next(student.parameters()).device
        self.inspector = inspector
        self.clock = FrameClock(config.log)
        self.step_times: deque[float] = deque(maxlen=RECENT_STEPS)

    def run(self, start: int, report: Callable[[Progress], None]) -> None:
        """All steps from `start` to the end, or until the process is asked to stop."""
        total, log = self.config.optim.steps, self.config.log
        views = self.views.from_step(start)
        self.writer.state("running")
        with stop_requests() as stop, closing(views):
            self._frame(start)
            for step in range(start, total):
                result = self._step(step, views)
                done = step + 1
                self._log(done, result)
                if framed := self.clock.is_due(done) or done == total:
                    self._frame(done)
                if done % log.checkpoint_every == 0 or done == total:
                    self._checkpoint(done)
                report(self._progress(done, result.terms, framed))
                if stop.is_set() and done < total:
                    self._checkpoint(done)
                    self.writer.close("stopped", f"Stopped at step {done} as asked.")
                    raise KeyboardInterrupt
        self.writer.close("finished")

    def _step(self, step: int, stream: Iterator[ViewBatch]) -> "_StepResult":
        """One optimiser step: the method, in the order of its figure."""
        started = time.perf_counter()
        config, now = self.config, schedule(step, self.config)
        rng = _generator(config.seed, step + 1)
        views = next(stream).to(self.device)
        visible = visible_points(views.points, now.mask_size, now.mask_ratio, rng)
        data_s = time.perf_counter() - started

        self.student.train()
        student = self.student(views.points.select(visible), views, rng)
        with torch.no_grad():
            teacher = self.teacher(views.points, views)
        targets = teacher_targets(teacher, self.prior, config, rng, odr_active=now.odr_active)
        learns_offsets = now.offset_weight > 0
        terms = training_loss(student, teacher, targets if learns_offsets else None, config, now)

        self.optimizer.zero_grad(set_to_none=True)
        terms.total.backward()
        grad_norm = nn.utils.clip_grad_norm_(self.student.parameters(), config.optim.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = now.lr * group["lr_scale"]
        self.optimizer.step()
        update_teacher(self.student, self.teacher, now.ema_momentum)
        self.step_times.append(time.perf_counter() - started)
        return _StepResult(
            now=now,
            terms=terms,
            teacher=teacher,
            targets=targets,
            grad_norm=grad_norm,
            data_s=data_s,
        )

    def _log(self, done: int, result: "_StepResult") -> None:
        terms, now = result.terms, result.now
        config = self.config
        if now.offset_weight > 0 and schedule(max(done - 2, 0), config).offset_weight == 0:
            self.writer.event("mark", done, text="the offset loss joins")
        if done % config.log.scalars_every and done != config.optim.steps:
            return
        values = {
            "loss/total": terms.total,
            "loss/semantic": terms.semantic,
            "match/pairs": terms.num_pairs,
            "schedule/lr": now.lr,
            "schedule/ema_momentum": now.ema_momentum,
            "schedule/teacher_temp": now.teacher_temp,
            "schedule/mask_ratio": now.mask_ratio,
            "schedule/mask_size_m": now.mask_size,
            "schedule/offset_weight": now.offset_weight,
            "optim/grad_norm": result.grad_norm,
            "time/step_s": self.step_times[-1],
            "time/data_s": result.data_s,
            **self._health(result.teacher, result.targets, now),
        }
        if now.offset_weight > 0:
            values |= {
                "loss/offset": terms.offset,
                "loss/offset_l1": terms.offset_l1,
                "loss/offset_direction": terms.offset_direction,
            }
        self.writer.scalars(
            done,
            {
                key: float(value.detach() if isinstance(value, Tensor) else value)
                for key, value in values.items()
            },
        )
        if not bool(torch.isfinite(terms.total)):
            raise RunError(
                f"the loss is not finite at step {done}. The last checkpoint is kept: go on from "
                "it with --resume and a lower --optim.lr."
            )

    def _health(
        self, teacher: Prediction, targets: TeacherTargets, now: StepSchedule
    ) -> dict[str, float]:
        """How the teacher's offsets and pseudo-instances of the step look."""
        cells = teacher.cells
        length = targets.offset[odr_rows(cells.is_plane, self.config)].norm(dim=1).double()
        grouped = scr_statistics(
            targets.clusters, cells.origin_coord, cells.is_plane, cells.batch_size
        )
        return {
            "odr/w1_before_m": wasserstein(length, self.prior),
            "odr/ks_before": kolmogorov_smirnov(length, self.prior),
            "odr/zero_share": float((length < ZERO_LENGTH).double().mean()),
            "odr/mean_m": float(length.mean()),
            **{f"scr/{name}": value for name, value in grouped.items() if name != "sizes"},
            "collapse/prototype_entropy": float(
                prototype_entropy(teacher.similarity, now.teacher_temp)
            ),
        }

    def _frame(self, step: int) -> None:
        now = schedule(min(step, self.config.optim.steps - 1), self.config)
        seconds, written = self.inspector.write_frames(
            self.teacher, step, self.writer, odr_active=now.odr_active
        )
        self.clock.took(step, seconds, self._step_s())
        self.writer.scalars(step, {"time/frame_s": seconds, "time/frame_write_s": written})

    def _checkpoint(self, step: int) -> None:
        folder = checkpoint.save_checkpoint(
            self.writer.paths,
            step,
            student=self.student,
            teacher=self.teacher,
            optimizer=self.optimizer,
            trainer={"prior": _prior_record(self.prior, self.config)},
            keep=self.config.log.keep_checkpoints,
        )
        self.writer.event("checkpoint", step, path=f"checkpoints/{folder.name}")

    def _step_s(self) -> float:
        return statistics.median(self.step_times) if self.step_times else 0.0

    def _progress(self, done: int, terms: LossTerms, framed: bool) -> Progress:
        total, step_s = self.config.optim.steps, self._step_s()
        eta_s = step_s * (total - done)
        self.writer.progress(done, step_s, eta_s)
        return Progress(
            step=done,
            total_steps=total,
            loss=float(terms.total.detach()),
            offset_loss=float(terms.offset.detach()),
            step_s=step_s,
            eta_s=eta_s,
            frame_written=framed,
        )


def device_name(device: torch.device) -> str:
    """`cpu` or `cuda` with the machine's own name for it."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device.type} ({platform.machine()}, {torch.get_num_threads()} threads)"


def _generator(seed: int, step: int) -> torch.Generator:
    """Random numbers of one step."""
    state = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0] >> 1))


def _spread(count: int, wanted: int) -> list[int]:
    """At most `wanted` scene numbers, evenly spread, the first among them."""
    return sorted({number * count // min(wanted, count) for number in range(min(wanted, count))})


def _prior(
    config: RunConfig, scenes: SceneSet, found: checkpoint.Checkpoint | None
) -> MagnitudePrior:
    """The prior of the run; a fitted one is taken from the checkpoint when there is one."""
    if found is not None and found.trainer["prior"].get("quantiles"):
        return Empirical(tuple(found.trainer["prior"]["quantiles"]))
    coords = None
    if config.odr.prior.kind == "hdbscan":
        chosen = [scenes[number] for number in _spread(len(scenes), PRIOR_SCENES)]
        coords = [
            scene.coord if scene.is_plane is None else scene.coord[~scene.is_plane]
            for scene in chosen
        ]
    return make_prior(config.odr.prior, coords=coords, cell_size=config.cell_size, seed=config.seed)


def _prior_record(prior: MagnitudePrior, config: RunConfig) -> dict[str, Any]:
    if isinstance(prior, Empirical):
        return to_dict(PriorConfig(kind="empirical", quantiles=prior.quantiles))
    return to_dict(config.odr.prior)


def _refuse_changes(paths: RunPaths, config: RunConfig) -> None:

    stored = from_dict(read_json(paths.run)["config"])
    changed = differences(stored, config)
    if changed:
        name, (was, now) = next(iter(changed.items()))
        raise RunError(
            f"{paths.root} was started with {name} = {was!r}, and {now!r} was asked for now. "
            "Resume with the same values, or start a new run in another folder."
        )
