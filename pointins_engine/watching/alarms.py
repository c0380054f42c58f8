"""Alarms: which figures of a run mean trouble, and what to do about it. No torch here.

An alarm is raised once, after several log steps in a row beyond its bound, and cleared once, after
as many within a second, kinder bound: a figure that swings about one bound must not ring all day.
"""

import math
import statistics
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pointins_engine.config import RunConfig

WINDOW = 20  # log steps whose median a trend compares
SETTLED = 0.1  # share of the steps after which the offset loss must show
FINITE_GROUPS = ("loss/", "optim/", "collapse/")
STAGES = ("data", "student", "teacher", "targets", "loss", "optimizer", "ema")

Phase = Literal["always", "offsets", "settled"]  # offset loss on; on for a tenth of the run


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One alarm: a figure, and its bounds; trouble lies beyond `raised_at`."""

    name: str
    figure: str  # a logged key, or one of `_figures`
    raised_at: float
    cleared_at: float
    patience: int  # log steps in a row
    phase: Phase
    title: str
    detail: str  # {value} is the figure, {percent} the same in percent, {config} the configuration
    advice: str
    reason: str  # of the bounds

    def is_bad(self, value: float) -> bool:
        """Beyond the bound that raises."""
        return (
            value > self.raised_at if self.raised_at > self.cleared_at else value < self.raised_at
        )

    def is_good(self, value: float) -> bool:
        """Within the bound that clears."""
        return (
            value < self.cleared_at if self.raised_at > self.cleared_at else value > self.cleared_at
        )


RULES = (
    Rule(
        name="not_finite",
        figure="not_finite",
        raised_at=0.5,
        cleared_at=0.4,
        patience=1,
        phase="always",
        title="A figure is not finite",
        detail="{value:.0f} of losses, gradient and collapse figures",
        advice="Go on from the last checkpoint with --resume, or start again with a lower optim.lr "
        "(now {config.optim.lr:g}).",
        reason="one is one too many, and the weights may be lost already",
    ),
    Rule(
        name="prototype_collapse",
        figure="collapse/prototype_entropy",
        raised_at=math.log(2),
        cleared_at=math.log(4),
        patience=5,
        phase="always",
        title="Prototypes collapse",
        detail="the teacher uses fewer than two of {config.semantic.num_prototypes} (entropy "
        "{value:.2f} nats)",
        advice="Start again with a lower optim.lr (now {config.optim.lr:g}) or a higher "
        "optim.ema_momentum.",
        reason="the exponential of the entropy counts prototypes in use; Zipf's law itself has "
        "3.4 nats at 256 prototypes",
    ),
    Rule(
        name="feature_collapse",
        figure="collapse/effective_rank",
        raised_at=5.0,
        cleared_at=8.0,
        patience=10,
        phase="always",
        title="Features collapse",
        detail="they use {value:.1f} directions",
        advice="Start again with a lower optim.lr (now {config.optim.lr:g}) or a higher "
        "optim.ema_momentum.",
        reason="the demo falls from 175 to about 90 directions within 150 steps and stays healthy",
    ),
    Rule(
        name="zero_offsets",
        figure="odr/zero_share",
        raised_at=0.95,
        cleared_at=0.8,
        patience=10,
        phase="settled",
        title="Offsets stay at zero",
        detail="{percent:.0f} % are shorter than 2 cm though the offset loss has long joined",
        advice="Check that ODR is on (odr.enabled, odr.start) and raise offset.weight (now "
        "{config.offset.weight:g}).",
        reason="cells of objects lie decimetres from their centroid; under 2 cm are few of them",
    ),
    Rule(
        name="scr_inert",
        figure="inert_share",
        raised_at=0.8,
        cleared_at=0.65,
        patience=WINDOW,
        phase="offsets",
        title="SCR is inert",
        detail="each segment is nearly one piece (largest share {value:.2f})",
        advice="Lower scr.link_radius (now {config.scr.link_radius:g} m) or use --preset affinity.",
        reason="the printed radii give 0.85 to 0.89 on simulated rooms: a piece a segment",
    ),
    Rule(
        name="scr_one_piece",
        figure="scr/view_share",
        raised_at=0.5,
        cleared_at=0.4,
        patience=WINDOW,
        phase="offsets",
        title="One pseudo-instance swallows the view",
        detail="it holds {percent:.0f} % of the cells",
        advice="Lower scr.link_radius (now {config.scr.link_radius:g} m) and keep planes out with "
        "scr.planes zero or drop (now {config.scr.planes}).",
        reason="no object is half of a room (demo: at most 0.32); floor and walls chain the rest",
    ),
    Rule(
        name="scr_empty",
        figure="scr/kept_share",
        raised_at=0.05,
        cleared_at=0.1,
        patience=WINDOW,
        phase="offsets",
        title="SCR keeps next to nothing",
        detail="{percent:.1f} % of the cells have a pseudo-instance",
        advice="Lower scr.min_size (now {config.scr.min_size} cells) or raise scr.link_radius (now "
        "{config.scr.link_radius:g} m).",
        reason="without targets the offset loss learns from noise",
    ),
    Rule(
        name="odr_misses",
        figure="odr_miss",
        raised_at=0.1,
        cleared_at=0.05,
        patience=5,
        phase="always",
        title="ODR misses its prior",
        detail="after it the lengths are still {percent:.0f} % of the prior's mean away",
        advice="Set odr.ties to random (now {config.odr.ties}), and see that views have hundreds "
        "of cells (scene.grid_size, view.crop_scale).",
        reason="ranks map exactly; what is left is the tail that few cells cannot show",
    ),
    Rule(
        name="extent_growth",
        figure="extent_growth",
        raised_at=2.5,
        cleared_at=2.0,
        patience=WINDOW,
        phase="offsets",
        title="Pseudo-instances grow",
        detail="their boxes are {value:.1f} times as large as when the offset loss joined",
        advice="Lower scr.link_radius (now {config.scr.link_radius:g} m): votes chain objects "
        "together.",
        reason="in the demo they rise by one half as votes gather; more than that is merging",
    ),
    Rule(
        name="data_starved",
        figure="waiting_share",
        raised_at=0.2,
        cleared_at=0.1,
        patience=10,
        phase="always",
        title="Views come too late",
        detail="a step waits {percent:.0f} % of its time for them",
        advice="Give the run more CPU cores, or make views cheaper with a smaller view.max_points "
        "(now {config.view.max_points}).",
        reason="views are made beside the networks; a fifth of the step is worth a core",
    ),
)


def limits(config: RunConfig, *, prior_mean_m: float | None) -> dict[str, float]:
    """Bounds that raise alarms, by name, in the unit of what is logged; for charts to draw.

    Trends, which have no bound of their own, and alarms that this configuration cannot raise are
    left out.

    Args:
        config: Run configuration.
        prior_mean_m: Mean of the prior of offset lengths in metres; None if nobody knows it.
    """
    bounds = {rule.name: rule.raised_at for rule in RULES if "/" in rule.figure}
    rules = {rule.name: rule for rule in RULES}
    if config.scr.grouping != "affinity":
        bounds["scr_inert"] = rules["scr_inert"].raised_at
    if _maps_teacher(config) and prior_mean_m is not None:
        bounds["odr_misses"] = rules["odr_misses"].raised_at * prior_mean_m
    return bounds


def _maps_teacher(config: RunConfig) -> bool:
    """Whether ODR gives the teacher's offsets the whole prior."""
    return config.odr.side == "teacher" and config.odr.order == "before_scr" and not config.odr.clip


