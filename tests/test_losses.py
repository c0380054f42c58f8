"""The loss of a step: what is in it, what each switch changes, and that ranks share it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pointins_engine.losses import match_local
from pointins_engine.objectives.semantic import softmap_loss
from pointins_engine.schedules import schedule
from pointins_engine.student_teacher import Prediction
from pointins_engine.views import StepViews, ViewBatch, match_cells
from tests.ranks import on_ranks
from tests.small_steps import LATE, SmallStep, predict, small_config, views_of


def step_of(room, step: int = LATE, **changes) -> SmallStep:
    config = small_config(**changes)
    return predict(views_of([room], config, step), config, step)


def test_before_the_offset_loss_joins_the_offset_head_gets_no_gradient(room):
    step = step_of(room, step=0)
    terms = step.loss()
    terms.total.backward()
    assert terms.total.item() == pytest.approx(terms.semantic.item())
    assert all(p.grad is None for p in step.network.offset_head.parameters())
    assert step.network.semantic_head.fc1.weight.grad.abs().sum() > 0


def test_afterwards_both_branches_train_the_encoder(room):
    step = step_of(room)
    terms = step.loss()
    terms.total.backward()
    weight = step.config.offset.weight
    assert terms.total.item() == pytest.approx(
        terms.semantic.item() + weight * terms.offset.item(), rel=1e-5
    )
    assert terms.offset.item() == pytest.approx(
        terms.offset_l1.item() + terms.offset_direction.item(), rel=1e-5
    )
    assert step.network.offset_head.fc2.weight.grad.abs().sum() > 0
    assert step.network.encoder.stem.linear.weight.grad.abs().sum() > 0


def test_without_the_offset_branch_the_loss_is_the_semantic_one(room):
    off, on = step_of(room, offset__enabled=False).loss(), step_of(room).loss()
    assert off.total.item() == off.semantic.item() == on.semantic.item()
    assert off.offset.item() == 0


def test_a_scene_that_is_all_planes_still_trains(room):
    walls = replace(room, is_plane=np.ones(len(room), bool))
    terms = step_of(walls).loss()
    assert torch.isfinite(terms.total)


@pytest.mark.parametrize("grouping", ["paper", "robust", "affinity"])
def test_every_grouping_gives_a_finite_loss(room, grouping):
    terms = step_of(room, scr__grouping=grouping).loss()
    assert torch.isfinite(terms.total)
    assert terms.num_pairs > 100


def test_the_semantic_loss_is_the_mean_over_views_of_same_and_cross_view(room):
    step = step_of(room)
    now, terms = schedule(LATE, step.config), []
    for cross in (False, True):
        pairs = match_cells(step.student.cells, step.teacher.cells, 0.24, cross=cross)
        for view in (0, 1):
            i, j = pairs[step.student.cells.batch_index[pairs[:, 0]] == view].T
            terms.append(
                softmap_loss(
                    step.student.similarity[i],
                    step.teacher.similarity[j],
                    torch.zeros_like(i),
                    1,
                    views_per_scene=1,
                    config=step.config.semantic,
                    teacher_temp=now.teacher_temp,
                )
            )
    torch.testing.assert_close(step.loss().semantic, torch.stack(terms).mean())


def test_the_objectives_differ_and_both_train_the_encoder(room):
    values = []
    for objective in ("softmaps", "assignments"):
        step = step_of(room, semantic__objective=objective)
        terms = step.loss()
        terms.semantic.backward()
        assert step.network.encoder.stem.linear.weight.grad.abs().sum() > 0
        values.append(terms.semantic.item())
    assert values[0] != pytest.approx(values[1])


LOCAL = {"view__num_local": 3, "view__local_scale": (0.2, 0.3)}


@pytest.mark.parametrize("objective", ["softmaps", "assignments"])
def test_local_views_take_their_share_of_the_semantic_loss(room, objective):
    """None of it at weight 0; the loss is a straight line in the weight."""
    values = [
        step_of(room, **LOCAL, semantic__local_weight=weight, semantic__objective=objective).loss()
        for weight in (0.0, 0.5, 0.9)
    ]
    none, half, most = (terms.semantic.item() for terms in values)
    without = step_of(room, semantic__objective=objective).loss()
    assert none == pytest.approx(without.semantic.item(), rel=1e-5)
    assert most - none == pytest.approx((half - none) * 1.8, rel=1e-3)
    assert half != none
    assert values[0].num_pairs > without.num_pairs


def test_local_views_are_matched_with_the_first_view_of_their_scene(room):
    config = small_config(**LOCAL)
    moved = replace(room, coord=room.coord + np.float32(20))
    step = predict(views_of([room, moved], config), config)
    pairs = match_local(step.local.cells, step.teacher.cells, 0.24)
    i, j = step.local.cells.batch_index[pairs[:, 0]], step.teacher.cells.batch_index[pairs[:, 1]]
    assert set(i.tolist()) == set(range(6))
    assert torch.equal(j, i // 3 * 2)
    apart = (
        step.local.cells.origin_coord[pairs[:, 0]] - step.teacher.cells.origin_coord[pairs[:, 1]]
    )
    assert (apart.norm(dim=1) <= 0.24).all()


def test_the_teachers_own_local_head_is_the_target_of_local_views(room):
    step = step_of(room, **LOCAL, semantic__unmask_head=True)
    changed = replace(step.teacher, local_similarity=-step.teacher.local_similarity)
    assert replace(step, teacher=changed).loss().semantic != step.loss().semantic
    step.loss().total.backward()
    assert step.network.local_head.fc1.weight.grad.abs().sum() > 0
    assert step.network.semantic_head.fc1.weight.grad.abs().sum() > 0


def test_masked_points_are_supervised_where_tokens_stand_for_them(room):
    removed, token = step_of(room), step_of(room, view__masking="token")
    assert token.loss().num_pairs > 1.2 * removed.loss().num_pairs
    token.loss().total.backward()
    assert token.network.encoder.mask_token.grad.abs().sum() > 0


def test_the_cross_view_weighs_as_much_as_it_is_told(room):
    same, half, cross = (
        step_of(room, offset__cross_weight=weight).loss().offset.item()
        for weight in (0.0, 0.5, 1.0)
    )
    assert half == pytest.approx((same + cross) / 2, rel=1e-5)
    assert same != pytest.approx(cross)


def perfect(step: SmallStep, centers: torch.Tensor) -> Prediction:
    """A student who knows the centre of its view's cells."""
    cells = step.student.cells
    return replace(step.student, offset=centers[cells.batch_index] - cells.origin_coord)


