"""Rules 1 to 5 of docs/security.md: who gets in, and what they may do."""

import json
import re

import pytest

from app.__main__ import UsageError, refuse_open_host
from app.access import MAX_OPEN_LINKS, Access
from app.server import create_app
from pointins_engine.run_log.store import RunStore
from tests.app.studio_fixtures import ORIGIN, PNG, TestClient, WebSocketDenialResponse

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
LAUNCH = {"recipe": "indoor_demo", "run": "new"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


# 1. Only this machine is listened to.


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "gpu-box"])
def test_rule_1_listening_on_the_network_is_a_choice_made_on_purpose(host):
    with pytest.raises(UsageError, match=r"ssh -N -L 8050:127\.0\.0\.1:8050"):
        refuse_open_host(host, 8050, accepted=False)
    refuse_open_host(host, 8050, accepted=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_rule_1_this_machine_may_be_listened_to(host):
    refuse_open_host(host, 8050, accepted=False)


# 2. A link lets one browser in; programs have a token.


@pytest.mark.parametrize("path", EVERYWHERE)
def test_rule_2_without_a_cookie_every_address_is_closed(outsider, path):
    assert outsider.get(path).status_code == 401


@pytest.mark.parametrize("path", EVERYWHERE[:-1])
def test_rule_2_with_the_cookie_every_address_is_open(client, path):
    assert client.get(path).status_code == 200


def test_rule_2_a_launch_link_opens_one_browser(outsider, access):
    link = access.new_link("/live/rooms")
    first = outsider.get(link)
    assert (first.status_code, first.headers["location"]) == (303, "/live/rooms")
    outsider.cookies.clear()
    again = outsider.get(link, headers={"Accept": "text/html"})
    assert again.status_code == 403
    assert "pointins studio --link" in again.text


def test_rule_2_the_cookie_is_out_of_reach_of_scripts_and_other_sites(outsider, access):
    cookie = outsider.get(access.new_link()).headers["set-cookie"].lower()
    assert cookie.startswith("pointins_8050=")
    assert {"httponly", "samesite=strict", "path=/"} <= set(re.split("; ?", cookie))


def test_rule_2_a_browser_that_is_in_may_open_the_printed_link_again(client, access):
    spent = access.new_link()
    client.get(spent)
    assert client.get(spent).status_code == 303


def test_rule_2_a_wrong_token_is_refused_and_spends_nothing(outsider, access):
    link = access.new_link()
    assert outsider.get("/?token=wrong").status_code == 403
    assert outsider.get(link).status_code == 303


def test_rule_2_a_preview_of_a_link_does_not_spend_it(outsider, access):
    link = access.new_link()
    outsider.head(link)
    assert outsider.get(link).status_code == 303


def test_rule_2_unused_links_do_not_pile_up():
    access = Access(1)
    links = [access.new_link().split("=")[1] for _ in range(MAX_OPEN_LINKS + 1)]
    assert not access.spend_link(links[0])
    assert access.spend_link(links[-1]) == "control"


def test_rule_2_secrets_are_new_at_every_start():
    first, second = Access(1), Access(1)
    assert first.api_token != second.api_token
    cookie = first.new_cookie("control")
    assert first.visitor_of_cookie(cookie) is not None
    assert second.visitor_of_cookie(cookie) is None


def test_rule_2_a_program_comes_in_with_the_api_token(outsider, access):
    assert outsider.get("/api/runs", headers=bearer(access.api_token)).status_code == 200
    assert outsider.get("/api/runs", headers=bearer("wrong")).status_code == 401
    assert outsider.get("/api/runs", headers={"Authorization": access.api_token}).status_code == 401


def test_rule_2_a_launch_token_serves_a_program_until_a_browser_used_it(outsider, access):
    link = access.new_link()
    headers = bearer(link.split("=")[1])
    assert outsider.get("/api/runs", headers=headers).status_code == 200
    assert outsider.get(link).status_code == 303
    outsider.cookies.clear()
    assert outsider.get("/api/runs", headers=headers).status_code == 401


def test_rule_2_a_program_gets_a_fresh_link_that_works(outsider, access):
    url = outsider.post(LINK, headers=bearer(access.api_token)).json()["url"]
    assert url.startswith(f"{ORIGIN}/?token=")
    assert outsider.get(url).status_code == 303


def test_rule_2_a_websocket_without_the_cookie_is_refused(outsider):
    with pytest.raises(WebSocketDenialResponse) as refused:
        with outsider.websocket_connect(f"{SOCKETS}/ws/live?run=rooms", headers={"Origin": ORIGIN}):
            pass
    assert refused.value.status_code == 401


# 3. Other host names are not answered.


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8050", "127.0.0.1.evil.example", "", "a@127.0.0.1"]
)
def test_rule_3_another_host_name_is_refused_even_with_the_cookie(client, host):
    """A page of another site that resolves its own name to 127.0.0.1 gets nothing."""
    answer = client.get("/api/runs", headers={"Host": host})
    assert answer.status_code == 400
    assert "127.0.0.1:8050" in answer.json()["error"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9000", "[::1]:8050", "LOCALHOST:80"])
def test_rule_3_this_machine_is_known_by_its_names_on_any_port(client, access, host):
    headers = {"Host": host, **bearer(access.api_token)}
    assert client.get("/api/runs", headers=headers).status_code == 200


def test_rule_3_further_hosts_are_known_only_when_they_were_named():
    assert not Access(1).is_known_host("gpu-box:8050")
    assert Access(1, ["GPU-box"]).is_known_host("gpu-box:8050")


# 4. Other pages reach nothing, and bodies are JSON.


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9999", "null"])
def test_rule_4_a_page_of_another_origin_changes_nothing(client, origin):
    assert client.post(LINK, headers={"Origin": origin}).status_code == 403


def test_rule_4_a_change_without_an_origin_needs_a_token(client, access):
    assert client.post(LINK).status_code == 403
    assert client.post(LINK, headers={"Origin": ORIGIN}).status_code == 200
    assert client.post(LINK, headers=bearer(access.api_token)).status_code == 200


def test_rule_4_only_json_is_taken_as_a_body(client):
    """A form of another site can send text without asking first, but not JSON."""
    headers = {"Origin": ORIGIN, "Content-Type": "text/plain"}
    assert client.post(LINK, headers=headers, content="{}").status_code == 415


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 400),
        ({"Origin": "http://evil.example"}, 403),
        ({}, 403),
    ],
)
def test_rule_4_a_websocket_of_another_site_is_refused(client, headers, status):
    for path in ("/ws/live?run=rooms", "/_dash-ws-callback"):
        with pytest.raises(WebSocketDenialResponse) as refused:
            with client.websocket_connect(f"{SOCKETS}{path}", headers=headers):
                pass
        assert refused.value.status_code == status


