"""Columns that arithmetic survives, whatever a damaged file holds."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pointins_engine.errors import SceneError

if TYPE_CHECKING:
    from pointins_engine.scenes.readers.raw import RawScan

_FARTHEST = 1e11  # units of the file: beyond the Earth even in millimetres; damage, no position


def sane(raw: "RawScan", path: Path) -> "RawScan":
    """The columns with numbers that arithmetic survives, whatever a damaged file holds.

    Raises:
        SceneError: If a column is of a type that holds no numbers, or ids are no whole numbers.
    """
    columns: dict[str, np.ndarray | None] = {}
    for name in ("coord", "color", "normal", "intensity", "semantic", "instance"):
        column = getattr(raw, name)
        if column is not None and column.dtype.kind not in "fiub":
            raise SceneError(f"{path}: {name} is of type {column.dtype}; numbers are needed.")
        columns[name] = column
    coord = np.array(raw.coord, np.float64)
    coord[np.abs(coord) > _FARTHEST] = np.nan  # dropped with the points that have no position
    columns["coord"] = coord
    for name, what in (("semantic", "class ids"), ("instance", "instance ids")):
        column = columns[name]
        if column is not None:
            columns[name] = whole_numbers(column, what, path)
    for name in ("color", "normal", "intensity"):
        column = columns[name]
        if column is not None and column.dtype.kind == "f":
            columns[name] = np.where(np.abs(column) < _FARTHEST, column, 0)
    return replace(raw, **columns)


def whole_numbers(column: np.ndarray, what: str, path: Path) -> np.ndarray:
    """Ids as int64; NaN, as some programs write for "none", becomes -1.

    Raises:
        SceneError: If a value is no whole number that 32 bits hold.
    """
    values = np.where(np.isnan(column), -1, column) if column.dtype.kind == "f" else column
    if values.dtype.kind not in "iub":
        whole = np.rint(np.clip(values, -(2.0**40), 2.0**40))
        if (values != whole).any():
            odd = float(values[values != whole][0])
            raise SceneError(
                f"{path}: {what} hold {odd:g}, which is no whole number; leave the column out or "
                "round it."
            )
        values = whole
    if len(values) and (values.max() >= 1 << 31 or values.min() < -(1 << 31)):
        raise SceneError(f"{path}: {what} reach beyond 32 bits; number them anew, from 0 on.")
    return values.astype(np.int64)
