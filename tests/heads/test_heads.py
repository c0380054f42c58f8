"""Offsets start near zero; similarities are cosines."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from pointins_engine.batch import HyperColumns
from pointins_engine.heads.offset import OffsetHead
from pointins_engine.heads.semantic import SemanticHead


def features(seed: int = 0) -> torch.Tensor:
    return torch.randn(50, 24, generator=torch.Generator().manual_seed(seed))


def test_parameter_counts_are_those_of_the_published_sizes():
    """The published offset head is counted without a norm, which adds 2 * 896."""
    assert sum(p.numel() for p in OffsetHead(896, 896).parameters()) == 806_403 + 2 * 896
    head = SemanticHead(896, 4096, 256, 1024)
    assert sum(p.numel() for p in head.parameters()) == 4_985_088


def test_first_votes_stay_within_a_few_centimetres():
    """Last layer: 0.01 * sqrt(256) * rms of GELU of a unit normal, 0.65, is about 0.1 m an axis."""
    offset = OffsetHead(24, 256)(features())
    assert offset.shape == (50, 3)
    assert 0 < offset.std() < 0.2


def test_offsets_are_linear_norm_gelu_linear():
    head, feat = OffsetHead(24, 32), features()
    hidden = F.gelu(F.layer_norm(feat @ head.fc1.weight.T, (32,)))
    assert_close(head(feat), hidden @ head.fc2.weight.T)


@pytest.mark.parametrize("make", [lambda: OffsetHead(24, 32), lambda: SemanticHead(24, 32, 16, 40)])
def test_a_head_says_the_same_of_repeated_features_and_of_their_stages(make):
    """In float64, so that only a wrong sum could differ; gradients reach stages and weights."""
    head = make().double()
    rng = torch.Generator().manual_seed(1)
    sizes, widths = (50, 12, 3), (4, 8, 12)
    columns = HyperColumns(
        feats=tuple(
            torch.randn(m, c, generator=rng, dtype=torch.float64, requires_grad=True)
            for m, c in zip(sizes, widths, strict=True)
        ),
        parents=tuple(
            torch.randint(coarse, (fine,), generator=rng) for fine, coarse in pairwise(sizes)
        ),
    )
    rows = columns.rows()
    assert rows.shape == (50, 24)
    inputs = [*columns.feats, *head.parameters()]
    said, gradients = [], []
    for feat in (rows, columns):
        out = head(feat)
        said.append(out)
        score = (out * torch.linspace(-1, 1, out.numel()).view_as(out)).sum()
        gradients.append(torch.autograd.grad(score, inputs, retain_graph=True))
    # Both heads answer in float32.
    assert_close(said[1], said[0], rtol=1e-6, atol=1e-6)
    for one, two in zip(*gradients, strict=True):
        assert_close(two, one, rtol=1e-5, atol=1e-6)


def test_similarities_are_cosines_to_the_prototypes():
    head, feat = SemanticHead(24, 32, 16, 40), features()
    with torch.no_grad():
        head.prototypes.mul_(torch.linspace(0.1, 5.0, 40)[:, None])  # lengths must not matter
    cosine = head(feat)
    embedding = head.fc2(F.gelu(head.fc1(feat)))
    expected = F.cosine_similarity(embedding[:, None], head.prototypes[None], dim=-1)
    assert_close(cosine, expected, rtol=0, atol=1e-6)
    assert_close(head.unit_prototypes().norm(dim=1), torch.ones(40))


def test_both_heads_answer_in_float32_under_autocast():
    offset, semantic = OffsetHead(24, 32), SemanticHead(24, 32, 16, 40)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert offset(features()).dtype == torch.float32
        cosine = semantic(features())
    assert cosine.dtype == torch.float32
    assert (cosine - semantic(features())).abs().max() < 0.02  # bfloat16 keeps 8 bits


def test_the_rng_decides_the_weights_and_the_global_state_stays():
    before = torch.get_rng_state()
    for make in (lambda rng: OffsetHead(24, 32, rng), lambda rng: SemanticHead(24, 32, 16, 8, rng)):
        a, b, c = (make(torch.Generator().manual_seed(seed)).state_dict() for seed in (1, 1, 2))
        assert all(a[name].equal(b[name]) for name in a)
        assert not a["fc1.weight"].equal(c["fc1.weight"])
    assert torch.get_rng_state().equal(before)
