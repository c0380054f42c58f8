"""A step small enough for a test: its configuration, its views, and what both networks say."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from pointins_engine.config import RunConfig, with_values
from pointins_engine.losses import LossTerms, training_loss
from pointins_engine.objectives.priors import Empirical, MagnitudePrior
from pointins_engine.randomness import StepRandom
from pointins_engine.recipes import get_recipe
from pointins_engine.schedules import schedule
from pointins_engine.student_teacher import PointNetwork, Prediction, make_student_and_teacher
from pointins_engine.targets import TeacherTargets, teacher_targets
from pointins_engine.types import Scene
from pointins_engine.views import StepViews, collate_step, make_views

PRIOR = Empirical((0.05, 0.2, 0.4, 0.9))
LATE = 700  # a step at which everything has joined


def small_config(**changes: Any) -> RunConfig:
    """Two stages of one block; fields with dots written as double underscores."""
    base = get_recipe("indoor_demo")
    backbone = replace(
        base.backbone, depths=(1, 1), channels=(16, 32), heads=(1, 2), drop_path=0.0, patch_size=64
    )
    semantic = replace(base.semantic, num_prototypes=32, hidden=32, embed=16)
    config = replace(base, backbone=backbone, semantic=semantic)
    return with_values(config, {name.replace("__", "."): v for name, v in changes.items()})


def views_of(scenes: list[Scene], config: RunConfig, step: int = LATE) -> StepViews:
    now = schedule(step, config)
    return collate_step(
        [
            make_views(
                scene,
                config.scene,
                config.view,
                np.random.default_rng(number),
                mask_size=now.mask_size,
                mask_ratio=now.mask_ratio,
            )
            for number, scene in enumerate(scenes)
        ]
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class SmallStep:
    """What both networks say of a step's views, and what follows from it."""

    config: RunConfig
    step: int
    network: PointNetwork
    student: Prediction
    local: Prediction | None
    teacher: Prediction

    def targets(self, prior: MagnitudePrior = PRIOR, **more: Any) -> TeacherTargets:
        now = schedule(self.step, self.config)
        more = {"odr_active": now.odr_active, **more}
        return teacher_targets(self.teacher, prior, self.config, StepRandom(0, self.step), **more)

    def loss(self, targets: TeacherTargets | None = None, **more: Any) -> LossTerms:
        now = schedule(self.step, self.config)
        if targets is None and now.offset_weight > 0:
            targets = self.targets()
        return training_loss(
            self.student, self.local, self.teacher, targets, self.config, now, **more
        )


def predict(views: StepViews, config: RunConfig, step: int = LATE, first: int = 0) -> SmallStep:
    """Fresh networks on a step's views; `first` is the place of the first scene in the batch."""
    student, teacher = make_student_and_teacher(config, torch.Generator().manual_seed(0))
    student.train()
    rng, whole, local = StepRandom(0, step), views.whole, views.local
    with torch.no_grad():
        wanted = teacher(whole.points, whole)
    return SmallStep(
        config=config,
        step=step,
        network=student,
        student=student(whole.student_points, whole, rng.starting_at(2 * first)),
        local=None
        if local is None
        else student(
            local.student_points,
            local,
            rng.starting_at(config.view.num_local * first),
            local=True,
        ),
        teacher=wanted,
    )
