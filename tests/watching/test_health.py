"""Health figures say what they are called, and cost nothing where nobody looks."""

import math
from dataclasses import replace

import pytest
import torch

from pointins_engine.batch import CellBatch
from pointins_engine.config import OdrConfig, PriorConfig, RunConfig, ScrConfig, SemanticConfig
from pointins_engine.objectives.priors import prior_of
from pointins_engine.objectives.scr_statistics import largest_view_share
from pointins_engine.objectives.sinkhorn import zipf_prior
from pointins_engine.offset_prior.record import record_of
from pointins_engine.randomness import StepRandom
from pointins_engine.run_log.records import SCALARS
from pointins_engine.student_teacher import Prediction
from pointins_engine.targets import teacher_targets
from pointins_engine.watching import health
from pointins_engine.watching.health import (
    StageTimes,
    effective_rank,
    health_figures,
    memory_figures,
)

CELLS, PROTOTYPES, WIDTH = 240, 16, 32
CONFIG = replace(
    RunConfig(),
    semantic=SemanticConfig(num_prototypes=PROTOTYPES),
    scr=ScrConfig(grouping="affinity", min_size=5, min_cosine=-1.0, link_radius=0.3),
    odr=OdrConfig(prior=PriorConfig(kind="lognormal", mu=-1.0, sigma=0.5)),
)
PRIOR = prior_of(record_of(CONFIG.odr.prior))


def prediction(
    *, feat: torch.Tensor | None = None, similarity=None, offset=None, batch_size: int = 2
) -> Prediction:
    """Cells of two clouds at random, with what is given in place of random predictions."""
    rng = torch.Generator().manual_seed(3)

    def normal(width: int) -> torch.Tensor:
        return torch.randn(CELLS, width, generator=rng)

    coord = normal(3)
    cells = CellBatch(
        feat=normal(WIDTH) if feat is None else feat,
        coord=coord,
        origin_coord=coord,
        batch_index=torch.arange(batch_size).repeat_interleave(CELLS // batch_size),
        is_plane=torch.zeros(CELLS, dtype=torch.bool),
        cell_index=torch.arange(CELLS),
        batch_size=batch_size,
    )
    return Prediction(
        cells=cells,
        similarity=0.1 * normal(PROTOTYPES) if similarity is None else similarity,
        offset=0.2 * normal(3) if offset is None else offset,
    )


def figures_of(teacher: Prediction, config: RunConfig = CONFIG) -> dict[str, float]:
    targets = teacher_targets(teacher, PRIOR, config, StepRandom(0, 0), odr_active=True)
    return health_figures(teacher, targets, PRIOR, config, 0.07)


def test_every_figure_is_declared_and_finite():
    figures = figures_of(prediction())
    assert set(figures) <= set(SCALARS)
    assert all(type(value) is float and math.isfinite(value) for value in figures.values())


def test_without_targets_there_are_no_figures_of_odr_and_scr():
    figures = health_figures(prediction(), None, PRIOR, CONFIG, 0.07)
    assert {key.split("/")[0] for key in figures} == {"collapse"}
    config = replace(CONFIG, offset=replace(CONFIG.offset, enabled=False))
    assert set(figures_of(prediction(), config)) == set(figures)


def test_odr_brings_the_lengths_onto_the_prior():
    figures = figures_of(prediction())
    assert figures["odr/w1_before_m"] > 0.05
    # Two clouds of 120: each ends at its own quantiles, the pool of both between them.
    assert figures["odr/w1_after_m"] < 0.01
    assert figures["odr/ks_after"] < 0.02 < figures["odr/ks_before"]


@pytest.mark.parametrize("change", [{"enabled": False}, {"side": "student"}])
def test_where_odr_does_not_map_the_teacher_there_is_nothing_after_it(change):
    figures = figures_of(prediction(), replace(CONFIG, odr=replace(CONFIG.odr, **change)))
    assert "odr/w1_before_m" in figures and "odr/w1_after_m" not in figures


def test_without_scr_there_are_no_pseudo_instances_to_speak_of():
    figures = figures_of(prediction(), replace(CONFIG, scr=replace(CONFIG.scr, enabled=False)))
    assert "odr/w1_after_m" in figures
    assert not any(key.startswith("scr/") for key in figures)


def test_offsets_of_zero_are_counted():
    offset = torch.full((CELLS, 3), 0.3)
    offset[: CELLS // 4] = 0.001
    assert figures_of(prediction(offset=offset))["odr/zero_share"] == 0.25


def test_one_prototype_for_all_cells_is_an_entropy_of_zero():
    similarity = torch.full((CELLS, PROTOTYPES), -1.0)
    similarity[:, 3] = 1.0
    figures = figures_of(prediction(similarity=similarity))
    assert figures["collapse/prototype_entropy"] == pytest.approx(0, abs=1e-6)
    assert figures["collapse/prototypes_used"] == 1 / PROTOTYPES
    share = zipf_prior(PROTOTYPES, CONFIG.semantic.zipf_alpha)[3]
    assert figures["collapse/prior_kl"] == pytest.approx(-math.log(float(share)), rel=1e-5)


def test_prototypes_used_alike_have_the_largest_entropy_and_match_a_uniform_prior():
    similarity = torch.eye(PROTOTYPES).repeat(CELLS // PROTOTYPES, 1)
    config = replace(CONFIG, semantic=replace(CONFIG.semantic, zipf_alpha=0.0))
    figures = figures_of(prediction(similarity=similarity), config)
    assert figures["collapse/prototype_entropy"] == pytest.approx(math.log(PROTOTYPES), rel=1e-5)
    assert figures["collapse/prior_kl"] == pytest.approx(0, abs=1e-5)
    assert figures["collapse/prototypes_used"] == 1.0


@pytest.mark.parametrize("rank", [1, 4, 16])
def test_directions_of_equal_strength_are_counted(rank):
    """Orthogonal columns of equal length have equal singular values."""
    rng = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(200, rank, generator=rng, dtype=torch.float64))[0]
    basis = torch.linalg.qr(basis - basis.mean(0))[0]
    turned = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=rng, dtype=torch.float64))[0]
    feat = (basis @ turned[:rank] + 5.0).float()
    assert effective_rank(feat) == pytest.approx(rank, rel=1e-3)


