"""How a step looks from outside: collapse, offsets, pseudo-instances, where its time goes.

Read at log steps alone, from what the teacher said anyway; nothing here changes the training. On a
GPU every figure waits for the device, which is why there are none between log steps. M cells, K
prototypes, C channels.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor

from pointins_engine.config import RunConfig
from pointins_engine.objectives.odr_statistics import ZERO_LENGTH, kolmogorov_smirnov, wasserstein
from pointins_engine.objectives.priors import MagnitudePrior
from pointins_engine.objectives.scr_statistics import largest_view_share, scr_statistics
from pointins_engine.objectives.sinkhorn import zipf_prior
from pointins_engine.student_teacher import Prediction
from pointins_engine.targets import TeacherTargets
from pointins_engine.watching.inspection import odr_rows

PROTOTYPE_ROWS = 4096  # cells that stand for the step's: 4 MB of shares at 1,024 prototypes
RANK_ROWS = 256  # and for the rank: its cost grows with their cube, 7 ms on one core
ROUNDING = 1e-6  # of the largest singular value: what float32 features cannot tell from zero
GIB = 1 << 30


@torch.no_grad()
def health_figures(
    teacher: Prediction,
    targets: TeacherTargets | None,
    prior: MagnitudePrior,
    config: RunConfig,
    teacher_temp: float,
) -> dict[str, float]:
    """Figures of a step by their key in `run_log.records`.

    Args:
        teacher: The teacher's prediction for the whole views.
        targets: What ODR and SCR made of it; None leaves their figures out, and what is switched
            off has none either.
        prior: Distribution of offset lengths.
        config: Run configuration.
        teacher_temp: Temperature of the step.
    """
    similarity = _spread_rows(teacher.similarity, PROTOTYPE_ROWS).float()
    usage = (similarity / teacher_temp).softmax(1).mean(0)
    wanted = zipf_prior(len(usage), config.semantic.zipf_alpha, usage.device)
    figures = {
        "collapse/prototype_entropy": -torch.xlogy(usage, usage).sum(),
        "collapse/prior_kl": torch.xlogy(usage, usage / wanted).sum(),
        "collapse/prototypes_used": len(similarity.argmax(1).unique()) / len(usage),
        "collapse/effective_rank": effective_rank(teacher.cells.feat),
    }
    if targets is not None and config.offset.enabled:
        figures |= _odr_figures(teacher, targets, prior, config)
        if config.scr.enabled:
            figures |= _scr_figures(teacher, targets)
    return {key: float(value) for key, value in figures.items()}


def _scr_figures(teacher: Prediction, targets: TeacherTargets) -> dict[str, float]:
    cells, clusters = teacher.cells, targets.clusters
    grouped = scr_statistics(clusters, cells.origin_coord, cells.is_plane, cells.batch_size)
    return {
        **{f"scr/{name}": value for name, value in grouped.items() if name != "sizes"},
        "scr/view_share": largest_view_share(clusters, cells.batch_index, cells.batch_size),
    }


def _odr_figures(
    teacher: Prediction, targets: TeacherTargets, prior: MagnitudePrior, config: RunConfig
) -> dict[str, float]:
    rows = odr_rows(teacher.cells.is_plane, config)
    before = targets.offset[rows].norm(dim=1).double()
    figures = {
        "odr/w1_before_m": wasserstein(before, prior),
        "odr/ks_before": kolmogorov_smirnov(before, prior),
        "odr/zero_share": float((before < ZERO_LENGTH).double().mean()),
        "odr/mean_m": float(before.mean()),
    }
    if config.odr.enabled and config.odr.side == "teacher":
        after = targets.regularized[rows].norm(dim=1).double()
        figures |= {
            "odr/w1_after_m": wasserstein(after, prior),
            "odr/ks_after": kolmogorov_smirnov(after, prior),
        }
    return figures


def effective_rank(feat: Float[Tensor, "m c"], rows: int = RANK_ROWS) -> float:
    """Exponential of the entropy of the centred features' singular values.

    1 means that all cells lie on a line: the encoder has collapsed. A share of it is the number of
    directions that the features really use; at most min(`rows`, C).

    Args:
        feat: Features of the loss stage; of many, `rows` evenly spaced ones are taken.
        rows: Cells at most.

    Source:
        Roy and Vetterli, "The effective rank" (2007).
    """
    part = _spread_rows(feat, rows).double()  # of squares, single precision keeps half the digits
    centred = part - part.mean(0)
    if len(centred) < centred.shape[1]:
        centred = centred.T
    # Squares of the singular values, from the smaller of the two products.
    value = torch.linalg.eigvalsh(centred.T @ centred).clamp(min=0).sqrt()
    value = torch.where(value > value.max() * ROUNDING, value, 0.0)
    total = value.sum()
    if not bool(total > 0):
        return 1.0
    share = value / total
    return float((-torch.xlogy(share, share).sum()).exp())


def _spread_rows(values: Tensor, wanted: int) -> Tensor:
    """At most `wanted` rows, evenly spaced, so that every cloud has its part."""
    return values[:: -(-len(values) // wanted)] if len(values) > wanted else values


def memory_figures(device: torch.device) -> dict[str, float]:
    """Peaks of a GPU's memory since the last call, in GiB; nothing on the CPU."""
    if device.type != "cuda":
        return {}
    figures = {
        "gpu/allocated_gib": torch.cuda.max_memory_allocated(device) / GIB,
        "gpu/reserved_gib": torch.cuda.max_memory_reserved(device) / GIB,
    }
    torch.cuda.reset_peak_memory_stats(device)
    return figures


class StageTimes:
    """Seconds of the stages of one step; costs nothing where `is_on` is false.

    On a GPU a stage lasts from when the device reaches it to when the device has done it, so that
    nothing waits until `figures` is called.

    Args:
        device: Where the stages run.
        is_on: Whether this step is measured.
    """

    def __init__(self, device: torch.device, *, is_on: bool) -> None:
        self._device = device
        self._is_on = is_on
        self._ends: list[tuple[str, float | torch.cuda.Event, float | torch.cuda.Event]] = []

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Measure what runs inside; a stage that comes twice counts in all."""
        if not self._is_on:
            yield
            return
        start = self._now()
        yield
        self._ends.append((stage, start, self._now()))

    def figures(self) -> dict[str, float]:
        """`time/<stage>_s` in seconds of each stage, in the order in which they came."""
        if self._ends and self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        seconds: dict[str, float] = {}
        for stage, start, end in self._ends:
            key = f"time/{stage}_s"
            seconds[key] = seconds.get(key, 0.0) + _between(start, end)
        return seconds

    def _now(self) -> "float | torch.cuda.Event":
        if self._device.type != "cuda":
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self._device))
        return event


def _between(start: "float | torch.cuda.Event", end: "float | torch.cuda.Event") -> float:
    if isinstance(start, torch.cuda.Event) and isinstance(end, torch.cuda.Event):
        return start.elapsed_time(end) / 1000
    assert isinstance(start, float) and isinstance(end, float), "one clock a stage"
    return end - start
