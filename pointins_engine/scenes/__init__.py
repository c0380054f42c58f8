"""Scenes: readers of scans, simulated rooms and streets, planes found without labels."""

from pointins_engine.scenes.from_arrays import scene_from_arrays, scene_from_open3d
from pointins_engine.scenes.readers import read_scene
from pointins_engine.scenes.report import describe, format_report
from pointins_engine.scenes.source import SceneSet, open_scenes

__all__ = [
    "SceneSet",
    "describe",
    "format_report",
    "open_scenes",
    "read_scene",
    "scene_from_arrays",
    "scene_from_open3d",
]
