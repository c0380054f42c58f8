"""Pre-training: make views, predict, regularise, score, step, log. Reads like the method figure.

Nothing random is carried from step to step: every draw comes from the run's seed and the step's
number, so a run that is resumed goes on as if it had never stopped. Nothing depends on how a batch
is cut into parts or shared out to ranks either.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from pointins_engine import checkpoint
from pointins_engine.config import RunConfig
from pointins_engine.errors import RunError
from pointins_engine.fork import Parent
from pointins_engine.losses import LossTerms, training_loss
from pointins_engine.objectives.priors import MagnitudePrior
from pointins_engine.randomness import StepRandom
from pointins_engine.scenes import SceneSet, open_scenes
from pointins_engine.scenes.readers.raw import Taken
from pointins_engine.scenes.source import IN_MEMORY
from pointins_engine.schedules import schedule
from pointins_engine.student_teacher import (
    PointNetwork,
    concat_predictions,
    make_student_and_teacher,
    update_teacher,
)
from pointins_engine.targets import teacher_targets
from pointins_engine.training.accumulation import StudentPrediction, loss_and_gradients, predict
from pointins_engine.training.lifecycle import closing_run, stop_requests
from pointins_engine.training.optimizer import follow_schedule, make_optimizer
from pointins_engine.training.recorder import Progress, Recorder, StepResult
from pointins_engine.training.run_setup import (
    Beginning,
    beginning,
    device_names,
    evenly_spread,
    open_writer,
)
from pointins_engine.training.steering import Steering
from pointins_engine.training.view_stream import Parts, ViewStream, on_device, scenes_a_part
from pointins_engine.views import missing_features
from pointins_engine.watching.health import StageTimes
from pointins_engine.watching.inspection import Inspector
from pointins_engine.watching.probe import open_probe
from pointins_engine.world import ALONE, World


def pretrain(
    config: RunConfig,
    run: Path,
    *,
    recipe: str,
    scenes: SceneSet | None = None,
    device: str | torch.device = "cpu",
    resume: bool = False,
    fork: Parent | None = None,
    command: str = "",
    report: Callable[[Progress], None] = lambda progress: None,
    say: Callable[[str], None] = lambda line: None,
    world: World = ALONE,
) -> None:
    """Pre-train into a run folder.

    Args:
        config: Everything that decides the result.
        run: Run folder; must not hold a run unless `resume`. The same on all ranks.
        recipe: Name that the run goes by.
        scenes: What to train on instead of `config.scene.source` (`SceneSet.of`).
        device: `cpu`, `cuda` or `cuda:1`; with several ranks each has its own.
        resume: Go on from the newest checkpoint of `run`, or start if it holds no run yet.
        fork: Begin where another run was at one of its checkpoints; that run is only read.
        command: Command line to put into `run.json`.
        report: Called after every step, on the rank that writes.
        say: Called with sentences for a person: warnings, where the run stands; there too.
        world: The ranks that train together.

    Raises:
        SceneError, ConfigError: Before anything is written.
        RunError: If the folder cannot be used, or the loss is not finite.
    """
    scenes_a_part(config, world)  # refused before scans are read
    if scenes is None:
        scenes = open_scenes(config.scene, config.seed)
    else:
        config = replace(config, scene=replace(config.scene, source=IN_MEMORY))
    begin = beginning(config, run, scenes, world, resume=resume, parent=fork)
    config = begin.config
    target = torch.device(device)
    student, teacher = make_student_and_teacher(
        config, StepRandom(config.seed, 0).shared("weights")
    )
    student, teacher = student.to(target), teacher.to(target)
    optimizer = make_optimizer(student, config)
    if begin.checkpoint is not None:
        checkpoint.load_checkpoint(
            begin.checkpoint, student=student, teacher=teacher, optimizer=optimizer, device=target
        )
    trainer = Trainer(config, scenes, begin.prior, student, teacher, optimizer, world)
    if not world.is_main:
        trainer.run(begin, None, report)
        return
    chosen = evenly_spread(len(scenes), config.log.num_inspected)
    inspected = [scenes[n] for n in chosen]
    lacking = [note for scene in inspected if (note := missing_features(scene, config.scene))]
    inspector = Inspector(inspected, config, begin.prior, target, student)
    probe, about_probe = open_probe(config, scenes)
    writer = open_writer(run, begin, recipe, target, world, command)
    for line in (*scenes.warnings, *lacking, about_probe, begin.sentence(run)):
        if line:
            say(line)
    with closing_run(writer, world):
        for note in scenes.warnings:
            if isinstance(note, Taken):
                writer.log(note)
            else:
                writer.event("warning", begin.step, text=note)
        writer.log(f"{recipe} on {device_names(target, world)}; prior: {begin.prior.describe()}")
        for line in (*lacking, about_probe):
            if line:
                writer.log(line)
        recorder = Recorder(config, writer, inspector, begin.prior, world, probe)
        trainer.run(begin, recorder, report)


class Trainer:
    """The loop and the objects that live as long as it, the same on every rank."""

    def __init__(
        self,
        config: RunConfig,
        scenes: SceneSet,
        prior: MagnitudePrior,
        student: PointNetwork,
        teacher: PointNetwork,
        optimizer: torch.optim.Optimizer,
        world: World,
    ) -> None:
        self.config = config
        self.scenes = scenes
        self.prior = prior
        self.student = student
        self.teacher = teacher
        self.optimizer = optimizer
        self.world = world
        self.device = next(student.parameters()).device
        # NaN or infinity anywhere stays until it is looked at.
        self.is_finite = torch.ones((), dtype=torch.bool, device=self.device)
        self._stream: ViewStream | None = None
        self._recorder: Recorder | None = None
        self._saved_at: int | None = None  # step of the newest checkpoint

    def run(
        self, begin: Beginning, recorder: Recorder | None, report: Callable[[Progress], None]
    ) -> None:
        """All steps from where it begins to the end, or until a rank is asked to stop.

        Args:
            begin: Steps that are done, and what edits start from.
            recorder: On the rank that writes.
            report: Called after every step where there is a recorder.

        Raises:
            KeyboardInterrupt: Before a step, on all ranks, if any was asked to stop; it is saved.
            RunError: If the losses are not finite any more, or the ranks have drifted apart.
        """
        total, start = self.config.optim.steps, begin.step
        self._recorder = recorder
        self._saved_at = None if begin.checkpoint is None else start
        self._stream = stream = ViewStream(
            self.scenes,
            self.config,
            self._left_out if recorder is None else recorder.left_out,
            self.world,
            pinned=self.device.type == "cuda",
        )
        with (
            stop_requests(second_interrupts=self.world.size == 1) as stop,
            closing(stream.from_step(start)) as views,
        ):
            writer = None if recorder is None else recorder.writer
            steering = Steering(self, begin.first, begin.record, stop, self.world, writer)
            steering.start(start)
            if recorder is not None:
                recorder.start(start, self.teacher)
            for step in range(start, total):
                self._be_steered(steering, step)
                done = step + 1
                is_looked_at = self._is_looked_at(done) or steering.is_single_step
                is_saved = self._is_saved(done)
                result = self.step(step, views, stream, is_looked_at=is_looked_at)
                if recorder is not None:
                    recorder.log(done, result)
                del result  # the next step needs the memory of its predictions
                if is_looked_at or is_saved:
                    self.check(done)
                if recorder is not None:
                    recorder.watch(done, self.teacher)
                if is_saved:
                    self.save(done, asked=False)
                if recorder is not None:
                    report(recorder.progress(done))
            steering.finish(total)
        if recorder is not None:
            recorder.finish()

    def step(
        self, step: int, views: Iterator[Parts], stream: ViewStream, *, is_looked_at: bool
    ) -> StepResult:
        """One optimiser step: the method, in the order of its figure.

        Args:
            step: Steps that are done.
            views: Yields this rank's parts of the step's batch.
            stream: Where this rank's scenes stand in the step's batch.
            is_looked_at: Losses and targets are wanted for the log, whatever that costs.
        """
        started = time.perf_counter()
        config, now = self.config, schedule(step, self.config)
        rng = StepRandom(config.seed, step)
        times = StageTimes(self.device, is_on=is_looked_at)
        with times("data"):
            parts = list(on_device(next(views), self.device))

        with times("teacher"), torch.no_grad():
            teacher = concat_predictions(
                [self.teacher(part.whole.points, part.whole) for part in parts]
            )
        self._refuse_broken(step)
        learns_offsets, targets = now.offset_weight > 0, None
        if learns_offsets or (is_looked_at and config.offset.enabled):
            own = rng.starting_at(2 * stream.first_scene)
            with times("targets"):
                targets = teacher_targets(
                    teacher,
                    self.prior,
                    config,
                    own,
                    odr_active=now.odr_active,
                    world=self.world,
                )

        def predict_part(number: int) -> StudentPrediction:
            first_scene = stream.first_scene + number * stream.scenes_a_part
            with times("student"):
                return predict(self.student, parts[number], first_scene, rng, config)

        def loss(student: StudentPrediction) -> LossTerms:
            return training_loss(
                student.whole,
                student.local,
                teacher,
                targets if learns_offsets else None,
                config,
                now,
                self.world,
            )

        self.student.train()
        self.optimizer.zero_grad(set_to_none=True)
        terms = loss_and_gradients(predict_part, len(parts), loss, times)
        with times("optimizer"):
            self.world.sum_gradients(self.student.parameters())
            grad_norm = nn.utils.clip_grad_norm_(self.student.parameters(), config.optim.clip_norm)
            self.is_finite &= grad_norm.isfinite()
            follow_schedule(self.optimizer, now)
            self.optimizer.step()
        with times("ema"):
            update_teacher(self.student, self.teacher, now.ema_momentum)
        return StepResult(
            now=now,
            losses=self._of_all_ranks(terms) if is_looked_at else None,
            teacher=teacher,
            targets=targets,
            grad_norm=grad_norm,
            times=times,
            step_s=time.perf_counter() - started,
        )

    def _of_all_ranks(self, terms: LossTerms) -> LossTerms:
        """The losses of the whole batch: each rank holds its share of them."""
        return replace(
            terms, **{f.name: self.world.sum(getattr(terms, f.name)) for f in fields(terms)}
        )

    def _is_looked_at(self, done: int) -> bool:
        return done % self.config.log.scalars_every == 0 or done == self.config.optim.steps

    def _is_saved(self, done: int) -> bool:
        return done % self.config.log.checkpoint_every == 0 or done == self.config.optim.steps

    def _be_steered(self, steering: Steering, done: int) -> None:
        started = time.perf_counter()
        steering.before_step(done)
        if self._recorder is not None:
            self._recorder.leave_out(time.perf_counter() - started)

    def follow(self, config: RunConfig, prior: MagnitudePrior) -> None:
        """Train with another configuration and prior from the next step on."""
        self.config, self.prior = config, prior
        if self._stream is not None:
            self._stream.follow(config)
        if self._recorder is not None:
            self._recorder.follow(config, prior)

    def save(self, done: int, *, asked: bool) -> None:
        """Write a checkpoint, unless this step has one and nobody asks for it."""
        if self._saved_at == done and not asked:
            return
        if self._recorder is not None:
            self._recorder.save(done, self.student, self.teacher, self.optimizer, asked=asked)
        self._saved_at = done

    def show(self, done: int) -> bool:
        """Write a frame, unless this step has one; returns whether it was written here."""
        return self._recorder is None or self._recorder.show(done, self.teacher)

    def check(self, done: int) -> None:
        """Refuse to go on with, and to save, what is broken. Waits for the GPU."""
        self._refuse_broken(done)
        if self.world.size > 1 and not self.world.agrees(_checksum(self.student, self.teacher)):
            raise RunError(
                f"the ranks hold different weights at step {done}. Check that all of them run the "
                "same version on the same kind of GPU, then go on with --resume."
            )

    def _refuse_broken(self, done: int) -> None:
        """Waits for the last optimiser step, as the encoder has just done for its cells."""
        if not bool(self.is_finite):
            raise RunError(
                f"the loss or its gradient is not finite at step {done}. The last checkpoint is "
                "kept: go on from it with --resume and a lower --optim.lr."
            )

    def _left_out(self, step: int, text: str) -> None:
        if self.world.notices is not None:
            self.world.notices.tell(text)


@torch.no_grad()
def _checksum(*networks: nn.Module) -> Tensor:
    """One number a network, which differs when a weight does."""
    return torch.stack(
        [
            torch.stack([p.double().sum() for p in network.parameters()]).sum()
            for network in networks
        ]
    )
