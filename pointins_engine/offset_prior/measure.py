"""Priors measured on scenes: of labelled objects, of a sample of them, or of clusters."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from jaxtyping import Float

from pointins_engine.errors import ConfigError
from pointins_engine.offset_prior import offsets
from pointins_engine.offset_prior.fit import Family, measured_prior
from pointins_engine.offset_prior.offsets import Domain, label_free_offsets, labelled_offsets
from pointins_engine.offset_prior.record import PriorRecord
from pointins_engine.types import Scene


def label_free_prior(
    scenes: Iterable[Scene],
    *,
    cell_size: float,
    domain: Domain,
    seed: int,
    source: str,
    name: str = "hdbscan",
    family: Family = "empirical",
    report: Callable[[Scene, int], None] = lambda scene, count: None,
) -> PriorRecord:
    """The prior of clusters that HDBSCAN finds in scenes, without labels.

    Args:
        scenes: With their planes known; each is looked at once, and not kept.
        cell_size: Edge in metres of a cell of the loss stage.
        domain: Whether clusters have to look like things of a street.
        seed: Chooses the part that is looked at of a large scene.
        source: The scenes in words.
        name: Of the prior.
        family: What is kept, as in `measured_prior`.
        report: Called with each scene and the number of offsets found in it.

    Raises:
        ConfigError: If no scene has a cluster.

    Source:
        PointINS Tab. 5 ("HDBSCAN").
    """
    rng = np.random.default_rng(seed)
    found: list[Float[np.ndarray, "n 3"]] = []
    sizes: dict[str, int] = {}
    for scene in scenes:
        found.append(label_free_offsets(scene, cell_size, domain, rng))
        sizes[scene.id] = len(scene)
        report(scene, len(found[-1]))
    if sum(map(len, found)) < 2:
        points = ", ".join(f"{size:,}" for size in sizes.values()) or "none"
        raise ConfigError(
            f"HDBSCAN found no cluster in {len(sizes)} scene(s) (points: {points}) for loss cells "
            f"of {cell_size:g} m. Give scenes with free-standing objects, check that the "
            "coordinates are metres (scene.units) and the domain is right (scene.domain), or "
            "choose odr.prior.kind 'gamma' or 'lognormal'."
        )
    return measured_prior(
        np.concatenate(found),
        name=name,
        method="hdbscan",
        source=source,
        labels_used=False,
        scenes=tuple(sizes),
        seed=seed,
        settings=_settings(cell_size, domain),
        family=family,
    )


def labelled_prior(
    scenes: Iterable[Scene],
    *,
    cell_size: float,
    source: str,
    name: str = "labels",
    share: float | None = None,
    seed: int | None = None,
    family: Family = "empirical",
    report: Callable[[Scene, int], None] = lambda scene, count: None,
) -> PriorRecord:
    """The prior of labelled objects; labels take part, and the record says so.

    Args:
        scenes: With instance labels; each is looked at once, and not kept.
        cell_size: Edge in metres of a cell of the loss stage.
        source: The scenes in words.
        name: Of the prior.
        share: The share of all scenes that these are a random sample of, if they are one.
        seed: Of that sample.
        family: What is kept, as in `measured_prior`.
        report: Called with each scene and the number of offsets found in it.

    Raises:
        SceneError: If a scene has no instance labels.
        ConfigError: If no scene has an object.

    Source:
        PointINS Sec. 3.2; Tab. 5 finds that one per cent of the labels is enough.
    """
    found: list[Float[np.ndarray, "n 3"]] = []
    ids: list[str] = []
    for scene in scenes:
        found.append(labelled_offsets(scene, cell_size))
        ids.append(scene.id)
        report(scene, len(found[-1]))
    if sum(map(len, found)) < 2:
        raise ConfigError(
            f"{len(ids)} scene(s) hold no labelled object of {offsets.MIN_OBJECT_SIZE} cells of "
            f"{cell_size:g} m or more. Give scenes with instance labels, or use --method hdbscan."
        )
    settings = {"cell_size_m": cell_size, "min_object_size": offsets.MIN_OBJECT_SIZE}
    return measured_prior(
        np.concatenate(found),
        name=name,
        method="labels" if share is None else "sample",
        source=source,
        labels_used=True,
        scenes=tuple(ids),
        seed=seed,
        settings=settings if share is None else {**settings, "share": share},
        family=family,
    )


def sampled(count: int, share: float, seed: int) -> Sequence[int]:
    """Numbers of a random share of `count` scenes, at least one, in order.

    Raises:
        ConfigError: If the share is not in (0, 1].
    """
    if not 0 < share <= 1:
        raise ConfigError(f"the share of scenes is in (0, 1], got {share}.")
    wanted = max(1, round(share * count))
    chosen = np.random.default_rng(seed).choice(count, wanted, replace=False)
    return sorted(int(number) for number in chosen)


def _settings(cell_size: float, domain: Domain) -> dict[str, float | int | str]:
    settings: dict[str, float | int | str] = {
        "cell_size_m": cell_size,
        "domain": domain,
        "cells_per_loss_cell": offsets.CELLS_PER_LOSS_CELL,
        "min_cluster_size": offsets.MIN_CLUSTER_SIZE,
        "min_samples": offsets.MIN_SAMPLES,
        "max_cells": offsets.MAX_CELLS,
        "max_length_m": offsets.MAX_LENGTH[domain],
    }
    if domain == "outdoor":
        settings |= {
            "max_width_m": offsets.MAX_WIDTH,
            "max_top_m": offsets.MAX_TOP,
            "max_bottom_m": offsets.MAX_BOTTOM,
        }
    return settings
