"""What the rank that writes does between steps: scalars, frames, checkpoints, progress."""

import statistics
import time
from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

from pointins_engine import checkpoint
from pointins_engine.config import RunConfig
from pointins_engine.losses import LossTerms
from pointins_engine.objectives.priors import MagnitudePrior
from pointins_engine.run_log.writer import RunWriter
from pointins_engine.schedules import StepSchedule, schedule
from pointins_engine.student_teacher import PointNetwork, Prediction
from pointins_engine.targets import TeacherTargets
from pointins_engine.watching.alarms import AlarmWatch
from pointins_engine.watching.health import StageTimes, health_figures, memory_figures
from pointins_engine.watching.inspection import FrameClock, Inspector
from pointins_engine.watching.probe import OnlineProbe
from pointins_engine.watching.watch_share import WatchShare
from pointins_engine.world import World

RECENT_STEPS = 50  # over which the step time is the median


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """What the trainer reports after every step."""

    step: int
    total_steps: int
    loss: float | None  # of the last step that was logged; None before the first
    offset_loss: float
    step_s: float  # median of the last steps
    eta_s: float
    frame_written: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class StepResult:
    """What a step leaves for the log."""

    now: StepSchedule
    losses: LossTerms | None  # of the whole batch, where somebody looks
    teacher: Prediction
    targets: TeacherTargets | None
    grad_norm: Tensor
    times: StageTimes
    step_s: float


