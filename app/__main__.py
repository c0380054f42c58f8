"""`python -m app`, also reached as `pointins studio`: start the studio, or get a new link to it."""

import argparse
import asyncio
import contextlib
import getpass
import ipaddress
import json
import logging
import os
import signal
import socket
import sys
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvicorn

from app.access import Access, Rights
from app.runs import Runs
from app.scenes.api import open_browser
from app.scenes.collections import SIMULATED
from app.segmenting.segmenter import Segmenter
from app.segmenting.uploads import UploadLimits
from app.server import SEGMENTATIONS, create_app
from app.session_file import find_sessions, write_session
from layouts.recording import PLAY
from pointins_engine.builtin import recorded_example
from pointins_engine.run_log.store import RunStore
from pointins_engine.scene_index.cache import default_cache

DEFAULT_PORT = 8050
MIB = 1024**2
SHUTDOWN_S = 1  # open connections get this long before they are cut
LINK_TIMEOUT_S = 5


class UsageError(Exception):
    """Something about the call; printed as one sentence, exit status 2."""


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    try:
        if options.link:
            rights = "view" if options.view else "control"
            print(fresh_link(options.runs, options.port, rights), flush=True)
            return 0
        serve(options)
    except UsageError as error:
        print(f"studio: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "pointins studio", description="Watch runs and browse scans in the browser."
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of run folders")
    parser.add_argument(
        "--scenes",
        nargs="+",
        action="extend",
        default=[],
        metavar="PATH",
        help="datasets, folders of scans or single scans to browse",
    )
    parser.add_argument(
        "--priors", action="append", type=Path, default=[], metavar="DIR", help="folder of priors"
    )
    parser.add_argument(
        "--cache", type=Path, default=default_cache(), help="where what was read of scenes is kept"
    )
    parser.add_argument(
        "--segmentations",
        type=Path,
        metavar="DIR",
        help="folder of segmentations (default: beside the folder of runs)",
    )
    parser.add_argument("--port", type=int, help=f"default {DEFAULT_PORT}; 0 takes a free one")
    parser.add_argument("--no-open", action="store_true", help="do not open a browser")
    parser.add_argument("--link", action="store_true", help="new link to a studio that runs")
    parser.add_argument("--view", action="store_true", help="with --link: a link to look only")
    parser.add_argument(
        "--no-launch", action="store_true", help="start no training from the browser"
    )
    parser.add_argument(
        "--launch-scenes",
        action="append",
        type=Path,
        default=[],
        metavar="DIR",
        help="let the browser name scans under DIR to train on, besides those of --scenes",
    )
    parser.add_argument("--no-example", action="store_true", help="leave out the recorded example")
    parser.add_argument("--no-upload", action="store_true", help="take no scans from the browser")
    parser.add_argument(
        "--max-upload-mb",
        type=int,
        default=UploadLimits().max_bytes // MIB,
        metavar="N",
        help="largest scan that is taken from the browser, in MiB (default %(default)s)",
    )
    parser.add_argument("--api-docs", action="store_true", help="describe the API at /api/docs")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="answer to NAME as well"
    )
    parser.add_argument("--i-know-this-is-open", action="store_true", help=argparse.SUPPRESS)
    return parser


def serve(options: argparse.Namespace) -> None:
    """Run the studio until it is interrupted."""
    refuse_open_host(options.host, options.port or DEFAULT_PORT, options.i_know_this_is_open)
    check_sources(options.scenes, options.priors, options.launch_scenes)
    if options.max_upload_mb < 1:
        raise UsageError(f"--max-upload-mb {options.max_upload_mb}: expected 1 or more.")
    make_runs_folder(options.runs)
    port = DEFAULT_PORT if options.port is None else options.port
    listener = listen(options.host, port)
    port = listener.getsockname()[1]
    hosts = [*options.allow_host, *_names(options.host)]
    access = Access(port, hosts)
    scenes = open_browser(options.scenes, options.cache, options.priors, runs=options.runs)
    store = RunStore(options.runs)
    example = None if options.no_example else recorded_example()
    app = create_app(
        store,
        access,
        scenes=scenes,
        segmenter=Segmenter(
            options.segmentations or options.runs.resolve().parent / SEGMENTATIONS,
            Runs(store),
            scenes.collections,
            None if options.no_upload else UploadLimits(max_bytes=options.max_upload_mb * MIB),
        ),
        train_on=options.scenes,
        train_under=options.launch_scenes,
        can_launch=not options.no_launch,
        api_docs=options.api_docs,
        example=example,
    )
    base = f"http://{_url_host(options.host)}:{port}"
    url = f"{base}{first_link(access, store, example)}"
    with listener, _session(options.runs, port, access.api_token):
        print(url)
        print(f"View only: {base}{access.new_link(rights='view')}", flush=True)
        _print_tunnel(port)
        if not options.no_open:
            webbrowser.open(url)
        asyncio.run(_serve_until_signal(app, listener))


