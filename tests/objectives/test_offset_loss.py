"""The offset loss is Eq. 6 over the rows that have a target."""

import math

import pytest
import torch

from pointins_engine.config import OffsetConfig
from pointins_engine.objectives.offset_loss import offset_loss
from tests.ranks import on_ranks

CONFIG = OffsetConfig(min_cosine_length=0.01)


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
    found = offset_loss(*rows, CONFIG)
    assert found.loss.item() == pytest.approx(transcription(*rows, 0.01), rel=1e-5)
    torch.testing.assert_close(found.loss, found.l1 + found.direction)


def test_a_hand_made_case():
    offset = torch.tensor([[1.0, 0, 0], [0, 2.0, 0], [9.0, 9.0, 9.0]])
    target = torch.tensor([[0, 1.0, 0], [0, 0, 0.0], [0, 0, 0.0]])
    found = offset_loss(offset, target, torch.tensor([True, True, False]), CONFIG)
    assert found.l1.item() == pytest.approx((2 + 2) / 2)
    assert found.direction.item() == pytest.approx((1 + 0) / 2)  # at right angles; no direction


def test_a_perfect_head_has_no_loss(rows):
    _, target, valid = rows
    assert offset_loss(target, target, valid, CONFIG).loss.item() == pytest.approx(0, abs=1e-6)


def test_rows_without_target_neither_count_nor_get_a_gradient(rows):
    offset, target, valid = rows
    target[~valid] = torch.nan  # whatever stands there
    offset.requires_grad_()
    loss = offset_loss(offset, target, valid, CONFIG).loss
    loss.backward()
    torch.testing.assert_close(
        loss, offset_loss(offset[valid], target[valid], valid[valid], CONFIG).loss
    )
    assert (offset.grad[~valid] == 0).all()
    assert (offset.grad[valid] != 0).any(1).all()


def test_no_valid_row_gives_zero_with_a_gradient_of_zero(rows):
    offset, target, valid = rows
    offset.requires_grad_()
    loss = offset_loss(offset, target, valid & False, CONFIG).loss
    loss.backward()
    assert loss.item() == 0
    assert (offset.grad == 0).all()


def test_gradient_is_finite_where_the_student_says_zero():
    offset = torch.zeros(4, 3, requires_grad=True)
    offset_loss(offset, torch.ones(4, 3), torch.ones(4, dtype=torch.bool), CONFIG).loss.backward()
    assert offset.grad.isfinite().all()


def test_turning_offsets_and_targets_together_keeps_the_direction_term(rows):
    offset, target, valid = rows
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(1)))[0]
    torch.testing.assert_close(
        offset_loss(offset @ turn.T, target @ turn.T, valid, CONFIG).direction,
        offset_loss(offset, target, valid, CONFIG).direction,
    )


def test_no_gradient_reaches_the_target(rows):
    offset, target, valid = (rows[0].requires_grad_(), rows[1].requires_grad_(), rows[2])
    offset_loss(offset, target, valid, CONFIG).loss.backward()
    assert target.grad is None


def test_importance_weighs_rows_in_the_mean():
    """A row that counts three times as much equals three copies of it."""
    rng = torch.Generator().manual_seed(5)
    offset, target = torch.randn(4, 3, generator=rng), torch.randn(4, 3, generator=rng)
    repeated = torch.tensor([0, 0, 0, 1, 2, 3])
    valid = torch.ones(6, dtype=torch.bool)
    copies = offset_loss(offset[repeated], target[repeated], valid, CONFIG)
    weighed = offset_loss(offset, target, valid[:4], CONFIG, torch.tensor([3.0, 1.0, 1.0, 1.0]))
    torch.testing.assert_close(weighed.loss, copies.loss)


def test_several_means_are_as_many_losses_in_one(rows):
    """The middle one has no valid row, and so no part in the sum."""
    offset, target, valid = rows
    valid[20:25] = False
    importance = torch.linspace(0.1, 2.0, 50)
    sizes, shares = [20, 5, 25], [0.5, 0.2, 0.3]
    once, apart = offset.clone().requires_grad_(), offset.clone().requires_grad_()
    found = offset_loss(
        once, target, valid, CONFIG, importance, means=list(zip(sizes, shares, strict=True))
    )
    columns = (x.split(sizes) for x in (apart, target, valid, importance))
    terms = [offset_loss(o, t, v, CONFIG, i) for o, t, v, i in zip(*columns, strict=True)]
    for name in ("loss", "l1", "direction"):
        expected = sum(s * getattr(term, name) for s, term in zip(shares, terms, strict=True))
        torch.testing.assert_close(getattr(found, name), expected)
    found.loss.backward()
    sum(s * term.loss for s, term in zip(shares, terms, strict=True)).backward()
    torch.testing.assert_close(once.grad, apart.grad)


def test_rows_of_no_importance_give_zero_with_a_gradient():
    offset = torch.ones(3, 3, requires_grad=True)
    terms = offset_loss(
        offset, torch.zeros(3, 3), torch.ones(3, dtype=torch.bool), CONFIG, torch.zeros(3)
    )
    terms.loss.backward()
    assert terms.loss.item() == 0.0
    assert (offset.grad == 0).all()


def test_the_length_scale_divides_the_length_term_alone(rows):
    metres = offset_loss(*rows, CONFIG)
    scaled = offset_loss(*rows, OffsetConfig(min_cosine_length=0.01, length_scale=0.5))
    torch.testing.assert_close(scaled.l1, metres.l1)
    torch.testing.assert_close(scaled.loss, 2 * metres.l1 + metres.direction)


def test_a_target_shorter_than_the_bound_has_no_direction_term(rows):
    far = offset_loss(*rows, OffsetConfig(min_cosine_length=100.0))
    assert far.direction.item() == 0
    assert offset_loss(*rows, CONFIG).direction.item() > 0


def test_the_shares_of_ranks_sum_to_the_loss_and_gradient_of_one(rows):
    """One rank has few valid rows, one none, one most; weights differ."""
    offset, target, valid = rows
    valid = valid & (torch.arange(50) >= 10)
    importance = torch.linspace(0.1, 2.0, 50)
    alone = offset.clone().requires_grad_()
    whole = offset_loss(alone, target, valid, CONFIG, importance)
    whole.loss.backward()
    sizes = [10, 5, 35]
    parts = [part.clone().requires_grad_() for part in offset.split(sizes)]

    def share(world):
        part = [x.split(sizes)[world.rank] for x in (target, valid, importance)]
        found = offset_loss(parts[world.rank], part[0], part[1], CONFIG, part[2], world)
        found.loss.backward()
        return torch.stack([found.loss, found.l1, found.direction]).detach()

    expected = torch.stack([whole.loss, whole.l1, whole.direction]).detach()
    torch.testing.assert_close(sum(on_ranks(3, share)), expected)
    torch.testing.assert_close(torch.cat([part.grad for part in parts]), alone.grad)


def test_the_loss_is_float32_under_autocast(rows):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = offset_loss(rows[0].bfloat16(), *rows[1:], CONFIG)
    assert found.loss.dtype == torch.float32
