"""Structured3D: rendered rooms, 25 of the NYU40 classes, no instances. H x W pixels of a view.

Official files lie in zips, which need not be unpacked. `Structured3D/scene_<n>/2D_rendering/<room>`
holds `panorama/camera_xyz.txt`, `panorama/full/{depth,semantic,rgb_rawlight}.png` and
`perspective/full/<k>/{camera_pose.txt,depth.png,semantic.png,rgb_rawlight.png}`. Depth counts
millimetres, the world is in millimetres with z up. All views of a room that are there are joined.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64

from pointins_engine.errors import SceneError
from pointins_engine.geometry import voxelize
from pointins_engine.scenes.datasets.dataset import ClassTable, Dataset, Fault, SceneEntry
from pointins_engine.scenes.datasets.pointcept import PointceptFolder
from pointins_engine.scenes.readers import clean_id
from pointins_engine.scenes.readers.raw import RawScan, to_scene
from pointins_engine.types import Scene

LICENCE = (
    "Structured3D Terms of Use: research and education only, after a request form; "
    "cite Zheng et al., ECCV 2020"
)
_CLASSES = {  # NYU40 id -> name; the 25 that occur in Structured3D (Wu et al., PPT, CVPR 2024)
    1: "wall", 2: "floor", 3: "cabinet", 4: "bed", 5: "chair", 6: "sofa", 7: "table", 8: "door",
    9: "window", 11: "picture", 14: "desk", 15: "shelves", 16: "curtain", 17: "dresser",
    18: "pillow", 19: "mirror", 22: "ceiling", 24: "refrigerator", 25: "television",
    32: "nightstand", 34: "sink", 35: "lamp", 38: "otherstructure", 39: "otherfurniture",
    40: "otherprop",
}  # fmt: skip
CLASSES = ClassTable(names=tuple(_CLASSES.values()))
_FIRST_VAL, _FIRST_TEST = 3000, 3250  # scene numbers
_SCENE = re.compile(r"scene_(\d{5})")
_MEMBER = re.compile(
    r"(?:.*/)?(scene_\d{5})/2D_rendering/([^/]+)/(panorama|perspective/full/[^/]+)/"
)
_LIGHTS = ("rgb_rawlight.png", "rgb_warmlight.png", "rgb_coldlight.png")
_MIN_COSINE = 0.15  # between a ray and the normal; flatter pixels lie across an edge
_FUSED_VOXEL = 0.01  # metres: one point a voxel where several views see the same surface
_NO_DEPTH = 65_535  # of a pixel without a surface; so is 0
_MAX_PIXELS = 1 << 25  # of one image; the renderings have 2**19 and 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class _View:
    """One rendering in the world's axes; P pixels that hold a surface."""

    coord: np.ndarray  # (P, 3) metres
    normal: np.ndarray  # (P, 3), towards the camera
    color: np.ndarray | None  # (P, 3) uint8
    label: np.ndarray | None  # (P,) NYU40 ids


class Structured3D(Dataset):
    """Structured3D's renderings, in zips or unpacked."""

    name = "structured3d"
    title = "Structured3D, official layout"
    layout = "official"
    licence = LICENCE
    looked_for = (
        "Structured3D_panorama_*.zip, or Structured3D/scene_00000/2D_rendering/<room>/panorama"
    )

    def __init__(
        self,
        root: Path,
        views: Mapping[Path, Mapping[str, Path]],
        broken_zips: tuple[Path, ...],
    ) -> None:
        entries = (
            SceneEntry(
                id=clean_id(f"{room.parts[-3]}_{room.name}"),
                split=official_split(room.parts[-3]),
                path=room,
            )
            for room in views
        )
        super().__init__(root, tuple(entries), CLASSES)
        self._views = views  # of each room: folder of the view -> zip or folder that holds it
        self._broken_zips = broken_zips

    @classmethod
    def recognise(cls, root: Path) -> Dataset | None:
        views: dict[Path, dict[str, Path]] = {}
        broken = []
        for kind in ("panorama", "perspective_full"):
            for path in sorted(root.glob(f"Structured3D_{kind}*.zip")):
                try:
                    names = _open_zip(path).namelist()
                except (OSError, zipfile.BadZipFile):
                    broken.append(path)
                    continue
                for name in names:
                    if match := _MEMBER.match(name):
                        room = path / name[: match.end(2)]
                        views.setdefault(_room_key(root, room), {})[match[3]] = room
        for base in (root, root / "Structured3D"):
            for room in sorted(base.glob("scene_[0-9]*/2D_rendering/*")):
                packed = _room_key(root, room)
                found = views.setdefault(packed if packed in views else room, {})
                found |= {view: room for view in _views_of(room)}
        views = {room: found for room, found in views.items() if found}
        return cls(root, views, tuple(broken)) if views else None

    @np.errstate(all="ignore")  # what a damaged file makes of its numbers is no warning
    def read(self, entry: SceneEntry) -> tuple[Scene, list[str]]:
        views = []
        for view, place in sorted(self._views[entry.path].items()):
            read = _panorama if view == "panorama" else _perspective
            views.append(read(place / view))
        label = _joined([view.label for view in views])
        raw = RawScan(
            coord=np.concatenate([view.coord for view in views]),
            color=_joined([view.color for view in views]),
            normal=np.concatenate([view.normal for view in views]),
            semantic=None if label is None else _index(label),
            class_names=None if label is None else CLASSES.names,
            metres_per_unit=1.0,
            up="z",
        )
        if len(views) > 1:
            raw = _thinned(raw)
        return to_scene(raw, entry.path, id=entry.id)

    def files(self, entry: SceneEntry) -> tuple[Path, ...]:
        found: set[Path] = set()
        for view, place in self._views[entry.path].items():
            archive = _zip_above(place)
            found |= {archive} if archive else set((place / view).rglob("*.*"))
        return tuple(sorted(found))

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        for path in self._broken_zips:
            yield Fault(
                path=path,
                text="no zip archive, or cut off.",
                fix="Download it again; its rooms are passed over.",
            )


