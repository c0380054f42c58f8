"""The softmap loss is a mean divergence over prototypes; prototype entropy detects collapse."""

import math

import pytest
import torch

from pointins_engine.objectives.semantic import prototype_entropy, softmap_loss
from pointins_engine.objectives.sinkhorn import zipf_prior, zipf_sinkhorn

SETTINGS = {"student_temp": 0.1, "teacher_temp": 0.05, "iterations": 3}


@pytest.fixture
def cosines():
    rng = torch.Generator().manual_seed(0)
    return tuple(torch.rand(40, 6, generator=rng) * 2 - 1 for _ in range(2))


def loss_of(student, teacher, **changes):
    return softmap_loss(student, teacher, prior=zipf_prior(6, 1.3), **(SETTINGS | changes))


def test_is_the_mean_divergence_between_columns(cosines):
    student, teacher = cosines
    target = zipf_sinkhorn(teacher, 0.05, zipf_prior(6, 1.3), 3).double()
    predicted = (student.double() / 0.1).softmax(0)
    expected = sum(
        (target[:, k] * (target[:, k].log() - predicted[:, k].log())).sum() for k in range(6)
    )
    assert loss_of(student, teacher).item() == pytest.approx(expected.item() / 6, rel=1e-5)


def test_is_zero_exactly_where_the_softmaps_are_equal(cosines):
    student, teacher = cosines
    equal = zipf_sinkhorn(teacher, 0.05, zipf_prior(6, 1.3), 3).log() * 0.1
    assert loss_of(equal, teacher).item() == pytest.approx(0, abs=1e-6)
    assert loss_of(student, teacher).item() > 0.1


def test_a_constant_on_a_prototype_changes_nothing(cosines):
    student, teacher = cosines
    shifted = student + torch.linspace(-1, 1, 6)
    torch.testing.assert_close(loss_of(shifted, teacher), loss_of(student, teacher))


def test_gradient_agrees_with_finite_differences(cosines):
    student, teacher = (x[:8].double() for x in cosines)
    student.requires_grad_()
    assert torch.autograd.gradcheck(lambda s: loss_of(s, teacher), (student,))


def test_no_gradient_reaches_the_teacher(cosines):
    student, teacher = (x.clone().requires_grad_() for x in cosines)
    loss_of(student, teacher).backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0


def test_cloud_scope_is_the_mean_over_clouds_with_rows(cosines):
    student, teacher = cosines
    batch_index = torch.tensor([0] * 15 + [2] * 25)
    by_cloud = loss_of(student, teacher, batch_index=batch_index, batch_size=3)
    apart = [loss_of(s, t) for s, t in ((student[:15], teacher[:15]), (student[15:], teacher[15:]))]
    torch.testing.assert_close(by_cloud, torch.stack(apart).mean())


@pytest.mark.parametrize("scope", [{}, {"batch_index": torch.zeros(0, dtype=torch.int64)}])
def test_without_rows_it_is_zero_with_a_gradient(cosines, scope):
    student = cosines[0][:0].requires_grad_()
    loss = loss_of(student, cosines[1][:0], **scope)
    loss.backward()
    assert loss.item() == 0
    assert student.grad.shape == (0, 6)


def test_bfloat16_cosines_give_a_finite_float32_loss(cosines):
    loss = loss_of(cosines[0].bfloat16(), cosines[1].bfloat16(), teacher_temp=0.02)
    assert loss.dtype == torch.float32
    assert loss.isfinite()


def test_entropy_counts_the_prototypes_in_use():
    one_each = torch.eye(8).repeat(10, 1)
    assert prototype_entropy(one_each, 0.01).item() == pytest.approx(math.log(8), abs=1e-5)
    assert prototype_entropy(one_each[:2], 0.01).item() == pytest.approx(math.log(2), abs=1e-5)
    assert prototype_entropy(one_each[:1].repeat(9, 1), 0.01).item() == pytest.approx(0, abs=1e-5)
