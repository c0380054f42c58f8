"""The offset loss is Eq. 6 over the rows that have a target."""

import math

import pytest
import torch

from pointins_engine.objectives.offset_loss import offset_loss


@pytest.fixture
def rows():
    rng = torch.Generator().manual_seed(0)
    offset, target = torch.randn(50, 3, generator=rng), torch.randn(50, 3, generator=rng)
    target[:5] *= 1e-4
    return offset, target, torch.arange(50) % 3 != 0


def transcription(offset, target, valid, min_cosine_length):
    total, count = 0.0, 0
    for o, t, is_valid in zip(offset.tolist(), target.tolist(), valid.tolist(), strict=True):
        if not is_valid:
            continue
        count += 1
        total += sum(abs(a - b) for a, b in zip(o, t, strict=True))
        if math.hypot(*t) >= min_cosine_length:
            dot = sum(a * b for a, b in zip(o, t, strict=True))
            total += 1 - dot / (math.hypot(*o) * math.hypot(*t))
    return total / count


def test_agrees_with_the_equation_written_out(rows):
    found = offset_loss(*rows, 0.01)
    assert found.loss.item() == pytest.approx(transcription(*rows, 0.01), rel=1e-5)
    torch.testing.assert_close(found.loss, found.l1 + found.direction)


def test_a_hand_made_case():
    offset = torch.tensor([[1.0, 0, 0], [0, 2.0, 0], [9.0, 9.0, 9.0]])
    target = torch.tensor([[0, 1.0, 0], [0, 0, 0.0], [0, 0, 0.0]])
    found = offset_loss(offset, target, torch.tensor([True, True, False]), 0.01)
    assert found.l1.item() == pytest.approx((2 + 2) / 2)
    assert found.direction.item() == pytest.approx((1 + 0) / 2)  # at right angles; no direction


def test_a_perfect_head_has_no_loss(rows):
    _, target, valid = rows
    assert offset_loss(target, target, valid, 0.01).loss.item() == pytest.approx(0, abs=1e-6)


def test_rows_without_target_neither_count_nor_get_a_gradient(rows):
    offset, target, valid = rows
    target[~valid] = torch.nan  # whatever stands there
    offset.requires_grad_()
    loss = offset_loss(offset, target, valid, 0.01).loss
    loss.backward()
    torch.testing.assert_close(
        loss, offset_loss(offset[valid], target[valid], valid[valid], 0.01).loss
    )
    assert (offset.grad[~valid] == 0).all()
    assert (offset.grad[valid] != 0).any(1).all()


def test_no_valid_row_gives_zero_with_a_gradient_of_zero(rows):
    offset, target, valid = rows
    offset.requires_grad_()
    loss = offset_loss(offset, target, valid & False, 0.01).loss
    loss.backward()
    assert loss.item() == 0
    assert (offset.grad == 0).all()


def test_gradient_is_finite_where_the_student_says_zero():
    offset = torch.zeros(4, 3, requires_grad=True)
    offset_loss(offset, torch.ones(4, 3), torch.ones(4, dtype=torch.bool), 0.01).loss.backward()
    assert offset.grad.isfinite().all()


def test_turning_offsets_and_targets_together_keeps_the_direction_term(rows):
    offset, target, valid = rows
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(1)))[0]
    torch.testing.assert_close(
        offset_loss(offset @ turn.T, target @ turn.T, valid, 0.01).direction,
        offset_loss(offset, target, valid, 0.01).direction,
    )


def test_no_gradient_reaches_the_target(rows):
    offset, target, valid = (rows[0].requires_grad_(), rows[1].requires_grad_(), rows[2])
    offset_loss(offset, target, valid, 0.01).loss.backward()
    assert target.grad is None


def test_importance_weighs_rows_in_the_mean():
    """A row that counts three times as much equals three copies of it."""
    rng = torch.Generator().manual_seed(5)
    offset, target = torch.randn(4, 3, generator=rng), torch.randn(4, 3, generator=rng)
    repeated = torch.tensor([0, 0, 0, 1, 2, 3])
    valid = torch.ones(6, dtype=torch.bool)
    copies = offset_loss(offset[repeated], target[repeated], valid, 0.01)
    weighed = offset_loss(offset, target, valid[:4], 0.01, torch.tensor([3.0, 1.0, 1.0, 1.0]))
    torch.testing.assert_close(weighed.loss, copies.loss)


def test_rows_of_no_importance_give_zero_with_a_gradient():
    offset = torch.ones(3, 3, requires_grad=True)
    terms = offset_loss(
        offset, torch.zeros(3, 3), torch.ones(3, dtype=torch.bool), 0.01, torch.zeros(3)
    )
    terms.loss.backward()
    assert terms.loss.item() == 0.0
    assert (offset.grad == 0).all()