def test_rule_4_a_websocket_of_this_page_is_accepted(client):
    with client.websocket_connect(
        f"{SOCKETS}/ws/live?run=rooms", headers={"Origin": ORIGIN}
    ) as socket:
        assert socket.receive_json()["type"] == "hello"


# 5. Who may look may not change anything; what may be changed is typed.


@pytest.fixture
def viewer(outsider: TestClient, access: Access) -> TestClient:
    """A browser that came in with a link to look only."""
    assert outsider.get(access.new_link(rights="view")).status_code == 303
    return outsider


def changing_routes(client: TestClient) -> list[str]:
    """Addresses of the API that take a POST, with names put in."""
    paths = client.get("/api/openapi.json").json()["paths"]
    named = {"{run}": "rooms", "{id}": "nope"}
    found = [path for path, entry in paths.items() if set(entry) - {"get"}]
    for name, value in named.items():
        found = [path.replace(name, value) for path in found]
    assert not any("{" in path for path in found), found
    return found


def test_rule_5_who_may_look_reads_everything(viewer):
    assert viewer.get("/api/session").json()["rights"] == "view"
    for path in ("/", "/api/runs/rooms", "/api/runs/rooms/control", "/api/launches"):
        assert viewer.get(path).status_code == 200
    with viewer.websocket_connect(f"{SOCKETS}/ws/live?run=rooms", headers={"Origin": ORIGIN}) as ws:
        assert ws.receive_json()["type"] == "hello"


