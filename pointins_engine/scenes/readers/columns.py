"""Columns by the names that programs give them: one place for PLY, text tables and extra bytes."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers.raw import RawScan, as_instance
from pointins_engine.scenes.readers.sanity import whole_numbers

# Lower case, letters and digits only; the first that is there is read.
_COORD = (
    ("x", "y", "z"),
    ("coordx", "coordy", "coordz"),
    ("pointx", "pointy", "pointz"),
    ("easting", "northing", "elevation"),
    ("easting", "northing", "height"),
)
_COLOR = (
    ("red", "green", "blue"),
    ("diffusered", "diffusegreen", "diffuseblue"),
    ("r", "g", "b"),
)
_NORMAL = (("nx", "ny", "nz"), ("normalx", "normaly", "normalz"))
_INTENSITY = ("intensity", "scalarintensity", "reflectance", "remission", "scalarreflectance")
_SEMANTIC = ("semanticlabel", "semantic", "label", "scalarlabel", "class", "segment",
             "classification", "scalarclassification")  # fmt: skip
_INSTANCE = ("instancelabel", "instance", "instanceid", "objectid", "scalarinstance", "treeid")

Columns = Mapping[str, np.ndarray]


def clean_name(name: str) -> str:
    """A column's name as the tables above hold it; units in brackets are left out."""
    bare = name.split("[")[0].split("(")[0]
    return "".join(c for c in bare.lower() if c.isascii() and c.isalnum())


def holds_coordinates(names: list[str]) -> bool:
    return any(set(triple) <= {clean_name(name) for name in names} for triple in _COORD)


def scan_of_columns(
    columns: Columns, path: Path, notes: tuple[str, ...] = (), *, first_instance: int = 1
) -> RawScan:
    """A scan from named columns of equal length.

    A column `label` is a class id; `instance` is an instance id, where what is below
    `first_instance` means none.

    Raises:
        SceneError: If there is no x, y, z.
    """
    named: dict[str, np.ndarray] = {}
    for name, column in columns.items():
        named.setdefault(clean_name(name), column)
    coord = _triple(named, _COORD, np.float64)
    if coord is None:
        raise SceneError(f"{path}: the columns are {some_names(columns)}; x, y and z are needed.")
    semantic, instance = _first(named, _SEMANTIC), _first(named, _INSTANCE)
    return RawScan(
        coord=coord,
        color=_triple(named, _COLOR),
        normal=_triple(named, _NORMAL),
        intensity=_first(named, _INTENSITY),
        semantic=None if semantic is None else whole_numbers(semantic, "class ids", path),
        instance=None
        if instance is None
        else as_instance(whole_numbers(instance, "instance ids", path), first_instance),
        notes=notes,
    )


def names_read(columns: list[str]) -> set[str]:
    """Which of these columns `scan_of_columns` understands."""
    triples = (name for triple in (*_COORD, *_COLOR, *_NORMAL) for name in triple)
    known = {*triples, *_INTENSITY, *_SEMANTIC, *_INSTANCE}
    return {name for name in columns if clean_name(name) in known}


def _triple(
    columns: Columns,
    choices: tuple[tuple[str, str, str], ...],
    dtype: type[np.float64] | None = None,
) -> np.ndarray | None:
    for names in choices:
        if set(names) <= set(columns):
            return np.stack([columns[name] for name in names], axis=1, dtype=dtype)
    return None


def _first(columns: Columns, choices: tuple[str, ...]) -> np.ndarray | None:
    for name in choices:
        if name in columns:
            return columns[name].astype(columns[name].dtype.newbyteorder("="))
    return None


def some_names(names: Iterable[str]) -> str:
    """The first names, cut where they are long, for sentences."""
    listed = list(names)
    return ", ".join(name[:40] for name in listed[:12]) + (", ..." if len(listed) > 12 else "")
