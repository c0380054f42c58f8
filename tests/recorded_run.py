"""A small recorded run, made without torch: votes of boxes on a floor that gather over the frames.

The numbers are synthetic but consistent: offsets shrink towards the true centres, histograms are
those of the offsets, pseudo-instances are the boxes.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from pointins_engine.config import OdrConfig, OffsetConfig
from pointins_engine.recipes import get_recipe
from pointins_engine.run_log.scenes import Frame, make_inspected_scene
from pointins_engine.run_log.writer import RunWriter

# The offset loss joins at a tenth, ODR from the start, whatever the recipe is tuned to.
CONFIG = replace(get_recipe("indoor_demo"), offset=OffsetConfig(start=0.1), odr=OdrConfig())
PRIOR_SIGMA = 0.5
MAX_M = 2.0
BINS = 48


def boxes_room(
    seed: int, num_points: int = 6000
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Coordinates (n, 3), colours (n, 3), instance (n,) and true centre (n, 3) of boxes."""
    rng = np.random.default_rng(seed)
    num_floor = num_points // 3
    floor = np.column_stack(
        [rng.uniform(0, 5, num_floor), rng.uniform(0, 4, num_floor), np.zeros(num_floor)]
    )
    boxes, instances = [floor], [np.full(num_floor, -1)]
    for number in range(8):
        low = np.array([0.4 + 1.2 * (number % 4), 0.5 + 1.9 * (number // 4), 0.0])
        size = rng.uniform([0.4, 0.4, 0.4], [0.9, 0.9, 1.2])
        count = (num_points - num_floor) // 8
        points = rng.uniform(0, 1, (count, 3))
        face = rng.integers(0, 3, count)
        points[np.arange(count), face] = rng.integers(0, 2, count)
        boxes.append(low + points * size)
        instances.append(np.full(count, number))
    coord = np.concatenate(boxes).astype(np.float32)
    instance = np.concatenate(instances)
    center = coord.copy()
    for number in range(8):
        center[instance == number] = coord[instance == number].mean(axis=0)
    palette = rng.integers(60, 220, (9, 3))
    color = np.clip(palette[instance] + rng.normal(0, 12, (len(coord), 3)), 0, 255)
    return coord, color.astype(np.uint8), instance, center


def histogram(values: np.ndarray, low: float, high: float, bins: int) -> list[float]:
    counts, _ = np.histogram(np.clip(values, low, high - 1e-6), bins=bins, range=(low, high))
    return [round(float(c), 6) for c in counts / max(len(values), 1)]


def odr_stats(before: np.ndarray, after: np.ndarray, rng: np.random.Generator) -> dict:
    prior = np.abs(rng.normal(0, PRIOR_SIGMA, 20_000))
    levels = np.linspace(0, 1, 101)
    lengths = {"before": before, "after": after}
    magnitude = {name: np.linalg.norm(o, axis=1) for name, o in lengths.items()}
    unit = {name: o / np.maximum(magnitude[name][:, None], 1e-9) for name, o in lengths.items()}
    quantiles = {
        name: np.quantile(m, levels).round(5).tolist()
        for name, m in {**magnitude, "prior": prior}.items()
    }
    gap = {
        name: np.abs(np.array(quantiles[name]) - np.array(quantiles["prior"])).mean()
        for name in lengths
    }
    return {
        "prior_name": "half-normal, sigma 0.5 m",
        "num_offsets": len(before),
        "num_bins": BINS,
        "max_m": MAX_M,
        "prior": histogram(prior, 0, MAX_M, BINS),
        "before": histogram(magnitude["before"], 0, MAX_M, BINS),
        "after": histogram(magnitude["after"], 0, MAX_M, BINS),
        "direction_before": [histogram(unit["before"][:, a], -1, 1, 32) for a in range(3)],
        "direction_after": [histogram(unit["after"][:, a], -1, 1, 32) for a in range(3)],
        "quantiles": quantiles,
        "w1_before_m": round(float(gap["before"]), 5),
        "w1_after_m": round(float(gap["after"]), 5),
        "ks_before": 0.4,
        "ks_after": 0.01,
        "zero_share": round(float((magnitude["before"] < 0.02).mean()), 5),
        "mean_m": round(float(magnitude["before"].mean()), 5),
    }


def write_recorded_run(
    root: Path,
    *,
    num_frames: int = 5,
    frame_every: int = 10,
    num_points: int = 6000,
    status: str = "finished",
    scenes: tuple[str, ...] = ("room_0001", "room_0002"),
    color: bool = True,
) -> RunWriter:
    """Write a run folder with `num_frames` frames a scene; returns its writer (closed)."""
    writer = open_recorded_run(root, num_points=num_points, scenes=scenes, color=color)
    for number in range(num_frames):
        append_frame(writer, number * frame_every, num_points=num_points, scenes=scenes)
    writer.close(status, "")  # type: ignore[arg-type]
    return writer


def open_recorded_run(
    root: Path,
    *,
    num_points: int = 6000,
    scenes: tuple[str, ...] = ("room_0001",),
    color: bool = True,
) -> RunWriter:
    """A run folder with its inspected scenes and no frame yet; the writer is running."""
    writer = RunWriter.create(
        root, recipe="indoor_demo", config=CONFIG, device="cpu", libraries={"numpy": np.__version__}
    )
    for seed, name in enumerate(scenes):
        coord, rgb, instance, _ = boxes_room(seed, num_points)
        cells, inverse = np.unique(np.floor(coord / 0.12).astype(int), axis=0, return_inverse=True)
        inverse = inverse.reshape(-1)
        counts = np.bincount(inverse, minlength=len(cells))[:, None]
        cell_coord = np.stack(
            [np.bincount(inverse, coord[:, a], len(cells)) for a in range(3)], axis=1
        )
        writer.scene(
            make_inspected_scene(
                id=name,
                coord=coord,
                cell_index=inverse,
                cell_coord=(cell_coord / counts).astype(np.float32),
                cell_is_plane=(cell_coord / counts)[:, 2] < 0.02,
                cell_size=0.12,
                color=rgb if color else None,
                instance_label=instance,
            )
        )
    writer.state("running")
    return writer


def append_frame(
    writer: RunWriter,
    step: int,
    *,
    num_points: int = 6000,
    scenes: tuple[str, ...] = ("room_0001",),
    end_step: int = 60,
) -> None:
    """One more frame of every scene, and the scalars of that step."""
    done = min(step / end_step, 1.0)
    rng = np.random.default_rng(step)
    for seed, name in enumerate(scenes):
        coord, _, instance, center = boxes_room(seed, num_points)
        _, first, inverse = np.unique(
            np.floor(coord / 0.12).astype(int), axis=0, return_index=True, return_inverse=True
        )
        truth = (center - coord)[first]
        before = done * truth + rng.normal(0, 0.05, truth.shape)
        after = before * 1.1
        owner = instance[first].astype(np.int64)
        centroid = np.stack([center[instance == k].mean(axis=0) for k in range(8)])
        colors = np.clip((truth + 0.7) / 1.4 * 255, 0, 255).astype(np.uint8)
        frame = Frame(
            offset_teacher=before.astype(np.float32),
            offset_regularized=after.astype(np.float32),
            segment=np.where(owner < 0, 255, owner // 2),
            pseudo_instance=owner,
            centroid=centroid.astype(np.float32),
            pca_color=colors,
        )
        sizes = np.bincount(owner[owner >= 0], minlength=8)
        stats = {
            "odr": odr_stats(before[owner >= 0], after[owner >= 0], rng),
            "scr": {
                "components": 8,
                "kept_share": 1.0,
                "largest_share": round(float(sizes.max() / sizes.sum()), 4),
                "extent_m": 1.1,
                "target_m": round(float(np.linalg.norm(truth, axis=1).mean()), 4),
                "sizes": sizes.tolist(),
            },
            "frame_s": 0.1,
        }
        writer.frame(step, name, frame, stats)
        assert len(inverse) == len(coord)
    probe = {
        "probe/nn_accuracy": 0.45 + 0.4 * done,
        "probe/chance": 0.31,
        "probe/ap50": 0.2 + 0.3 * done,
        "probe/centroid_error_m": 0.43 - 0.25 * done,
        "probe/zero_error_m": 0.41,
        "probe/cosine": 0.02 + 0.7 * done,
        "time/probe_s": 1.2,
    }
    writer.scalars(
        step,
        {
            **(probe if step % 20 == 0 else {}),
            "loss/total": 2.0 * np.exp(-done) + 0.02 * rng.random(),
            "loss/semantic": 1.5 * np.exp(-done),
            "loss/offset": 1.0 * np.exp(-2 * done),
            "odr/w1_before_m": 0.4 * (1 - done),
            "odr/w1_after_m": 0.001,
            "odr/ks_before": 0.8 - 0.6 * done,
            "odr/ks_after": 0.01,
            "odr/zero_share": 0.3 * (1 - done),
            "scr/components": 8.0,
            "scr/kept_share": 0.5 + 0.4 * done,
            "scr/largest_share": 0.4 - 0.2 * done,
            "scr/view_share": 0.3 - 0.1 * done,
            "collapse/prototype_entropy": 5.2 - 0.3 * done,
            "collapse/prior_kl": 1.9 + 0.3 * done,
            "collapse/effective_rank": 170.0 - 60 * done,
            "schedule/lr": 1e-3,
            "time/step_s": 0.5,
            "time/data_s": 0.02,
            "time/student_s": 0.16,
            "time/teacher_s": 0.1,
            "time/targets_s": 0.05,
            "time/loss_s": 0.14,
            "time/optimizer_s": 0.02,
            "time/ema_s": 0.01,
        },
    )
    if step and step % 20 == 0:
        writer.event("checkpoint", step, path=f"checkpoints/{step:08d}")
    writer.progress(step, 0.5, max(end_step - step, 0) * 0.5)
