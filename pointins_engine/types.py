"""Records of the ground floor that need no torch. N points."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, UInt8

Array = np.ndarray


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """One scan in metres, z up; what is not measured is `None`.

    Coordinates are relative to `origin`, so that float32 keeps millimetres in geo-referenced scans.
    """

    id: str  # [A-Za-z0-9._-]{1,100}: names files of the run folder
    coord: Float32[Array, "n 3"]  # metres, z up, relative to origin
    color: UInt8[Array, "n 3"] | None = None  # 0..255 RGB
    normal: Float32[Array, "n 3"] | None = None  # unit length
    intensity: Float32[Array, " n"] | None = None  # 0..1
    semantic_label: Int32[Array, " n"] | None = None  # index into class_names, -1 = ignore
    instance_label: Int32[Array, " n"] | None = None  # -1 = ignore or stuff
    is_plane: Bool[Array, " n"] | None = None  # floor, wall or ground, found without labels
    class_names: tuple[str, ...] = ()
    origin: Float64[Array, "3"] = field(default_factory=lambda: np.zeros(3))  # metres
    source: str = ""  # file or simulator that it came from
    num_dropped: int = 0  # points of the source left out because a coordinate was not finite

    def __len__(self) -> int:
        return len(self.coord)
