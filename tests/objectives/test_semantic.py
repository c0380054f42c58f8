"""Both semantic objectives against their definitions, and shared over ranks."""

import numpy as np
import pytest
import torch

from pointins_engine.config import SemanticConfig
from pointins_engine.objectives.semantic import (
    OBJECTIVES,
    assignment_loss,
    softmap_loss,
)
from pointins_engine.objectives.sinkhorn import balanced_assignments, zipf_prior, zipf_sinkhorn
from tests.ranks import on_ranks

TEMP = 0.05
CLOUDS = torch.tensor([0] * 9 + [1] * 8 + [3] * 23)  # cloud 2 has no matched point


@pytest.fixture
def cosines():
    rng = torch.Generator().manual_seed(0)
    return tuple(torch.rand(40, 6, generator=rng) * 2 - 1 for _ in range(2))


def loss_of(
    student, teacher, batch_index=None, batch_size=1, loss=softmap_loss, temp=TEMP, **changes
):
    """By default one softmap over all rows."""
    views, world = changes.pop("views_per_scene", 1), changes.pop("world", None)
    if batch_index is None:
        batch_index = torch.zeros(len(student), dtype=torch.int64)
    return loss(
        student,
        teacher,
        batch_index,
        batch_size,
        views_per_scene=views,
        config=SemanticConfig(**changes),
        teacher_temp=temp,
        **({} if world is None else {"world": world}),
    )


def test_the_softmap_loss_is_the_mean_divergence_between_columns(cosines):
    student, teacher = cosines
    target = zipf_sinkhorn(teacher, TEMP, zipf_prior(6, 1.3), 3).double()
    predicted = (student.double() / 0.1).softmax(0)
    expected = sum(
        (target[:, k] * (target[:, k].log() - predicted[:, k].log())).sum() for k in range(6)
    )
    assert loss_of(student, teacher).item() == pytest.approx(expected.item() / 6, rel=1e-5)


def test_the_softmap_loss_is_zero_exactly_where_the_softmaps_are_equal(cosines):
    student, teacher = cosines
    equal = zipf_sinkhorn(teacher, TEMP, zipf_prior(6, 1.3), 3).log() * 0.1
    assert loss_of(equal, teacher).item() == pytest.approx(0, abs=1e-6)
    assert loss_of(student, teacher).item() > 0.1


def test_a_constant_on_a_prototype_changes_no_softmap(cosines):
    student, teacher = cosines
    shifted = student + torch.linspace(-1, 1, 6)
    torch.testing.assert_close(loss_of(shifted, teacher), loss_of(student, teacher))


def test_cloud_scope_is_the_mean_over_clouds_with_rows(cosines):
    student, teacher = cosines
    by_cloud = loss_of(student, teacher, CLOUDS, 4, softmap_scope="cloud")
    apart = [loss_of(student[CLOUDS == c], teacher[CLOUDS == c]) for c in (0, 1, 3)]
    torch.testing.assert_close(by_cloud, torch.stack(apart).mean())


def test_batch_scope_runs_over_the_same_view_of_all_scenes(cosines):
    student, teacher = cosines
    by_view = loss_of(student, teacher, CLOUDS, 4, views_per_scene=2)
    views = [CLOUDS % 2 == view for view in (0, 1)]
    apart = [loss_of(student[rows], teacher[rows]) for rows in views]
    torch.testing.assert_close(by_view, torch.stack(apart).mean())


def balanced_by_loop(similarity, temp, iterations):
    """Sinkhorn-Knopp on plain numbers: prototypes 1 / K each, points 1 / N each."""
    q = np.exp(similarity.double().numpy() / temp)
    n, num_prototypes = q.shape
    for _ in range(iterations):
        for k in range(num_prototypes):
            q[:, k] /= q[:, k].sum() * num_prototypes
        for i in range(n):
            q[i] /= q[i].sum() * n
    return q * n


def test_the_assignment_loss_is_the_cross_entropy_a_point_then_a_cloud(cosines):
    """Ten lines of NumPy; float32 against double precision."""
    student, teacher = cosines
    target = balanced_by_loop(teacher, TEMP, 3)
    logit = student.double().numpy() / 0.1
    log_share = logit - np.log(np.exp(logit).sum(1, keepdims=True))
    per_point = -(target * log_share).sum(1)
    expected = np.mean([per_point[CLOUDS.numpy() == cloud].mean() for cloud in (0, 1, 3)])
    found = loss_of(student, teacher, CLOUDS, 4, loss=assignment_loss, zipf_alpha=0.0)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_assignments_are_those_of_the_loop_and_their_rows_sum_to_one(cosines):
    found = balanced_assignments(cosines[1], 0.04, zipf_prior(6, 0.0), 3)
    np.testing.assert_allclose(found, balanced_by_loop(cosines[1], 0.04, 3), rtol=2e-4, atol=1e-7)
    torch.testing.assert_close(found.sum(1), torch.ones(40))


