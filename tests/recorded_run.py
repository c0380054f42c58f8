"""A small recorded run, made without torch: votes of boxes on a floor that gather over the frames.

The offsets, features and groups are synthetic; everything that follows from them is computed as a
run computes it: ODR on the prior, histograms, quantiles, distances, sphere, components, changes.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from pointins_engine.config import OdrConfig, OffsetConfig, PriorConfig
from pointins_engine.offset_prior.record import record_of
from pointins_engine.recipes import get_recipe
from pointins_engine.run_log.records import NO_SEGMENT
from pointins_engine.run_log.scenes import (
    Frame,
    InspectedScene,
    levels_as_u16,
    make_inspected_scene,
)
from pointins_engine.run_log.writer import RunWriter
from pointins_engine.watching.feature_colors import (
    NUM_COMPONENTS,
    component_colors,
    quantised,
    steady_components,
)
from pointins_engine.watching.instance_figures import (
    instance_changes,
    segment_figures,
    true_instance,
)

# The offset loss joins at a tenth, ODR from the start, whatever the recipe is tuned to.
CONFIG = replace(get_recipe("indoor_demo"), offset=OffsetConfig(start=0.1), odr=OdrConfig())
PRIOR_SIGMA = 0.5
PRIOR = record_of(PriorConfig(kind="half_normal", scale=PRIOR_SIGMA))
MAX_M = 2.0
BINS = 48
SIDES = 32
LEVELS = (np.arange(101) + 0.5) / 101
SPHERE = (12, 24)  # z bands, azimuths
CELL_SIZE = 0.12  # metres
NUM_BOXES = 8
FEATURE_WIDTH = 32
TICK = 1e-6  # metres: keeps a length on the last edge inside the last bin


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
    for number in range(NUM_BOXES):
        low = np.array([0.4 + 1.2 * (number % 4), 0.5 + 1.9 * (number // 4), 0.0])
        size = rng.uniform([0.4, 0.4, 0.4], [0.9, 0.9, 1.2])
        count = (num_points - num_floor) // NUM_BOXES
        points = rng.uniform(0, 1, (count, 3))
        face = rng.integers(0, 3, count)
        points[np.arange(count), face] = rng.integers(0, 2, count)
        boxes.append(low + points * size)
        instances.append(np.full(count, number))
    coord = np.concatenate(boxes).astype(np.float32)
    instance = np.concatenate(instances)
    center = coord.copy()
    for number in range(NUM_BOXES):
        center[instance == number] = coord[instance == number].mean(axis=0)
    palette = rng.integers(60, 220, (9, 3))
    color = np.clip(palette[instance] + rng.normal(0, 12, (len(coord), 3)), 0, 255)
    return coord, color.astype(np.uint8), instance, center


@dataclass(frozen=True, kw_only=True)
class Room:
    """A scene and what all of its frames share. M cells, C feature channels."""

    scene: InspectedScene
    owner: np.ndarray  # (M,) box of the cell, -1 = floor
    truth: np.ndarray  # (M, 3) metres: to the box's centre, 0 on the floor
    centroid: np.ndarray  # (8, 3) metres
    feat: np.ndarray  # (M, C) what features become: a direction a box, a wave through the room
    noise: np.ndarray  # (M, C) what they begin as
    reference: np.ndarray  # (M, 16) components of the first frame, which later ones are turned onto
    label: np.ndarray | None  # (M,) true instance of the cell


@lru_cache(maxsize=8)
def room(name: str, seed: int, num_points: int, cell_size: float, color: bool) -> Room:
    """The room of a seed; made once, whatever the number of frames."""
    coord, rgb, instance, center = boxes_room(seed, num_points)
    _, first, inverse = np.unique(
        np.floor(coord / cell_size).astype(int), axis=0, return_index=True, return_inverse=True
    )
    inverse = inverse.reshape(-1)
    counts = np.bincount(inverse)[:, None]
    total = np.stack([np.bincount(inverse, coord[:, axis]) for axis in range(3)], axis=1)
    cell_coord = (total / counts).astype(np.float32)
    owner = instance[first].astype(np.int64)
    centroid = np.stack([center[instance == box][0] for box in range(NUM_BOXES)])
    rng = np.random.default_rng(1000 + seed)
    wave = np.sin(cell_coord @ rng.normal(0, 1.5, (3, FEATURE_WIDTH)))
    noise = wave + rng.normal(0, 0.3, wave.shape)
    values, scale = quantised(steady_components(principal_components(noise)[0], None, cell_coord))
    scene = make_inspected_scene(
        id=name,
        coord=coord,
        cell_index=inverse,
        cell_coord=cell_coord,
        cell_is_plane=cell_coord[:, 2] < 0.02,
        cell_size=cell_size,
        color=rgb if color else None,
        instance_label=instance,
    )
    return Room(
        scene=scene,
        owner=owner,
        truth=np.where(owner[:, None] < 0, 0.0, centroid[owner] - cell_coord),
        centroid=centroid.astype(np.float32),
        feat=rng.normal(0, 1, (NUM_BOXES + 1, FEATURE_WIDTH))[owner] + 0.4 * wave,
        noise=noise,
        reference=scale * values,
        label=true_instance(scene),
    )


def regularised(offset: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """ODR by its definition: offsets (n, 3) with the prior's lengths, and the levels (n,)."""
    length = np.linalg.norm(offset, axis=1)
    values = np.column_stack([length, offset / np.maximum(length, 1e-12)[:, None]])
    tie = rng.random(values.shape)
    rank = np.stack([np.lexsort((tie[:, k], values[:, k])).argsort() for k in range(4)], axis=1)
    level = (rank + 0.5) / len(offset)
    direction = 2 * level[:, 1:] - 1
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return PRIOR.quantile(level[:, 0])[:, None] * direction, level[:, 0]


