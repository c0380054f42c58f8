"""An inspected scene and a frame of it, as arrays of the run folder. N points, M cells."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Int8, UInt8, UInt16, UInt32

from pointins_engine.run_log.strata import stratified_order

U16_MAX = 65535


@dataclass(frozen=True, kw_only=True, slots=True)
class InspectedScene:
    """Points that the viewport draws, in draw order, and the cells they belong to.

    A frame holds one row a cell; a point moves and is coloured with its cell. So a frame costs a
    byte or two a point however dense the scan is.
    """

    id: str
    coord_u16: UInt16[np.ndarray, "n 3"]  # metres = origin + scale * value
    cell_index: UInt32[np.ndarray, " n"]
    cell_coord_u16: UInt16[np.ndarray, "m 3"]
    cell_is_plane: UInt8[np.ndarray, " m"]
    origin: tuple[float, float, float]  # metres
    scale: float  # metres a count
    cell_size: float  # metres
    color: UInt8[np.ndarray, "n 3"] | None = None
    intensity: UInt8[np.ndarray, " n"] | None = None
    semantic_label: Int[np.ndarray, " n"] | None = None
    instance_label: Int[np.ndarray, " n"] | None = None
    class_names: tuple[str, ...] = ()

    @property
    def coord(self) -> Float[np.ndarray, "n 3"]:
        """Positions in metres; off by at most half a count."""
        return (self.origin + self.scale * self.coord_u16.astype(np.float64)).astype(np.float32)

    @property
    def cell_coord(self) -> Float[np.ndarray, "m 3"]:
        return (self.origin + self.scale * self.cell_coord_u16.astype(np.float64)).astype(
            np.float32
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays by their declared key (`records.SCENE_ARRAYS`); what is not known is left out."""
        named = {
            "coord_u16": self.coord_u16,
            "cell_index": self.cell_index,
            "cell_coord_u16": self.cell_coord_u16,
            "cell_is_plane": self.cell_is_plane,
            "color": self.color,
            "intensity": self.intensity,
            "semantic_label": self.semantic_label,
            "instance_label": self.instance_label,
        }
        return {name: array for name, array in named.items() if array is not None}

    def metadata(self) -> dict[str, str]:
        """Text values for the file's header; numbers and lists as JSON."""
        return {
            "id": self.id,
            "origin": json.dumps(self.origin),
            "scale": json.dumps(self.scale),
            "cell_size": json.dumps(self.cell_size),
            "class_names": json.dumps(self.class_names),
        }

    @classmethod
    def from_arrays(
        cls, arrays: dict[str, np.ndarray], metadata: dict[str, str]
    ) -> "InspectedScene":
        origin = json.loads(metadata["origin"])
        return cls(
            id=metadata["id"],
            origin=(origin[0], origin[1], origin[2]),
            scale=json.loads(metadata["scale"]),
            cell_size=json.loads(metadata["cell_size"]),
            class_names=tuple(json.loads(metadata["class_names"])),
            **arrays,  # type: ignore[arg-type]
        )


def make_inspected_scene(
    *,
    id: str,
    coord: Float[np.ndarray, "n 3"],
    cell_index: Int[np.ndarray, " n"],
    cell_coord: Float[np.ndarray, "m 3"],
    cell_is_plane: np.ndarray,
    cell_size: float,
    color: UInt8[np.ndarray, "n 3"] | None = None,
    intensity: Float[np.ndarray, " n"] | None = None,
    semantic_label: Int[np.ndarray, " n"] | None = None,
    instance_label: Int[np.ndarray, " n"] | None = None,
    class_names: tuple[str, ...] = (),
    max_points: int | None = None,
) -> InspectedScene:
    """Put points in draw order, keep at most `max_points`, and quantise them to 16 bits an axis.

    One scale for the three axes keeps angles; the error is at most extent / 131,070 (0.06 mm in a
    room of 8 m, 0.8 mm in a street of 100 m).
    """
    order = stratified_order(coord)[:max_points]
    both = np.concatenate([coord, cell_coord]).astype(np.float64)
    low = both.min(axis=0)
    scale = max(float((both.max(axis=0) - low).max()), 1e-6) / U16_MAX

    def quantised(points: np.ndarray) -> np.ndarray:
        return np.clip(np.rint((points - low) / scale), 0, U16_MAX).astype(np.uint16)

    def ordered(values: np.ndarray | None, dtype: type) -> Any:
        return None if values is None else np.ascontiguousarray(values[order].astype(dtype))

    return InspectedScene(
        id=id,
        coord_u16=quantised(coord[order].astype(np.float64)),
        cell_index=ordered(cell_index, np.uint32),
        cell_coord_u16=quantised(cell_coord.astype(np.float64)),
        cell_is_plane=cell_is_plane.astype(np.uint8),
        origin=(float(low[0]), float(low[1]), float(low[2])),
        scale=scale,
        cell_size=cell_size,
        color=ordered(color, np.uint8),
        intensity=ordered(
            None if intensity is None else np.clip(intensity * 255, 0, 255), np.uint8
        ),
        semantic_label=ordered(semantic_label, np.int16),
        instance_label=ordered(instance_label, np.int32),
        class_names=class_names,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """What the teacher says of an inspected scene at one step; keys of `records.FRAME_ARRAYS`."""

    offset_teacher: Float[np.ndarray, "m 3"]
    offset_regularized: Float[np.ndarray, "m 3"]
    segment: Int[np.ndarray, " m"]
    pseudo_instance: Int[np.ndarray, " m"]
    centroid: Float[np.ndarray, "k 3"]
    pca_color: UInt8[np.ndarray, "m 3"]
    odr_level: UInt16[np.ndarray, " m"] | None = None
    feature: Int8[np.ndarray, "m 16"] | None = None
    feature_scale: float = 0.0  # component = feature_scale * feature
    feature_share: float = 0.0  # of the features' squared length, what the components hold

    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays by their declared key; what is not known is left out."""
        named = {
            "offset_teacher": self.offset_teacher.astype(np.float16),
            "offset_regularized": self.offset_regularized.astype(np.float16),
            "segment": self.segment.astype(np.uint8),
            "pseudo_instance": self.pseudo_instance.astype(np.int16),
            "centroid": self.centroid.astype(np.float32),
            "pca_color": self.pca_color,
            "odr_level": self.odr_level,
            "feature": self.feature,
        }
        return {name: array for name, array in named.items() if array is not None}

    def metadata(self) -> dict[str, str]:
        """Text values for the file's header."""
        if self.feature is None:
            return {}
        return {
            "feature_scale": json.dumps(self.feature_scale),
            "feature_share": json.dumps(self.feature_share),
        }


def levels_as_u16(level: Float[np.ndarray, " m"]) -> UInt16[np.ndarray, " m"]:
    """ODR's levels (0..1, NaN = not mapped) as `odr_level`: 65535 * level, at least 1; 0 = none."""
    value = np.clip(np.rint(level * U16_MAX), 1, U16_MAX)
    return np.where(np.isnan(level), 0, value).astype(np.uint16)