@pytest.mark.parametrize("cross_target", ["centroid", "vector"])
def test_a_centroid_crosses_over_exactly_and_a_vector_nearly(room, cross_target):
    """All cells of a view belong to one instance with one centre; the student knows it."""
    step = step_of(room, offset__cross_target=cross_target, scr__enabled=False, scr__planes="keep")
    center = torch.tensor([[2.0, 1.5, 0.4]]).expand(2, 3)
    targets = step.targets()
    wanted = center[0] - step.teacher.cells.origin_coord
    terms = replace(step, student=perfect(step, center)).loss(replace(targets, target=wanted))
    if cross_target == "centroid":
        assert terms.offset_l1.item() < 1e-5
    else:  # off by the way from a cell to its match, at most 0.24 m
        assert 1e-3 < terms.offset_l1.item() < 0.24 * 3**0.5


def test_a_plane_cell_with_target_zero_stays_where_it_is(room):
    """Not where its match is, which is a few centimetres off."""
    walls = replace(room, is_plane=np.ones(len(room), bool))
    step = step_of(walls)
    still = replace(step.student, offset=torch.zeros_like(step.student.offset))
    assert replace(step, student=still).loss().offset.item() == 0


def test_planes_weigh_as_little_as_they_are_told(room):
    """A student who is right about planes and wrong about all else does worse without them."""
    step = step_of(room, offset__plane_weight=1.0, odr__enabled=False)
    still = replace(step.student, offset=torch.zeros_like(step.student.offset))
    light = replace(step, config=small_config(offset__plane_weight=0.1, odr__enabled=False))
    full, less = (replace(s, student=still).loss().offset.item() for s in (step, light))
    assert less > 1.2 * full


