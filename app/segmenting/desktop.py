"""A result in Polyscope's window, on the machine that the studio runs on."""

import ipaddress
import os
import shlex
import subprocess
import sys
from pathlib import Path

from app.launching.machine import environment
from app.segmenting.jobs import WORKING_FOLDER

SCREENS = ("DISPLAY", "WAYLAND_DISPLAY")
SCREEN_ENVIRONMENT = (*SCREENS, "XAUTHORITY", "XDG_RUNTIME_DIR", "XDG_SESSION_TYPE")
COLOUR = "instance"


def view_command(path: Path) -> str:
    """The command that opens a file in a window."""
    return shlex.join(["pointins", "view", str(path), "--colour", COLOUR])


def open_window(path: Path, client: str) -> str:
    """Open a file in a window of its own process.

    Args:
        path: A PLY file of ours.
        client: Address of whoever asked.

    Returns:
        Why it was not opened; empty if it was.
    """
    why = why_no_window(client)
    if why:
        return why
    screen = {name: os.environ[name] for name in SCREEN_ENVIRONMENT if name in os.environ}
    subprocess.Popen(
        [sys.executable, "-m", "app.pictures.viewer", str(path), "--colour", COLOUR],
        cwd=WORKING_FOLDER,
        env={**environment(), **screen},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return ""


def why_no_window(client: str) -> str:
    """Why no window can be opened for whoever asks; empty if one can."""
    if not _is_here(client):
        return "The studio runs on another machine than this browser. Run the command there."
    if "SSH_CONNECTION" in os.environ:
        return "The studio was started over SSH. Run the command where there is a screen."
    if sys.platform == "linux" and not any(os.environ.get(name) for name in SCREENS):
        return "The studio's machine has no screen. Download the PLY and run the command on it."
    return ""


def _is_here(client: str) -> bool:
    try:
        return ipaddress.ip_address(client).is_loopback
    except ValueError:
        return False