def shares(values: np.ndarray, low: float, high: float, bins: int) -> list[float]:
    counts, _ = np.histogram(np.clip(values, low, high - TICK), bins=bins, range=(low, high))
    return [round(float(c), 5) for c in counts / max(len(values), 1)]


def distances(length: np.ndarray) -> tuple[float, float]:
    """Wasserstein-1 in metres and Kolmogorov-Smirnov distance to the prior."""
    ordered, num = np.sort(length), len(length)
    wanted = PRIOR.quantile((np.arange(num) + 0.5) / num)
    cdf = PRIOR.cdf(ordered)
    gap = np.maximum(np.arange(1, num + 1) / num - cdf, cdf - np.arange(num) / num)
    return round(float(np.abs(ordered - wanted).mean()), 5), round(float(gap.max()), 5)


def sphere_shares(unit: np.ndarray) -> list[float]:
    """Shares of directions in bins of equal area: z bands from -1, azimuths from -pi."""
    bands, azimuths = SPHERE
    band = np.clip((unit[:, 2] + 1) / 2 * bands, 0, bands - 1).astype(int)
    turn = (np.arctan2(unit[:, 1], unit[:, 0]) + np.pi) / (2 * np.pi)
    column = np.clip(turn * azimuths, 0, azimuths - 1).astype(int)
    counts = np.bincount(band * azimuths + column, minlength=bands * azimuths)
    return (counts / len(unit)).round(6).tolist()


