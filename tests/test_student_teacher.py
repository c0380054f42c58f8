"""Student, teacher, targets and losses, on a small room."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pointins_engine.config import RunConfig
from pointins_engine.objectives.priors import Empirical
from pointins_engine.recipes import get_recipe
from pointins_engine.schedules import schedule
from pointins_engine.student_teacher import (
    make_student_and_teacher,
    teacher_targets,
    training_loss,
    update_teacher,
)
from pointins_engine.views import ViewBatch, collate, make_views, visible_points

PRIOR = Empirical((0.05, 0.2, 0.4, 0.9))


@pytest.fixture
def config() -> RunConfig:
    base = get_recipe("indoor_demo")
    backbone = replace(
        base.backbone, depths=(1, 1), channels=(16, 32), heads=(1, 2), drop_path=0.0, patch_size=64
    )
    semantic = replace(base.semantic, num_prototypes=32, hidden=32, embed=16)
    return replace(base, backbone=backbone, semantic=semantic)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def two_views(room, config: RunConfig, seed: int = 0) -> ViewBatch:
    draw = np.random.default_rng(seed)
    return collate(make_views(room, config.scene, config.view, draw))


def test_the_teacher_starts_as_the_student_and_has_no_gradient(config):
    student, teacher = make_student_and_teacher(config, rng())
    for mine, theirs in zip(student.parameters(), teacher.parameters(), strict=True):
        assert torch.equal(mine, theirs)
        assert not theirs.requires_grad
    assert not teacher.training


def test_the_ema_step_is_a_weighted_mean(config):
    student, teacher = make_student_and_teacher(config, rng())
    before = [p.clone() for p in teacher.parameters()]
    with torch.no_grad():
        for p in student.parameters():
            p.add_(1.0)
    update_teacher(student, teacher, 0.9)
    for old, now, theirs in zip(before, teacher.parameters(), student.parameters(), strict=True):
        torch.testing.assert_close(now, 0.9 * old + 0.1 * theirs)


def test_offsets_are_told_in_the_scene_frame(room, config):
    """Two augmentations of the same crop: the network's frame differs, the unit stays metres."""
    student, _ = make_student_and_teacher(config, rng())
    views = two_views(room, config)
    prediction = student.eval()(views.points, views)
    raw = student.offset_head(prediction.cells.feat)
    linear = views.linear[prediction.cells.batch_index]
    back = torch.einsum("nij,nj->ni", linear, prediction.offset)
    torch.testing.assert_close(back, raw, atol=1e-5, rtol=1e-4)


def test_plane_cells_get_the_target_zero_and_objects_their_centroid(room, config):
    _, teacher = make_student_and_teacher(config, rng())
    views = two_views(room, config)
    with torch.no_grad():
        prediction = teacher(views.points, views)
    targets = teacher_targets(prediction, PRIOR, config, rng(), odr_active=False)
    plane = prediction.cells.is_plane
    clusters = targets.clusters
    assert plane.any()
    assert (clusters.target[plane] == 0).all()
    member = clusters.pseudo_instance >= 0
    assert member.any()
    reached = prediction.cells.origin_coord[member] + clusters.target[member]
    torch.testing.assert_close(reached, clusters.centroid[clusters.pseudo_instance[member]])


def test_odr_gives_the_off_plane_offsets_the_lengths_of_the_prior(room, config):
    _, teacher = make_student_and_teacher(config, rng())
    views = two_views(room, config)
    with torch.no_grad():
        prediction = teacher(views.points, views)
    targets = teacher_targets(prediction, PRIOR, config, rng(), odr_active=True)
    plane = prediction.cells.is_plane
    assert torch.equal(targets.regularized[plane], prediction.offset[plane])
    for view in (0, 1):
        rows = (prediction.cells.batch_index == view) & ~plane
        length = targets.regularized[rows].norm(dim=1).sort().values
        count = len(length)
        level = (torch.arange(count, dtype=torch.float64) + 0.5) / count
        torch.testing.assert_close(length.double(), PRIOR.quantile(level), atol=1e-5, rtol=1e-4)


def losses(room, config: RunConfig, step: int):
    return losses_of(two_views(room, config), config, step)


def losses_of(views: ViewBatch, config: RunConfig, step: int):
    student, teacher = make_student_and_teacher(config, rng())
    now = schedule(step, config)
    visible = visible_points(views.points, now.mask_size, now.mask_ratio, rng(1))
    predicted = student.train()(views.points.select(visible), views, rng(2))
    with torch.no_grad():
        wanted = teacher(views.points, views)
    targets = teacher_targets(wanted, PRIOR, config, rng(3), odr_active=False)
    use = targets if now.offset_weight > 0 else None
    return student, training_loss(predicted, wanted, use, config, now)


def test_before_the_offset_loss_joins_the_offset_head_gets_no_gradient(room, config):
    student, terms = losses(room, config, step=0)
    terms.total.backward()
    assert terms.total.item() == pytest.approx(terms.semantic.item())
    assert all(p.grad is None for p in student.offset_head.parameters())
    assert student.semantic_head.fc1.weight.grad.abs().sum() > 0


def test_afterwards_both_branches_train_the_encoder(room, config):
    student, terms = losses(room, config, step=400)
    terms.total.backward()
    assert terms.total.item() == pytest.approx(
        terms.semantic.item() + config.offset.weight * terms.offset.item(), rel=1e-5
    )
    assert terms.offset.item() == pytest.approx(
        terms.offset_l1.item() + terms.offset_direction.item(), rel=1e-5
    )
    assert student.offset_head.fc2.weight.grad.abs().sum() > 0
    assert student.encoder.stem.linear.weight.grad.abs().sum() > 0


def test_a_scene_that_is_all_planes_still_trains(room, config):
    walls = replace(room, is_plane=np.ones(len(room), bool))
    _, terms = losses(walls, config, step=400)
    assert torch.isfinite(terms.total)


@pytest.mark.parametrize("grouping", ["paper", "robust", "affinity"])
def test_every_grouping_gives_a_finite_loss(room, config, grouping):
    changed = replace(config, scr=replace(config.scr, grouping=grouping))
    _, terms = losses(room, changed, step=400)
    assert torch.isfinite(terms.total)
    assert terms.num_pairs > 100


def test_the_losses_do_not_depend_on_where_the_scene_lies(room, config):
    """A quarter turn and a shift of the scene frame, the views left as they are.

    Votes at equal distance may change their k-NN order by rounding, hence 1e-3.
    """
    views = two_views(room, config)
    turn = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    moved = ViewBatch(
        points=replace(
            views.points,
            origin_coord=views.points.origin_coord @ turn.T + torch.tensor([2.0, -1.0, 0.5]),
        ),
        linear=views.linear @ turn.T,
    )
    here, there = (losses_of(batch, config, 400)[1] for batch in (views, moved))
    assert there.total.item() == pytest.approx(here.total.item(), rel=1e-3)
    assert there.offset_l1.item() == pytest.approx(here.offset_l1.item(), rel=1e-3)
