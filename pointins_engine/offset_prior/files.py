"""Priors as small JSON files, checked field by field when they are read.

docs/priors.md shows one. A file made by a newer version of the format is refused, not guessed at.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pointins_engine.config import PriorConfig, RunConfig, from_dict
from pointins_engine.errors import ConfigError, RunError
from pointins_engine.offset_prior.record import (
    AXES,
    PARAMETERS,
    FamilyFit,
    Method,
    PriorRecord,
    Provenance,
    builtin_priors,
    check_parameters,
    is_number,
    record_of,
)
from pointins_engine.run_log.files import read_json, write_bytes
from pointins_engine.run_log.paths import RunPaths

FORMAT = "pointins-prior"
VERSION = 1


def write_prior(path: Path, record: PriorRecord) -> None:
    """Write a record as JSON, one line a field; whole or not at all.

    Raises:
        RunError: If the file cannot be written.
    """
    lines = (f" {json.dumps(key)}: {_dumped(value)}" for key, value in to_json(record).items())
    write_bytes(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def _dumped(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def read_prior(path: Path) -> PriorRecord:
    """A prior from its file.

    Raises:
        RunError: If the file is missing or no JSON.
        ConfigError: If it is no prior, or one with an impossible value; names file, field and fix.
    """
    data = read_json(path)
    try:
        return from_json(data)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def find_prior(text: str) -> PriorRecord:
    """A prior by what a person calls it: a built-in name, a file, or a run folder.

    Raises:
        RunError: If the file or folder cannot be read.
        ConfigError: If there is nothing of that name, or it is no prior.
    """
    built_in = builtin_priors()
    if text in built_in:
        return built_in[text]
    path = Path(text).expanduser()
    if path.is_dir():
        return prior_of_run(path)
    if not path.exists():
        raise ConfigError(
            f"{text!r} is no prior: neither a built-in one ({', '.join(built_in)}) nor a file or "
            "run folder. `pointins prior fit` makes a file."
        )
    return read_prior(path)


def prior_of_run(root: Path) -> PriorRecord:
    """The prior of a run: its `prior.json`, or what older runs kept in their checkpoints.

    Raises:
        RunError: If the folder holds no run, or its prior was measured and is not there.
    """
    paths = RunPaths(root)
    if paths.prior.exists():
        return read_prior(paths.prior)
    kept = [read_json(file) for file in sorted(paths.checkpoints.glob("[0-9]*/trainer.json"))]
    priors = [data["prior"] for data in kept if "prior" in data]
    if priors:
        return record_of(from_dict(priors[-1], PriorConfig))
    config: RunConfig = from_dict(read_json(paths.run)["config"])
    if config.odr.prior.kind in ("hdbscan", "file"):
        raise RunError(
            f"{paths.prior} is missing, and the prior of this run was measured "
            f"(odr.prior.kind {config.odr.prior.kind!r}). Copy the file back, or start a new run."
        )
    return record_of(config.odr.prior)


def to_json(record: PriorRecord) -> dict[str, Any]:
    """The record as plain values, ready for JSON."""
    made_of = record.provenance
    data: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "name": record.name,
        "kind": record.kind,
    }
    if record.kind == "empirical":
        data["quantiles"] = list(record.quantiles)
    else:
        data["parameters"] = dict(record.parameters)
    if record.direction:
        data["direction"] = dict(zip(AXES, map(list, record.direction), strict=True))
    data["provenance"] = {
        "method": made_of.method,
        "source": made_of.source,
        "labels_used": made_of.labels_used,
        "num_scenes": len(made_of.scenes),
        "scenes": list(made_of.scenes),
        "num_lengths": made_of.num_lengths,
        "seed": made_of.seed,
        "settings": dict(made_of.settings),
        "libraries": dict(made_of.libraries),
        "fits": [
            {"kind": fit.kind, "parameters": dict(fit.parameters), "w1_m": fit.w1_m, "ks": fit.ks}
            for fit in made_of.fits
        ],
    }
    return data


def from_json(data: Mapping[str, Any]) -> PriorRecord:
    """The record of `to_json`'s output, checked field by field.

    Raises:
        ConfigError: If a field is missing, unknown or impossible; names it.
    """
    if data.get("format") != FORMAT:
        raise ConfigError(
            f"this is no prior: its format is {data.get('format')!r}, expected {FORMAT!r}. "
            "`pointins prior fit` makes one."
        )
    if data.get("version") != VERSION:
        raise ConfigError(
            f"this prior has version {data.get('version')!r}, and version {VERSION} is read here. "
            "Update this program, or fit the prior again."
        )
    kind = _taken(data, "kind", str)
    if kind not in PARAMETERS:
        raise ConfigError(f"a prior's kind is one of {', '.join(PARAMETERS)}; got {kind!r}.")
    body = "quantiles" if kind == "empirical" else "parameters"
    _refuse_unknown(
        data, "", {"format", "version", "name", "kind", body, "direction", "provenance"}
    )
    parameters, quantiles = {}, ()
    if kind == "empirical":
        quantiles = _numbers(_taken(data, "quantiles", list), "quantiles")
    else:
        parameters = dict(_taken(data, "parameters", dict))
    direction = ()
    if "direction" in data:
        tables = _taken(data, "direction", dict)
        _refuse_unknown(tables, "direction.", set(AXES))
        direction = tuple(
            _numbers(_taken(tables, axis, list, "direction."), f"direction.{axis}") for axis in AXES
        )
    return PriorRecord(
        name=_taken(data, "name", str),
        kind=kind,
        parameters=parameters,
        quantiles=quantiles,
        direction=direction,
        provenance=_provenance(_taken(data, "provenance", dict)),
    )


_PROVENANCE: dict[str, type | tuple[type, ...]] = {
    "method": str,
    "source": str,
    "labels_used": bool,
    "num_scenes": int,
    "scenes": list,
    "num_lengths": int,
    "seed": (int, type(None)),
    "settings": dict,
    "libraries": dict,
    "fits": list,
}


def _provenance(data: Mapping[str, Any]) -> Provenance:
    path = "provenance."
    _refuse_unknown(data, path, set(_PROVENANCE))
    values = {name: _taken(data, name, kind, path) for name, kind in _PROVENANCE.items()}
    if values["method"] not in get_args(Method):
        known = ", ".join(get_args(Method))
        raise ConfigError(f"{path}method is one of {known}; got {values['method']!r}.")
    if values.pop("num_scenes") != len(values["scenes"]):
        raise ConfigError(f"{path}num_scenes is not the number of {path}scenes.")
    values["scenes"] = tuple(map(str, values["scenes"]))
    values["fits"] = tuple(_fit(fit) for fit in values["fits"])
    return Provenance(**values)


def _fit(data: Any) -> FamilyFit:
    path = "provenance.fits."
    if not isinstance(data, dict):
        raise ConfigError(f"{path[:-1]} holds objects; got {data!r}.")
    _refuse_unknown(data, path, {"kind", "parameters", "w1_m", "ks"})
    parameters = _taken(data, "parameters", dict, path)
    check_parameters(_taken(data, "kind", str, path), parameters)
    w1_m, ks = (float(_taken(data, name, (int, float), path)) for name in ("w1_m", "ks"))
    return FamilyFit(kind=data["kind"], parameters=parameters, w1_m=w1_m, ks=ks)


def _taken(
    data: Mapping[str, Any], name: str, kind: type | tuple[type, ...], path: str = ""
) -> Any:
    if name not in data:
        raise ConfigError(f"the field {path}{name} is missing. Fit the prior again.")
    value = data[name]
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        expected = " or ".join("null" if k is type(None) else k.__name__ for k in kinds)
        raise ConfigError(f"{path}{name} is {value!r}, expected {expected}.")
    return value


def _refuse_unknown(data: Mapping[str, Any], path: str, known: set[str]) -> None:
    unknown = sorted(set(data) - known)
    if unknown:
        raise ConfigError(
            f"unknown field {path}{unknown[0]}; known here: {', '.join(sorted(known))}."
        )


def _numbers(values: list[Any], name: str) -> tuple[float, ...]:
    for place, value in enumerate(values):
        if not is_number(value):
            raise ConfigError(f"entry {place} of {name} is {value!r}, expected a finite number.")
    return tuple(float(value) for value in values)
