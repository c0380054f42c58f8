"""What a dataset on disk is to the engine: scenes by split, class names, and how one scene is read.

One file a dataset holds its layouts as subclasses of `Dataset`; `recognise` in the package's
`__init__` finds the one that fits a folder.
"""

import copy
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

from pointins_engine.errors import SceneError
from pointins_engine.types import Scene

Layout = Literal["official", "pointcept", "cached", "scans"]
Task = Literal["pre-training", "semantic segmentation", "instance segmentation"]

ROLES = ("train", "val", "test")  # asked for by these names; "training" and "val_mini" match too
_MAX_LIST_BYTES = 64 << 20  # a split file of all Waymo frames has 3 MB


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassTable:
    """Class names by index, and which of them are countable."""

    names: tuple[str, ...]
    things: frozenset[str] = frozenset()  # classes with instances that are evaluated
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)  # as head, common and tail


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneEntry:
    """Where one scene lies. Nothing is opened before it is asked for."""

    id: str  # [A-Za-z0-9._-]{1,100}, unique in the dataset
    split: str  # "train", "val", "test", or an area of S3DIS
    path: Path  # file or folder that holds the coordinates


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """Something wrong with a dataset's files, and what to do about it."""

    path: Path
    text: str  # what came and what was expected
    fix: str  # one sentence


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitFile:
    """A file that lists the scenes of a split."""

    name: str
    path: Path
    must_fit: bool = True  # False: it may as well be another file of the user's


