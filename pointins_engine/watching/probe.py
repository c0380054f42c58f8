"""Online probe: what the teacher has learned, measured on a few labelled scenes while it trains.

It reads labels and the teacher, draws no random numbers of the run and hands nothing back to the
training, so a run gives the same losses with and without it. M cells.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from pointins_engine.config import RunConfig
from pointins_engine.errors import SceneError
from pointins_engine.evaluate import seen
from pointins_engine.evaluate.neighbours import neighbour_accuracy
from pointins_engine.evaluate.read_out import read_out_ap
from pointins_engine.evaluate.seen import SeenScene
from pointins_engine.evaluate.votes import object_offsets, offset_errors
from pointins_engine.geometry import voxelize
from pointins_engine.scenes import SceneSet, open_scenes
from pointins_engine.scenes.source import has_held_out
from pointins_engine.scenes.tiles import take
from pointins_engine.segment import ReadOut
from pointins_engine.student_teacher import PointNetwork
from pointins_engine.types import Scene
from pointins_engine.views import ViewBatch, collate, whole_view

MAX_VOXELS = 20_000  # of a probed scene; what lies farther from its middle is cut off
MAX_ROWS = 3_000  # cells in the bank, and cells asked for: 0.1 s on one core
LOOKED_AT = 2  # scenes of a source that are opened for each labelled one that is wanted
LINK_FACTORS = (1.25, 1.75, 2.5)  # voxels: votes nearer than this hang together


class OnlineProbe:
    """Measures a teacher on the same labelled scenes again and again.

    Args:
        config: Run configuration.
        load: Gives the scenes; called once, at the first measurement.
    """

    def __init__(self, config: RunConfig, load: Callable[[], Sequence[Scene]]) -> None:
        self._config = config
        self._load = load
        self._scenes: list[tuple[SeenScene, ViewBatch]] = []

    def is_due(self, step: int) -> bool:
        """Every `log.probe_every` steps."""
        return step % self._config.log.probe_every == 0

    @torch.no_grad()
    def measure(self, teacher: PointNetwork) -> dict[str, float]:
        """Figures of the teacher by their key in `run_log.records`; what has no value is left out.

        Semantic classes are told by the nearest neighbours of another scene: one half of the scenes
        is the bank, the other half is asked. Instances are the groups of the votes off the planes.
        """
        started = time.perf_counter()
        if self._scenes:
            scenes = [_look_again(scene, views, teacher) for scene, views in self._scenes]
        else:
            self._scenes = [self._first_look(scene, teacher) for scene in self._load()]
            scenes = [scene for scene, _ in self._scenes]
        figures = semantic_figures(scenes)
        if self._config.offset.enabled:
            figures |= vote_figures(scenes)
            figures["probe/ap50"] = read_out_ap(
                scenes, read_out(self._config.scene.grid_size), without_planes=True
            ).ap50
        figures = {key: value for key, value in figures.items() if math.isfinite(value)}
        return {**figures, "time/probe_s": time.perf_counter() - started}

    def _first_look(self, scene: Scene, teacher: PointNetwork) -> tuple[SeenScene, ViewBatch]:
        scene = middle_of(scene, self._config.scene.grid_size)
        views = collate([whole_view(scene, self._config.scene, seen.MAX_VOXELS)])  # as see() does
        device = next(teacher.parameters()).device
        return seen.see(teacher, scene, self._config), views.to(device)


def open_probe(config: RunConfig, scenes: SceneSet) -> tuple[OnlineProbe | None, str]:
    """The probe of a run, and a sentence for its log; no probe without labelled scenes.

    Simulated scenes are those of the validation split, which no run trains on; so are those of a
    dataset whose `val` the run does not train on. Of a folder, the scenes with labels are taken;
    their labels reach the probe alone.

    Args:
        config: Run configuration.
        scenes: What the run trains on.
    """
    wanted = config.log.num_probed
    if config.log.probe_every == 0:
        return None, ""
    if config.scene.source.startswith("sim:"):
        held_out = replace(config.scene, num_simulated=wanted)
        probe = OnlineProbe(config, lambda: list(open_scenes(held_out, config.seed, "val")))
        return probe, f"Online probe on {wanted} simulated scenes that are not trained on."
    is_held_out = bool(scenes.dataset) and has_held_out(config.scene)
    if is_held_out:
        scenes = open_scenes(config.scene, config.seed, "val")
    found = labelled_scenes(scenes, wanted)
    if len(found) < 2:
        return None, (
            f"No online probe: {len(found)} of the scenes looked at have semantic and instance "
            "labels, and it needs two."
        )
    names = ", ".join(scenes.ids[number] for number in found)
    probe = OnlineProbe(config, lambda: [scenes[number] for number in found])
    whose = ", which are held out" if is_held_out else "; their labels are used for it alone"
    return probe, f"Online probe on {names}{whose}."


def labelled_scenes(scenes: SceneSet, wanted: int) -> list[int]:
    """At most `wanted` numbers of scenes with both kinds of labels; only some scenes are opened.

    A scan that cannot be read is passed over here; the training tells of it.
    """
    count = min(len(scenes), wanted * LOOKED_AT)
    found: list[int] = []
    for number in (place * len(scenes) // count for place in range(count)):
        try:
            scene = scenes[number]
        except SceneError:
            continue
        if scene.semantic_label is not None and scene.instance_label is not None:
            found.append(number)
        if len(found) == wanted:
            break
    return found


def middle_of(scene: Scene, grid_size: float) -> Scene:
    """The scene, or the points in the `MAX_VOXELS` voxels nearest to its middle."""
    _, chosen, voxel = voxelize(scene.coord, grid_size, None)
    if len(chosen) <= MAX_VOXELS:
        return scene
    coord = scene.coord[chosen]
    distance = np.linalg.norm(coord - np.median(coord, axis=0), axis=1)
    is_kept = np.zeros(len(chosen), bool)
    is_kept[np.argpartition(distance, MAX_VOXELS)[:MAX_VOXELS]] = True
    part = is_kept[voxel]
    return take(scene, part, scene.id)


def _look_again(scene: SeenScene, views: ViewBatch, teacher: PointNetwork) -> SeenScene:
    """The scene with what the teacher says of it now; its cells are the same every time."""
    prediction = teacher(views.points, views)
    return replace(
        scene,
        offset=prediction.offset.float().cpu().numpy(),
        feat=prediction.cells.feat.float().cpu().numpy(),
    )


def read_out(grid_size: float) -> ReadOut:
    """How votes become instances here: fixed, so that only the teacher moves the figure."""
    return ReadOut(radii=tuple(factor * grid_size for factor in LINK_FACTORS))


def semantic_figures(scenes: Sequence[SeenScene]) -> dict[str, float]:
    """Accuracy of nearest neighbours over cells of the second half of the scenes, and chance."""
    half = len(scenes) // 2
    bank, bank_label = _labelled(scenes[:half])
    asked, label = _labelled(scenes[half:])
    if len(bank) == 0 or len(asked) == 0:
        return {}
    return {
        "probe/nn_accuracy": neighbour_accuracy(bank, bank_label, asked, label),
        "probe/chance": float((label == label.mode().values).float().mean()),
    }


def vote_figures(scenes: Sequence[SeenScene]) -> dict[str, float]:
    """How near the votes of object cells come to the true centroids; planes are left out."""
    truth, offset, _ = zip(*map(object_offsets, scenes), strict=True)
    errors = offset_errors(np.concatenate(truth), np.concatenate(offset))
    if math.isnan(errors.cosine):
        return {}
    return {
        "probe/centroid_error_m": errors.centroid_error,
        "probe/zero_error_m": errors.zero_error,
        "probe/cosine": errors.cosine,
    }


def _labelled(scenes: Sequence[SeenScene]) -> tuple[Tensor, Int[Tensor, " m"]]:
    """Features and classes of at most `MAX_ROWS` cells that have a class, evenly spaced."""
    feat = torch.from_numpy(np.concatenate([scene.feat for scene in scenes]))
    label = torch.from_numpy(np.concatenate([scene.semantic_label for scene in scenes]))
    rows = (label >= 0).nonzero()[:, 0]
    rows = rows[:: max(1, -(-len(rows) // MAX_ROWS))]
    return feat[rows], label[rows]
