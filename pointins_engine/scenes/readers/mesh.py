"""Meshes become points: sampled evenly over their surface, the same points for the same file.

OBJ, glTF, STL and OFF are parsed by Open3D, PLY by our own reader.
"""

import importlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float64, Int64, Num, UInt8

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers.isolated import Arrays, read_isolated
from pointins_engine.scenes.readers.ply import read_ply_mesh
from pointins_engine.scenes.readers.raw import RawScan, Taken

Array = np.ndarray

ENDINGS = (".obj", ".glb", ".gltf", ".stl", ".off")
SPACING = 0.01  # units of the file, metres as a rule: about the distance between neighbours
MIN_SAMPLES, MAX_SAMPLES = 100_000, 2_000_000
_GLTF = (".glb", ".gltf")
_SEED = 0
_TEXTURED = (".obj", *_GLTF)
_NEEDS_OPEN3D = "reading meshes needs Open3D ({}); install it with: pip install open3d"


def read_mesh(path: Path) -> RawScan:
    """Points on the surface of an OBJ, glTF, STL or OFF file.

    As many as lie a centimetre apart, between 100 thousand and 2 million. Normals are those of the
    triangles; colours come from textures, vertices or materials. Objects of the file are no
    instances: the parser joins those that share a material. glTF is in metres and y up, by its
    specification.

    Raises:
        SceneError: If the file is no such mesh or has no surface, or Open3D is not there.
    """
    _check_start(path)
    arrays = read_isolated(__name__, path)
    is_gltf = path.suffix.lower() in _GLTF
    return RawScan(
        coord=arrays["coord"],
        normal=arrays["normal"],
        color=arrays.get("color"),
        metres_per_unit=1.0 if is_gltf else None,
        up="y" if is_gltf else None,
        notes=(_note(len(arrays["coord"])),),
    )


def sample_ply(path: Path) -> RawScan:
    """Points on the faces of a PLY file, with the labels of the nearest corner.

    Raises:
        SceneError: As `read_ply_mesh`, or if there are no faces.
    """
    scan, triangles = read_ply_mesh(path)
    if len(triangles) == 0:
        raise SceneError(f"{path}: there are no faces to sample; read its vertices instead.")
    vertices = scan.coord
    rows, weights = sample_surface(vertices, triangles, path)
    corners = triangles[rows]
    nearest = corners[np.arange(len(rows)), weights.argmax(axis=1)]

    def mixed(column: Array | None) -> Array | None:
        return None if column is None else _mix(column[corners], weights)

    return RawScan(
        coord=_mix(vertices[corners], weights),
        color=None if scan.color is None else _like(mixed(scan.color), scan.color),
        normal=triangle_normals(vertices, triangles)[rows],
        intensity=None
        if scan.intensity is None
        else np.einsum("nc,nc->n", scan.intensity[corners], weights),
        semantic=None if scan.semantic is None else scan.semantic[nearest],
        instance=None if scan.instance is None else scan.instance[nearest],
        notes=(*scan.notes, _note(len(rows))),
    )


