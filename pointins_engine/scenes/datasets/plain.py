"""A folder of scans that is no dataset: every file on its own, without a class table."""

import os
from collections.abc import Iterator
from pathlib import Path

from pointins_engine.config import Units, UpAxis
from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets.dataset import ClassTable, Dataset, SceneEntry
from pointins_engine.scenes.readers import (
    FORMATS,
    clean_id,
    ending,
    read_scene_and_notes,
    scans_among,
)
from pointins_engine.types import Scene

_PICKLES = (".pth", ".pkl", ".pt")


class PlainScans(Dataset):
    """Scans below a folder, or one scan; all of them are for training."""

    name = "scans"
    title = "a folder of scans"
    layout = "scans"
    licence = "not known: whoever made the scans decides"
    looked_for = FORMATS

    units: Units = "auto"
    up: UpAxis = "auto"
    is_strict: bool = False  # refuse a scan whose unit or up axis looks wrong
    sample_meshes: bool = False  # points on the faces of PLY files instead of their vertices

    @classmethod
    def recognise(cls, root: Path) -> Dataset | None:
        """Any folder that holds a scan."""
        paths = list(_walk(root))
        return cls._of(root, sorted(paths)) if paths else None

    @classmethod
    def open(cls, root: Path, units: Units = "auto", up: UpAxis = "auto") -> "PlainScans":
        """The scans of a folder or file.

        Raises:
            SceneError: If there is none; names the formats that were looked for.
        """
        scans = cls._of(root, find_scans(root))
        scans.units, scans.up = units, up
        return scans

    @classmethod
    def _of(cls, root: Path, paths: list[Path]) -> "PlainScans":
        ids = unique_ids(paths, root)
        entries = (
            SceneEntry(id=id, split="train", path=path) for id, path in zip(ids, paths, strict=True)
        )
        return cls(root, tuple(entries), ClassTable(names=()))

    def read(self, entry: SceneEntry) -> tuple[Scene, list[str]]:
        return read_scene_and_notes(
            entry.path,
            units=self.units,
            up=self.up,
            id=entry.id,
            is_strict=self.is_strict,
            sample_mesh=self.sample_meshes,
        )


def find_scans(root: Path) -> list[Path]:
    """Scans below a folder, sorted; nothing is opened but the first lines of text files.

    A folder with a coord.npy is one scan (Pointcept). Where ScanNet's `*_vh_clean_2.ply` lies, the
    other meshes of that folder are versions of the same scan and are left out; so are the radar
    clouds of nuScenes, and what `scans_among` tells to be no scan.

    Raises:
        SceneError: If there is none; names the formats that were looked for.
    """
    found = sorted(_walk(root))
    if not found:
        pickled = next((p for p in root.rglob("*") if p.suffix in _PICKLES), None)
        hint = (
            f" {pickled.name} is a pickle, which runs code when it is opened, so it never is; "
            "save the arrays as .npy (Pointcept's preprocessing does so since 1.5.2)."
            if pickled
            else ""
        )
        raise SceneError(f"{root} holds no scan; looked for {FORMATS}.{hint}")
    return found


def _walk(root: Path) -> Iterator[Path]:
    if root.is_file() or (root / "coord.npy").is_file():
        yield root
        return
    seen: set[str] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen or Path(folder).name.startswith("RADAR_"):
            subfolders.clear()  # a link back to where we were, or no lidar
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if "coord.npy" in files:
            yield Path(folder)
            continue
        scans = [Path(folder, name) for name in files if not name.startswith(".")]
        meshes = [path for path in scans if path.name.endswith("_vh_clean_2.ply")]
        yield from meshes or scans_among(scans)


def unique_ids(paths: list[Path], root: Path) -> list[str]:
    """Ids from paths relative to the root; a number is added where two would be the same."""
    ids: list[str] = []
    taken: set[str] = set()
    for path in paths:
        name = path.name if path == root else path.relative_to(root).as_posix()
        suffix = None if path.is_dir() else ending(path)
        base = clean_id(name[: -len(suffix)] if suffix else name)
        candidate, count = base, 1
        while candidate in taken:
            count += 1
            candidate = f"{base[-90:]}-{count}"
        taken.add(candidate)
        ids.append(candidate)
    return ids
