"""Nobody but the person who started the studio gets in, and a browser is told what it may do."""

import re

import pytest
from starlette.websockets import WebSocketDisconnect

from app.access import MAX_OPEN_LINKS, Access
from app.security import security_headers
from tests.app.studio_fixtures import ORIGIN, TestClient, WebSocketDenialResponse

EVERYWHERE = [
    "/",
    "/live/rooms",
    "/api/runs",
    "/api/runs/rooms/scenes/room_0001",
    "/assets/style.css",
    "/_dash-layout",
    "/_dash-dependencies",
    "/_favicon.ico",
]
LINK = "/api/session/link"
SOCKETS = ORIGIN.replace("http", "ws")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", EVERYWHERE)
def test_without_a_cookie_every_address_is_closed(outsider, path):
    assert outsider.get(path).status_code == 401


@pytest.mark.parametrize("path", EVERYWHERE[:-1])
def test_with_the_cookie_every_address_is_open(client, path):
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8050", "127.0.0.1.evil.example", "", "a@127.0.0.1"]
)
def test_another_host_name_is_refused_even_with_the_cookie(client, host):
    """A page of another site that resolves its own name to 127.0.0.1 gets nothing."""
    answer = client.get("/api/runs", headers={"Host": host})
    assert answer.status_code == 400
    assert "127.0.0.1:8050" in answer.json()["error"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9000", "[::1]:8050", "LOCALHOST:80"])
def test_this_machine_is_known_by_its_names_on_any_port(client, access, host):
    headers = {"Host": host, **bearer(access.api_token)}
    assert client.get("/api/runs", headers=headers).status_code == 200


def test_further_hosts_are_known_only_when_they_were_named():
    assert not Access(1).is_known_host("gpu-box:8050")
    assert Access(1, ["GPU-box"]).is_known_host("gpu-box:8050")


def test_a_launch_link_opens_one_browser(outsider, access):
    link = access.new_link("/live/rooms")
    first = outsider.get(link)
    assert (first.status_code, first.headers["location"]) == (303, "/live/rooms")
    outsider.cookies.clear()
    again = outsider.get(link, headers={"Accept": "text/html"})
    assert again.status_code == 403
    assert "pointins studio --link" in again.text


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(outsider, access):
    cookie = outsider.get(access.new_link()).headers["set-cookie"].lower()
    assert cookie.startswith("pointins_8050=")
    assert {"httponly", "samesite=strict", "path=/"} <= set(re.split("; ?", cookie))


def test_a_browser_that_is_in_may_open_the_printed_link_again(client, access):
    spent = access.new_link()
    client.get(spent)
    assert client.get(spent).status_code == 303


def test_the_redirect_keeps_the_rest_of_the_address_and_stays_here(outsider, access):
    token = access.new_link().split("token=")[1]
    answer = outsider.get(f"{ORIGIN}//evil.example/live?token={token}&step=3")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/evil.example/live?step=3"


def test_a_wrong_token_is_refused_and_spends_nothing(outsider, access):
    link = access.new_link()
    assert outsider.get("/?token=wrong").status_code == 403
    assert outsider.get(link).status_code == 303


def test_a_preview_of_a_link_does_not_spend_it(outsider, access):
    link = access.new_link()
    outsider.head(link)
    assert outsider.get(link).status_code == 303


def test_unused_links_do_not_pile_up():
    access = Access(1)
    links = [access.new_link().split("=")[1] for _ in range(MAX_OPEN_LINKS + 1)]
    assert not access.spend_link(links[0])
    assert access.spend_link(links[-1])


def test_secrets_are_new_at_every_start():
    first, second = Access(1), Access(1)
    assert first.session != second.session
    assert first.api_token != second.api_token


def test_a_program_comes_in_with_the_api_token(outsider, access):
    assert outsider.get("/api/runs", headers=bearer(access.api_token)).status_code == 200
    assert outsider.get("/api/runs", headers=bearer("wrong")).status_code == 401
    assert outsider.get("/api/runs", headers={"Authorization": access.api_token}).status_code == 401


def test_a_launch_token_serves_a_program_until_a_browser_used_it(outsider, access):
    link = access.new_link()
    headers = bearer(link.split("=")[1])
    assert outsider.get("/api/runs", headers=headers).status_code == 200
    assert outsider.get(link).status_code == 303
    outsider.cookies.clear()
    assert outsider.get("/api/runs", headers=headers).status_code == 401


def test_a_program_gets_a_fresh_link_that_works(outsider, access):
    url = outsider.post(LINK, headers=bearer(access.api_token)).json()["url"]
    assert url.startswith(f"{ORIGIN}/?token=")
    assert outsider.get(url).status_code == 303


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9999", "null"])
def test_a_page_of_another_origin_changes_nothing(client, origin):
    assert client.post(LINK, headers={"Origin": origin}).status_code == 403


def test_a_change_without_an_origin_needs_a_token(client, access):
    assert client.post(LINK).status_code == 403
    assert client.post(LINK, headers={"Origin": ORIGIN}).status_code == 200
    assert client.post(LINK, headers=bearer(access.api_token)).status_code == 200


def test_only_json_is_taken_as_a_body(client):
    """A form of another site can send text without asking first, but not JSON."""
    headers = {"Origin": ORIGIN, "Content-Type": "text/plain"}
    assert client.post(LINK, headers=headers, content="{}").status_code == 415


@pytest.mark.parametrize("path", ["/", "/api/runs", "/api/nothing", "/assets/theme.js"])
@pytest.mark.parametrize("who", ["outsider", "client"])
def test_every_response_carries_the_security_headers(request, path, who):
    headers = request.getfixturevalue(who).get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert not [name for name in headers if name.startswith("access-control-")]


def test_scripts_run_only_from_here_and_nothing_is_evaluated(client):
    policy = client.get("/").headers["content-security-policy"]
    (scripts,) = re.findall(r"script-src ([^;]*)", policy)
    assert "unsafe" not in scripts
    assert "'self'" in scripts and "sha256-" in scripts
    assert security_headers(Access(1), [])["Content-Security-Policy"].startswith("default-src 's")


def test_the_index_loads_nothing_from_elsewhere(client):
    page = client.get("/").text
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources and all(source.startswith("/") for source in sources), sources
    inline = re.findall(r"<script(?![^>]*src=)(?![^>]*application/json)[^>]*>", page)
    assert len(inline) == 1, "only the line that starts Dash, which has its hash in the policy"


@pytest.mark.parametrize("name", ["lod", "main"])
def test_modules_are_served_as_scripts_but_not_loaded_one_by_one(client, name):
    kind = client.get(f"/assets/viewport/{name}.mjs").headers["content-type"]
    assert kind.startswith("text/javascript")
    assert client.get("/").text.count(".mjs") == 1


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
def test_no_address_leads_out_of_the_folder(client, path):
    answer = client.get(path)
    assert answer.status_code in (400, 404), answer.text[:200]


def test_a_link_that_leaves_the_runs_folder_is_not_followed(tmp_path, folder, access):
    from app.runs import Runs
    from pointins_engine.errors import RunError
    from pointins_engine.run_log.store import RunStore

    (tmp_path / "away").symlink_to(folder / "rooms")
    runs = Runs(RunStore(tmp_path))
    assert runs.summaries()[0]["status"] == "damaged"
    with pytest.raises(RunError, match="leaves the runs folder"):
        runs.scene_file("away", "room_0001")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 400),
        ({"Origin": "http://evil.example"}, 403),
        ({}, 403),
    ],
)
def test_a_websocket_of_another_site_is_refused(client, headers, status):
    for path in ("/ws/live?run=rooms", "/_dash-ws-callback"):
        with pytest.raises(WebSocketDenialResponse) as refused:
            with client.websocket_connect(f"{SOCKETS}{path}", headers=headers):
                pass
        assert refused.value.status_code == status


def test_a_websocket_without_the_cookie_is_refused(outsider):
    with pytest.raises(WebSocketDenialResponse) as refused:
        with outsider.websocket_connect(f"{SOCKETS}/ws/live?run=rooms", headers={"Origin": ORIGIN}):
            pass
    assert refused.value.status_code == 401


def test_a_websocket_of_this_page_is_accepted(client):
    with client.websocket_connect(
        f"{SOCKETS}/ws/live?run=rooms", headers={"Origin": ORIGIN}
    ) as socket:
        assert socket.receive_json()["type"] == "hello"


def test_a_run_that_is_not_there_closes_the_websocket(client):
    with client.websocket_connect(
        f"{SOCKETS}/ws/live?run=nope", headers={"Origin": ORIGIN}
    ) as socket:
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 4404


def test_interactive_api_pages_are_off(client: TestClient):
    for path in ("/docs", "/redoc", "/openapi.json", "/_mcp", "/_alive_x"):
        answer = client.get(path)
        assert "swagger" not in answer.text.lower() and "openapi" not in answer.text.lower()
