"""Rules 6 to 13 of docs/security.md: what an answer holds, what is read, and how much of it."""

import json
import re
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from starlette.websockets import WebSocketDisconnect

from app.access import Access
from app.live import MAX_MESSAGE_BYTES, MAX_WATCHERS, Outbox
from app.plain_pages import plain_page
from app.runs import Runs
from app.security import MAX_BODY_BYTES, security_headers
from app.segmenting.jobs import segment_command
from app.server import create_app
from pointins_engine.errors import RunError, SceneError
from pointins_engine.run_log.store import RunStore
from pointins_engine.scenes.source import open_raw_scenes
from tests.app.studio_fixtures import ORIGIN, PNG, TestClient, WebSocketDenialResponse

ROOT = Path(__file__).parents[3]
SOCKETS = ORIGIN.replace("http", "ws")
LIVE = f"{SOCKETS}/ws/live?run=rooms"
LINK = "/api/session/link"
JSON = "application/json"
FROM_HERE = {"Origin": ORIGIN}
UNSAFE = ("pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml")


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


# 6. Names are looked up, never turned into paths.


@pytest.mark.parametrize(
    "path",
    [
        "/api/runs/..%2f..%2fetc/scenes/passwd",
        "/api/runs/%2e%2e/scenes/room_0001",
        "/api/runs/%252e%252e%252f/head",
        "/api/runs/rooms/scenes/..%2f..%2frun.json",
        "/api/runs/rooms/scenes/%2e%2e%5c%2e%2e%5crun",
        "/api/runs/rooms;/scenes/room_0001",
        "/api/runs/rooms/scenes/room_0001%00",
        "/api/runs/rooms/scenes//etc/passwd",
        "/api/runs/rooms/scenes/C:%5cwindows%5cwin.ini",
        "/api/runs/rooms/scenes/room_0001/frames/..%2f10",
        "/api/runs/rooms/scenes/room_0001/frames/-1",
        "/api/runs/rooms/scenes/room_0001/frames/1e1",
        "/api/runs/rooms/scenes/room_0001/frames/%D9%A1%D9%A0",
        "/api/runs/rooms/scenes/room_0001/frames/99999999999999999999",
        "/api/runs/rooms/scenes/room_0001/stats/%2e%2e",
        "/assets/..%2fpyproject.toml",
        "/assets/%2e%2e/pyproject.toml",
        "/assets/%252e%252e/pyproject.toml",
    ],
)
def test_rule_6_no_address_leads_out_of_the_folder(client, path):
    answer = client.get(path)
    assert answer.status_code in (400, 404), answer.text[:200]


def test_rule_6_a_link_that_leaves_the_runs_folder_is_not_followed(tmp_path, folder, access):
    (tmp_path / "away").symlink_to(folder / "rooms")
    runs = Runs(RunStore(tmp_path))
    assert runs.summaries()[0]["status"] == "damaged"
    with pytest.raises(RunError, match="leaves the runs folder"):
        runs.scene_file("away", "room_0001")


# 7. Scans are taken at one address, as files of ours; what they claim is checked before memory is.


@pytest.mark.parametrize(
    "kind", ["multipart/form-data; boundary=x", "application/octet-stream", "text/plain", ""]
)
def test_rule_7_no_other_address_takes_a_file(client, kind):
    headers = {**FROM_HERE, "Content-Type": kind}
    assert client.post("/api/launches", content=b"ply\n", headers=headers).status_code == 415


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "text/plain", JSON, ""])
def test_rule_7_a_form_of_another_page_cannot_send_a_scan(client, kind):
    headers = {**FROM_HERE, "Content-Type": kind}
    address = "/api/segmentations/uploads?name=a.ply"
    assert client.post(address, content=b"ply\n", headers=headers).status_code == 415
    elsewhere = {"Origin": "http://evil.example", "Content-Type": "application/octet-stream"}
    assert client.post(address, content=b"ply\n", headers=elsewhere).status_code == 403


def test_rule_7_a_scan_is_read_in_another_process(tmp_path):
    """The studio's own process never opens what was sent."""
    assert segment_command(tmp_path)[:3] == [sys.executable, "-m", "pointins_engine.segment.job"]
    names = r"\b(read_scene|read_scene_and_notes|open_raw_scenes)\b"
    for path in sources("app/segmenting"):
        assert not re.search(names, path.read_text()), path


