"""Fields of the configuration for forms: kind, choices, meaning, source; and values that come back.

Types are read from the records of `config.py`, meanings and sources from the comments behind their
fields, so a form never says anything that the code does not.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pointins_engine.config import RunConfig
from pointins_engine.errors import ConfigError
from pointins_engine.provenance import FieldNote, field_notes

Kind = Literal["number", "int", "switch", "choice", "text", "numbers", "texts", "pairs"]
MAX_TEXT = 1000  # characters of a value
MAX_ITEMS = 1000  # entries of a list
_SCALARS: dict[type, Kind] = {bool: "switch", int: "int", float: "number", str: "text"}


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldType:
    """How a value of a field is entered.

    Attributes:
        choices: What it, or each of its entries, may be; empty = anything of the kind.
        length: Entries of a list, if their number is fixed.
        whole: Whether the entries of a list of numbers are whole.
    """

    kind: Kind
    choices: tuple[str, ...] = ()
    length: int | None = None
    whole: bool = False


@cache
def field_types() -> dict[str, FieldType]:
    """All fields by dotted name, in the order of the configuration."""
    return _types(RunConfig, "")


@cache
def notes() -> dict[str, FieldNote]:
    return field_notes()


def field_record(name: str, value: Any, source: str | None = None) -> dict[str, Any]:
    """A field as JSON: name, group, value, kind, choices or length, about, source.

    Args:
        name: Dotted name.
        value: Present value.
        source: Where that value comes from; without it the source of the default.
    """
    known = field_types()[name]
    record = {
        "name": name,
        "group": name.rpartition(".")[0],
        "value": value,
        "kind": known.kind,
        "about": notes()[name].meaning,
        "source": notes()[name].source if source is None else source,
    }
    if known.choices:
        record["choices"] = list(known.choices)
    if known.length is not None:
        record["length"] = known.length
    return record


def checked_values(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Values of a form as the configuration holds them, and a sentence for each that is wrong."""
    good: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, value in values.items():
        try:
            good[name] = checked_value(name, value)
        except ConfigError as error:
            errors[str(name)[:MAX_TEXT]] = str(error)
    return good, errors


def checked_value(name: str, value: Any) -> Any:
    """One value as the configuration holds it.

    Raises:
        ConfigError: If there is no such field, or the value is not of its kind.
    """
    known = field_types().get(name)
    if known is None:
        raise ConfigError(f"there is no field {name[:100]!r}.")
    match known.kind:
        case "switch":
            return _require(value, isinstance(value, bool), name, "true or false")
        case "int" | "number":
            return _number(value, name, whole=known.kind == "int")
        case "choice" | "text":
            return _text(value, name, known.choices)
    _require(value, isinstance(value, list | tuple), name, "a list")
    _require(value, len(value) <= MAX_ITEMS, name, f"a list of at most {MAX_ITEMS} entries")
    if known.length is not None:
        _require(value, len(value) == known.length, name, f"a list of {known.length} entries")
    if known.kind == "texts":
        return tuple(_text(entry, name, known.choices) for entry in value)
    if known.kind == "numbers":
        return tuple(_number(entry, name, whole=known.whole) for entry in value)
    for pair in value:
        is_pair = isinstance(pair, list | tuple) and len(pair) == 2
        _require(pair, is_pair, name, "a list of pairs of numbers")
    return tuple(tuple(_number(entry, name, whole=False) for entry in pair) for pair in value)


def refusals(
    values: Mapping[str, Any], apply: Callable[[Mapping[str, Any]], object]
) -> dict[str, str]:
    """What is wrong with values that are of the right kinds, a sentence a field.

    Args:
        values: By dotted name.
        apply: Puts values into a configuration; raises ConfigError at the first that is wrong.
    """
    errors: dict[str, str] = {}
    rest = dict(values)
    while rest and (message := _refusal(rest, apply)):
        # It is about the field that is refused by itself in these words; else about those named.
        alone = [name for name in rest if _refusal({name: rest[name]}, apply) == message]
        named = [name for name in rest if name in message]
        for name in alone or named or list(rest):
            errors[name] = message
            del rest[name]
    return errors


def _refusal(values: Mapping[str, Any], apply: Callable[[Mapping[str, Any]], object]) -> str:
    try:
        apply(values)
    except ConfigError as error:
        return str(error)
    return ""


def flag(name: str, value: Any) -> list[str]:
    """The words that set a field on the command line; they never read as another option."""
    group, _, last = name.rpartition(".")
    dashed = last.replace("_", "-")
    prefix = f"--{group}." if group else "--"
    if isinstance(value, bool):
        return [f"{prefix}{'' if value else 'no-'}{dashed}"]
    if not isinstance(value, list | tuple):
        return [f"{prefix}{dashed}={value}"]
    flat = [entry for item in value for entry in (item if isinstance(item, tuple) else (item,))]
    return [f"{prefix}{dashed}", *map(str, flat)]


def _types(record: type, path: str) -> dict[str, FieldType]:
    hints = get_type_hints(record)
    found: dict[str, FieldType] = {}
    for field in dataclasses.fields(record):
        hint, name = hints[field.name], path + field.name
        if dataclasses.is_dataclass(hint):
            found |= _types(hint, f"{name}.")  # type: ignore[arg-type]
        else:
            found[name] = _type(hint)
    return found


def _type(hint: Any) -> FieldType:
    if get_origin(hint) is Literal:
        return FieldType(kind="choice", choices=get_args(hint))
    if get_origin(hint) is not tuple:
        return FieldType(kind=_SCALARS[hint])
    entries = get_args(hint)
    length = None if Ellipsis in entries else len(entries)
    if get_origin(entries[0]) is tuple:
        return FieldType(kind="pairs")
    entry = _type(entries[0])
    if entry.kind in ("choice", "text"):
        return FieldType(kind="texts", choices=entry.choices, length=length)
    return FieldType(kind="numbers", length=length, whole=entry.kind == "int")


def _require(value: Any, ok: bool, name: str, rule: str) -> Any:
    if not ok:
        raise ConfigError(f"{name} must be {rule}, got {str(value)[:100]!r}.")
    return value


def _number(value: Any, name: str, *, whole: bool) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if whole:
        is_whole = is_number and abs(value) < 2**63 and float(value).is_integer()
        return int(_require(value, is_whole, name, "a whole number"))
    is_finite = is_number and abs(value) < 1e30 and math.isfinite(value)
    return float(_require(value, is_finite, name, "a number"))


def _text(value: Any, name: str, choices: tuple[str, ...]) -> str:
    if choices:
        return _require(value, value in choices, name, f"one of {', '.join(choices)}")
    ok = isinstance(value, str) and len(value) <= MAX_TEXT and value.isprintable()
    _require(value, ok, name, f"one line of at most {MAX_TEXT} characters")
    return _require(value, not value.startswith("-"), name, "a text that does not start with '-'")
