"""Photographs of a drawing: Polyscope on EGL, supersampled, with eye-dome lighting.

Polyscope draws the layers twice at twice the size, once in their colours and once with their depth
as a colour; the shading is computed from the depths. So raw points without normals read as
surfaces, in the same look as the browser's viewport.
"""

import io
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageFilter

from app.pictures.drawing import Drawing, Layer, clear, put
from app.pictures.palette import CANVAS, Theme, rgb
from app.pictures.vantage import FIELD_OF_VIEW_DEG, Vantage

SUPERSAMPLING = 2
SHADE_STRENGTH = 7.0  # darkness per doubling of the depth towards a neighbour
SHADE_RADII = (1, 3)  # pixels of the supersampled picture: edges, and hollows
MAX_STEP = 0.1  # doublings of the depth that one neighbour may count: silhouettes stay lines
MIN_RADIUS_PX = 1.1  # supersampled pixels: no point may fall between two pixels
MAX_RADIUS = 0.009  # of the picture's height: a sparse scan stays points, not balls
_CODES = 65535


def open_polyscope(backend: str = "openGL3_egl") -> None:
    """Start Polyscope for pictures in the calling thread; the context belongs to it.

    Raises:
        ImportError, RuntimeError: What Polyscope says when a system library is missing.
    """
    import polyscope as ps

    ps.set_allow_headless_backends(True)
    ps.set_use_prefs_file(False)
    ps.set_verbosity(0)
    ps.set_errors_throw_exceptions(True)
    ps.init(backend)  # type: ignore[arg-type]
    prepare_scene()


def prepare_scene() -> None:
    """Settings that pictures and the desktop window share."""
    import polyscope as ps

    ps.set_ground_plane_mode("none")
    ps.set_up_dir("z_up")
    ps.set_autocenter_structures(False)
    ps.set_autoscale_structures(False)
    ps.set_vertical_fov_degrees(FIELD_OF_VIEW_DEG)


def photograph(
    drawing: Drawing,
    vantage: Vantage,
    *,
    width: int,
    height: int,
    theme: Theme,
    transparent: bool = False,
) -> UInt8[np.ndarray, "h w c"]:
    """A picture of a drawing, red, green and blue; the canvas colour of the theme behind it.

    With `transparent` there is a fourth channel, how much of a pixel is covered, and nothing
    behind: such a picture lies on any canvas.
    """
    import polyscope as ps

    names = [layer.name for layer in drawing.layers()]
    ps.remove_all_structures()
    ps.set_SSAA_factor(1)
    ps.set_window_size(width * SUPERSAMPLING, height * SUPERSAMPLING)
    ps.look_at(tuple(vantage.eye), tuple(vantage.target))
    canvas = rgb(CANVAS[theme])
    try:
        image, covered = _shaded(fit_radius(drawing.points, vantage, height), vantage, canvas)
        for layer, outline in ((drawing.centroids, 0), (drawing.targets, 2 * SUPERSAMPLING)):
            if layer is not None:
                clear(names)
                image, over = _overlaid(image, layer, canvas, outline)
                covered |= over
    finally:
        clear(names)
    if transparent:
        return _cut_out(image, covered)
    return np.rint(_blocks(image).mean(axis=(1, 3)) * 255).astype(np.uint8)