class AlarmWatch:
    """Looks at the figures of every log step of a run.

    Args:
        config: Run configuration.
        prior_mean_m: Mean of the prior of offset lengths, in metres.
    """

    def __init__(self, config: RunConfig, *, prior_mean_m: float) -> None:
        self._config = config
        self._prior_mean_m = prior_mean_m
        self._active: set[str] = set()
        self._streak = dict.fromkeys((rule.name for rule in RULES), 0)
        self._first_extents: list[float] = []
        self._last_extents: deque[float] = deque(maxlen=WINDOW)

    def follow(self, config: RunConfig, *, prior_mean_m: float) -> None:
        """Watch by another configuration; sizes of pseudo-instances are compared anew."""
        if (config.scr, config.odr) != (self._config.scr, self._config.odr):
            self._first_extents.clear()
            self._last_extents.clear()
        self._config = config
        self._prior_mean_m = prior_mean_m

    def observe(self, step: int, values: Mapping[str, float]) -> list[dict[str, str]]:
        """Alarms that this log step raises or clears: `name`, `state` and `text` of each event.

        Args:
            step: Steps done.
            values: Everything that is logged at the step, by key.
        """
        figures = self._figures(values)
        found = []
        for rule in RULES:
            value = figures.get(rule.figure, math.nan)
            if math.isnan(value) or not self._is_time(rule.phase, step, values):
                continue
            is_active = rule.name in self._active
            counts = rule.is_good(value) if is_active else rule.is_bad(value)
            self._streak[rule.name] = self._streak[rule.name] + 1 if counts else 0
            if self._streak[rule.name] < rule.patience:
                continue
            self._streak[rule.name] = 0
            self._active ^= {rule.name}
            found.append(self._event(rule, value, is_raised=not is_active))
        return found

    def _event(self, rule: Rule, value: float, *, is_raised: bool) -> dict[str, str]:
        if not is_raised:
            return {"name": rule.name, "state": "cleared", "text": f"{rule.title}: no longer."}
        words = f"{rule.title}: {rule.detail}. {rule.advice}"
        text = words.format(value=value, percent=100 * value, config=self._config)
        return {"name": rule.name, "state": "raised", "text": text}

    def _is_time(self, phase: Phase, step: int, values: Mapping[str, float]) -> bool:
        if phase == "always":
            return True
        joined = values.get("schedule/offset_weight", 0.0) > 0
        settled = self._config.offset.start + SETTLED
        return joined and (phase == "offsets" or step >= settled * self._config.optim.steps)

    def _figures(self, values: Mapping[str, float]) -> dict[str, float]:
        """The logged figures, and those that rules make of them."""
        config = self._config
        figures = {key: value for key, value in values.items() if math.isfinite(value)}
        checked = [value for key, value in values.items() if key.startswith(FINITE_GROUPS)]
        figures["not_finite"] = float(sum(not math.isfinite(value) for value in checked))
        if config.scr.grouping != "affinity" and "scr/largest_share" in figures:
            figures["inert_share"] = figures["scr/largest_share"]
        if _maps_teacher(config) and "odr/w1_after_m" in figures:
            figures["odr_miss"] = figures["odr/w1_after_m"] / self._prior_mean_m
        seconds = [figures.get(f"time/{stage}_s", 0.0) for stage in STAGES]
        if seconds[STAGES.index("loss")] > 0:  # the whole step was timed
            figures["waiting_share"] = seconds[0] / sum(seconds)
        if figures.get("schedule/offset_weight", 0.0) > 0 and "scr/extent_m" in figures:
            figures |= self._extent_growth(figures["scr/extent_m"])
        return figures

    def _extent_growth(self, extent_m: float) -> dict[str, float]:
        """Extents of the last log steps against the first ones, once there are enough."""
        self._last_extents.append(extent_m)
        if len(self._first_extents) < WINDOW:
            self._first_extents.append(extent_m)
            return {}
        first = statistics.median(self._first_extents)
        return {"extent_growth": statistics.median(self._last_extents) / first} if first else {}
