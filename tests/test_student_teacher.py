"""Two networks, what they say of views, and predictions for parts as one."""

from dataclasses import replace

import pytest
import torch

from pointins_engine.student_teacher import (
    PointNetwork,
    concat_predictions,
    make_student_and_teacher,
    update_teacher,
)
from pointins_engine.views import StepViews
from tests.small_steps import predict, small_config, views_of


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_teacher_starts_as_the_student_and_has_no_gradient():
    student, teacher = make_student_and_teacher(small_config(), rng())
    for mine, theirs in zip(student.parameters(), teacher.parameters(), strict=True):
        assert torch.equal(mine, theirs)
        assert not theirs.requires_grad
    assert not teacher.training


def test_the_ema_step_is_a_weighted_mean_of_all_heads():
    config = small_config(semantic__unmask_head=True, view__num_local=1)
    student, teacher = make_student_and_teacher(config, rng())
    assert any(name.startswith("local_head") for name, _ in teacher.named_parameters())
    before = [p.clone() for p in teacher.parameters()]
    with torch.no_grad():
        for p in student.parameters():
            p.add_(1.0)
    update_teacher(student, teacher, 0.9)
    for old, now, theirs in zip(before, teacher.parameters(), student.parameters(), strict=True):
        torch.testing.assert_close(now, 0.9 * old + 0.1 * theirs)


def test_offsets_are_told_in_the_scene_frame(room):
    """Two augmentations of the same crop: the network's frame differs, the unit stays metres."""
    config = small_config()
    student, _ = make_student_and_teacher(config, rng())
    views = views_of([room], config).whole
    prediction = student.eval()(views.points, views)
    raw = student.offset_head(prediction.cells.feat)
    linear = views.linear[prediction.cells.batch_index]
    back = torch.einsum("nij,nj->ni", linear, prediction.offset)
    torch.testing.assert_close(back, raw, atol=1e-5, rtol=1e-4)


def test_without_an_offset_branch_there_is_no_head_and_every_cell_votes_for_itself(room):
    config = small_config(offset__enabled=False)
    step = predict(views_of([room], config), config)
    assert step.network.offset_head is None
    assert (step.student.offset == 0).all() and not step.student.offset.requires_grad
    both = PointNetwork(small_config(), rng())
    for name, weight in step.network.state_dict().items():
        assert torch.equal(weight, both.state_dict()[name]), "the other weights are drawn alike"


def test_local_views_have_a_head_of_their_own_where_asked_for(room):
    alone = small_config(view__num_local=2)
    config = small_config(view__num_local=2, semantic__unmask_head=True)
    views = views_of([room], config)
    step, shared = predict(views, config), predict(views, alone)
    cells = step.local.cells.feat
    assert torch.equal(step.local.similarity, step.network.local_head(cells))
    assert not torch.equal(step.network.local_head(cells), step.network.semantic_head(cells))
    assert step.teacher.local_similarity is not None
    assert torch.equal(shared.local.similarity, shared.network.semantic_head(cells))
    assert shared.teacher.local_similarity is None


def test_local_views_draw_other_numbers_than_whole_ones(room):
    """The same clouds once as whole and once as local views, under heavy drop path."""
    config = small_config(backbone__drop_path=0.9, view__num_local=2)
    whole = views_of([room], config).whole
    step = predict(StepViews(whole=whole, local=whole), config)
    assert not torch.equal(step.local.cells.feat, step.student.cells.feat)


def test_predictions_for_parts_are_the_prediction_for_all(room):
    """Clouds do not see each other. Sums over other shapes round differently, hence 1e-4."""
    config = small_config(semantic__unmask_head=True, view__num_local=1)
    views = views_of([room, replace(room, coord=room.coord + 1), room], config)
    network = PointNetwork(config, rng()).eval()
    scenes = [views.whole.points.select(views.whole.points.batch_index // 2 == s) for s in range(3)]
    parts = []
    for number, points in enumerate(scenes):
        part = replace(points, batch_index=points.batch_index - 2 * number, batch_size=2)
        own = replace(views.whole, points=part, linear=views.whole.linear[2 * number :][:2])
        parts.append(network(part, own))
    joined, whole = concat_predictions(parts), network(views.whole.points, views.whole)
    for name in ("batch_index", "is_plane", "cell_index"):
        assert torch.equal(getattr(joined.cells, name), getattr(whole.cells, name))
    assert joined.cells.batch_size == 6
    for name in ("similarity", "offset", "local_similarity"):
        mine, theirs = getattr(joined, name), getattr(whole, name)
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


def test_no_part_is_refused():
    with pytest.raises(ValueError, match="no part"):
        concat_predictions([])


def test_leaves_have_the_same_numbers_and_keep_their_gradient(room):
    config = small_config()
    step = predict(views_of([room], config), config)
    leaves = step.student.leaves()
    for leaf, output in zip(leaves.outputs(), step.student.outputs(), strict=True):
        assert torch.equal(leaf, output)
        assert leaf.is_leaf and leaf.requires_grad
    replace(step, student=leaves).loss().total.backward()
    step.loss().total.backward(retain_graph=True)
    whole = [p.grad.clone() for p in step.network.parameters() if p.grad is not None]
    step.network.zero_grad()
    torch.autograd.backward(step.student.outputs(), [leaf.grad for leaf in leaves.outputs()])
    again = [p.grad for p in step.network.parameters() if p.grad is not None]
    for one, two in zip(whole, again, strict=True):
        torch.testing.assert_close(one, two)
