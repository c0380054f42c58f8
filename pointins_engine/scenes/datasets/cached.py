"""The form that `pointins data convert` writes: one safetensors file a scene, and `dataset.json`.

A scene's file holds every field of `Scene` bit by bit, so that training gets what the dataset's
own reader gave, without parsing. A file is mapped while it is read and let go: a scene costs one
copy, and a folder of ten thousand scenes no ten thousand open files.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from pointins_engine.errors import RunError, SceneError
from pointins_engine.run_log.files import write_bytes, write_json
from pointins_engine.scenes.datasets.dataset import ClassTable, Dataset, Fault, SceneEntry
from pointins_engine.types import Scene

FORMAT = 1  # of the files; a reader refuses a later one
INDEX = "dataset.json"

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")  # scenes and splits: they become paths
COLUMNS = {  # dtype, numbers a point
    "coord": (np.float32, 3),
    "color": (np.uint8, 3),
    "normal": (np.float32, 3),
    "intensity": (np.float32, None),
    "semantic_label": (np.int32, None),
    "instance_label": (np.int32, None),
    "is_plane": (np.bool_, None),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """What `dataset.json` says of the scenes beside it. Coordinates are in metres, z up."""

    name: str  # of the dataset that was converted
    title: str
    licence: str
    classes: ClassTable
    splits: Mapping[str, tuple[str, ...]]  # split -> ids of its scenes
    lists: Mapping[str, tuple[str, ...]]  # ids by the name of a split file
    aliases: Mapping[str, tuple[str, ...]]  # splits by names that the dataset has beside its own
    notes: tuple[str, ...]
    provenance: Mapping[str, Any]  # where the scenes came from and how they were changed


class Cached(Dataset):
    """A converted dataset. Its name is that of the dataset which was converted."""

    name = ""
    title = "a converted dataset"
    layout = "cached"
    licence = "that of the dataset which was converted"
    looked_for = f"{INDEX} as `pointins data convert` writes it"

    def __init__(self, root: Path, index: Index) -> None:
        entries = (
            SceneEntry(id=id, split=split, path=scene_path(root, split, id))
            for split, ids in index.splits.items()
            for id in ids
        )
        super().__init__(root, tuple(entries), index.classes, index.notes)
        self.index = index
        self.name = index.name
        self.title = f"{index.title}, converted"
        self.licence = index.licence
        self.aliases = index.aliases
        self.lists = dict(index.lists)

    @classmethod
    def recognise(cls, root: Path) -> Dataset | None:
        """The converted dataset of a folder.

        Raises:
            SceneError: If `dataset.json` is damaged, or a conversion was not finished.
        """
        if (root / INDEX).is_file():
            index = read_index(root / INDEX)
            return None if index is None else cls(root, index)
        scene = next(root.glob("*/*.safetensors"), None)
        if scene is not None and _is_scene(scene):
            raise SceneError(
                f"{root} holds converted scenes without a {INDEX}: the conversion was not "
                "finished. Run the same `pointins data convert` again; it goes on from here."
            )
        return None

    def read(self, entry: SceneEntry) -> tuple[Scene, list[str]]:
        return read_scene_file(entry.path)

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        listed = {entry.path for entry in self.entries}
        for entry in self.entries:
            if not entry.path.is_file():
                yield Fault(
                    path=entry.path,
                    text=f"listed in {INDEX}, but not there",
                    fix="Run the same `pointins data convert` again.",
                )
        for path in sorted(self.root.glob("*/*.safetensors")):
            if path not in listed:
                yield Fault(
                    path=path,
                    text=f"not listed in {INDEX}, so it is passed over",
                    fix="Remove it; it is of an earlier conversion.",
                )


def scene_path(root: Path, split: str, id: str) -> Path:
    return root / split / f"{id}.safetensors"


def write_scene(path: Path, scene: Scene, notes: list[str], fingerprint: str = "") -> None:
    """Write one scene; the file is whole or not there, and the same for the same scene.

    Args:
        path: File to write; its folder is made.
        scene: Every field is kept as it is.
        notes: Sentences of the reader about it.
        fingerprint: Of the files and settings that it was made from.

    Raises:
        RunError: If the file cannot be written.
    """
    arrays = {name: getattr(scene, name) for name in COLUMNS}
    arrays = {name: np.ascontiguousarray(a) for name, a in arrays.items() if a is not None}
    about = {
        "format": FORMAT,
        "id": scene.id,
        "class_names": scene.class_names,
        "source": scene.source,
        "num_dropped": scene.num_dropped,
        "notes": notes,
        "fingerprint": fingerprint,
    }
    # One entry: the library writes several in an order that changes from run to run.
    data = save({**arrays, "origin": scene.origin}, metadata={"scene": json.dumps(about)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{path.parent} cannot be made a folder ({error.strerror}).") from error
    write_bytes(path, data)


def read_scene_file(path: Path) -> tuple[Scene, list[str]]:
    """One converted scene and the notes that were taken when it was converted.

    Raises:
        SceneError: If the file is missing, damaged, of a later version or no scene.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            about = _about(file, path)
            arrays = {name: file.get_tensor(name) for name in file.keys()}
    except (OSError, SafetensorError) as error:
        raise SceneError(f"{path} cannot be read ({error}); convert it again.") from error
    if not _NAME.fullmatch(str(about["id"])):
        raise SceneError(f"{path}: {about['id']!r} cannot name a scene; convert it again.")
    num = len(arrays["coord"]) if "coord" in arrays else 0
    expected = {name: (dtype, (num, k) if k else (num,)) for name, (dtype, k) in COLUMNS.items()}
    expected["origin"] = (np.float64, (3,))
    if not {"coord", "origin"} <= arrays.keys() <= expected.keys() or any(
        (array.dtype.type, array.shape) != expected[name] for name, array in arrays.items()
    ):
        found = ", ".join(f"{name} {a.dtype} {a.shape}" for name, a in sorted(arrays.items()))
        raise SceneError(f"{path} holds {found}, which is no converted scene; convert it again.")
    scene = Scene(
        id=str(about["id"]),
        class_names=tuple(about["class_names"]),
        source=str(about["source"]),
        num_dropped=int(about["num_dropped"]),
        **arrays,
    )
    return scene, list(about["notes"])


