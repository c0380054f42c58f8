"""Where every value of a configuration comes from. No torch here.

The comment behind a field in `config.py` ends with its source in parentheses: P = PointINS, S =
Sonata, D = DOS, V = PTv3, T = our own trials (docs/LOG.md), O = our own choice, A.. = an entry of
docs/readings.md. What a recipe or preset changes has a reason of its own, next to the change.
"""

import inspect
import re
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any

from pointins_engine.config import RunConfig, flat
from pointins_engine.recipes import RECIPES, get_recipe, recipe_changes

LEGEND = (
    "Sources: P PointINS, S Sonata, D DOS, V PTv3, T our own trials (docs/LOG.md), "
    "O our own choice, A.. a reading in docs/readings.md."
)
FIELD = re.compile(r"^    (\w+): ")
SOURCE = re.compile(r"^(?P<meaning>.*?)\s*\((?P<source>(?:[PSDVTO]|A\d+)\b[^()]*)\)$")


@dataclass(frozen=True, slots=True)
class FieldNote:
    """What a field means and where its default comes from."""

    meaning: str
    source: str


def field_notes() -> dict[str, FieldNote]:
    """Notes of all fields, by dotted name, in the order of the configuration."""
    return _notes(RunConfig(), "")


def describe_recipe(name: str, preset: str | None = None) -> str:
    """Every value of a recipe with its source, as text for a terminal."""
    config, changes = get_recipe(name, preset), recipe_changes(name, preset)
    recipe = RECIPES[name]
    values = flat(config)
    notes = field_notes()
    width = max(map(len, values))
    shown = {field: _written(value) for field, value in values.items()}
    lines = [
        f"{name}, preset {preset or recipe.preset}: {recipe.purpose}",
        recipe.expect,
        f"{recipe.command}{f' --preset {preset}' if preset else ''}",
        "",
        f"encoder: {config.backbone.num_parameters(config.scene.in_channels):,} parameters, "
        f"{config.scene.in_channels} input channels, cells of {config.cell_size:g} m in the losses",
        "",
    ]
    group = ""
    for field, value in shown.items():
        if (first := field.partition(".")[0]) != group and "." in field:
            lines.append("")
            group = first
        source = changes[field][1] if field in changes else notes[field].source
        lines.append(f"{field:<{width}}  {value:<20}  {notes[field].meaning}  [{source}]")
    return "\n".join([*lines, "", LEGEND])


def _written(value: Any) -> str:
    return " ".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)


def _notes(config: Any, path: str) -> dict[str, FieldNote]:
    notes: dict[str, FieldNote] = {}
    comments = _comments(type(config))
    for field in fields(config):
        value = getattr(config, field.name)
        if is_dataclass(value):
            notes |= _notes(value, f"{path}{field.name}.")
            continue
        match = SOURCE.match(comments.get(field.name, ""))
        assert match, f"the comment of {path}{field.name} does not end with a source"
        notes[path + field.name] = FieldNote(match["meaning"].rstrip(":; "), match["source"])
    return notes


@cache
def _comments(record: type) -> dict[str, str]:
    """The comment of each field of a record: behind it, or on the lines right above."""
    lines = inspect.getsource(record).splitlines()
    comments: dict[str, str] = {}
    above: list[str] = []
    for line in lines:
        code, _, comment = line.partition("# ")
        name = FIELD.match(code)
        if name:
            comments[name[1]] = " ".join([*above, comment]).strip()
        above = [*above, comment] if comment and not code.strip() else []
    return comments