def odr_stats(before: np.ndarray, after: np.ndarray, student: np.ndarray) -> dict[str, Any]:
    """The record `odr` of a frame, for offsets (n, 3) that ODR mapped."""
    edges = np.linspace(0, MAX_M, BINS + 1)
    prior = np.diff(np.append(PRIOR.cdf(edges[:-1]), 1.0))
    stats: dict[str, Any] = {
        "prior_name": f"Half-normal(sigma {PRIOR_SIGMA:g} m), mean {0.79788 * PRIOR_SIGMA:.2f} m",
        "num_offsets": len(before),
        "num_bins": BINS,
        "max_m": MAX_M,
        "prior": prior.round(5).tolist(),
        "quantiles": {"prior": PRIOR.quantile(LEVELS).round(5).tolist()},
    }
    for name, offset in (("before", before), ("after", after), ("student", student)):
        length = np.linalg.norm(offset, axis=1)
        stats[name] = shares(length, 0, MAX_M, BINS)
        stats["quantiles"][name] = np.quantile(length, LEVELS).round(5).tolist()
        w1, ks = distances(length)
        stats |= {f"w1_{name}_m": w1, f"ks_{name}": ks}
        if name == "before":
            stats["zero_share"] = round(float((length < 0.02).mean()), 5)
        if name != "after":
            mean = "mean_m" if name == "before" else "mean_student_m"
            stats[mean] = round(float(length.mean()), 5)
        if name != "student":
            unit = offset / np.maximum(length, 1e-12)[:, None]
            stats |= {
                f"direction_{name}": [shares(unit[:, a], -1, 1, SIDES) for a in range(3)],
                f"sphere_{name}": sphere_shares(unit),
                f"resultant_{name}": round(float(np.linalg.norm(unit.mean(axis=0))), 5),
            }
    return stats


def write_recorded_run(
    root: Path,
    *,
    num_frames: int = 5,
    frame_every: int = 10,
    num_points: int = 6000,
    status: str = "finished",
    scenes: tuple[str, ...] = ("room_0001", "room_0002"),
    color: bool = True,
    cell_size: float = CELL_SIZE,
    end_step: int = 60,
) -> RunWriter:
    """Write a run folder with `num_frames` frames a scene; returns its writer (closed).

    Rooms are made once and frames cost what their cells cost, so 500 frames of a cloud of 200,000
    points take seconds. All frames are kept.
    """
    writer = open_recorded_run(
        root,
        num_points=num_points,
        scenes=scenes,
        color=color,
        cell_size=cell_size,
        keep_frames=max(num_frames, CONFIG.log.keep_frames),
    )
    for number in range(num_frames):
        append_frame(
            writer,
            number * frame_every,
            num_points=num_points,
            scenes=scenes,
            end_step=end_step,
            cell_size=cell_size,
        )
    writer.close(status, "")  # type: ignore[arg-type]
    return writer


def open_recorded_run(
    root: Path,
    *,
    num_points: int = 6000,
    scenes: tuple[str, ...] = ("room_0001",),
    color: bool = True,
    cell_size: float = CELL_SIZE,
    keep_frames: int = CONFIG.log.keep_frames,
) -> RunWriter:
    """A run folder with its inspected scenes and no frame yet; the writer is running."""
    config = replace(CONFIG, log=replace(CONFIG.log, keep_frames=keep_frames))
    writer = RunWriter.create(
        root, recipe="indoor_demo", config=config, device="cpu", libraries={"numpy": np.__version__}
    )
    for seed, name in enumerate(scenes):
        writer.scene(room(name, seed, num_points, cell_size, color).scene)
    writer.state("running")
    return writer


def append_frame(
    writer: RunWriter,
    step: int,
    *,
    num_points: int = 6000,
    scenes: tuple[str, ...] = ("room_0001",),
    end_step: int = 60,
    cell_size: float = CELL_SIZE,
) -> None:
    """One more frame of every scene, and the scalars of that step."""
    done = min(step / end_step, 1.0)
    for seed, name in enumerate(scenes):
        shown = room(name, seed, num_points, cell_size, True)
        steps = [int(file.stem) for file in writer.paths.frame(name, 0).parent.glob("[0-9]*")]
        earlier = max((s for s in steps if s < step), default=None)
        before = None if earlier is None else pseudo_instances(shown, min(earlier / end_step, 1.0))
        frame, stats = frame_at(shown, step, done, before, earlier)
        writer.frame(step, name, frame, stats)
    append_scalars(writer, step, done)
    if step and step % 20 == 0:
        writer.event("checkpoint", step, path=f"checkpoints/{step:08d}")
    writer.progress(step, 0.5, max(end_step - step, 0) * 0.5)


