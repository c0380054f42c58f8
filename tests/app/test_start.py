"""The real process: it starts, says where it is, is found again, and ends when told to."""

import contextlib
import json
import re
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from app.__main__ import UsageError, listen, main
from app.session_file import find_sessions, write_session
from tests.app.studio_process import ROOT, Studio
from tests.recorded_run import write_recorded_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    write_recorded_run(root / "rooms", num_frames=2, num_points=300)
    return root


@pytest.fixture(scope="module")
def studio(runs):
    with Studio(runs) as studio:
        yield studio


def ask(port: int, path: str, token: str, method: str = "GET") -> dict:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        method=method,
        headers={"Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_the_printed_line_is_a_link_that_opens_it(studio):
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", studio.url)
    token = studio.url.split("token=")[1]
    assert [row["id"] for row in ask(studio.port, "/api/runs", token)["runs"]] == ["rooms"]


def test_a_second_line_is_a_link_to_look_only(studio):
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", studio.view_url)
    token = studio.view_url.split("token=")[1]
    assert ask(studio.port, "/api/session", token)["rights"] == "view"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        ask(studio.port, "/api/session/link", token, "POST")


def test_the_session_file_is_for_its_owner_only(studio, runs):
    file = runs / ".studio" / f"{studio.port}.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert studio.url.split("token=")[1] not in file.read_text()


def test_a_running_studio_gives_a_new_link(studio, runs, capsys):
    assert main(["--runs", str(runs), "--link"]) == 0
    url = capsys.readouterr().out.strip()
    assert url.startswith(f"http://127.0.0.1:{studio.port}/?token=")
    assert url != studio.url
    assert main(["--runs", str(runs), "--link", "--port", str(studio.port), "--view"]) == 0
    token = capsys.readouterr().out.strip().split("token=")[1]
    assert ask(studio.port, "/api/session", token)["rights"] == "view"


def test_a_port_in_use_is_named_with_the_fix(studio, runs, capsys):
    assert main(["--runs", str(runs), "--port", str(studio.port), "--no-open"]) == 2
    said = capsys.readouterr().err
    assert f"port {studio.port}" in said and "--port" in said and "--link" in said
    assert (runs / ".studio" / f"{studio.port}.json").exists(), "the other's file stays"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_even_while_a_page_listens(runs, number):
    with Studio(runs) as studio, socket.create_connection(("127.0.0.1", studio.port)) as page:
        session = json.loads((runs / ".studio" / f"{studio.port}.json").read_text())
        page.sendall(
            f"GET /ws/live?run=rooms HTTP/1.1\r\nHost: 127.0.0.1:{studio.port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Authorization: Bearer {session['token']}\r\n\r\n".encode()
        )
        assert b"101 Switching" in page.recv(200)
        status, out, err = studio.stop(number)
        assert (status, out, err) == (0, "", "")
        assert not (runs / ".studio" / f"{studio.port}.json").exists()


def test_no_token_is_ever_written_to_a_log(runs):
    with Studio(runs) as studio:
        for path in ("/?token=guess", studio.url.split(str(studio.port))[1], "/api/runs"):
            with contextlib.suppress(urllib.error.HTTPError):
                urllib.request.urlopen(f"http://127.0.0.1:{studio.port}{path}").close()
        _, out, err = studio.stop()
    assert "token" not in out + err


def test_over_ssh_the_tunnel_is_named(runs):
    with Studio(runs, env={"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}) as studio:
        _, out, err = studio.stop()
    assert f"ssh -N -L {studio.port}:127.0.0.1:{studio.port}" in err
    assert out == "", "two lines only, the links"


def test_a_folder_that_is_missing_is_made_and_a_file_is_refused(tmp_path, capsys):
    with Studio(tmp_path / "new" / "runs") as studio:
        assert ask(studio.port, "/api/runs", studio.url.split("token=")[1]) == {"runs": []}
        studio.stop()
    assert (tmp_path / "new/runs").is_dir()
    (tmp_path / "file").write_text("")
    assert main(["--runs", str(tmp_path / "file"), "--no-open"]) == 2
    assert "it is a file" in capsys.readouterr().err


def test_scans_and_priors_that_are_not_there_are_named(tmp_path, capsys):
    runs = ["--runs", str(tmp_path / "runs"), "--port", "0", "--no-open"]
    for flag in ("--scenes", "--priors", "--launch-scenes"):
        assert main([*runs, flag, str(tmp_path / "gone")]) == 2
        assert f"{flag} {tmp_path / 'gone'}: no such" in capsys.readouterr().err


def test_an_open_address_is_refused_with_the_tunnel(runs, capsys):
    assert main(["--runs", str(runs), "--host", "0.0.0.0", "--no-open"]) == 2
    assert "ssh -N -L 8050:127.0.0.1:8050" in capsys.readouterr().err


def test_without_a_studio_there_is_no_link(tmp_path, capsys):
    assert main(["--runs", str(tmp_path), "--link"]) == 2
    assert "pointins studio --runs" in capsys.readouterr().err


def test_impossible_ports_are_refused_in_a_sentence():
    for port in (70_000, -1):
        with pytest.raises(UsageError, match="--port"):
            listen("127.0.0.1", port)


def test_a_file_left_by_a_killed_studio_is_replaced(tmp_path):
    write_session(tmp_path, 8050, "old")
    write_session(tmp_path, 8050, "new")
    assert [s["token"] for s in find_sessions(tmp_path, None)] == ["new"]
    assert find_sessions(tmp_path, 8051) == []


def test_a_file_of_another_machine_is_left_alone(tmp_path):
    path = write_session(tmp_path, 8050, "theirs")
    path.write_text(path.read_text().replace(socket.gethostname(), "another-machine"))
    with pytest.raises(FileExistsError):
        write_session(tmp_path, 8050, "ours")
    assert find_sessions(tmp_path, None) == []
    path.write_text("not json")
    assert find_sessions(tmp_path, None) == []


def test_importing_the_server_loads_no_heavy_library():
    code = (
        "import sys, app.server, app.__main__\n"
        "print([m for m in ('torch', 'polyscope', 'open3d', 'tyro') if m in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"
