"""Views step by step, made ahead while the networks are busy.

What a step sees follows from the seed and the step's number alone, so it does not matter who makes
it, or when.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from pointins_engine.config import RunConfig
from pointins_engine.errors import ConfigError, SceneError
from pointins_engine.scenes import SceneSet
from pointins_engine.schedules import schedule
from pointins_engine.types import Scene
from pointins_engine.views import StepViews, collate_step, make_views
from pointins_engine.world import ALONE, World

MAX_MAKERS = 4  # threads; more than that wait for each other in Python
Parts = tuple[StepViews, ...]
Record = TypeVar("Record")


class ViewStream:
    """Makes the views of a run's steps; a scan that cannot be read is left out and told once.

    Args:
        scenes: Training scenes.
        config: Run configuration.
        left_out: Called with a step and a sentence for each scan that cannot be read, from any
            thread.
        world: A step's scenes are shared out to its ranks, one block after another.
        pinned: Make the views in page-locked memory, from where a GPU copies them by itself.
        makers: Threads that make views; by default half of the cores of this rank, at most four.

    Raises:
        ConfigError: If the scenes of a step cannot be cut evenly.
    """

    def __init__(
        self,
        scenes: SceneSet,
        config: RunConfig,
        left_out: Callable[[int, str], None],
        world: World = ALONE,
        *,
        pinned: bool = False,
        makers: int | None = None,
    ) -> None:
        self._scenes = scenes
        self._config = config
        self._left_out = left_out
        self._pinned = pinned
        self._unreadable: set[int] = set()
        self._lock = threading.Lock()
        self._is_stale = False  # what waits was made as an older configuration says
        self.scenes_a_part = scenes_a_part(config, world)
        self.first_scene = world.rank * config.optim.batch_scenes // world.size  # of the step's
        cores = (os.cpu_count() or 1) // world.size
        self.makers = makers or max(1, min(MAX_MAKERS, cores // 2))

    def from_step(self, start: int) -> Generator[Parts, None, None]:
        """Views of the steps from `start` to the last; the next ones are made meanwhile."""
        last = self._config.optim.steps
        waiting: deque[Future[Parts]] = deque()
        makers = ThreadPoolExecutor(self.makers, thread_name_prefix="views")
        try:
            for step in range(start, last):
                if self._is_stale:
                    for made in waiting:
                        made.cancel()
                    waiting.clear()
                    self._is_stale = False
                for ahead in range(step + len(waiting), min(step + self.makers + 1, last)):
                    waiting.append(makers.submit(self.at_step, ahead))
                yield waiting.popleft().result()
        finally:
            makers.shutdown(cancel_futures=True)

    def follow(self, config: RunConfig) -> None:
        """Make views as another configuration says, from the step on that comes next.

        Those that were made ahead in another way are made again: they follow from the seed and the
        step's number, so nothing is lost but their time.
        """
        self._is_stale |= config.view != self._config.view
        self._config = config

    def at_step(self, step: int) -> Parts:
        """Views of this rank's scenes of a step, in the parts that it is cut into.

        Scenes are drawn epoch by epoch.
        """
        size = self.scenes_a_part
        first = step * self._config.optim.batch_scenes + self.first_scene
        parts = tuple(
            self._part(step, range(first + part * size, first + (part + 1) * size))
            for part in range(self._config.optim.accumulate)
        )
        return tuple(_moved(part, Tensor.pin_memory) for part in parts) if self._pinned else parts

    def _part(self, step: int, positions: range) -> StepViews:
        config, now = self._config, schedule(step, self._config)
        scenes = []
        for position in positions:
            epoch, row = divmod(position, len(self._scenes))
            order = np.random.default_rng([config.seed, epoch]).permutation(len(self._scenes))
            rng = np.random.default_rng([config.seed, epoch, row, 1])
            scene = self._readable(int(order[row]), step)
            scenes.append(
                make_views(
                    scene,
                    config.scene,
                    config.view,
                    rng,
                    mask_size=now.mask_size,
                    mask_ratio=now.mask_ratio,
                )
            )
        return collate_step(scenes)

    def _readable(self, number: int, step: int) -> Scene:
        """The scene, or the next one that can be read: one broken scan must not end a long run."""
        for candidate in range(number, number + len(self._scenes)):
            index = candidate % len(self._scenes)
            if index in self._unreadable:
                continue
            try:
                return self._scenes[index]
            except SceneError as error:
                with self._lock:  # two threads may meet the same scan
                    if index not in self._unreadable:
                        self._unreadable.add(index)
                        self._left_out(step, f"left out: {error}")
        raise SceneError("none of the scenes can be read any more; see the warnings of the run.")


def scenes_a_part(config: RunConfig, world: World) -> int:
    """Scenes of one part of one rank's share of a step.

    Raises:
        ConfigError: If `optim.batch_scenes` cannot be cut evenly.
    """
    scenes, accumulate = config.optim.batch_scenes, config.optim.accumulate
    pieces = world.size * accumulate
    if scenes % pieces == 0:
        return scenes // pieces
    whole = max(round(scenes / pieces), 1) * pieces
    parts = "" if accumulate == 1 else f" of {accumulate} parts each (optim.accumulate)"
    raise ConfigError(
        f"optim.batch_scenes = {scenes} cannot be shared out evenly to {world.size} ranks{parts}. "
        f"It counts the scenes of all ranks together: set optim.batch_scenes to {whole}, or start "
        "another number of ranks."
    )


def on_device(parts: Parts, device: torch.device) -> Iterator[StepViews]:
    """The parts on a device; a copy from page-locked memory does not hold up the host."""
    return (_moved(part, lambda value: value.to(device, non_blocking=True)) for part in parts)


def _moved(record: Record, move: Callable[[Tensor], Tensor]) -> Record:
    """A record with `move` done to every tensor in it, records within included."""
    if isinstance(record, Tensor):
        return move(record)
    if not is_dataclass(record) or isinstance(record, type):
        return record
    return replace(
        record, **{f.name: _moved(getattr(record, f.name), move) for f in fields(record)}
    )