class Dataset(ABC):
    """A dataset in one of its layouts.

    Attributes:
        name: "scannet", "scannet200", "s3dis", ... as `--scene.dataset` names it.
        title: Name and layout for a person.
        layout: Which of the layouts lies there.
        looked_for: The files that tell this layout, for the message when they are not there.
        only_by_name: True if the same files are another dataset's too, which is taken by default.
        aliases: Splits by names that the files do not use, as `train` of S3DIS's areas.
        root: The folder that was recognised.
        entries: All scenes, sorted by split and id.
        classes: Names behind `semantic_label` of every scene.
        notes: Sentences about the dataset as a whole that its owner should know.
        lists: Scene ids by the name of a split file; they come before the splits of the entries.
    """

    name: str  # these and aliases are of the class, but a converted dataset has its own
    title: str
    layout: ClassVar[Layout]
    licence: str  # one line: terms that come with the data, and whom to cite
    looked_for: ClassVar[str]
    only_by_name: ClassVar[bool] = False
    aliases: Mapping[str, tuple[str, ...]] = {}
    classes: ClassTable

    def __init__(
        self,
        root: Path,
        entries: tuple[SceneEntry, ...],
        classes: ClassTable,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.root = root
        self.entries = tuple(sorted(entries, key=lambda entry: (entry.split, entry.id)))
        self.classes = classes
        self.notes = notes
        self.lists: dict[str, tuple[str, ...]] = {}
        self._list_faults: list[Fault] = []

    @classmethod
    @abstractmethod
    def recognise(cls, root: Path) -> "Dataset | None":
        """The dataset if `root` holds it in this layout, else None; looks at names only."""

    @abstractmethod
    def read(self, entry: SceneEntry) -> tuple[Scene, list[str]]:
        """One scene in metres, z up, and sentences worth telling its owner.

        Raises:
            SceneError: If a file of it is missing or damaged; names the file and the fix.
        """

    def files(self, entry: SceneEntry) -> tuple[Path, ...]:
        """Every file that `read` looks at for this scene and that is there, sorted."""
        if entry.path.is_file():
            return (entry.path,)
        return tuple(sorted(path for path in entry.path.rglob("*") if path.is_file()))

    def group_of(self, entry: SceneEntry) -> str:
        """The drive that a frame was taken on, or "" for a scene that stands alone."""
        return ""

    def faults(self) -> Iterator[Fault]:
        """What is missing or does not belong, as far as names and sizes of files tell."""
        return iter(self._list_faults)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of all splits: those of the entries first, then those of split files."""
        own = sorted({entry.split for entry in self.entries})
        return (*own, *sorted(set(self.lists) - set(own)))

    def has(self, split: str) -> bool:
        """Whether `entries_of` finds anything under this name."""
        return bool(self._find(split))

    def entries_of(self, *splits: str) -> tuple[SceneEntry, ...]:
        """The scenes of the named splits, each once.

        A name is that of a split file, of a split, an alias, or a role: `train` also finds
        `training`.

        Raises:
            SceneError: If there is no such split; names those that there are.
        """
        chosen: dict[str, SceneEntry] = {}
        for split in splits:
            found = self._find(split)
            if not found:
                known = ", ".join((*self.splits, *self.aliases))
                raise SceneError(f"{self.root}: no split is called {split!r}; there are: {known}.")
            chosen |= {entry.id: entry for entry in found}
        return tuple(chosen.values())

    def within(self, folder: Path) -> "Dataset | None":
        """The part of the dataset that lies in `folder`, or None if that is nothing."""
        inside = tuple(e for e in self.entries if folder == e.path or folder in e.path.parents)
        if not inside:
            return None
        part = copy.copy(self)
        part.entries = inside
        return part

    def read_split_files(self) -> "Dataset":
        """Take in split files of the root: `splits/<name>.txt`, one id a line, and JSON lists.

        A line is a scene's id, its path relative to the root, or the name of its group. Other JSON
        files of the root are left alone. Names that no scene has become faults, not errors: a list
        may be longer than what was downloaded.
        """
        places: dict[str, list[str]] = {}
        for entry in self.entries:
            places[entry.id] = [entry.id]
            places.setdefault(entry.path.name, [entry.id])
            if self.root in entry.path.parents:
                places[entry.path.relative_to(self.root).as_posix()] = [entry.id]
        for entry in self.entries:
            if group := self.group_of(entry):
                places.setdefault(group, []).append(entry.id)
        for split in self._split_files():
            self._take_list(split, places)
        return self

    def _split_files(self) -> Iterator[SplitFile]:
        for path in sorted((*self.root.glob("splits/*.txt"), *self.root.glob("splits/*.json"))):
            yield SplitFile(name=path.stem, path=path)
        for path in sorted(self.root.glob("*.json")):
            yield SplitFile(name=path.stem, path=path, must_fit=False)

    def _take_list(self, split: SplitFile, places: Mapping[str, list[str]]) -> None:
        path, names = split.path, _names(split.path)
        if names is None or not (split.must_fit or any(name in places for name in names)):
            if split.must_fit:
                self._list_faults.append(
                    Fault(
                        path=path,
                        text="no list of scene names.",
                        fix="Write one scene id a line, or a JSON list of strings.",
                    )
                )
            return
        self.lists[split.name] = tuple(
            dict.fromkeys(id for name in names for id in places.get(name, ()))
        )
        strange = [name for name in names if name not in places]
        if strange:
            shown = ", ".join(strange[:3]) + (", ..." if len(strange) > 3 else "")
            self._list_faults.append(
                Fault(
                    path=path,
                    text=f"{len(strange):,} of {len(names):,} names are no scene here: {shown}",
                    fix="Get these scenes, or take them out of the list; they are passed over.",
                )
            )

    def _find(self, split: str) -> tuple[SceneEntry, ...]:
        if split in self.lists:
            wanted = frozenset(self.lists[split])
            return tuple(entry for entry in self.entries if entry.id in wanted)
        own = {entry.split for entry in self.entries}
        names: tuple[str, ...] = (split,)
        if split not in own and split in self.aliases:
            names = self.aliases[split]
        elif split not in own and split in ROLES:
            names = tuple(name for name in own if name.startswith(split))
        return tuple(entry for entry in self.entries if entry.split in names)


def unique_entries(entries: list[SceneEntry]) -> tuple[SceneEntry, ...]:
    """The entries, with the split put in front of ids that two splits share."""
    count: dict[str, int] = {}
    for entry in entries:
        count[entry.id] = count.get(entry.id, 0) + 1
    return tuple(
        entry if count[entry.id] == 1 else replace(entry, id=f"{entry.split}-{entry.id}"[:100])
        for entry in entries
    )


def _names(path: Path) -> list[str] | None:
    """The strings of a list of names, or None if the file is something else."""
    if path.stat().st_size > _MAX_LIST_BYTES:
        return None
    try:
        text = path.read_text("utf-8").lstrip()
        if path.suffix == ".txt":
            return [line.strip() for line in text.splitlines() if line.strip()] or None
        names = json.loads(text) if text.startswith("[") else None
    except (UnicodeDecodeError, ValueError):
        return None
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        return None
    return [name.strip("/") for name in names]
