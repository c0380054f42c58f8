"""Commands to a running trainer: one small JSON file each in `control/`. No torch.

Whoever steers drops a file by rename; the trainer looks between its steps, does what it says,
answers with an event, and removes the file. Nothing here decides whether a value is allowed.
"""

import os
import re
import secrets
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from pointins_engine.errors import RunError
from pointins_engine.run_log import files
from pointins_engine.run_log.paths import RunPaths
from pointins_engine.run_log.records import LISTENING

CommandKind = Literal["pause", "resume", "step", "stop", "checkpoint", "frame", "set"]
COMMANDS: tuple[CommandKind, ...] = get_args(CommandKind)

MAX_BYTES = 64 * 1024  # of a command's file
MAX_AT_ONCE = 64  # commands taken between two steps; the others wait for the next
ID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_RANDOM_BITS = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """What somebody asks of the trainer."""

    id: str  # rises with the time of asking
    command: str  # one of COMMANDS, or "?" where there is a problem
    values: Mapping[str, Any] = field(default_factory=dict)  # of `set`: values by dotted name
    by: str = ""  # who asks: a session, or the command line
    t: float = 0.0  # Unix seconds
    problem: str = ""  # why it cannot be followed, whatever the trainer thinks of it


def drop_command(
    paths: RunPaths,
    command: str,
    values: Mapping[str, Any] | None = None,
    by: str = "",
) -> str:
    """Leave a command for the trainer of a run.

    Args:
        paths: Of the run.
        command: What is asked: one of COMMANDS.
        values: Of `set`: new values by dotted name.
        by: Who asks, in a few letters; never a secret, since events repeat it.

    Returns:
        The command's id; the answer is the event of kind `control` that has it.

    Raises:
        RunError: If the command is unknown, or cannot be written.
    """
    if command not in COMMANDS:
        raise RunError(f"{command!r} is no command; there are {', '.join(COMMANDS)}.")
    record = {"id": _new_id(), "command": command, "by": by[:64], "t": round(time.time(), 3)}
    if values is not None:
        record["values"] = dict(values)
    try:
        paths.control.mkdir(exist_ok=True)
    except OSError as error:
        raise RunError(
            f"{paths.control} cannot be made ({error.strerror}), so the trainer cannot be told. "
            "Steer from the machine and account that may write the run folder."
        ) from error
    try:
        files.write_json(paths.control / f"{record['id']}.json", record)
    except (ValueError, TypeError) as error:
        raise RunError(f"values {values!r} cannot be written as JSON ({error}).") from error
    return record["id"]


def pending(paths: RunPaths) -> list[str]:
    """Ids of commands that lie there, oldest first; one look into the folder."""
    try:
        with os.scandir(paths.control) as entries:
            found = [
                entry.name[:-5]
                for entry in entries
                if entry.name.endswith(".json")
                and ID.fullmatch(entry.name[:-5])
                and entry.is_file(follow_symlinks=False)
            ]
    except OSError:
        return []  # no folder: nobody has asked for anything yet
    return sorted(found)


def read_commands(paths: RunPaths) -> list[Command]:
    """Commands that lie there, oldest first, at most `MAX_AT_ONCE`.

    A damaged file is a command too, with its `problem`: whoever dropped it gets an answer.
    """
    return [_read(paths.control / f"{id}.json", id) for id in pending(paths)[:MAX_AT_ONCE]]


def remove_command(paths: RunPaths, id: str) -> None:
    """Take an answered command away, if this account may."""
    with suppress(OSError):
        (paths.control / f"{id}.json").unlink(missing_ok=True)


def why_nobody_listens(state: Mapping[str, Any]) -> str:
    """Why a run takes no commands, in a sentence; empty if its trainer listens.

    Args:
        state: Of `Run.state()`.
    """
    status = state.get("status")
    if status == "stalled":
        return "The trainer has not written for a while: it takes no commands until it goes on."
    if status not in LISTENING:
        return f"The run is {status}: there is no trainer to steer. Resume it, or fork from it."
    if not state.get("control"):
        return (
            "The trainer has not begun its steps yet; try again in a moment."
            if status == "starting"
            else "The trainer of this run takes no commands: an older version started it."
        )
    return ""


def _read(path: Path, id: str) -> Command:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise RunError(f"the command's file has {size} bytes, at most {MAX_BYTES} are read.")
        data = files.read_json(path)
    except (OSError, RunError, RecursionError) as error:  # the last: brackets without end
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return Command(id=id, command="?", problem=f"The command cannot be read: {reason}")
    kind, by, values, t = (data.get(name) for name in ("command", "by", "values", "t"))
    problem = ""
    if data.get("id") != id:
        problem = f"The file {id}.json holds the id {data.get('id')!r}, expected its own name."
    elif kind not in COMMANDS:
        problem = f"{kind!r} is no command; there are {', '.join(COMMANDS)}."
    elif kind == "set" and not (isinstance(values, dict) and values):
        problem = f"The command 'set' needs values by name, got {values!r}."
    return Command(
        id=id,
        command=kind if kind in COMMANDS else "?",
        values=values if isinstance(values, dict) else {},
        by=by[:64] if isinstance(by, str) else "",
        t=t if isinstance(t, int | float) else 0.0,
        problem=problem,
    )


_last = 0
_lock = threading.Lock()


def _new_id() -> str:
    """A ULID: 48 bits of milliseconds, 80 random ones; rising within this process."""
    global _last
    with _lock:
        now = time.time_ns() // 1_000_000 << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
        _last = max(now, _last + 1)
        value = _last
    return "".join(_DIGITS[value >> shift & 31] for shift in range(125, -1, -5))