def first_link(access: Access, store: RunStore, example: Path | None) -> str:
    """What the browser opens: the list of runs, or the example where there are none."""
    if example is None or store.ids():
        return access.new_link()
    return access.new_link(f"/live/{example.name}") + PLAY


async def _serve_until_signal(app: object, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        access_log=False,  # a launch link holds a token
        log_level="warning",
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=64 * 1024,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_worth_saying)
    server = _Server(config)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    await server.serve(sockets=[listener])


def _is_worth_saying(record: logging.LogRecord) -> bool:
    """Cutting the connections of open pages is how the studio ends, not an error."""
    return "graceful shutdown" not in record.getMessage()


class _Server(uvicorn.Server):
    """Ends on the first signal and returns, so that what was opened is closed in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def refuse_open_host(host: str, port: int, accepted: bool) -> None:
    """Listening on the network is a choice to be made on purpose."""
    if accepted or _is_loopback(host):
        return
    raise UsageError(
        f"--host {host} would let everybody on the network try to get in, without encryption. "
        f"Keep 127.0.0.1 and run this on your own computer instead: {_tunnel(port)} "
        "(or add --i-know-this-is-open)."
    )


def make_runs_folder(runs: Path) -> None:
    try:
        runs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = "it is a file" if runs.is_file() else (error.strerror or "unknown reason").lower()
        raise UsageError(
            f"{runs} cannot be the folder of runs: {why}. Name a folder with --runs."
        ) from error


def check_sources(
    scenes: Sequence[str], priors: Sequence[Path], launch_scenes: Sequence[Path]
) -> None:
    """Say at once what is not there; what lies in it is looked at when somebody opens its page."""
    flags = (("--scenes", scenes), ("--priors", priors), ("--launch-scenes", launch_scenes))
    for name, given in flags:
        for path in given:
            if str(path) not in SIMULATED and not Path(path).expanduser().exists():
                raise UsageError(f"{name} {path}: no such file or folder.")


def listen(host: str, port: int) -> socket.socket:
    """A bound socket, taken before anything is printed or written."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(
            f"port {port} of {host} cannot be used ({getattr(error, 'strerror', None) or error}). "
            f"Choose another with --port {port + 1 if port < 65535 else 0}, let the system choose "
            "with --port 0, or open the studio that runs there with --link."
        ) from error
    return listener


def fresh_link(runs: Path, port: int | None, rights: Rights) -> str:
    """A new one-use link with some rights from a studio that shows `runs` already."""
    for session in find_sessions(runs, port):
        request = urllib.request.Request(
            f"http://127.0.0.1:{session['port']}/api/session/link",
            method="POST",
            data=json.dumps({"rights": rights}).encode(),
            headers={
                "Authorization": f"Bearer {session['token']}",
                "Content-Type": "application/json",
            },
        )
        with contextlib.suppress(urllib.error.URLError, OSError, ValueError, KeyError):
            with urllib.request.urlopen(request, timeout=LINK_TIMEOUT_S) as answer:
                return json.load(answer)["url"]
    where = "" if port is None else f" on port {port}"
    raise UsageError(
        f"no studio shows {runs}{where} on this machine. Start one: pointins studio --runs {runs}"
    )


@contextlib.contextmanager
def _session(runs: Path, port: int, token: str) -> Iterator[None]:
    """The session file while the studio runs."""
    try:
        path = write_session(runs, port, token)
    except OSError as error:
        print(f"studio: --link will not work here ({error.strerror}: {runs}).", file=sys.stderr)
        yield
        return
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            path.parent.rmdir()  # goes when it was the last


def _print_tunnel(port: int) -> None:
    if "SSH_CONNECTION" in os.environ:
        print(f"From your own computer, first: {_tunnel(port)}", file=sys.stderr, flush=True)


def _tunnel(port: int) -> str:
    return f"ssh -N -L {port}:127.0.0.1:{port} {getpass.getuser()}@{socket.gethostname()}"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _names(host: str) -> list[str]:
    """The address itself as a Host, unless it means every address."""
    return [] if host in ("0.0.0.0", "::") else [_url_host(host)]


def _url_host(host: str) -> str:
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


if __name__ == "__main__":
    sys.exit(main())