def read_fingerprint(path: Path) -> str | None:
    """Fingerprint of a scene's file, or None where no whole scene lies; reads its header only."""
    try:
        with safe_open(path, framework="numpy") as file:
            return str(_about(file, path)["fingerprint"])
    except (OSError, SafetensorError, SceneError):
        return None


def write_index(root: Path, index: Index) -> None:
    """Write `dataset.json`; this comes last, and says that the folder is complete."""
    classes = index.classes
    write_json(
        root / INDEX,
        {
            "layout": "cached",
            "format": FORMAT,
            "name": index.name,
            "title": index.title,
            "licence": index.licence,
            "units": "m",
            "up": "z",
            "classes": {
                "names": classes.names,
                "things": sorted(classes.things),
                "groups": {key: sorted(names) for key, names in sorted(classes.groups.items())},
            },
            "splits": dict(sorted(index.splits.items())),
            "lists": dict(sorted(index.lists.items())),
            "aliases": dict(sorted(index.aliases.items())),
            "notes": index.notes,
            "provenance": dict(index.provenance),
        },
    )


def read_index(path: Path) -> Index | None:
    """What a `dataset.json` says, or None if it is a file of something else.

    Raises:
        SceneError: If it is ours and damaged, or of a later version.
    """
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SceneError(f"{path} is no JSON file ({error}); convert the dataset again.") from error
    if not isinstance(data, dict) or data.get("layout") != "cached":
        return None
    if data.get("format") != FORMAT:
        raise _later(path, data.get("format"))
    try:
        classes = data["classes"]
        index = Index(
            name=str(data["name"]),
            title=str(data["title"]),
            licence=str(data["licence"]),
            classes=ClassTable(
                names=_strings(classes["names"]),
                things=frozenset(_strings(classes["things"])),
                groups={key: frozenset(_strings(v)) for key, v in classes["groups"].items()},
            ),
            splits={split: _strings(ids) for split, ids in data["splits"].items()},
            lists={name: _strings(ids) for name, ids in data["lists"].items()},
            aliases={name: _strings(splits) for name, splits in data["aliases"].items()},
            notes=_strings(data["notes"]),
            provenance=dict(data["provenance"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SceneError(
            f"{path} lacks something or holds another type ({error}); convert the dataset again."
        ) from error
    names = [*index.splits, *(id for ids in index.splits.values() for id in ids)]
    strange = next((name for name in names if not _NAME.fullmatch(name)), None)
    if strange is not None:
        raise SceneError(
            f"{path}: {strange!r} cannot name a scene or split; letters, digits and ._- can."
        )
    return index


def _strings(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"expected a list of strings, got {values!r:.60}")
    return tuple(values)


def _about(file: Any, path: Path) -> dict[str, Any]:
    """The description inside a scene's file."""
    try:
        about = json.loads((file.metadata() or {})["scene"])
        version = about["format"]
        fields = {"id", "class_names", "source", "num_dropped", "notes", "fingerprint"}
        lacking = fields - about.keys()
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise SceneError(
            f"{path} is no converted scene; `pointins data convert` writes them."
        ) from error
    if version != FORMAT:
        raise _later(path, version)
    if lacking:
        raise SceneError(f"{path} lacks {', '.join(sorted(lacking))}; convert it again.")
    return about


def _is_scene(path: Path) -> bool:
    return read_fingerprint(path) is not None


def _later(path: Path, version: object) -> SceneError:
    return SceneError(
        f"{path} is of format {version}, and this version reads format {FORMAT}; "
        "convert the dataset again, or update pointins-studio."
    )
