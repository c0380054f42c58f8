"""How rates, momentum, temperature, masks and loss weight change over the steps."""

import math
from dataclasses import dataclass

from pointins_engine.config import RunConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class StepSchedule:
    """Scheduled values of one step."""

    lr: float
    weight_decay: float
    ema_momentum: float
    teacher_temp: float
    mask_ratio: float
    mask_size: float  # metres
    offset_weight: float  # 0 before the offset loss joins
    odr_active: bool  # SCR sees offsets after ODR


def schedule(step: int, config: RunConfig) -> StepSchedule:
    """Scheduled values at `step` (0-based) of a run.

    Source: PointINS Tab. 9 (warm-up ratio, cosine, offset loss after 10 % of the steps); Sonata
    (cosines of momentum and weight decay, temperature and masks linear over the first 5 %).
    """
    steps, optim, view = config.optim.steps, config.optim, config.view
    done = step / steps
    offset = config.offset
    joined = ramp(done - offset.start, offset.ramp) if done >= offset.start else 0.0
    return StepSchedule(
        lr=optim.lr * warmup_cosine(step, steps, optim.warmup),
        weight_decay=cosine(*optim.weight_decay, done),
        ema_momentum=cosine(*optim.ema_momentum, done),
        teacher_temp=linear(
            *config.semantic.teacher_temp, ramp(done, config.semantic.teacher_temp_warmup)
        ),
        mask_ratio=linear(*view.mask_ratio, ramp(done, view.mask_warmup)),
        mask_size=linear(*view.mask_size, ramp(done, view.mask_warmup)),
        offset_weight=offset.weight * joined if offset.enabled else 0.0,
        odr_active=config.odr.enabled and done >= config.odr.start,
    )


def linear(start: float, end: float, share: float) -> float:
    return start + (end - start) * share


def cosine(start: float, end: float, share: float) -> float:
    """Half a cosine from `start` to `end`."""
    return end + (start - end) * (1 + math.cos(math.pi * min(max(share, 0.0), 1.0))) / 2


def ramp(share: float, length: float) -> float:
    """0 to 1 over the first `length` of the steps, then 1."""
    return 1.0 if length <= 0 else min(max(share / length, 0.0), 1.0)


def warmup_cosine(step: int, steps: int, warmup: float) -> float:
    """Factor of the base rate: linear to 1 over `warmup` of the steps, then a cosine to 0."""
    rising = int(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    return cosine(1.0, 0.0, (step - rising) / max(steps - rising, 1))