class PointceptStructured3D(PointceptFolder):
    """Structured3D as Pointcept prepares it, a folder a room."""

    name = "structured3d"
    title = "Structured3D, Pointcept layout"
    licence = LICENCE
    looked_for = "<train|val|test>/scene_00000/room_<n>/coord.npy"
    levels = (r"train|val|test", _SCENE.pattern, r"room_.+")
    segments = ("segment",)
    table = CLASSES


def official_split(scene: str) -> str:
    """The split of a scene: 0-2999 train, 3000-3249 val, 3250-3499 test."""
    match = _SCENE.fullmatch(scene)
    number = int(match[1]) if match else 0
    return "train" if number < _FIRST_VAL else "val" if number < _FIRST_TEST else "test"


def panorama_rays(height: int, width: int) -> Float64[np.ndarray, "h w 3"]:
    """Unit directions of an equirectangular image's pixels in the world's axes, z up.

    The middle of the image looks along y, its right half towards x.
    """
    turn = ((np.arange(width) + 0.5) / width * 2 - 1) * np.pi
    rise = (0.5 - (np.arange(height) + 0.5) / height) * np.pi
    flat = np.cos(rise)[:, None]
    x, y = flat * np.sin(turn), flat * np.cos(turn)
    return np.stack([x, y, np.broadcast_to(np.sin(rise)[:, None], x.shape)], axis=-1)


def perspective_rays(
    height: int,
    width: int,
    front: Float64[np.ndarray, "3"],
    up: Float64[np.ndarray, "3"],
    half_fov_rad: Float64[np.ndarray, "2"],
) -> Float64[np.ndarray, "h w 3"]:
    """Directions of a pinhole camera's pixels, one unit along `front`, in the world's axes."""
    right = np.cross(front, up)
    across = ((np.arange(width) + 0.5) / width * 2 - 1) * np.tan(half_fov_rad[0])
    above = (1 - (np.arange(height) + 0.5) / height * 2) * np.tan(half_fov_rad[1])
    return front + across[None, :, None] * right + above[:, None, None] * up


def _panorama(folder: Path) -> _View:
    camera = _numbers(folder / "camera_xyz.txt", 3)
    return _view(folder / "full", camera, panorama_rays, wraps=True)


def _perspective(folder: Path) -> _View:
    """Pose: position, viewing direction, up, half field of view in x and y, and a one."""
    pose = _numbers(folder / "camera_pose.txt", 11)
    front, up = pose[3:6] / np.linalg.norm(pose[3:6]), pose[6:9] / np.linalg.norm(pose[6:9])
    rays = partial(perspective_rays, front=front, up=up, half_fov_rad=pose[9:11])
    return _view(folder, pose[:3], rays, wraps=False)


def _view(
    folder: Path, camera_mm: np.ndarray, rays: Callable[[int, int], np.ndarray], *, wraps: bool
) -> _View:
    """Points of a depth image: its rays times its depth, without grazing pixels."""
    depth = _image(folder / "depth.png")
    if depth is None:
        raise SceneError(f"{folder / 'depth.png'} is missing; download the room again.")
    if depth.ndim != 2 or depth.dtype.kind not in "ui":
        raise SceneError(
            f"{folder / 'depth.png'}: shape {depth.shape} of {depth.dtype}, expected an image of "
            "16-bit millimetres."
        )
    from_camera = rays(*depth.shape) * (depth[..., None] / 1000.0)  # (H, W, 3) metres
    normal, is_steep = _surface(from_camera, wraps=wraps)
    keep = is_steep & (depth > 0) & (depth < _NO_DEPTH)
    light = next((folder / name for name in _LIGHTS if _exists(folder / name)), None)
    color = None if light is None else _image(light)
    label = _image(folder / "semantic.png")
    if label is not None and label.ndim != 2:
        raise SceneError(
            f"{folder / 'semantic.png'}: {label.shape[2]} channels, expected one of NYU40 ids (a "
            "palette image); download the room again."
        )
    for name, image in (("colour", color), ("semantic.png", label)):
        if image is not None and image.shape[:2] != depth.shape:
            raise SceneError(
                f"{folder}: {name} has {image.shape[:2]} pixels, depth.png {depth.shape}; both "
                "must come from the same rendering."
            )
    return _View(
        coord=from_camera[keep] + camera_mm / 1000.0,
        normal=normal[keep],
        color=None if color is None or color.ndim != 3 else color[keep][:, :3],
        label=None if label is None else label[keep],
    )