def test_rule_5_who_may_look_changes_nothing_by_any_address(folder, access):
    app = create_app(RunStore(folder), access, render=lambda *_: PNG, api_docs=True)
    view = bearer(access.new_link(rights="view").split("=")[1])
    control = bearer(access.new_link().split("=")[1])
    with TestClient(app, base_url=ORIGIN) as client:
        client.headers.update(view)
        routes = changing_routes(client)
        assert {"/api/runs/rooms/control", "/api/launches", LINK} <= set(routes)
        for path in [*routes, "/api/of/a/version/to/come"]:
            refused = client.post(path, json={})
            assert refused.status_code == 403, path
            assert "pointins studio --link" in refused.json()["error"]
        client.headers.update(control)
        assert not [path for path in routes if client.post(path, json={}).status_code == 403]
    assert not list((folder / "rooms").glob("control/*"))


def test_rule_5_pages_are_drawn_for_who_may_look(viewer):
    """Dash asks by POST; nothing that it asks for changes anything."""
    asked = {"output": "nothing.children", "outputs": {}, "inputs": [], "changedPropIds": []}
    answer = viewer.post("/_dash-update-component", json=asked, headers={"Origin": ORIGIN})
    assert answer.status_code != 403


def test_rule_5_who_may_look_starts_no_reading_of_scans(viewer, monkeypatch):
    started = []
    start = "app.scenes.collections.Collections._start"
    monkeypatch.setattr(start, lambda self, collection, scene: started.append(collection.id))
    (progress,) = {
        row["progress"]["status"] for row in viewer.get("/api/collections").json()["collections"]
    }
    assert viewer.get("/api/collections/sim-rooms/scenes").status_code == 200
    assert (started, progress) == ([], "view_only")


def test_rule_5_a_browser_gains_control_by_a_link_and_never_loses_it(viewer, access):
    viewer.get(access.new_link())
    assert viewer.get("/api/session").json()["rights"] == "control"
    unspent = access.new_link(rights="view")
    viewer.get(unspent)
    assert viewer.get("/api/session").json()["rights"] == "control"
    viewer.cookies.clear()
    assert viewer.get(unspent).status_code == 303, "it was not spent on a browser with control"


@pytest.mark.parametrize("change", ["control.", "x"])
def test_rule_5_a_cookie_cannot_be_given_other_rights(viewer, access, change):
    cookie = viewer.cookies[access.cookie_name]
    viewer.cookies.clear()
    forged = cookie.replace("view.", change) if "." in change else cookie + change
    viewer.cookies.set(access.cookie_name, forged)
    assert viewer.get("/api/session").status_code == 401


def test_rule_5_a_program_makes_links_of_either_kind(outsider, access):
    for rights in ("view", "control"):
        asked = {"json": {"rights": rights}, "headers": bearer(access.api_token)}
        outsider.get(outsider.post(LINK, **asked).json()["url"])
        assert outsider.get("/api/session").json()["rights"] == rights
    assert outsider.post(LINK, json={"rights": "all"}, headers=bearer(access.api_token)).is_error


@pytest.mark.parametrize(
    "values",
    [
        {"scene.source": "/etc"},
        {"scene.source": "--help"},
        {"scene.dataset": "$(touch /tmp/x)\n"},
        {"odr.prior.path": "/etc/passwd"},
        {"run": "--run"},
        {"optim.steps": "5; rm -rf /"},
    ],
)
def test_rule_5_a_launch_takes_only_typed_values(client, values):
    body = json.dumps({**LAUNCH, "values": values})
    headers = {"Origin": ORIGIN, "Content-Type": "application/json"}
    refused = client.post("/api/launches", content=body, headers=headers)
    assert refused.status_code == 400
    assert set(refused.json()["errors"]) == set(values)