def test_after_convergence_assignments_use_prototypes_by_their_shares(cosines):
    prior = zipf_prior(6, 1.3)
    found = balanced_assignments(cosines[1], 0.2, prior, 300)
    torch.testing.assert_close(found.mean(0), prior, rtol=0, atol=1e-4)


def test_the_assignment_loss_is_least_where_the_student_says_the_assignment(cosines):
    student, teacher = cosines
    settings = {"loss": assignment_loss, "zipf_alpha": 0.0}
    target = balanced_assignments(teacher, TEMP, zipf_prior(6, 0.0), 3)
    entropy = -torch.xlogy(target, target).sum(1).mean()
    equal = loss_of(target.log() * 0.1, teacher, **settings)
    torch.testing.assert_close(equal, entropy, rtol=1e-5, atol=1e-6)
    assert loss_of(student, teacher, **settings) > equal


@pytest.mark.parametrize("loss", OBJECTIVES.values(), ids=OBJECTIVES)
def test_the_gradient_agrees_with_finite_differences(cosines, loss):
    student, teacher = (x[:10].double() for x in cosines)
    student.requires_grad_()
    clouds = CLOUDS[:10]
    assert torch.autograd.gradcheck(
        lambda s: loss_of(s, teacher, clouds, 4, views_per_scene=2, loss=loss), (student,)
    )


@pytest.mark.parametrize("loss", OBJECTIVES.values(), ids=OBJECTIVES)
def test_no_gradient_reaches_the_teacher(cosines, loss):
    student, teacher = (x.clone().requires_grad_() for x in cosines)
    loss_of(student, teacher, loss=loss).backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0


@pytest.mark.parametrize("loss", OBJECTIVES.values(), ids=OBJECTIVES)
@pytest.mark.parametrize("scope", ["batch", "cloud"])
def test_without_rows_it_is_zero_with_a_gradient(cosines, loss, scope):
    student = cosines[0][:0].requires_grad_()
    found = loss_of(student, cosines[1][:0], loss=loss, softmap_scope=scope, batch_size=3)
    found.backward()
    assert found.item() == 0
    assert student.grad.shape == (0, 6)


@pytest.mark.parametrize("loss", OBJECTIVES.values(), ids=OBJECTIVES)
def test_bfloat16_cosines_give_a_finite_float32_loss(cosines, loss):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = loss_of(cosines[0].bfloat16(), cosines[1].bfloat16(), temp=0.02, loss=loss)
    assert found.dtype == torch.float32
    assert found.isfinite()


@pytest.mark.parametrize("loss", OBJECTIVES.values(), ids=OBJECTIVES)
@pytest.mark.parametrize("scope", ["batch", "cloud"])
@pytest.mark.parametrize("cuts", [(17,), (0,), (9, 17)])
def test_the_shares_of_ranks_sum_to_the_loss_and_gradient_of_one(cosines, loss, scope, cuts):
    """Ranks hold whole clouds, in the second case one of them none. float64: sums are exact."""
    student, teacher = (x.double() for x in cosines)
    settings = {"loss": loss, "softmap_scope": scope, "views_per_scene": 2}
    alone = student.clone().requires_grad_()
    whole = loss_of(alone, teacher, CLOUDS, 4, **settings)
    whole.backward()
    sizes = np.diff([0, *cuts, 40]).tolist()
    parts = [part.clone().requires_grad_() for part in student.split(sizes)]

    def share(world):
        rows = slice(sum(sizes[: world.rank]), sum(sizes[: world.rank + 1]))
        found = loss_of(parts[world.rank], teacher[rows], CLOUDS[rows], 4, world=world, **settings)
        found.backward()
        return found.detach()

    shares = on_ranks(len(sizes), share)
    # The teacher's softmap is float32.
    torch.testing.assert_close(sum(shares), whole.detach(), rtol=1e-5, atol=1e-6)
    gradient = torch.cat([part.grad for part in parts])
    torch.testing.assert_close(gradient, alone.grad, rtol=1e-4, atol=1e-7)