def sample_surface(
    vertices: Float[Array, "v 3"], triangles: Int64[Array, "f 3"], path: Path
) -> tuple[Int64[Array, " n"], Float64[Array, "n 3"]]:
    """Triangle and barycentric weights of points spread evenly by area.

    The running sum of areas is cut into equal parts with one point each, so every triangle gets
    what its area is due, rounded up or down.
    """
    a, b, c = (vertices[triangles[:, k]].astype(np.float64) for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    area[~np.isfinite(area)] = 0.0
    total = float(area.sum())
    if not 0 < total < np.inf:
        raise SceneError(f"{path}: its {len(triangles):,} triangles have no area to sample.")
    num = int(np.clip(total / SPACING**2, MIN_SAMPLES, MAX_SAMPLES))
    rng = np.random.default_rng(_SEED)
    level = (np.arange(num) + rng.random(num)) * (total / num)
    rows = np.minimum(np.searchsorted(np.cumsum(area), level, side="right"), len(area) - 1)
    root, share = np.sqrt(rng.random(num)), rng.random(num)
    return rows, np.stack([1 - root, root * (1 - share), root * share], axis=1)


def triangle_normals(
    vertices: Float[Array, "v 3"], triangles: Int64[Array, "f 3"]
) -> Float64[Array, "f 3"]:
    """Unit normals by the order of the corners; zero where a triangle has no area."""
    a, b, c = (vertices[triangles[:, k]].astype(np.float64) for k in range(3))
    normal = np.cross(b - a, c - a)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    return normal / np.where(length > 0, length, 1)


def _mix(corners: Num[Array, "n 3 k"], weights: Float64[Array, "n 3"]) -> Float64[Array, "n k"]:
    return np.einsum("nck,nc->nk", corners.astype(np.float64), weights)


def _like(values: Array | None, column: Array) -> Array | None:
    """Mixed colours in the type they came in, so that 0..255 and 0..1 stay apart."""
    if values is None or column.dtype.kind == "f":
        return values
    return np.round(values).astype(column.dtype)


def _note(num: int) -> Taken:
    return Taken(f"the surface of the mesh was sampled at {num:,} points.")


def _check_start(path: Path) -> None:
    """Whether the first bytes and sizes can be this format; says more than a library would."""
    size, suffix = path.stat().st_size, path.suffix.lower()
    with path.open("rb") as file:
        start = file.read(1 << 16)
    problem = None
    if suffix == ".glb":
        if start[:4] != b"glTF" or size < 20:
            problem = f"not a GLB file: the first bytes are {start[:4]!r}"
        elif (promised := int.from_bytes(start[8:12], "little")) != size:
            problem = f"the header promises {promised:,} bytes, the file holds {size:,}"
    elif suffix == ".stl" and not start.lstrip().startswith(b"solid"):
        count = int.from_bytes(start[80:84], "little")
        if size < 84 or 84 + 50 * count > size:
            held = max(0, size - 84) // 50
            problem = f"the header promises {count:,} triangles, the file holds {held:,}"
    elif suffix == ".off":
        words = b" ".join(line.split(b"#")[0] for line in start.splitlines()).split()
        counts = [int(word) for word in words[1:4] if word.isdigit()]
        if not words or not words[0].endswith(b"OFF") or len(counts) < 3:
            problem = "not an OFF file: `OFF` and three counts were expected"
        elif 6 * counts[0] + 8 * counts[1] - 1 > size:  # a digit and a space each, at least
            problem = f"the header promises {counts[0]:,} vertices and {counts[1]:,} faces"
    elif suffix == ".gltf" and not start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        problem = "not a glTF file: JSON was expected"
    elif suffix == ".obj" and b"\0" in start:
        problem = "not an OBJ file: it holds zero bytes"
    if problem:
        raise SceneError(f"{path}: {problem}; export the mesh again.")


def parse(path: Path) -> Arrays:
    """In the child process: parse with Open3D, then sample."""
    try:
        o3d: Any = importlib.import_module("open3d")
    except (ImportError, OSError) as error:
        raise SceneError(f"{path}: {_NEEDS_OPEN3D.format(error)}") from error
    pieces: list[tuple[Any, Any]] = []  # mesh, material
    if path.suffix.lower() in _TEXTURED:
        with tempfile.TemporaryDirectory() as folder:
            model = o3d.io.read_triangle_model(str(_as_gltf(path, Path(folder))))
        for info in model.meshes:
            pieces.append((info.mesh, model.materials[info.material_idx]))
    else:
        pieces.append((o3d.io.read_triangle_mesh(str(path)), None))
    return _sample(pieces, path)


def _as_gltf(path: Path, folder: Path) -> Path:
    """A GLB whose buffers are all in its JSON, as Open3D writes it, as the glTF that it reads."""
    if path.suffix.lower() != ".glb":
        return path
    data = path.read_bytes()
    length = int.from_bytes(data[12:16], "little")
    if 20 + length < len(data):
        return path
    gltf = folder / "mesh.gltf"
    gltf.write_bytes(data[20 : 20 + length])
    return gltf


def _sample(pieces: list[tuple[Any, Any]], path: Path) -> Arrays:
    """Points on all pieces together, with the colour of each."""
    sizes = [len(mesh.vertices) for mesh, _ in pieces]
    first = np.cumsum([0, *sizes])
    vertices = [np.asarray(mesh.vertices) for mesh, _ in pieces]
    triangles = [
        np.asarray(mesh.triangles).astype(np.int64) + start
        for (mesh, _), start in zip(pieces, first, strict=False)
    ]
    if sum(len(part) for part in triangles) == 0:
        raise SceneError(f"{path}: there are no triangles in this mesh; export it again.")
    corner, face = np.concatenate(vertices), np.concatenate(triangles)
    rows, weights = sample_surface(corner, face, path)
    arrays = {
        "coord": _mix(corner[face[rows]], weights),
        "normal": triangle_normals(corner, face)[rows],
    }
    piece = np.repeat(np.arange(len(pieces)), [len(part) for part in triangles])[rows]
    place = rows - np.cumsum([0, *(len(part) for part in triangles)])[piece]
    colors = [
        _colors(mesh, material, place[piece == k], weights[piece == k])
        for k, (mesh, material) in enumerate(pieces)
    ]
    if any(color is not None for color in colors):
        arrays["color"] = np.full((len(rows), 3), 255, np.uint8)
        for k, color in enumerate(colors):
            if color is not None:
                arrays["color"][piece == k] = np.round(255 * np.clip(color, 0, 1))
    return arrays


def _colors(mesh: Any, material: Any, rows: Array, weights: Array) -> Array | None:
    """Colours 0..1 of points on one piece: texture, or vertex colours, times the base colour."""
    color = None
    if len(mesh.vertex_colors):
        corners = np.asarray(mesh.triangles)[rows]
        color = _mix(np.asarray(mesh.vertex_colors)[corners], weights)
    if material is None:
        return color
    if material.albedo_img is not None and len(mesh.triangle_uvs):
        uv = _mix(np.asarray(mesh.triangle_uvs).reshape(-1, 3, 2)[rows], weights)
        pixels = _pixels(np.asarray(material.albedo_img), uv % 1.0)
        color = pixels if color is None else color * pixels
    base = np.asarray(material.base_color, np.float64)[:3]
    if color is None:
        return None if np.ptp(base) == 0 else np.tile(base, (len(rows), 1))
    return color * base


def _pixels(image: UInt8[Array, "h w *c"], uv: Float[Array, "n 2"]) -> Float64[Array, "n 3"]:
    """Colours 0..1 of an image, grey or with alpha too; u points right and v up, both in [0, 1)."""
    height, width = image.shape[0], image.shape[1]
    column = np.minimum((uv[:, 0] * width).astype(int), width - 1)
    row = np.minimum(((1 - uv[:, 1]) * height).astype(int), height - 1)
    values = image.reshape(height, width, -1)[row, column].astype(np.float64) / 255
    return values[:, :3] if values.shape[1] >= 3 else np.repeat(values[:, :1], 3, axis=1)