def _surface(
    coord: Float64[np.ndarray, "h w 3"], *, wraps: bool
) -> tuple[Float64[np.ndarray, "h w 3"], Bool[np.ndarray, "h w"]]:
    """Normals towards the camera at the origin, and which pixels are not seen at a grazing angle.

    Differences over both neighbours; where they reach across an edge, the angle is grazing too.
    """
    wide = np.pad(coord, ((0, 0), (1, 1), (0, 0)), mode="wrap" if wraps else "edge")
    high = np.pad(coord, ((1, 1), (0, 0), (0, 0)), mode="edge")
    normal = np.cross(wide[:, 2:] - wide[:, :-2], high[2:] - high[:-2])
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    distance = np.maximum(np.linalg.norm(coord, axis=-1), 1e-12)
    cosine = -(normal * coord).sum(axis=-1) / distance  # > 0: faces the camera
    return normal * np.where(cosine < 0, -1.0, 1.0)[..., None], np.abs(cosine) > _MIN_COSINE


def _thinned(raw: RawScan) -> RawScan:
    _, chosen, _ = voxelize(raw.coord, _FUSED_VOXEL)
    return RawScan(
        coord=raw.coord[chosen],
        color=None if raw.color is None else raw.color[chosen],
        normal=None if raw.normal is None else raw.normal[chosen],
        semantic=None if raw.semantic is None else raw.semantic[chosen],
        class_names=raw.class_names,
        metres_per_unit=raw.metres_per_unit,
        up=raw.up,
    )


def _index(label: np.ndarray) -> np.ndarray:
    """Class index of NYU40 ids; ids outside the 25 classes, and 0, are -1."""
    table = np.full(max(256, int(label.max(initial=0)) + 1), -1, np.int32)
    table[list(_CLASSES)] = np.arange(len(_CLASSES))
    return table[label]


def _joined(parts: list[np.ndarray | None]) -> np.ndarray | None:
    """All parts in one, or None if a view lacks its own."""
    there = [part for part in parts if part is not None]
    return np.concatenate(there) if len(there) == len(parts) else None


def _numbers(path: Path, least: int) -> np.ndarray:
    try:
        values = np.array([float(word) for word in _bytes(path).split()])
    except ValueError as error:
        raise SceneError(f"{path}: expected numbers ({error}); download the room again.") from error
    if len(values) < least or not np.isfinite(values).all():
        raise SceneError(
            f"{path}: {len(values)} finite numbers expected to be at least {least}; download the "
            "room again."
        )
    return values


def _image(path: Path) -> np.ndarray | None:
    """An image as it is stored (palette images as their indices), or None if it is not there."""
    if not _exists(path):
        return None
    from PIL import Image, UnidentifiedImageError  # here, so that the engine imports without it

    try:
        with Image.open(io.BytesIO(_bytes(path)), formats=("PNG",)) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise SceneError(
                    f"{path}: {image.width} x {image.height} pixels, more than any rendering has."
                )
            return np.asarray(image)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise SceneError(f"{path} is no PNG image ({error}); download the room again.") from error


def _views_of(room: Path) -> Iterator[str]:
    if (room / "panorama" / "camera_xyz.txt").is_file():
        yield "panorama"
    for pose in sorted(room.glob("perspective/full/*/camera_pose.txt")):
        yield pose.parent.relative_to(room).as_posix()


def _room_key(root: Path, room: Path) -> Path:
    """The room's place below the root, whatever archive it lies in."""
    return Path(root, *room.parts[-3:])


@lru_cache(maxsize=64)
def _open_zip(path: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def _zip_above(path: Path) -> Path | None:
    return next((p for p in path.parents if p.suffix == ".zip" and p.is_file()), None)


def _member(archive: Path, path: Path) -> zipfile.ZipInfo | None:
    try:
        return _open_zip(archive).getinfo(path.relative_to(archive).as_posix())
    except KeyError:
        return None


def _exists(path: Path) -> bool:
    archive = _zip_above(path)
    return path.is_file() if archive is None else _member(archive, path) is not None


def _bytes(path: Path) -> bytes:
    archive = _zip_above(path)
    try:
        if archive is None:
            return path.read_bytes()
        member = _member(archive, path)
        if member is None:
            raise SceneError(f"{path} is missing; download the archive again.")
        if member.file_size > _MAX_PIXELS * 8:
            raise SceneError(f"{path} would unpack to {member.file_size:,} bytes; it is no image.")
        return _open_zip(archive).read(member)
    except (OSError, zipfile.BadZipFile) as error:
        raise SceneError(f"{path} cannot be read ({error}); download it again.") from error
