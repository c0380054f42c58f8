"""Instances merged, split, removed and named by hand: the layer `edited`. No torch. M cells."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from pointins_engine.errors import ConfigError, RunError
from pointins_engine.segment.figures import figures_of
from pointins_engine.segment.folder import SegmentationFolder, read_scan
from pointins_engine.segment.layers import MAX_INSTANCES, read_layer, write_layer

EDITED = "edited"
MAX_NAME = 100  # letters


class StaleEdits(RunError):
    """Edits that were made on an older version than the one that is there.

    Attributes:
        version: Of the edits that are there.
    """

    def __init__(self, version: int, built_on: int) -> None:
        super().__init__(
            f"the instances were edited elsewhere in the meantime (version {version}, these edits "
            f"began from {built_on}); reload the page and edit again."
        )
        self.version = version


def apply_edits(
    root: Path,
    base_layer: str,
    labels: Int32[np.ndarray, " m"],
    names: Mapping[int, str] | Mapping[str, str],
    version: int,
) -> int:
    """Store what a person made of a layer as the layer `edited`.

    No id changes. An instance that is cell for cell what it was keeps its score and its name; all
    others count as made by hand, with score 1.

    Args:
        root: Folder of the segmentation.
        base_layer: Layer that the edits began from.
        labels: Instance of each cell, -1 = none.
        names: Of instances, by id; those of ids without cells are left out, an empty one is taken
            away.
        version: Of the edits that the person saw; 0 if there were none.

    Returns:
        The version of the new edits.

    Raises:
        StaleEdits: If others were stored since.
        ConfigError: If labels or names are not possible.
        RunError: If the layer does not exist or nothing can be written.
    """
    folder = SegmentationFolder(root)
    current = edits_version(folder)
    if version != current:
        raise StaleEdits(current, version)
    if base_layer == EDITED:
        raise ConfigError("edits begin from a layer that was found, not from earlier edits.")
    scan = read_scan(folder)
    base = read_layer(folder, base_layer, scan)
    _check_labels(labels, len(base.cell_label))
    num = max(int(labels.max(initial=-1)) + 1, len(base.score))
    size, was, kept = (
        np.bincount(of, minlength=num)
        for of in (
            labels[labels >= 0],
            base.cell_label[base.cell_label >= 0],
            labels[(labels >= 0) & (labels == base.cell_label)],
        )
    )
    is_untouched = (size == was) & (size == kept)
    score = np.ones(num)
    score[: len(base.score)] = np.where(is_untouched[: len(base.score)], base.score, 1.0)
    called = {id: name for id, name in base.names.items() if is_untouched[id]}
    called |= _checked_names(names)
    edited = replace(
        base,
        cell_label=labels.astype(np.int64),
        score=score,
        names={id: name for id, name in called.items() if name and id < num and size[id]},
        by_hand=frozenset(np.flatnonzero(~is_untouched & (size > 0)).tolist()),
        method=EDITED,
        settings={},
        seconds={},
    )
    record = folder.read_layer_record(base_layer)
    write_layer(
        folder,
        EDITED,
        edited,
        label="Edited by hand",
        figures=figures_of(edited, scan),
        votes=record["votes"],
        more={
            "version": version + 1,
            "base": base_layer,
            "names": {str(id): name for id, name in edited.names.items()},
        },
    )
    return version + 1


def edits_version(folder: SegmentationFolder) -> int:
    """Version of the edits that are there; 0 without any."""
    if EDITED not in folder.layer_names():
        return 0
    return int(folder.read_layer_record(EDITED)["version"])


def delete_edits(root: Path) -> None:
    """Back to what was found."""
    folder = SegmentationFolder(root)
    for path in (folder.layer(EDITED), folder.frame(EDITED)):
        path.unlink(missing_ok=True)


def _check_labels(labels: np.ndarray, num_cells: int) -> None:
    if labels.shape != (num_cells,):
        raise ConfigError(
            f"{labels.size:,} labels came for {num_cells:,} cells; each cell needs one."
        )
    if num_cells and (labels.min() < -1 or labels.max() >= MAX_INSTANCES):
        raise ConfigError(
            f"labels reach from {labels.min()} to {labels.max()}; expected -1 for none, and ids "
            f"below {MAX_INSTANCES:,}."
        )


def _checked_names(names: Mapping[int, str] | Mapping[str, str]) -> dict[int, str]:
    checked = {}
    for key, name in names.items():
        is_id = str(key).isascii() and str(key).isdecimal()
        if not is_id or not isinstance(name, str):
            raise ConfigError(f"{str(key)[:40]!r} is no id with a name; expected ids with texts.")
        if len(name) > MAX_NAME or not all(c.isprintable() for c in name):
            raise ConfigError(
                f"the name of instance {key} has {len(name)} letters; at most {MAX_NAME} are "
                "kept, all on one line."
            )
        checked[int(key)] = name.strip()
    return checked
