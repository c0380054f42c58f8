"""The folder of one segmentation: its files, and the scan in it at full resolution. No torch.

    request.json              what was asked for
    progress.json             how far the job is
    facts.json                what is known of the scan
    points.npz                every point and every cell, with the votes
    votes/<name>.npz          votes of another network for the same cells
    scene.safetensors         what is drawn
    layers/<layer>.json       one labelling: settings, instances, figures
    layers/<layer>.safetensors    its labels of cells
    downloads/                files made on demand

N points, M cells.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int32, UInt8

from pointins_engine.errors import ConfigError, RunError
from pointins_engine.geometry import estimate_normals
from pointins_engine.run_log.files import read_json, whole_file
from pointins_engine.segment.files import load_arrays, save_arrays
from pointins_engine.segment.records import SceneVotes

_STORED = {
    "coord": 2, "origin": 1, "cell_of_point": 1, "cell_coord": 2, "cell_offset": 2,
    "cell_is_plane": 1,
}  # fmt: skip
_OPTIONAL = ("color", "truth", "cell_color", "cell_normal")


class SegmentationFolder:
    """Paths of one segmentation, and how its parts are read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.request = root / "request.json"
        self.progress = root / "progress.json"
        self.facts = root / "facts.json"
        self.points = root / "points.npz"
        self.scene = root / "scene.safetensors"
        self.votes = root / "votes"
        self.layers = root / "layers"
        self.downloads = root / "downloads"

    def layer(self, name: str) -> Path:
        return self.layers / f"{name}.json"

    def frame(self, name: str) -> Path:
        return self.layers / f"{name}.safetensors"

    def votes_of(self, name: str) -> Path:
        return self.votes / f"{name}.npz"

    def layer_names(self) -> list[str]:
        """Layers that are whole, by name."""
        names = sorted(path.stem for path in self.layers.glob("[!.]*.json"))
        return [name for name in names if self.frame(name).is_file()]

    def read_layer_record(self, name: str) -> dict[str, Any]:
        """What the JSON file of a layer says.

        Raises:
            RunError: If there is no such layer, or its file is damaged.
        """
        if name not in self.layer_names():
            there = ", ".join(self.layer_names()) or "none yet"
            raise RunError(f"no layer is called {name[:100]!r}; there are: {there}.")
        return read_json(self.layer(name))


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredScan:
    """A scan with its cells and votes, so that everything after the network needs no network.

    Coordinates are relative to `origin`, as in `Scene`.
    """

    id: str
    coord: Float32[np.ndarray, "n 3"]
    origin: Float64[np.ndarray, "3"]
    votes: SceneVotes
    color: UInt8[np.ndarray, "n 3"] | None = None
    truth: Int32[np.ndarray, " n"] | None = None  # numbered from 0; -1 = void
    truth_names: Mapping[int, str] = field(default_factory=dict)  # class of a true instance
    provenance: Mapping[str, Any] = field(default_factory=dict)  # of the votes
    seconds: Mapping[str, float] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)  # of the request: what it depends on

    def with_offset(self, offset: Float32[np.ndarray, "m 3"]) -> "StoredScan":
        return replace(self, votes=replace(self.votes, offset=offset))


def write_scan(folder: SegmentationFolder, scan: StoredScan) -> None:
    """Store a scan as `points.npz`.

    Raises:
        RunError: If it cannot be written.
    """
    votes = scan.votes
    arrays = {
        "coord": scan.coord,
        "color": scan.color,
        "origin": scan.origin,
        "truth": scan.truth,
        "cell_of_point": votes.cell_of_point.astype(np.int32),
        "cell_coord": votes.coord,
        "cell_offset": votes.offset,
        "cell_color": votes.color,
        "cell_normal": votes.normal,
        "cell_is_plane": votes.is_plane,
    }
    about = {
        "id": scan.id,
        "grid_size": votes.grid_size,
        "scale": votes.scale,
        "domain": votes.domain,
        "truth_names": {str(id): name for id, name in scan.truth_names.items()},
        "provenance": dict(scan.provenance),
        "seconds": dict(scan.seconds),
        "asked": dict(scan.asked),
    }
    with whole_file(folder.points) as file:
        save_arrays(file, arrays, about)


def read_scan(folder: SegmentationFolder) -> StoredScan:
    """The stored scan.

    Raises:
        RunError: If it is missing or damaged.
    """
    arrays, about = load_arrays(folder.points, _STORED, _OPTIONAL)
    try:
        votes = SceneVotes(
            coord=arrays["cell_coord"],
            offset=arrays["cell_offset"],
            color=arrays.get("cell_color"),
            normal=_normals(arrays),
            is_plane=arrays["cell_is_plane"],
            cell_of_point=arrays["cell_of_point"],
            grid_size=float(about["grid_size"]),
            scale=float(about["scale"]),
            domain=about["domain"],
        )
        return StoredScan(
            id=str(about["id"]),
            coord=arrays["coord"],
            origin=arrays["origin"],
            color=arrays.get("color"),
            truth=arrays.get("truth"),
            truth_names={int(id): name for id, name in about["truth_names"].items()},
            provenance=about["provenance"],
            seconds=about["seconds"],
            asked=about["asked"],
            votes=votes,
        )
    except (AttributeError, KeyError, TypeError, ValueError, ConfigError) as error:
        raise RunError(f"{folder.points} is damaged ({error}); segment the scan again.") from error


def write_offset(folder: SegmentationFolder, name: str, scan: StoredScan) -> None:
    """Store the votes of another network for the cells of a scan."""
    folder.votes.mkdir(exist_ok=True)
    about = {"provenance": dict(scan.provenance), "seconds": dict(scan.seconds)}
    with whole_file(folder.votes_of(name)) as file:
        save_arrays(file, {"cell_offset": scan.votes.offset}, about)


def read_offset(folder: SegmentationFolder, name: str, scan: StoredScan) -> StoredScan:
    """The scan with the votes of another network.

    Raises:
        RunError: If they are missing, damaged or of other cells.
    """
    arrays, about = load_arrays(folder.votes_of(name), {"cell_offset": 2}, ())
    if len(arrays["cell_offset"]) != len(scan.votes.coord):
        raise RunError(f"{folder.votes_of(name)} is of other cells; segment the scan again.")
    known = scan.with_offset(arrays["cell_offset"])
    return replace(known, provenance=about["provenance"], seconds=about["seconds"])


def _normals(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Normals of cells; folders of before every cell had one get them here."""
    known = arrays.get("cell_normal")
    return estimate_normals(arrays["cell_coord"]) if known is None else known
