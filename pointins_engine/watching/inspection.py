"""What the networks say of a few whole scenes, over and over, for people to watch.

Inspection reads the networks and writes frames; it draws its own random numbers, so that a run
gives the same losses with and without anybody watching. N points, M cells.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from pointins_engine.config import LogConfig, RunConfig
from pointins_engine.errors import RunError
from pointins_engine.objectives.odr_statistics import odr_statistics
from pointins_engine.objectives.priors import MagnitudePrior
from pointins_engine.objectives.scr_statistics import scr_statistics
from pointins_engine.randomness import StepRandom
from pointins_engine.run_log import files
from pointins_engine.run_log.paths import RunPaths
from pointins_engine.run_log.scenes import Frame
from pointins_engine.run_log.writer import RunWriter
from pointins_engine.student_teacher import PointNetwork, Prediction
from pointins_engine.targets import TeacherTargets, teacher_targets
from pointins_engine.types import Scene
from pointins_engine.views import ViewBatch, collate, whole_view
from pointins_engine.watching.frames import describe_scene, make_frame
from pointins_engine.watching.instance_figures import (
    instance_changes,
    segment_figures,
    true_instance,
)

INSPECTION = StepRandom(0, 0)  # the same numbers at every frame: what moves is the teacher
HISTOGRAM_BINS = 48
HISTOGRAM_REACH = 0.98  # quantile of the prior that the length histograms show, at least


@dataclass(slots=True)
class _Inspected:
    """One inspected scene, and what its next frame is compared with."""

    scene: Scene
    views: ViewBatch
    is_written: bool = False
    truth: Int[np.ndarray, " m"] | None = None  # instance of each cell
    reference: Float[np.ndarray, "m d"] | None = None  # components of the run's first frame
    last_step: int | None = None
    last_instance: Int[np.ndarray, " m"] | None = None


class Inspector:
    """Shows both networks whole scenes without augmentation and writes frames.

    Args:
        scenes: What to watch.
        config: Run configuration.
        prior: What offset lengths are compared with.
        device: Of the networks.
        student: Its offset lengths are part of the statistics; None leaves them out, as
            `log.inspect_student` False does.
    """

    def __init__(
        self,
        scenes: Sequence[Scene],
        config: RunConfig,
        prior: MagnitudePrior,
        device: torch.device,
        student: PointNetwork | None = None,
    ) -> None:
        self._student = student
        self._inspected = [
            _Inspected(
                scene=scene,
                views=collate(
                    [whole_view(scene, config.scene, config.log.max_inspected_voxels)]
                ).to(device),
            )
            for scene in scenes
        ]
        self.follow(config, prior)

    def follow(self, config: RunConfig, prior: MagnitudePrior) -> None:
        """Make frames by another configuration and prior from now on."""
        self._config = config
        self._prior = prior
        self._max_m = histogram_reach(prior)

    @torch.no_grad()
    def write_frames(
        self, teacher: PointNetwork, step: int, writer: RunWriter, *, odr_active: bool
    ) -> tuple[float, float]:
        """One frame of every inspected scene.

        Returns:
            Seconds in all, and the seconds of them that went into encoding and writing.
        """
        started = time.perf_counter()
        written_s = 0.0
        for number, inspected in enumerate(self._inspected):
            frame_started = time.perf_counter()
            prediction = teacher(inspected.views.points, inspected.views)
            targets = teacher_targets(
                prediction,
                self._prior,
                self._config,
                INSPECTION.starting_at(number),
                odr_active=odr_active,
                with_segments=True,
            )
            if not inspected.is_written:
                self._begin(inspected, prediction, step, writer)
            frame = make_frame(prediction, targets, inspected.reference)
            stats = self._statistics(inspected, prediction, targets, frame)
            _remember(inspected, step, frame)
            write_started = time.perf_counter()
            stats["frame_s"] = round(write_started - frame_started, 4)
            writer.frame(step, inspected.scene.id, frame, stats)
            written_s += time.perf_counter() - write_started
        return time.perf_counter() - started, written_s

    def _begin(
        self, inspected: _Inspected, prediction: Prediction, step: int, writer: RunWriter
    ) -> None:
        """Write the scene, and go on from the frames that the folder holds of it."""
        shown = describe_scene(inspected.scene, inspected.views, prediction, self._config)
        writer.scene(shown)
        inspected.is_written = True
        inspected.truth = true_instance(shown)
        _recall(inspected, step, writer.paths, len(shown.cell_is_plane))

    def _statistics(
        self,
        inspected: _Inspected,
        prediction: Prediction,
        targets: TeacherTargets,
        frame: Frame,
    ) -> dict[str, Any]:
        cells = prediction.cells
        took_part = odr_rows(cells.is_plane, self._config)
        student = self._student_offset(inspected)
        return {
            "odr": odr_statistics(
                targets.offset[took_part],
                targets.regularized[took_part],
                self._prior,
                HISTOGRAM_BINS,
                self._max_m,
                student=None if student is None else student[took_part],
            ).to_dict(),
            "scr": {
                **scr_statistics(
                    targets.clusters, cells.origin_coord, cells.is_plane, cells.batch_size
                ),
                "num_segments": self._config.scr.num_segments,
                "segments": segment_figures(frame.segment, frame.pseudo_instance),
                **instance_changes(
                    inspected.last_instance,
                    inspected.last_step,
                    frame.pseudo_instance,
                    inspected.truth,
                ),
            },
        }

    def _student_offset(self, inspected: _Inspected) -> Tensor | None:
        """The student's offsets in metres, seen as it would be used: everything on, nothing hidden.

        The student's cells are the teacher's: they follow from the voxels alone.
        """
        student, config = self._student, self._config
        if student is None or not (config.log.inspect_student and config.offset.enabled):
            return None
        is_training = student.training
        student.eval()
        try:
            return student(inspected.views.points, inspected.views).offset
        finally:
            student.train(is_training)


def _recall(inspected: _Inspected, step: int, paths: RunPaths, num_cells: int) -> None:
    """Take the reference and the frame before from the run folder, where a run goes on.

    A frame of other cells, without features, or that cannot be read is passed over: nothing that
    is learned hangs on it.
    """
    name = inspected.scene.id
    folder = paths.frame(name, step).parent
    earlier = sorted(
        n for file in folder.glob("[0-9]*.safetensors") if (n := int(file.stem)) < step
    )
    if not earlier:
        return
    with suppress(RunError, KeyError):
        arrays, header = files.read_arrays(paths.frame(name, earlier[0]))
        if len(arrays["feature"]) == num_cells:
            inspected.reference = _components(arrays["feature"], float(header["feature_scale"]))
    with suppress(RunError, KeyError):
        instance = files.read_arrays(paths.frame(name, earlier[-1]))[0]["pseudo_instance"]
        if len(instance) == num_cells:
            inspected.last_step, inspected.last_instance = earlier[-1], instance


def _remember(inspected: _Inspected, step: int, frame: Frame) -> None:
    """What the next frame needs, the same as `_recall` would read."""
    inspected.last_step = step
    inspected.last_instance = frame.pseudo_instance
    if inspected.reference is None and frame.feature is not None:
        inspected.reference = _components(frame.feature, frame.feature_scale)


def _components(feature: np.ndarray, scale: float) -> Float[np.ndarray, "m d"]:
    return scale * feature.astype(np.float64)


def odr_rows(is_plane: Tensor, config: RunConfig) -> Tensor:
    """Rows whose offsets ODR maps; all of them where a scene is nothing but planes."""
    if config.odr.points == "all" or bool(is_plane.all()):
        return torch.ones_like(is_plane)
    return ~is_plane


def histogram_reach(prior: MagnitudePrior) -> float:
    """Upper edge in metres of the length histograms of a run: the same at every step."""
    level = torch.tensor([HISTOGRAM_REACH], dtype=torch.float64)
    return max(float(np.ceil(float(prior.quantile(level)[0]) * 4) / 4), 0.5)


class FrameClock:
    """Says when the next frame is due, so that watching costs at most its share of the time."""

    def __init__(self, config: LogConfig) -> None:
        self._config = config
        self._last: tuple[int, float, float] | None = None  # step, and seconds as in `took`
        self._next = 0

    def follow(self, config: LogConfig) -> None:
        """Keep to another budget from now on, also for the frame that is planned."""
        self._config = config
        if self._last is not None:
            self.took(*self._last)

    def is_due(self, step: int) -> bool:
        return step >= self._next

    def took(self, step: int, frame_s: float, step_s: float) -> None:
        """Plan the next frame after one that took `frame_s` between steps of `step_s`.

        With a share u of the time for frames, the period is frame_s * (1 - u) / (u * step_s) steps,
        and never less than `log.frame_every`.
        """
        share = self._config.watch_budget
        period = frame_s * (1 - share) / (share * max(step_s, 1e-6)) if step_s > 0 else 0.0
        self._last = step, frame_s, step_s
        self._next = step + max(self._config.frame_every, int(np.ceil(period)))