def _blocks(image: np.ndarray) -> np.ndarray:
    """Supersampled pixels by the pixel that they make: axes 1 and 3 run over them."""
    tall, wide, channels = image.shape
    size = SUPERSAMPLING
    return image.reshape(tall // size, size, wide // size, size, channels)


def _cut_out(image: np.ndarray, covered: np.ndarray) -> UInt8[np.ndarray, "h w 4"]:
    """Colour of what is covered, with the covered share as fourth channel."""
    weight = covered[..., None].astype(np.float64)
    alpha = _blocks(weight).mean(axis=(1, 3))
    color = _blocks(image * weight).mean(axis=(1, 3)) / np.maximum(alpha, 1e-9)
    return np.rint(np.concatenate([color, alpha], axis=2) * 255).astype(np.uint8)


def encode_png(image: UInt8[np.ndarray, "h w c"]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def fit_radius(layer: Layer, vantage: Vantage, height: int) -> Layer:
    """The layer with every radius between the smallest and the largest worth drawing."""
    tall = 2 * np.tan(np.deg2rad(FIELD_OF_VIEW_DEG) / 2) * np.maximum(vantage.depth(layer.coord), 0)
    smallest = tall * MIN_RADIUS_PX / (height * SUPERSAMPLING)  # metres at the point's distance
    radius = np.clip(layer.radius, smallest, np.maximum(tall * MAX_RADIUS, smallest))
    return replace(layer, radius=radius)


def _shot() -> tuple[Float[np.ndarray, "h w 3"], np.ndarray]:
    """Colours and coverage (h, w) of what Polyscope shows now."""
    import polyscope as ps

    shot = ps.screenshot_to_buffer(transparent_bg=True)
    return shot[:, :, :3] / 255.0, shot[:, :, 3] > 127


def _shaded(
    layer: Layer, vantage: Vantage, canvas: np.ndarray
) -> tuple[Float[np.ndarray, "h w 3"], Bool[np.ndarray, "h w"]]:
    """The points with eye-dome lighting, and where they are."""
    cloud = put(layer)
    color, covered = _shot()
    distance = vantage.depth(layer.coord)
    near, far = float(distance.min()), float(distance.max()) + 1e-3
    cloud.add_color_quantity("colour", depth_to_color(distance, near, far), enabled=True)
    code, _ = _shot()
    depth = np.where(covered, color_to_depth(code, near, far), np.inf)
    shaded = color * eye_dome_shade(depth)[..., None]
    return np.where(covered[..., None], shaded, canvas), covered


def _overlaid(
    image: np.ndarray, layer: Layer, canvas: np.ndarray, outline: int
) -> tuple[Float[np.ndarray, "h w 3"], Bool[np.ndarray, "h w"]]:
    """The picture with a layer over all of it, in a border of canvas colour where asked for."""
    put(layer)
    color, covered = _shot()
    if outline:
        mask = Image.fromarray(covered).convert("L")
        border = np.asarray(mask.filter(ImageFilter.MaxFilter(2 * outline + 1))) > 0
        image = np.where(border[..., None], canvas, image)
    return np.where(covered[..., None], color, image), covered


def depth_to_color(
    depth: Float[np.ndarray, " n"], near: float, far: float
) -> Float[np.ndarray, "n 3"]:
    """Depths as 16-bit codes in red (high) and green (low); flat materials keep them exactly."""
    code = np.rint((depth - near) / (far - near) * _CODES).clip(0, _CODES).astype(np.int64)
    return np.stack([code >> 8, code & 255, np.zeros_like(code)], axis=1) / 255.0


def color_to_depth(
    color: Float[np.ndarray, "*shape 3"], near: float, far: float
) -> Float[np.ndarray, "*shape"]:
    byte = np.rint(color * 255)
    return near + (byte[..., 0] * 256 + byte[..., 1]) / _CODES * (far - near)


def eye_dome_shade(depth: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Brightness 0..1 of each pixel: darker where neighbours are nearer to the camera.

    Steps count in proportion to the distance (logarithm of the depth), as in Boucheny's eye-dome
    lighting. Pixels without a point hold infinity and neither give nor take shade.
    """
    filled = np.isfinite(depth)
    level = np.log2(np.where(filled, depth, 1.0)).astype(np.float32)
    here = np.where(filled, level, -np.inf)  # nothing is nearer than nothing
    shade = np.zeros_like(level)
    for radius in SHADE_RADII:
        around = np.pad(np.where(filled, level, np.inf), radius, constant_values=np.inf)
        for row in (0, radius, 2 * radius):
            for column in (0, radius, 2 * radius):
                beside = around[row : row + level.shape[0], column : column + level.shape[1]]
                shade += np.clip(here - beside, 0.0, MAX_STEP)
    return np.exp(-SHADE_STRENGTH * shade / len(SHADE_RADII))
