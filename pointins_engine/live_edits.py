"""Changing the configuration of a run while it trains: which fields, and in which bounds. No torch.

What shapes networks, data or the length of a run stays fixed; a fork may change that.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pointins_engine.config import RunConfig, differences, flat, with_values
from pointins_engine.errors import ConfigError
from pointins_engine.offset_prior.files import from_json
from pointins_engine.offset_prior.record import PriorRecord, builtin_priors, record_of

LIVE_FIELDS = (
    "offset.weight",
    "scr.num_segments",
    "scr.num_neighbours",
    "scr.link_radius",
    "scr.min_size",
    "odr.prior.kind",
    "odr.prior.shape",
    "odr.prior.scale",
    "odr.prior.mu",
    "odr.prior.sigma",
    "odr.prior.quantiles",
    "odr.prior.path",
    "optim.lr",
    "view.mask_ratio",
    "view.mask_size",
    "log.watch_budget",
    "log.frame_every",
)


def edited(
    config: RunConfig, values: Mapping[str, Any], *, first: RunConfig | None = None
) -> RunConfig:
    """The configuration of a running trainer with some fields changed.

    Args:
        config: As it is now.
        values: New values by dotted name.
        first: What the run was started with; a prior that was measured then may be taken again.

    Raises:
        ConfigError: If a field cannot change while a run trains, or a value is impossible.
    """
    for name in values:
        if name not in LIVE_FIELDS:
            known = "stays what it is" if name in flat(config) else "is no field that changes"
            raise ConfigError(
                f"{name} {known} while a run trains; these may change: {', '.join(LIVE_FIELDS)}. "
                "A fork from a checkpoint may change any field (pointins pretrain --fork)."
            )
    new = with_values(config, values)
    if new.odr.prior != config.odr.prior:
        _refuse_unmeasured(new, first)
    return new


def edited_prior(config: RunConfig, first: RunConfig, first_record: PriorRecord) -> PriorRecord:
    """The prior that an edited configuration asks for.

    Args:
        config: After the edit.
        first: What the run was started with.
        first_record: The prior of that: it may have been measured.

    Raises:
        ConfigError: If it would have to be measured or read from a file.
    """
    _refuse_unmeasured(config, first)
    prior = config.odr.prior
    if prior == first.odr.prior:
        return first_record
    return builtin_priors()[prior.path] if prior.kind == "file" else record_of(prior)


def edit_lines(before: RunConfig, after: RunConfig, when: str) -> list[str]:
    """What an edit changes, a line a field: `offset.weight 0.25 → 0.1 from the next step`."""
    return [
        f"{name} {_written(was)} → {_written(now)} {when}"
        for name, (was, now) in differences(before, after).items()
    ]


def with_edits(config: RunConfig, edits: Iterable[Mapping[str, Any]]) -> RunConfig:
    """A configuration with the `edit` events of a run; a damaged event is passed over."""
    for edit in edits:
        try:
            config = with_values(config, {name: now for name, (_, now) in edit["values"].items()})
        except (KeyError, TypeError, ValueError, AttributeError, ConfigError):
            continue
    return config


def prior_of_edits(edits: Iterable[Mapping[str, Any]]) -> PriorRecord | None:
    """The prior that the last `edit` event brought; None if none did."""
    record = None
    for edit in edits:
        if "prior" in edit:
            record = from_json(edit["prior"])
    return record


def _refuse_unmeasured(config: RunConfig, first: RunConfig | None) -> None:
    prior = config.odr.prior
    if first is not None and prior == first.odr.prior:
        return
    fork = "Fork from a checkpoint to train with it (pointins pretrain --fork)."
    if prior.kind == "hdbscan":
        raise ConfigError(f"odr.prior.kind 'hdbscan' measures scenes before the first step. {fork}")
    if prior.kind == "file" and prior.path not in builtin_priors():
        raise ConfigError(
            f"odr.prior.path is {prior.path!r}: while a run trains a built-in prior is expected "
            f"({', '.join(builtin_priors())}). {fork}"
        )
    record = builtin_priors()[prior.path] if prior.kind == "file" else record_of(prior)
    if config.odr.direction_prior == "empirical" and not record.direction:
        raise ConfigError(
            f"odr.direction_prior is 'empirical', and the prior {record.name!r} has no measured "
            f"directions. {fork}"
        )


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        if len(value) > 4:
            return f"({len(value)} values)"
        return "-".join(map(_written, value)) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) or "none"
