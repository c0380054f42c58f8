"""Views step by step, made one step ahead while the networks are busy.

What a step sees follows from the seed and the step's number alone, so it does not matter who makes
it, or when.
"""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from pointins_engine.config import RunConfig
from pointins_engine.errors import SceneError
from pointins_engine.scenes import SceneSet
from pointins_engine.types import Scene
from pointins_engine.views import ViewBatch, collate, make_views


class ViewStream:
    """Makes the views of a run's steps; a scan that cannot be read is left out and told once.

    Args:
        scenes: Training scenes.
        config: Run configuration.
        left_out: Called with a step and a sentence for each scan that cannot be read.
    """

    def __init__(
        self, scenes: SceneSet, config: RunConfig, left_out: Callable[[int, str], None]
    ) -> None:
        self._scenes = scenes
        self._config = config
        self._left_out = left_out
        self._unreadable: set[int] = set()

    def from_step(self, start: int) -> Generator[ViewBatch, None, None]:
        """Views of the steps from `start` to the last; the next ones are made meanwhile."""
        steps = range(start, self._config.optim.steps)
        with ThreadPoolExecutor(1, thread_name_prefix="views") as maker:
            ahead = maker.submit(self.at_step, start) if steps else None
            for step in steps:
                assert ahead is not None, "every step but the last asks for the next one"
                views = ahead.result()
                ahead = maker.submit(self.at_step, step + 1) if step + 1 in steps else None
                yield views

    def at_step(self, step: int) -> ViewBatch:
        """Two views of each scene of a step; scenes are drawn epoch by epoch."""
        count, seed = self._config.optim.batch_scenes, self._config.seed
        views = []
        for position in range(step * count, (step + 1) * count):
            epoch, row = divmod(position, len(self._scenes))
            order = np.random.default_rng([seed, epoch]).permutation(len(self._scenes))
            rng = np.random.default_rng([seed, epoch, row, 1])
            scene = self._readable(int(order[row]), step)
            views.extend(make_views(scene, self._config.scene, self._config.view, rng))
        return collate(views)

    def _readable(self, number: int, step: int) -> Scene:
        """The scene, or the next one that can be read: one broken scan must not end a long run."""
        for candidate in range(number, number + len(self._scenes)):
            index = candidate % len(self._scenes)
            if index in self._unreadable:
                continue
            try:
                return self._scenes[index]
            except SceneError as error:
                self._unreadable.add(index)
                self._left_out(step, f"left out: {error}")
        raise SceneError("none of the scenes can be read any more; see the warnings of the run.")
