"""Steering: what people ask of a trainer is done between its steps, never inside one.

The rank that writes reads the commands, all ranks follow the same ones, and every command is
answered by an event. An edit is in force from the next step on, as if the run had been configured
so from that step on; pausing changes nothing that is learned.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Protocol, runtime_checkable

import torch

from pointins_engine.config import RunConfig, differences
from pointins_engine.errors import ConfigError, PointinsError, RunError
from pointins_engine.live_edits import edit_lines, edited, edited_prior
from pointins_engine.objectives.priors import MagnitudePrior, prior_of
from pointins_engine.offset_prior.files import to_json
from pointins_engine.offset_prior.record import PriorRecord
from pointins_engine.run_log import control
from pointins_engine.run_log.control import Command
from pointins_engine.run_log.writer import RunWriter
from pointins_engine.world import World

MAX_TEXT = 1000  # characters of an answer
POLL_S = 0.1  # between two looks into the folder while the run is paused
LEVELS_TRIED = 10_000  # at which an edited prior must have a finite length


@runtime_checkable
class Steered(Protocol):
    """What a trainer lets be done to it between steps; on every rank."""

    config: RunConfig
    prior: MagnitudePrior

    def follow(self, config: RunConfig, prior: MagnitudePrior) -> None:
        """Train with another configuration and prior from the next step on."""

    def check(self, done: int) -> None:
        """Refuse to go on with broken weights.

        Raises:
            RunError: On all ranks.
        """

    def save(self, done: int, *, asked: bool) -> None:
        """Write a checkpoint, unless there is one of this step that nobody asked for again.

        Raises:
            RunError: If it cannot be written, on the rank that writes.
        """

    def show(self, done: int) -> bool:
        """Write a frame; false if this step has one."""
        ...


class Steering:
    """Follows the commands of a run.

    Args:
        steered: The trainer.
        first: What the run was started with.
        record: The prior of that.
        stop: Set by a signal.
        world: The ranks; all of them steer at the same steps.
        writer: Of the run folder, on the rank that writes.
    """

    def __init__(
        self,
        steered: Steered,
        first: RunConfig,
        record: PriorRecord,
        stop: threading.Event,
        world: World,
        writer: RunWriter | None,
    ) -> None:
        self._steered = steered
        self._first = first
        self._record = record
        self._stop = stop
        self._world = world
        self._writer = writer
        self._is_paused = False
        self._single: Command | None = None  # the step in hand, if it was asked for
        self._answered: set[str] = set()
        self._actions: Mapping[str, Callable[[Command, int], None]] = {
            "pause": self._pause,
            "resume": self._resume,
            "step": self._begin_single_step,
            "stop": self._stop_as_asked,
            "checkpoint": self._checkpoint,
            "frame": self._frame,
            "set": self._set,
        }

    @property
    def is_single_step(self) -> bool:
        """Whether somebody asked for exactly the step in hand, to look at it."""
        return self._single is not None

    def start(self, done: int) -> None:
        """Listen from now on. What lies there was meant for a trainer that has gone."""
        self._refuse_waiting(done, "It was dropped before this trainer began its steps.")
        if self._writer is not None:
            self._writer.listens(True)

    def before_step(self, done: int) -> None:
        """Do what was asked for; returns when the next step is due.

        Args:
            done: Steps that are done.

        Raises:
            KeyboardInterrupt: On all ranks, if any was asked to stop; the run is saved and closed.
            RunError: If the run cannot be saved or its weights are broken.
        """
        self._end_single_step(done)
        while True:
            for command in self._commands(done):
                self._follow(command, done)
                if self._single is not None:
                    return  # what else lies there waits for the end of that step
            if not self._is_paused:
                return
            time.sleep(POLL_S)

    def finish(self, done: int) -> None:
        """All steps are done; nobody is left without an answer."""
        self._end_single_step(done)
        if self._writer is not None:
            self._writer.listens(False)
        self._refuse_waiting(done, "The run is finished.")

    def _commands(self, done: int) -> list[Command]:
        """New commands, the same on every rank; one small exchange where there is none."""
        is_asked = self._writer is not None and not self._answered.issuperset(
            control.pending(self._writer.paths)
        )
        is_stopped, is_asked = self._world.each(self._stop.is_set(), is_asked)
        if is_stopped:
            self._end_run(done)
        if not is_asked:
            return []
        told = self._world.share([asdict(command) for command in self._unanswered()])
        return [Command(**command) for command in told]

    def _unanswered(self) -> list[Command]:
        """What lies there, on the rank that writes; nobody else reads it."""
        if self._writer is None:
            return []
        commands = control.read_commands(self._writer.paths)
        return [command for command in commands if command.id not in self._answered]

    def _follow(self, command: Command, done: int) -> None:
        if command.problem:
            self._answer(command, done, command.problem, ok=False)
        else:
            self._actions[command.command](command, done)

    # -- the commands -------------------------------------------------------------------------

    def _pause(self, command: Command, done: int) -> None:
        if self._is_paused:
            self._answer(command, done, "The run is paused already.", ok=False)
            return
        self._be_paused(done)
        self._answer(command, done, f"Paused at step {done}.")

    def _resume(self, command: Command, done: int) -> None:
        if not self._is_paused:
            self._answer(command, done, "The run is not paused.", ok=False)
            return
        self._is_paused = False
        if self._writer is not None:
            self._writer.state("running")
        self._answer(command, done, f"Goes on from step {done}.")

    def _begin_single_step(self, command: Command, done: int) -> None:
        self._single = command

    def _end_single_step(self, done: int) -> None:
        """Show what the step did, and stand still."""
        command, self._single = self._single, None
        if command is None:
            return
        self._steered.show(done)
        if done < self._steered.config.optim.steps:
            self._be_paused(done)
        self._answer(command, done, f"Step {done} is done, its frame is written.")

    def _be_paused(self, done: int) -> None:
        self._is_paused = True
        if self._writer is not None:
            self._writer.state("paused", f"Paused at step {done}.")

    def _stop_as_asked(self, command: Command, done: int) -> None:
        self._end_run(done, command)

    def _checkpoint(self, command: Command, done: int) -> None:
        self._steered.check(done)
        try:
            self._steered.save(done, asked=True)
        except RunError as error:
            self._answer(command, done, str(error), ok=False)
            return
        text = f"The checkpoint of step {done} is written and stays until somebody removes it."
        self._answer(command, done, text)

    def _frame(self, command: Command, done: int) -> None:
        if self._steered.show(done):
            self._answer(command, done, f"The frame of step {done} is written.")
        else:
            text = f"Step {done} has its frame; what was edited since shows after the next step."
            self._answer(command, done, text)

    def _set(self, command: Command, done: int) -> None:
        before = self._steered.config
        try:
            after = edited(before, command.values, first=self._first)
            prior = self._prior_of(before, after)
        except PointinsError as error:
            self._answer(command, done, str(error), ok=False)
            return
        changed = differences(before, after)
        if not changed:
            self._answer(command, done, "Nothing changes: the values are in force already.")
            return
        self._steered.follow(after, prior)
        text = "; ".join(edit_lines(before, after, f"from step {done + 1} on"))
        if self._writer is not None:
            more: dict[str, Any] = {}
            if after.odr.prior != before.odr.prior:
                more["prior"] = to_json(edited_prior(after, self._first, self._record))
            self._writer.event(
                "edit", done, id=command.id, by=command.by, values=changed, text=text, **more
            )
        self._answer(command, done, text)

    def _prior_of(self, before: RunConfig, after: RunConfig) -> MagnitudePrior:
        """The prior after an edit, made before anything is changed.

        Raises:
            ConfigError: If it cannot be had while training, or its lengths are not finite.
        """
        if after.odr.prior == before.odr.prior:
            return self._steered.prior
        record = edited_prior(after, self._first, self._record)
        prior = prior_of(record, with_directions=after.odr.direction_prior == "empirical")
        if not _is_finite(prior):
            raise ConfigError(
                f"odr.prior would have lengths without end: {prior}. Choose milder parameters."
            )
        return prior

    # -- ends and answers ---------------------------------------------------------------------

    def _end_run(self, done: int, command: Command | None = None) -> None:
        self._steered.check(done)
        self._steered.save(done, asked=False)
        if self._writer is not None:
            text = f"Stopped at step {done} as asked."
            self._writer.listens(False)
            if command is not None:
                self._answer(command, done, text)
            self._refuse_waiting(done, text)
            self._writer.close("stopped", text)
        raise KeyboardInterrupt

    def _refuse_waiting(self, done: int, reason: str) -> None:
        while commands := self._unanswered():
            for command in commands:
                self._answer(command, done, command.problem or reason, ok=False)

    def _answer(self, command: Command, done: int, text: str, *, ok: bool = True) -> None:
        if self._writer is None:
            return
        text = " ".join(text.split())[:MAX_TEXT]  # it may repeat what somebody sent
        self._writer.event(
            "control", done, id=command.id, command=command.command, by=command.by, ok=ok, text=text
        )
        self._writer.log(f"step {done}: {command.command}: {text}")
        self._answered.add(command.id)
        # Last, so that a command is answered even if the trainer dies in between.
        control.remove_command(self._writer.paths, command.id)


def _is_finite(prior: MagnitudePrior) -> bool:
    try:
        mean = prior.mean()
    except OverflowError:
        return False
    quantiles = prior.midpoint_quantiles(LEVELS_TRIED)
    return math.isfinite(mean) and bool(torch.isfinite(quantiles).all())