def test_odr_on_the_student_is_a_term_of_the_offset_loss(room):
    none, some, more = (
        step_of(room, odr__side="student", odr__student_weight=weight).loss().offset.item()
        for weight in (0.0, 0.1, 0.2)
    )
    assert some > none
    assert more - none == pytest.approx(2 * (some - none), rel=1e-3)


def test_losses_are_float32_where_the_networks_are_bfloat16(room):
    terms = step_of(room, backbone__dtype="bfloat16").loss()
    assert terms.total.dtype == terms.offset.dtype == torch.float32
    full = step_of(room).loss()
    assert terms.semantic.item() == pytest.approx(full.semantic.item(), rel=0.05)


def test_the_losses_do_not_depend_on_where_the_scene_lies(room):
    """A turn and a shift of the scene frame, the views left as they are.

    Votes at equal distance may change their k-NN order by rounding, hence 1e-3.
    """
    config = small_config(odr__enabled=False)
    views = views_of([room], config).whole
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(3)))[0]
    turn = turn * turn.det()

    def moved(points):
        shift = torch.tensor([2.0, -1.0, 0.5])
        return replace(points, origin_coord=points.origin_coord @ turn.T + shift)

    elsewhere = ViewBatch(
        points=moved(views.points),
        student_points=moved(views.student_points),
        linear=views.linear @ turn.T,
    )
    here, there = (
        predict(StepViews(whole=batch, local=None), config).loss() for batch in (views, elsewhere)
    )
    assert there.semantic.item() == pytest.approx(here.semantic.item(), rel=1e-3)
    assert there.offset_direction.item() == pytest.approx(here.offset_direction.item(), rel=1e-3)


def scene_of(views: ViewBatch, number: int, per_scene: int) -> ViewBatch:
    """The views of one scene."""

    def part(points):
        mine = points.select(points.batch_index // per_scene == number)
        index = mine.batch_index - number * per_scene
        return replace(mine, batch_index=index, batch_size=per_scene)

    first = number * per_scene
    return ViewBatch(
        points=part(views.points),
        student_points=part(views.student_points),
        linear=views.linear[first : first + per_scene],
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"semantic__objective": "assignments", **LOCAL},
        {"semantic__softmap_scope": "cloud", "odr__side": "student"},
    ],
    ids=["softmaps", "assignments", "cloud scope, ODR on the student"],
)
def test_the_shares_of_two_ranks_sum_to_the_loss_of_one(room, changes):
    """Random numbers belong to clouds; float32 sums in another order, hence 1e-4."""
    config = small_config(**changes)
    other = replace(
        room,
        coord=room.coord[::2] * 1.1,
        color=room.color[::2],
        instance_label=None,
        normal=room.normal[::2],
        is_plane=room.is_plane[::2],
    )
    views = views_of([room, other], config)
    step = predict(views, config)
    # Targets are made once, so that k-NN ties of votes cannot decide otherwise on a rank.
    targets = step.targets()
    whole = step.loss(targets)
    num_local = config.view.num_local

    def share(world):
        rank = world.rank
        own = StepViews(
            whole=scene_of(views.whole, rank, 2),
            local=None if views.local is None else scene_of(views.local, rank, num_local),
        )
        mine = predict(own, config, first=rank)
        rows = step.teacher.cells.batch_index // 2 == rank
        part = replace(
            targets,
            offset=targets.offset[rows],
            regularized=targets.regularized[rows],
            level=targets.level[rows],
            target=targets.target[rows],
            valid=targets.valid[rows],
        )
        terms = mine.loss(part, world=world)
        return {name: getattr(terms, name).detach() for name in terms.__slots__}

    shares = on_ranks(2, share)
    for name in whole.__slots__:
        total = sum(part[name] for part in shares)
        torch.testing.assert_close(total, getattr(whole, name).detach(), rtol=1e-4, atol=1e-5)
