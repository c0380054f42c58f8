"""The colour camera beside the depth sensor: exposure, white balance, blur, misfit, noise.

The colour of a depth pixel comes from a second lens, so it is taken a little beside the pixel, and
colours bleed over the borders of objects. Every view chooses its own exposure and white balance.
V views of H x W pixels.
"""

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

Rng = np.random.Generator

_MIDDLE_GREY = 0.5  # what automatic exposure aims at
_EXPOSURE = 0.8  # how far it goes there: 1 = all the way
_WHITE_BALANCE = 0.55  # how much of the tint of a view is taken out
_VIGNETTE = 0.22  # light lost in the corners
_LENS_BLUR = 0.0075  # radians, standard deviation; 1.5 cm at 2 m
_MISFIT = 0.007  # radians, standard deviation of a view's misregistration
_LUMA_NOISE, _CHROMA_NOISE = 0.016, 0.01  # of full scale; a few frames averaged


def develop(
    light: Float[np.ndarray, "v h w 3"],
    is_hit: Bool[np.ndarray, "v h w"],
    pixel_rad: float,
    rng: Rng,
) -> UInt8[np.ndarray, "v h w 3"]:
    """Pictures as a cheap camera would record them.

    Args:
        light: Light from the surface behind every pixel; 1 = white in full light.
        is_hit: Where there is a surface; only these pixels decide on the exposure.
        pixel_rad: Angle between neighbouring pixels.
        rng: Misfit and noise.
    """
    views, height, width, _ = light.shape
    across, down = np.linspace(-1, 1, width), np.linspace(-1, 1, height)
    fall_off = 1 - _VIGNETTE * (across[None] ** 2 + down[:, None] ** 2) / 2
    pictures = np.empty(light.shape, np.uint8)
    for view in range(views):
        seen = light[view][is_hit[view]]
        mean = seen.mean(axis=0) if len(seen) else np.full(3, _MIDDLE_GREY)
        gain = np.clip(_MIDDLE_GREY / max(mean.mean(), 1e-3), 0.4, 3.0) ** _EXPOSURE
        balance = (mean.mean() / np.maximum(mean, 1e-3)) ** _WHITE_BALANCE
        picture = light[view] * fall_off[:, :, None] * (gain * balance)
        shift = rng.normal(0, _MISFIT / pixel_rad, 2)
        picture = ndimage.shift(picture, (*shift, 0.0), order=1, mode="nearest", prefilter=False)
        blur = _LENS_BLUR / pixel_rad
        picture = ndimage.gaussian_filter(picture, (blur, blur, 0.0), truncate=2.5)
        picture += rng.normal(0, _LUMA_NOISE, (height, width, 1))
        picture += rng.normal(0, _CHROMA_NOISE, picture.shape)
        pictures[view] = np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)
    return pictures
