"""Scenes: readers of scans, simulated rooms and streets, planes found without labels."""

from pointins_engine.scenes.source import SceneSet, open_scenes

__all__ = ["SceneSet", "open_scenes"]
