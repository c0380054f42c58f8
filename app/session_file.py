"""How the command line finds a studio that runs already: a file that only its owner can read."""

import json
import os
import socket
from pathlib import Path
from typing import Any

FOLDER = ".studio"


def write_session(runs: Path, port: int, token: str) -> Path:
    """Leave port and API token in `runs/.studio/<port>.json`, mode 0600.

    The caller holds the port, so a file of this machine that is there already is left over from a
    studio that was killed.

    Raises:
        OSError: If the folder cannot be written, or another machine's studio has this file.
    """
    folder = runs / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{port}.json"
    record = {"port": port, "token": token, "pid": os.getpid(), "host": socket.gethostname()}
    if _read(path).get("host") == record["host"]:
        path.unlink()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(record, file)
    return path


def find_sessions(runs: Path, port: int | None) -> list[dict[str, Any]]:
    """Studios of this machine that say they show `runs`; newest first."""
    folder = runs / FOLDER
    files = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    here = [s for s in map(_read, files) if s.get("host") == socket.gethostname()]
    return [session for session in here if port in (None, session["port"])]


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) and {"port", "token"} <= set(data) else {}
