"""What is measured: point clouds of any size, and one training step of a recipe."""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from pointins_engine.batch import PointBatch
from pointins_engine.config import RunConfig
from pointins_engine.losses import LossTerms, training_loss
from pointins_engine.objectives.priors import LogNormal
from pointins_engine.randomness import StepRandom
from pointins_engine.scenes import open_scenes
from pointins_engine.schedules import schedule
from pointins_engine.student_teacher import make_student_and_teacher
from pointins_engine.targets import teacher_targets
from pointins_engine.views import ViewBatch, collate, make_views

PRIOR = LogNormal(-1.0, 0.8)
GRID_SIZE = 0.02  # metres
ROOMS = 4  # simulated at most: each takes seconds
CLOUD = 50_000  # voxels of a cloud at most, as a crop of an indoor scan has


def surface_voxels(count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` distinct voxels on rectangles in random places: about nine neighbours each."""
    reach = max(int((count / 4) ** 0.5), 8)
    voxels = np.zeros((0, 3), np.int64)
    while len(voxels) < count:
        size = rng.integers(max(reach // 4, 4), reach, 2)
        u, v = (axis.ravel() for axis in np.mgrid[: size[0], : size[1]])
        sheet = np.stack([u, v, np.zeros_like(u)], 1)[:, rng.permutation(3)]
        voxels = np.unique(np.concatenate([voxels, sheet + rng.integers(0, reach, 3)]), axis=0)
    # Whole rectangles first in one direction: what is cut off is one side of the cloud.
    return voxels[:count]


def surface_batch(points: int, channels: int, device: torch.device) -> PointBatch:
    """Clouds of surfaces with `points` voxels in all and random features."""
    rng = np.random.default_rng(points)
    sizes = [CLOUD] * (points // CLOUD) + ([points % CLOUD] if points % CLOUD else [])
    grid = torch.from_numpy(np.concatenate([surface_voxels(size, rng) for size in sizes]))
    generator = torch.Generator().manual_seed(points)
    return PointBatch(
        coord=grid * GRID_SIZE,
        origin_coord=grid * GRID_SIZE,
        grid_coord=grid,
        feat=torch.randn(points, channels, generator=generator),
        batch_index=torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes)),
        is_plane=torch.zeros(points, dtype=torch.bool),
        batch_size=len(sizes),
    ).to(device)


def room_views(config: RunConfig, num_scenes: int) -> ViewBatch:
    """Two views of each of some simulated rooms, as in the middle of a run; few rooms in turn."""
    num_rooms = min(num_scenes, ROOMS)
    scenes = open_scenes(replace(config.scene, num_simulated=num_rooms), 0)
    rooms = [scenes[number] for number in range(num_rooms)]
    now = schedule(config.optim.steps // 2, config)
    rng = np.random.default_rng(0)
    hidden = {"mask_size": now.mask_size, "mask_ratio": now.mask_ratio}
    views = []
    for number in range(num_scenes):
        room = rooms[number % num_rooms]
        views += make_views(room, config.scene, config.view, rng, **hidden)[:2]
    return collate(views)


class Step:
    """A training step in the middle of a run, always on the same views; weights stay as they are.

    With `offset.enabled` False there is no offset branch: no head, no ODR, no SCR, no offset loss.
    """

    def __init__(self, config: RunConfig, views: ViewBatch, device: torch.device) -> None:
        self.config = config
        self.views = views.to(device)
        weights = torch.Generator().manual_seed(0)
        student, teacher = make_student_and_teacher(config, weights)
        self.student, self.teacher = student.to(device).train(), teacher.to(device)
        self.now = schedule(config.optim.steps // 2, config)

    def __call__(self) -> LossTerms:
        """Predictions, targets, loss and gradients."""
        config, rng = self.config, StepRandom(self.config.seed, 0)
        self.student.zero_grad(set_to_none=True)
        student = self.student(self.views.student_points, self.views, rng)
        with torch.no_grad():
            teacher = self.teacher(self.views.points, self.views)
        targets = None
        if config.offset.enabled:
            targets = teacher_targets(teacher, PRIOR, config, rng, odr_active=True)
        terms = training_loss(student, None, teacher, targets, config, self.now)
        terms.total.backward()
        return terms


def median_ms(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Median time of a call after a warm-up call, by CUDA events where there are any.

    On a CPU it is CPU time, which other processes on the machine change little.
    """
    work()
    times = []
    for _ in range(repeats):
        if device.type == "cuda":
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            work()
            end.record()
            torch.cuda.synchronize()
            times.append(start.elapsed_time(end))
        else:
            began = time.process_time()
            work()
            times.append((time.process_time() - began) * 1000)
    return statistics.median(times)


def slope(points: list[int], values: list[float]) -> float:
    """Slope of the line through the logarithms: 1 is time in proportion to the points."""
    return float(np.polyfit(np.log(points), np.log(values), 1)[0])


def relative_gap(found: Tensor, expected: Tensor) -> float:
    """Norm of the difference over the norm of what is expected."""
    found, expected = found.detach().double().cpu(), expected.detach().double().cpu()
    return float((found - expected).norm() / expected.norm().clamp_min(1e-30))