def pseudo_instances(shown: Room, done: float) -> np.ndarray:
    """Row of `centroid` of each cell: neighbouring boxes are one until they come apart.

    A quarter of the cells has none at first, and none lack one at the end.
    """
    box = shown.owner
    together = done < (box // 2 + 1) / 6  # pairs come apart one after another
    row = np.where(together, box - box % 2, box)
    left_out = (np.arange(len(box)) * 2654435761 % 1000) / 1000 < 0.25 * (1 - done)
    row = np.where((box < 0) | left_out, -1, row)
    _, renumbered = np.unique(np.append(row, -1), return_inverse=True)
    return renumbered[:-1].astype(np.int64) - 1


def frame_at(
    shown: Room, step: int, done: float, before: np.ndarray | None, before_step: int | None
) -> tuple[Frame, dict[str, Any]]:
    """The frame of a room at a step, and its statistics."""
    rng = np.random.default_rng(step)
    off_plane = shown.owner >= 0
    offset = done * shown.truth + rng.normal(0, 0.05, shown.truth.shape)
    student = 0.9 * done * shown.truth + rng.normal(0, 0.08, shown.truth.shape)
    after, level = offset.copy(), np.full(len(offset), np.nan)
    after[off_plane], level[off_plane] = regularised(offset[off_plane], rng)

    row = pseudo_instances(shown, done)
    size = np.bincount(row[row >= 0])
    coord = shown.scene.cell_coord
    centroid = np.stack([coord[row == k].mean(axis=0) for k in range(len(size))])
    extent = [np.ptp(coord[row == k], axis=0) for k in range(len(size))]
    target = np.linalg.norm((centroid[row] - coord)[row >= 0], axis=1)
    segment = np.where(off_plane, shown.owner // 2, NO_SEGMENT)

    scores, share = principal_components(done * shown.feat + (1 - done) * shown.noise)
    components = steady_components(scores, shown.reference, coord)
    values, scale = quantised(components)
    frame = Frame(
        offset_teacher=offset.astype(np.float32),
        offset_regularized=after.astype(np.float32),
        segment=segment,
        pseudo_instance=row,
        centroid=centroid.astype(np.float32),
        pca_color=component_colors(components),
        odr_level=levels_as_u16(level),
        feature=values,
        feature_scale=scale,
        feature_share=share,
    )
    segments = segment_figures(segment, row)
    stats = {
        "odr": odr_stats(offset[off_plane], after[off_plane], student[off_plane]),
        "scr": {
            "components": len(size),
            "kept_share": round(float((row[off_plane] >= 0).mean()), 5),
            "largest_share": round(float(np.mean([s["largest_share"] for s in segments])), 5),
            "extent_m": round(float(np.linalg.norm(extent, axis=1).mean()), 5),
            "target_m": round(float(target.mean()), 5),
            "sizes": sorted(size.tolist(), reverse=True),
            "num_segments": NUM_BOXES // 2,
            "segments": segments,
            **instance_changes(before, before_step, row, shown.label),
        },
        "frame_s": 0.1,
    }
    return frame, stats


def principal_components(feat: np.ndarray) -> tuple[np.ndarray, float]:
    """Components (M, 16) of centred unit features, and the share of their squared length."""
    unit = feat - feat.mean(axis=0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    variance, axes = np.linalg.eigh(unit.T @ unit)
    largest = slice(-1, -NUM_COMPONENTS - 1, -1)
    return unit @ axes[:, largest], round(float(variance[largest].sum() / variance.sum()), 5)


def append_scalars(writer: RunWriter, step: int, done: float) -> None:
    """The scalars of a step; a probe every 20 steps."""
    rng = np.random.default_rng(step)
    probe = {
        "probe/nn_accuracy": 0.45 + 0.4 * done,
        "probe/chance": 0.31,
        "probe/ap50": 0.2 + 0.3 * done,
        "probe/centroid_error_m": 0.43 - 0.25 * done,
        "probe/zero_error_m": 0.41,
        "probe/cosine": 0.02 + 0.7 * done,
        "time/probe_s": 1.2,
    }
    values = {
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
        "time/watch_share": 0.015,
    }
    writer.scalars(step, values)
