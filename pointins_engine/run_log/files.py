"""Writing files that are either whole or not there, and reading lines that may be torn."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from pointins_engine.errors import RunError


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, under a temporary name beside `path`: renamed if all went well.

    Raises:
        RunError: If it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise RunError(f"{path} cannot be written ({error.strerror}).") from error
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to a temporary name beside `path`, flush it, and rename."""
    with whole_file(path) as file:
        file.write(data)


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    write_bytes(path, json.dumps(data, indent=1, allow_nan=False).encode() + b"\n")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        RunError: If the file is missing or holds something else.
    """
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise RunError(f"{path} is not JSON ({error}).") from error
    if not isinstance(data, dict):
        raise RunError(f"{path} holds a {type(data).__name__}, expected a JSON object.")
    return data


def write_arrays(
    path: Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None
) -> int:
    """Write a safetensors file into a folder, made if the one above is there; returns its bytes.

    Raises:
        RunError: If it cannot be written; a run folder that was deleted is not made again.
    """
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    data = save(contiguous, metadata=dict(metadata or {}))
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}).") from error
    write_bytes(path, data)
    return len(data)


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays and metadata of a safetensors file.

    Raises:
        RunError: If the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise RunError(f"{path} cannot be read as safetensors ({error}).") from error


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Append one JSON object as one line, in one write.

    Raises:
        RunError: If it cannot be written.
    """
    append(path, json.dumps(record, allow_nan=False, separators=(",", ":")).encode() + b"\n")


def append(path: Path, line: bytes) -> None:
    """Append a line, whole or not at all: half of one would spoil the next.

    Raises:
        RunError: If it cannot be written.
    """
    try:
        with path.open("ab", buffering=0) as file:
            size = file.tell()
            try:
                rest = memoryview(line)
                while rest:
                    rest = rest[file.write(rest) :]
            except OSError:
                file.truncate(size)
                raise
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}).") from error


def cut_torn_line(path: Path) -> int:
    """Remove an unfinished last line, left by a process that was killed; returns bytes removed."""
    if not path.exists():
        return 0
    with path.open("rb+") as file:
        data = file.read()
        whole = data.rfind(b"\n") + 1
        file.truncate(whole)
    return len(data) - whole


def read_lines(path: Path, start: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Whole JSON lines from byte `start` on, and the byte after the last whole one.

    A torn last line is left for the next call. A damaged line in the middle is passed over, so one
    bad sector does not hide a run.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            data = file.read()
    except FileNotFoundError:
        return [], start
    whole = data.rfind(b"\n") + 1
    return list(_objects(data[:whole])), start + whole


def _objects(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record