def test_the_rank_agrees_with_the_singular_values_whichever_side_is_longer():
    for cells, width in ((50, 20), (20, 50)):
        feat = torch.randn(cells, width, generator=torch.Generator().manual_seed(1))
        value = torch.linalg.svdvals((feat - feat.mean(0)).double())
        share = value[value > 1e-9] / value.sum()
        wanted = float((-(share * share.log()).sum()).exp())
        assert effective_rank(feat) == pytest.approx(wanted, rel=1e-6)


def test_features_that_are_all_alike_have_rank_one():
    assert effective_rank(torch.ones(30, 8)) == 1.0
    assert effective_rank(torch.ones(1, 8)) == 1.0


def test_of_many_cells_every_cloud_has_its_part():
    rows = health._spread_rows(torch.arange(1000), 256)
    assert len(rows) <= 256 and rows[-1] >= 990 and int(rows.diff().unique()) == 4
    assert len(health._spread_rows(torch.arange(256), 256)) == 256


def test_the_largest_share_of_a_view_is_that_of_its_largest_pseudo_instance():
    """Cloud 0: one clump of 90 and one of 30 cells; cloud 1: two of 60."""
    clump = torch.tensor([0] * 90 + [1] * 30 + [2] * 60 + [3] * 60)
    teacher = prediction(offset=torch.zeros(CELLS, 3))
    coord = torch.zeros(CELLS, 3)
    coord[:, 0] = clump * 5.0
    coord[:, 1] = torch.arange(CELLS) * 1e-4
    teacher = replace(teacher, cells=replace(teacher.cells, origin_coord=coord))
    config = replace(CONFIG, odr=replace(CONFIG.odr, enabled=False))
    targets = teacher_targets(teacher, PRIOR, config, StepRandom(0, 0), odr_active=False)
    share = largest_view_share(targets.clusters, teacher.cells.batch_index, 2)
    assert share == pytest.approx((0.75 + 0.5) / 2)


def test_stages_are_timed_where_somebody_looks_and_only_there():
    for is_on in (True, False):
        times = StageTimes(torch.device("cpu"), is_on=is_on)
        for stage in ("data", "student", "teacher", "targets", "loss", "optimizer", "ema", "data"):
            with times(stage):
                torch.ones(10).sum()
        figures = times.figures()
        assert set(figures) <= set(SCALARS)
        assert len(figures) == (7 if is_on else 0)
        assert all(seconds > 0 for seconds in figures.values())


def test_a_stage_that_comes_twice_counts_in_all(monkeypatch):
    clock = iter([0.0, 1.0, 10.0, 14.0])
    monkeypatch.setattr(health.time, "perf_counter", lambda: next(clock))
    times = StageTimes(torch.device("cpu"), is_on=True)
    for _ in range(2):
        with times("student"):
            pass
    assert times.figures() == {"time/student_s": 5.0}


def test_a_stage_that_fails_is_not_timed():
    times = StageTimes(torch.device("cpu"), is_on=True)
    with pytest.raises(RuntimeError, match="no memory"), times("student"):
        raise RuntimeError("no memory")
    assert times.figures() == {}


def test_the_cpu_has_no_gpu_memory():
    assert memory_figures(torch.device("cpu")) == {}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_stages_and_memory_are_measured():
    device = torch.device("cuda")
    times = StageTimes(device, is_on=True)
    with times("student"):
        torch.randn(2048, 2048, device=device).matrix_exp()
    assert 0 < times.figures()["time/student_s"] < 60
    memory = memory_figures(device)
    assert 0 < memory["gpu/allocated_gib"] <= memory["gpu/reserved_gib"]
