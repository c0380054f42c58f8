"""Two augmented crops of a scene, voxelised and packed. N voxels, B views."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pointins_engine.batch import PointBatch
from pointins_engine.config import FEATURE_WIDTH, SceneConfig, ViewConfig
from pointins_engine.geometry import voxelize
from pointins_engine.types import Scene
from pointins_engine.views.augment import ColorShift, jitter, random_linear_map


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


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewBatch:
    """Packed views. Views 2s and 2s + 1 show the same scene."""

    points: PointBatch
    linear: Float[Tensor, "b 3 3"]

    def to(self, device: torch.device | str) -> "ViewBatch":
        return ViewBatch(points=self.points.to(device), linear=self.linear.to(device))

    def to_scene_frame(
        self, offset: Float[Tensor, "m 3"], batch_index: Int[Tensor, " m"]
    ) -> Float[Tensor, "m 3"]:
        """Offsets of the view frame as offsets of the scene frame: A⁻¹ o.

        Translation drops out because an offset is a difference of two points. Source: PointINS
        Sec. 3.2 ("map the predicted offsets back to the original coordinate").
        """
        inverse = torch.linalg.inv(self.linear.float())
        return torch.einsum("nij,nj->ni", inverse[batch_index], offset.float())


def make_views(
    scene: Scene, scene_config: SceneConfig, config: ViewConfig, rng: np.random.Generator
) -> tuple[View, View]:
    """Two overlapping crops, augmented independently; the second is centred inside the first.

    A crop is the `size` voxels nearest to its centre. Colours get one common photometric draw.

    Source: Sonata's MultiViewGenerator, global views only (PointINS is silent; register A7).
    """
    _, chosen, _ = voxelize(scene.coord, scene_config.grid_size, rng)
    coord = scene.coord[chosen]
    limit = min(config.max_points, len(chosen))
    shift = ColorShift.draw(config.color_jitter, rng)
    color = None if scene.color is None else shift.apply(scene.color)
    pool, views = np.arange(len(chosen)), []
    for _ in range(2):
        center = coord[rng.choice(pool)]
        size = max(int(rng.uniform(*config.crop_scale) * limit), 1)
        crop = _nearest(coord, center, size)
        linear = random_linear_map(config, rng)
        noise = jitter(len(crop), config, rng)
        views.append(_view(scene, chosen[crop], scene_config, linear, color, noise))
        pool = crop
    return views[0], views[1]


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


def collate(views: Sequence[View]) -> ViewBatch:
    """Pack views one after another, as tensors."""
    index = np.repeat(np.arange(len(views)), [len(view.coord) for view in views])

    def packed(name: str) -> Tensor:
        return torch.from_numpy(np.concatenate([getattr(view, name) for view in views]))

    return ViewBatch(
        points=PointBatch(
            coord=packed("coord"),
            origin_coord=packed("origin_coord"),
            grid_coord=packed("grid_coord"),
            feat=packed("feat"),
            batch_index=torch.from_numpy(index),
            is_plane=packed("is_plane"),
            batch_size=len(views),
        ),
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