class Recorder:
    """Writes a run folder while the trainer trains; changes nothing that is learned.

    Args:
        config: Run configuration.
        writer: Of the run folder.
        inspector: Makes the frames.
        prior: What offsets are compared with.
        world: Other ranks send sentences through it.
        probe: Measures the teacher on labelled scenes now and then, if there are any.
    """

    def __init__(
        self,
        config: RunConfig,
        writer: RunWriter,
        inspector: Inspector,
        prior: MagnitudePrior,
        world: World,
        probe: OnlineProbe | None = None,
    ) -> None:
        self._config = config
        self.writer = writer
        self._inspector = inspector
        self._notices = world.notices
        self._probe = probe
        self._prior = prior
        self._alarms = AlarmWatch(config, prior_mean_m=prior.mean())
        self._clock = FrameClock(config.log)
        self._share = WatchShare()
        self._step_times: deque[float] = deque(maxlen=RECENT_STEPS)
        self._losses: tuple[float | None, float] = (None, 0.0)
        self._framed_at = -1  # step of the newest frame

    def follow(self, config: RunConfig, prior: MagnitudePrior) -> None:
        """Record by another configuration and prior from now on."""
        if config.log != self._config.log:
            self._clock.follow(config.log)
            self._share = WatchShare()
        self._config, self._prior = config, prior
        self._inspector.follow(config, prior)
        self._alarms.follow(config, prior_mean_m=prior.mean())

    def leave_out(self, seconds: float) -> None:
        """The run stood still that long, or did what somebody asked for."""
        self._share.leave_out(seconds)

    def start(self, step: int, teacher: PointNetwork) -> None:
        """The run goes on from `step`."""
        self.writer.state("running")
        self._share.frame(self._frame(step, teacher))
        if step == 0:
            self._measure(step, teacher)  # what an untrained teacher reaches

    def left_out(self, step: int, text: str) -> None:
        """A scan cannot be read."""
        self.writer.event("warning", step, text=text)

    def log(self, done: int, result: StepResult) -> None:
        """Scalars and health, if somebody looks at this step."""
        now = result.now
        self._step_times.append(result.step_s)
        if now.offset_weight > 0 and schedule(max(done - 2, 0), self._config).offset_weight == 0:
            self.writer.event("mark", done, text="the offset loss joins")
        if result.losses is None:
            return
        values = self._scalars(result, result.losses)
        self.writer.scalars(done, values)
        for alarm in self._alarms.observe(done, values):
            self.writer.event("alarm", done, **alarm)
            self.writer.log(f"step {done}: {alarm['text']}")
        self._losses = values["loss/total"], values.get("loss/offset", 0.0)
        if self._notices is not None:
            for line in self._notices.told():
                self.writer.event("warning", done, text=line)

    def watch(self, done: int, teacher: PointNetwork) -> None:
        """A frame and a probe if it is time for them; always at the end."""
        is_last = done == self._config.optim.steps
        if self._clock.is_due(done) or is_last:
            share = self._share.frame(self._frame(done, teacher))
            if share is not None:
                self.writer.scalars(done, {"time/watch_share": share})
        if self._probe is not None and (self._probe.is_due(done) or is_last):
            self._measure(done, teacher)

    def show(self, done: int, teacher: PointNetwork) -> bool:
        """A frame that somebody asked for; false if this step has one."""
        if self._framed_at == done:
            return False
        self._frame(done, teacher)
        return True

    def save(
        self,
        done: int,
        student: PointNetwork,
        teacher: PointNetwork,
        optimizer: torch.optim.Optimizer,
        *,
        asked: bool,
    ) -> None:
        """A checkpoint; one that was asked for is kept."""
        folder = checkpoint.save_checkpoint(
            self.writer.paths,
            done,
            student=student,
            teacher=teacher,
            optimizer=optimizer,
            keep=self._config.log.keep_checkpoints,
            asked=asked,
        )
        self.writer.event("checkpoint", done, path=f"checkpoints/{folder.name}")

    def progress(self, done: int) -> Progress:
        """Where the run is, also for `state.json`."""
        total, step_s = self._config.optim.steps, self._step_s()
        eta_s = step_s * (total - done)
        self.writer.progress(done, step_s, eta_s)
        loss, offset_loss = self._losses
        return Progress(
            step=done,
            total_steps=total,
            loss=loss,
            offset_loss=offset_loss,
            step_s=step_s,
            eta_s=eta_s,
            frame_written=self._framed_at == done,
        )

    def finish(self) -> None:
        self.writer.close("finished")

    def _scalars(self, result: StepResult, losses: LossTerms) -> dict[str, float]:
        now, config = result.now, self._config
        values: dict[str, float | Tensor] = {
            "loss/total": losses.total,
            "loss/semantic": losses.semantic,
            "match/pairs": losses.num_pairs,
            "schedule/lr": now.lr,
            "schedule/ema_momentum": now.ema_momentum,
            "schedule/teacher_temp": now.teacher_temp,
            "schedule/mask_ratio": now.mask_ratio,
            "schedule/mask_size_m": now.mask_size,
            "schedule/offset_weight": now.offset_weight,
            "optim/grad_norm": result.grad_norm,
            "time/step_s": result.step_s,
            **result.times.figures(),
            **memory_figures(losses.total.device),
        }
        if now.offset_weight > 0:
            values |= {
                "loss/offset": losses.offset,
                "loss/offset_l1": losses.offset_l1,
                "loss/offset_direction": losses.offset_direction,
            }
        started = time.perf_counter()
        values |= health_figures(
            result.teacher, result.targets, self._prior, config, now.teacher_temp
        )
        values["time/health_s"] = time.perf_counter() - started
        return {key: float(value) for key, value in values.items()}

    def _frame(self, step: int, teacher: PointNetwork) -> float:
        """Write a frame; returns its seconds."""
        now = schedule(min(step, self._config.optim.steps - 1), self._config)
        seconds, written = self._inspector.write_frames(
            teacher, step, self.writer, odr_active=now.odr_active
        )
        self._clock.took(step, seconds, self._step_s())
        self.writer.scalars(step, {"time/frame_s": seconds, "time/frame_write_s": written})
        self._framed_at = step
        return seconds

    def _measure(self, step: int, teacher: PointNetwork) -> None:
        if self._probe is not None:
            self.writer.scalars(step, self._probe.measure(teacher))

    def _step_s(self) -> float:
        return statistics.median(self._step_times) if self._step_times else 0.0
