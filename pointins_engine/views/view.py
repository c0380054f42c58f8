"""Augmented crops of a scene, voxelised and packed. N voxels, K of them the student's, B views."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pointins_engine.batch import PointBatch
from pointins_engine.config import FEATURE_WIDTH, SceneConfig, ViewConfig
from pointins_engine.geometry import voxelize
from pointins_engine.types import Scene
from pointins_engine.views.augment import (
    ColorShift,
    drop_features,
    elastic_displacement,
    jitter,
    random_linear_map,
)
from pointins_engine.views.masking import Shown, hide, show_all


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """One view: voxels of a crop in the view frame, and the linear map that led there."""

    coord: Float[np.ndarray, "n 3"]  # metres, view frame
    origin_coord: Float[np.ndarray, "n 3"]  # metres, scene frame
    grid_coord: Int[np.ndarray, "n 3"]
    feat: Float[np.ndarray, "n c"]
    is_plane: Bool[np.ndarray, " n"]
    linear: Float[np.ndarray, "3 3"]  # A of y = A x + b + jitter
    point_index: Int[np.ndarray, " n"]  # row of the scene that the voxel keeps
    shown: Shown  # what the student gets of it


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewBatch:
    """Packed views: all that is in them, and what the student is shown."""

    points: PointBatch
    student_points: PointBatch
    linear: Float[Tensor, "b 3 3"]

    def to(self, device: torch.device | str) -> "ViewBatch":
        return ViewBatch(
            points=self.points.to(device),
            student_points=self.student_points.to(device),
            linear=self.linear.to(device),
        )

    def to_scene_frame(
        self, offset: Float[Tensor, "m 3"], batch_index: Int[Tensor, " m"]
    ) -> Float[Tensor, "m 3"]:
        """Offsets of the view frame as offsets of the scene frame: A⁻¹ o.

        Translation drops out because an offset is a difference of two points. Source: PointINS
        Sec. 3.2 ("map the predicted offsets back to the original coordinate").
        """
        # Without a check for singular matrices, which would wait for a GPU: these are similarities.
        inverse = torch.linalg.inv_ex(self.linear.float()).inverse
        return torch.einsum("nij,nj->ni", inverse[batch_index], offset.float())


@dataclass(frozen=True, kw_only=True, slots=True)
class StepViews:
    """The views of one step, or of a part of it."""

    whole: ViewBatch  # views 2s and 2s + 1 show scene s
    local: ViewBatch | None  # small crops, scene after scene, equally many a scene; student only

    @property
    def num_scenes(self) -> int:
        return self.whole.points.batch_size // 2

    def to(self, device: torch.device | str) -> "StepViews":
        local = None if self.local is None else self.local.to(device)
        return StepViews(whole=self.whole.to(device), local=local)


def make_views(
    scene: Scene,
    scene_config: SceneConfig,
    config: ViewConfig,
    rng: np.random.Generator,
    *,
    mask_size: float,
    mask_ratio: float,
) -> tuple[View, ...]:
    """Two overlapping crops, augmented independently, and `config.num_local` small ones.

    A crop is the `size` voxels nearest to its centre. The second is centred inside the first; the
    two have one common photometric draw, and blocks of them are hidden from the student. A local
    crop is centred in a part of the first that no local crop shows yet, has a photometric draw of
    its own, and hides nothing. At last each view may lose a feature (`drop_features`).

    Args:
        scene: Whole scene.
        scene_config: Grid size and features.
        config: Crops and augmentations.
        rng: Decides everything that is random; after the whole views the local ones draw, then the
            features that are lost.
        mask_size: Edge in metres of the blocks that are hidden from the student.
        mask_ratio: Share of the blocks that are hidden.

    Returns:
        The first two views and the local ones after them.

    Source: Sonata's MultiViewGenerator (PointINS is silent; register A7).
    """
    _, chosen, _ = voxelize(scene.coord, scene_config.grid_size, rng)
    coord = scene.coord[chosen]
    limit = min(config.max_points, len(chosen))

    def crop_around(
        pool: Int[np.ndarray, " p"], scale: tuple[float, float]
    ) -> Int[np.ndarray, " c"]:
        center = coord[rng.choice(pool)]
        size = max(int(rng.uniform(*scale) * limit), 1)
        return _nearest(coord, center, size)

    def draw_color() -> Float[np.ndarray, "n 3"] | None:
        shift = ColorShift.draw(config.color_jitter, rng)
        return None if scene.color is None else shift.apply(scene.color)

    color = draw_color()
    pool, crops, views = np.arange(len(chosen)), [], []
    for _ in range(2):
        crop = crop_around(pool, config.crop_scale)
        view = _augmented(scene, chosen[crop], scene_config, config, color, rng)
        shown = hide(view.shown, mask_size, mask_ratio, config.masking, scene_config.grid_size, rng)
        views.append(replace(view, shown=shown))
        crops.append(crop)
        pool = crop
    is_covered = np.zeros(len(chosen), dtype=bool)
    for _ in range(config.num_local):
        pool = crops[0][~is_covered[crops[0]]]
        if len(pool) == 0:  # all of the first crop is shown: begin again
            is_covered[:] = False
            pool = crops[0]
        crop = crop_around(pool, config.local_scale)
        is_covered[crop] = True
        views.append(_augmented(scene, chosen[crop], scene_config, config, draw_color(), rng))
    return tuple(
        replace(view, feat=drop_features(view.feat, scene_config.feats, config, rng))
        for view in views
    )


def whole_view(scene: Scene, config: SceneConfig, max_voxels: int) -> View:
    """The scene as it stands, without augmentation: what an inspected scene shows the teacher.

    A scan of more voxels than `max_voxels` is cut to those nearest to its middle.
    """
    _, chosen, _ = voxelize(scene.coord, config.grid_size, None)
    coord = scene.coord[chosen]
    if len(chosen) > max_voxels:
        middle = np.median(coord, axis=0)
        chosen = chosen[np.sort(_nearest(coord, middle, max_voxels))]
    color = None if scene.color is None else scene.color.astype(np.float32) / 255
    return _view(scene, chosen, config, np.eye(3), color, None)


def missing_features(scene: Scene, config: SceneConfig) -> str:
    """What a scan lacks of a network's input, as a sentence for its owner; empty if nothing.

    Args:
        scene: As a network is to see it, with normals estimated if the configuration wants them.
        config: Of the run that trained the network, or is about to.
    """
    words = {"color": "colour", "normal": "normals", "intensity": "intensity"}
    names = [name for name in config.feats if name != "coord" and getattr(scene, name) is None]
    if not names:
        return ""
    flags = " ".join(f"--view.drop-{name} 0.2" for name in names)
    return (
        f"{scene.id} has no {' and no '.join(words[name] for name in names)}: the network gets "
        f"zeros. It learns to do without, where other scans are complete, with {flags}."
    )


def collate_step(scenes: Sequence[Sequence[View]]) -> StepViews:
    """Pack what `make_views` gave for each scene; every scene has equally many local views."""
    local = [view for views in scenes for view in views[2:]]
    return StepViews(
        whole=collate([view for views in scenes for view in views[:2]]),
        local=collate(local) if local else None,
    )


def collate(views: Sequence[View]) -> ViewBatch:
    """Pack views one after another, as tensors."""
    sizes = [len(view.coord) for view in views]
    index = np.repeat(np.arange(len(views)), sizes)
    first = np.cumsum([0, *sizes[:-1]])

    def packed(name: str) -> Tensor:
        return torch.from_numpy(np.concatenate([getattr(view, name) for view in views]))

    points = PointBatch(
        coord=packed("coord"),
        origin_coord=packed("origin_coord"),
        grid_coord=packed("grid_coord"),
        feat=packed("feat"),
        batch_index=torch.from_numpy(index),
        is_plane=packed("is_plane"),
        batch_size=len(views),
    )
    shown = [view.shown for view in views]
    rows = np.concatenate([start + part.row for start, part in zip(first, shown, strict=True)])
    is_masked = None
    if any(part.is_masked.any() for part in shown):
        is_masked = torch.from_numpy(np.concatenate([part.is_masked for part in shown]))
    student_points = replace(
        points.select(torch.from_numpy(rows)),
        coord=torch.from_numpy(np.concatenate([part.coord for part in shown])),
        grid_coord=torch.from_numpy(np.concatenate([part.grid_coord for part in shown])),
        is_masked=is_masked,
    )
    return ViewBatch(
        points=points,
        student_points=student_points,
        linear=torch.from_numpy(np.stack([view.linear for view in views]).astype(np.float32)),
    )


def _nearest(
    coord: Float[np.ndarray, "n 3"], center: Float[np.ndarray, "3"], size: int
) -> Int[np.ndarray, " k"]:
    """Rows of the `size` points nearest to a centre."""
    if size >= len(coord):
        return np.arange(len(coord))
    distance = ((coord - center) ** 2).sum(axis=1)
    return np.argpartition(distance, size - 1)[:size]


def _augmented(
    scene: Scene,
    rows: Int[np.ndarray, " k"],
    scene_config: SceneConfig,
    config: ViewConfig,
    color: Float[np.ndarray, "n 3"] | None,
    rng: np.random.Generator,
) -> View:
    """A crop turned, jittered and, where asked for, distorted."""
    linear = random_linear_map(config, rng)
    noise = jitter(len(rows), config.jitter, config.jitter_clip, rng)
    if config.elastic:
        straight = scene.coord[rows] @ linear.T.astype(np.float32) + noise
        noise = noise + elastic_displacement(straight, config, rng)
    return _view(scene, rows, scene_config, linear, color, noise)


def _view(
    scene: Scene,
    rows: Int[np.ndarray, " k"],
    config: SceneConfig,
    linear: Float[np.ndarray, "3 3"],
    color: Float[np.ndarray, "n 3"] | None,
    noise: Float[np.ndarray, "k 3"] | None,
) -> View:
    """Rows of a scene as a view; rows that fall into one voxel after the warp keep their first."""
    origin = scene.coord[rows]
    low, high = origin.min(axis=0), origin.max(axis=0)
    anchor = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]], dtype=np.float32)
    coord = (origin - anchor) @ linear.T.astype(np.float32)
    if noise is not None:
        coord = coord + noise
    grid_coord, first, _ = voxelize(coord, config.grid_size, None)
    rows, coord = rows[first], coord[first]
    return View(
        coord=coord,
        origin_coord=scene.coord[rows],
        grid_coord=grid_coord,
        feat=_features(scene, rows, coord, linear, config, color),
        is_plane=(
            np.zeros(len(rows), dtype=bool) if scene.is_plane is None else scene.is_plane[rows]
        ),
        linear=linear,
        point_index=rows,
        shown=show_all(coord, grid_coord),
    )


def _features(
    scene: Scene,
    rows: Int[np.ndarray, " k"],
    coord: Float[np.ndarray, "k 3"],
    linear: Float[np.ndarray, "3 3"],
    config: SceneConfig,
    color: Float[np.ndarray, "n 3"] | None,
) -> Float[np.ndarray, "k c"]:
    """Input features in the order of `config.feats`; what the scan lacks is zero."""
    measured: dict[str, np.ndarray] = {"coord": coord}
    if color is not None:
        measured["color"] = color[rows]
    if scene.normal is not None:
        turn = linear / np.cbrt(abs(np.linalg.det(linear)))  # the scale taken out
        measured["normal"] = scene.normal[rows] @ turn.T
    if scene.intensity is not None:
        measured["intensity"] = scene.intensity[rows, None]
    columns = [
        measured.get(name, np.zeros((len(rows), FEATURE_WIDTH[name]))) for name in config.feats
    ]
    return np.concatenate(columns, axis=1).astype(np.float32)
