"""The JSON tables of nuScenes, as far as LiDAR keyframes need them.

`sample_data.json` and `ego_pose.json` of the full set hold 2.6 million records each; they are read
in pieces, and only the records that are asked for are parsed.
"""

import json
import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from pointins_engine.errors import SceneError

NEEDED = ("sample_data.json", "sample.json", "scene.json")

_PIECE = 1 << 24  # bytes read at a time
_TOKEN = re.compile(rb'"token"\s*:\s*"([^"]*)"')
_KEYFRAME = re.compile(rb"samples\\?/LIDAR_TOP\\?/")


@dataclass(frozen=True, kw_only=True, slots=True)
class Keyframe:
    """One annotated sweep of the roof LiDAR."""

    token: str  # of sample_data: names the label files
    filename: str  # relative to the root
    scene: str  # "scene-0061"
    number: int  # of the keyframe within its scene, in time
    ego_pose: str  # token
    sensor: str  # token of calibrated_sensor


def keyframes(tables: Path) -> list[Keyframe]:
    """All keyframes of a version folder, by scene and time.

    Raises:
        SceneError: If a table is missing, damaged, or refers to what another one does not hold.
    """
    scenes = {row["token"]: row["name"] for row in _table(tables / "scene.json", "token", "name")}
    scene_of = {
        row["token"]: row["scene_token"]
        for row in _table(tables / "sample.json", "token", "scene_token")
    }
    path = tables / "sample_data.json"
    fields = ("token", "sample_token", "filename", "timestamp", "is_key_frame")
    found = [
        row
        for row in _checked(_records(path, _KEYFRAME, lambda match: True), path, *fields)
        if row["is_key_frame"] is True
    ]
    try:
        named = sorted(
            ((scenes[scene_of[row["sample_token"]]], row["timestamp"], row) for row in found),
            key=lambda entry: entry[:2],
        )
    except (KeyError, TypeError) as error:
        raise SceneError(
            f"{path}: a record does not fit sample.json and scene.json ({error}); "
            "unpack the tables of one version again."
        ) from error
    frames, number, last = [], 0, None
    for scene, _, row in named:
        number = number + 1 if scene == last else 0
        last = scene
        frames.append(
            Keyframe(
                token=str(row["token"]),
                filename=str(row["filename"]),
                scene=str(scene),
                number=number,
                ego_pose=str(row.get("ego_pose_token", "")),
                sensor=str(row.get("calibrated_sensor_token", "")),
            )
        )
    return frames


def class_ids(tables: Path) -> dict[int, str]:
    """Names of the raw class ids where `category.json` has them, as the lidarseg tables do."""
    if not (tables / "category.json").is_file():
        return {}
    rows = _table(tables / "category.json", "name")
    return {row["index"]: str(row["name"]) for row in rows if isinstance(row.get("index"), int)}


def transforms(path: Path, tokens: Set[str]) -> dict[str, Float64[np.ndarray, "4 4"]]:
    """Matrices of the records of ego_pose.json or calibrated_sensor.json with these tokens."""

    def is_asked_for(match: re.Match[bytes]) -> bool:
        return match[1].decode("utf-8", "replace") in tokens

    rows = _records(path, _TOKEN, is_asked_for)
    rows = _checked(rows, path, "token", "rotation", "translation")
    return {row["token"]: _matrix(row, path) for row in rows}


def _matrix(row: dict[str, Any], path: Path) -> Float64[np.ndarray, "4 4"]:
    """A unit quaternion w x y z and a translation in metres as a matrix."""
    try:
        quaternion = np.array(row["rotation"], np.float64).reshape(4)
        translation = np.array(row["translation"], np.float64).reshape(3)
        w, x, y, z = quaternion / np.linalg.norm(quaternion)
    except (ValueError, TypeError) as error:
        raise SceneError(f"{path}: record {row['token']} holds no pose ({error}).") from error
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, 3] = translation
    return matrix


def _table(path: Path, *fields: str) -> list[dict[str, Any]]:
    """A small table, whole."""
    try:
        rows = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SceneError(f"{path} cannot be read ({error}); unpack the tables again.") from error
    if not isinstance(rows, list):
        raise SceneError(f"{path}: expected a JSON list of records; unpack the tables again.")
    return list(_checked(rows, path, *fields))


def _checked(rows: Any, path: Path, *fields: str) -> Iterator[dict[str, Any]]:
    for row in rows:
        if not isinstance(row, dict) or not set(fields) <= row.keys():
            raise SceneError(
                f"{path}: a record lacks one of {', '.join(fields)}; unpack the tables again."
            )
        yield row


def _records(
    path: Path, pattern: re.Pattern[bytes], is_asked_for: Callable[[re.Match[bytes]], bool]
) -> Iterator[dict[str, Any]]:
    """Records of a large table in which a pattern occurs; records hold no objects of their own."""
    rest = b""
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                rest += piece
                end = 0
                whole = rest.rfind(b"}") + 1
                for match in pattern.finditer(rest, 0, whole):
                    if match.start() >= end and is_asked_for(match):
                        end = rest.index(b"}", match.end()) + 1
                        yield json.loads(rest[rest.rindex(b"{", 0, match.start()) : end])
                rest = rest[whole:]
    except (OSError, ValueError) as error:
        raise SceneError(f"{path} cannot be read ({error}); unpack the tables again.") from error
    if not rest.rstrip().endswith(b"]"):
        raise SceneError(f"{path} was cut off in the middle; unpack the tables again.")