def test_rule_7_a_scan_that_claims_too_much_fails_before_memory_is_taken(tmp_path):
    count = 10**12
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {count}\n"
    axes = "".join(f"property float {axis}\n" for axis in "xyz")
    (tmp_path / "huge.ply").write_bytes(f"{header}{axes}end_header\n".encode() + bytes(120))
    with zipfile.ZipFile(tmp_path / "huge.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("coord.npy", npy_header((count, 3)) + bytes(120))
    for name in ("huge.ply", "huge.npz"):
        with pytest.raises(SceneError, match=name):
            open_raw_scenes(str(tmp_path / name), "auto", "auto", "")[0]


def npy_header(shape: tuple[int, int]) -> bytes:
    text = str({"descr": "<f4", "fortran_order": False, "shape": shape}).ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


# 8. Nothing is unpickled.


def test_rule_8_no_module_can_unpickle():
    imports = re.compile(rf"^\s*(import|from)\s+({'|'.join(UNSAFE)})\b", re.MULTILINE)
    for path in sources("app", "layouts", "pointins_engine"):
        text = path.read_text()
        assert not imports.search(text), path
        assert not re.search(r"allow_pickle\s*=\s*(?!False)", text), path
        assert not re.search(r"= torch\.load\((?![^)]*weights_only=True)", text), path


def test_rule_8_an_array_of_objects_is_refused(tmp_path):
    np.save(tmp_path / "scan.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    with pytest.raises(SceneError, match=r"scan\.npy"):
        open_raw_scenes(str(tmp_path / "scan.npy"), "auto", "auto", "")[0]


# 9. A browser is told what it may do.


@pytest.mark.parametrize("path", ["/", "/api/runs", "/api/nothing", "/assets/theme.js"])
@pytest.mark.parametrize("who", ["outsider", "client"])
def test_rule_9_every_response_carries_the_security_headers(request, path, who):
    headers = request.getfixturevalue(who).get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert not [name for name in headers if name.startswith("access-control-")]


def test_rule_9_scripts_run_only_from_here_and_nothing_is_evaluated(client):
    policy = client.get("/").headers["content-security-policy"]
    (scripts,) = re.findall(r"script-src ([^;]*)", policy)
    assert "unsafe" not in scripts
    assert "'self'" in scripts and "sha256-" in scripts
    assert security_headers(Access(1), [])["Content-Security-Policy"].startswith("default-src 's")


def test_rule_9_the_index_loads_nothing_from_elsewhere(client):
    page = client.get("/").text
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources and all(source.startswith("/") for source in sources), sources
    inline = re.findall(r"<script(?![^>]*src=)(?![^>]*application/json)[^>]*>", page)
    assert len(inline) == 1, "only the line that starts Dash, which has its hash in the policy"


def test_rule_9_modules_are_scripts_that_a_browser_keeps_under_their_version(client):
    index = client.get("/").text
    fetched = re.findall(r'modulepreload" href="([^"]+)"', index)
    started = re.findall(r'src="([^"]+[.]mjs)"', index)
    assert started and set(started) < set(fetched)
    for address in (started[0], fetched[0]):
        answer = client.get(address)
        assert answer.headers["content-type"].startswith("text/javascript")
        assert "immutable" in answer.headers["cache-control"]
    assert client.get(started[0].replace("main.mjs", "%2e%2e/style.css")).status_code == 404


# 10. What runs and requests say is text, never markup.


def test_rule_10_no_page_makes_markup_of_text():
    for path in sources("app", "layouts"):
        text = path.read_text()
        assert not re.search(r"dangerously_allow_html|\bMarkdown\(|DangerouslySet", text), path
    for path in (ROOT / "assets").rglob("*js"):
        text = path.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text), path


def test_rule_10_a_page_repeats_a_request_as_text(outsider):
    host = {"Host": '"><script>x</script>', "Accept": "text/html"}
    for body in (outsider.get("/", headers=host).text, plain_page(403, "<b>", 1).body.decode()):
        assert "<script>" not in body and "<b>" not in body and "&lt;" in body


# 11. Nobody gets more than their share of memory, disk and device.


def test_rule_11_a_body_is_bounded_and_says_how_long_it_is(client):
    headers = {**FROM_HERE, "Content-Type": "application/json"}
    long = b'{"command":"pause","x":"' + b"x" * MAX_BODY_BYTES + b'"}'
    assert client.post("/api/runs/rooms/control", content=long, headers=headers).status_code == 413
    chunks = (part for part in (b'{"command":', b'"pause"}'))
    endless = client.post("/api/runs/rooms/control", content=chunks, headers=headers)
    assert endless.status_code == 411


def test_rule_11_only_what_needs_it_may_send_a_longer_body(client):
    headers = {**FROM_HERE, "Content-Type": "application/json"}
    long = b'{"base":"pointins","version":0,"labels":"' + b"A" * MAX_BODY_BYTES + b'"}'
    at = "/api/segmentations/20260101T000000-abcdef"
    assert client.put(f"{at}/edits", content=long, headers=headers).status_code == 404
    for method, path in (
        ("POST", f"{at}/edits"),
        ("PUT", f"{at}/edits/x"),
        ("POST", f"{at}/layers"),
    ):
        assert client.request(method, path, content=long, headers=headers).status_code == 413


def test_rule_11_a_watcher_that_does_not_read_costs_one_notice_a_kind():
    outbox = Outbox()
    for step in range(10_000):
        outbox.put({"type": "frame", "scene": "a", "step": step})
        outbox.put({"type": "events", "next": step})
    assert len(outbox) == 2


def test_rule_11_a_long_message_ends_the_websocket(client):
    with client.websocket_connect(LIVE, headers=FROM_HERE) as socket:
        assert socket.receive_json()["type"] == "hello"
        socket.send_text("x" * (MAX_MESSAGE_BYTES + 1))
        with pytest.raises(WebSocketDisconnect) as closed:
            while True:
                socket.receive_json()
    assert closed.value.code == 1009


def test_rule_11_only_so_many_watch(client, monkeypatch):
    monkeypatch.setattr("app.live.MAX_WATCHERS", 1)
    assert MAX_WATCHERS < 1000
    with client.websocket_connect(LIVE, headers=FROM_HERE) as first:
        assert first.receive_json()["type"] == "hello"
        with client.websocket_connect(LIVE, headers=FROM_HERE) as second:
            with pytest.raises(WebSocketDisconnect) as closed:
                second.receive_json()
    assert closed.value.code == 4029


def test_rule_11_only_so_many_websockets_are_open(client, monkeypatch):
    monkeypatch.setattr("app.security.MAX_SOCKETS", 1)
    for _ in range(2):  # the place of one that has ended is free again
        with client.websocket_connect(LIVE, headers=FROM_HERE) as first:
            assert first.receive_json()["type"] == "hello"
            with pytest.raises(WebSocketDenialResponse) as refused:
                with client.websocket_connect(LIVE, headers=FROM_HERE):
                    pass
            assert refused.value.status_code == 503


# 12. Nothing is on that was not asked for, and who steered is on record.


def test_rule_12_interactive_api_pages_are_off(client: TestClient):
    for path in ("/docs", "/redoc", "/openapi.json", "/_mcp", "/_alive_x"):
        answer = client.get(path)
        assert "swagger" not in answer.text.lower() and "openapi" not in answer.text.lower()


def test_rule_12_the_api_describes_itself_only_when_told_to(folder, access, client):
    assert client.get("/api/openapi.json").status_code == 404
    app = create_app(RunStore(folder), access, render=lambda *_: PNG, api_docs=True)
    headers = {"Authorization": f"Bearer {access.api_token}"}
    with TestClient(app, base_url=ORIGIN, headers=headers) as told:
        paths = told.get("/api/openapi.json").json()["paths"]
        assert "/api/runs/{run}/control" in paths
        assert all(path.startswith("/api/") for path in paths)
        assert all(op.get("description") for path in paths.values() for op in path.values())
        page = told.get("/api/docs").text
        assert "/api/runs/{run}/control" in page
        assert not re.search(r"<script|src=|https?://", page)


def test_rule_12_health_tells_everybody_nothing(outsider):
    assert outsider.get("/health").json() == {"status": "ok"}
    assert outsider.get("/health", headers={"Host": "evil.example"}).status_code == 400


def test_rule_12_who_steers_is_named_without_a_secret(client, access):
    session = client.get("/api/session").json()
    cookie = client.cookies[access.cookie_name]
    assert re.fullmatch(r"[0-9a-f]{8}", session["id"])
    assert session["id"] not in cookie
    assert cookie not in json.dumps(session)


# 13. Addresses and pages hold no secret.


def test_rule_13_the_redirect_keeps_the_rest_of_the_address_and_stays_here(outsider, access):
    token = access.new_link().split("token=")[1]
    answer = outsider.get(f"{ORIGIN}//evil.example/live?token={token}&step=3")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/evil.example/live?step=3"


def test_rule_13_no_page_and_no_answer_holds_a_secret(client, access):
    cookie = client.cookies[access.cookie_name]
    for path in ("/", "/live/rooms", "/_dash-layout", "/api/runs", "/api/runs/rooms"):
        body = client.get(path).text
        assert cookie not in body and access.api_token not in body
