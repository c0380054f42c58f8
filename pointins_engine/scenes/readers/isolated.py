"""Parsers of other libraries run in a process of their own.

Open3D and libE57 are C++: a damaged file can print, take all memory or end the process. In a child
process with a limit on its memory, each of these is an error message, and training goes on.
"""

import os
import re
import subprocess
import sys
import tempfile
import traceback
from importlib import import_module
from pathlib import Path

import numpy as np

import pointins_engine
from pointins_engine.errors import SceneError

_TIMEOUT = 600  # seconds; the largest meshes take some
_BASE_BYTES = 8 << 30  # address space of the libraries and their threads, most of it never used
_GAIN = 64  # bytes of memory a byte of the file, beyond the base
_FAILED = 3  # exit code: the message is the last thing on the standard error
_ERROR_SIGN = "pointins: "
_WARNING = re.compile(r"\[Open3D (?:WARNING|ERROR)\] ([^\n\x1b]*)")

Arrays = dict[str, np.ndarray]


def read_isolated(module: str, path: Path) -> Arrays:
    """Arrays that `parse` of `module` reads from a file in a child process.

    Raises:
        SceneError: If it refuses the file, crashes, or takes too much memory or time.
    """
    root = Path(pointins_engine.__file__).parents[1]
    environment = dict(os.environ, OMP_NUM_THREADS="1", PYTHONPATH=str(root))
    with tempfile.TemporaryDirectory(prefix="pointins-") as folder:
        out = Path(folder) / "arrays.npz"
        # -P: the folder we stand in may hold scans of strangers, and is no place for modules.
        program = f"from {__name__} import serve; serve()"
        command = [sys.executable, "-P", "-c", program, module, str(path.absolute()), str(out)]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT,
                env=environment,
                cwd=folder,
            )
        except subprocess.TimeoutExpired as error:
            raise SceneError(f"{path}: reading took longer than {_TIMEOUT} s.") from error
        said = done.stderr.decode("utf-8", "replace")
        if done.returncode == _FAILED and _ERROR_SIGN in said:
            warnings = _WARNING.findall(done.stdout.decode("utf-8", "replace"))
            reason = f" Open3D says: {warnings[-1].strip()[:200]}" if warnings else ""
            raise SceneError(said.rsplit(_ERROR_SIGN, 1)[1].strip() + reason)
        if done.returncode != 0 or not out.is_file():
            last = said.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
            raise SceneError(
                f"{path}: the file is damaged or too large: the library that reads it ended with "
                f"{last[0][:200]!r}; export the file again."
            )
        with np.load(out, allow_pickle=False) as arrays:
            return dict(arrays)


def serve() -> None:
    """The child process: a module's `parse` reads one file, its arrays are written to another."""
    module, path, out = import_module(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    _limit_memory(path.stat().st_size)
    try:
        arrays = module.parse(path)
    except SceneError as error:
        print(_ERROR_SIGN + str(error), file=sys.stderr)
        sys.exit(_FAILED)
    except Exception as error:  # whatever the library raises is about this file
        reason = traceback.format_exception_only(error)[-1].strip()
        print(f"{_ERROR_SIGN}{path}: cannot be read ({reason[:300]}).", file=sys.stderr)
        sys.exit(_FAILED)
    np.savez(out, **arrays)  # pyright: ignore[reportArgumentType]
    sys.stdout.flush()
    os._exit(0)  # without the libraries' destructors, which may still trip over a damaged file


def _limit_memory(file_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    limit = _BASE_BYTES + _GAIN * file_bytes
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard == resource.RLIM_INFINITY or hard > limit:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
