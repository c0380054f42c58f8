"""Everything that the pages of a run ask the studio, asked without a browser."""

from typing import Any

from httpx import Client, Response

from layouts import ids, live, runs, shell

JSON_ROUTES = (
    "/api/runs",
    "/api/runs/{run}",
    "/api/runs/{run}/head",
    "/api/runs/{run}/events",
    "/api/runs/{run}/control",
    "/api/runs/{run}/scenes/{scene}/frames",
)
ARRAY_ROUTES = (
    "/api/runs/{run}/scenes/{scene}",
    "/api/runs/{run}/scenes/{scene}/frames/{step}",
)


def routes_of(run: str, scene: str = "room_0001", step: int = 0) -> list[str]:
    return [
        route.format(run=run, scene=scene, step=step) for route in (*JSON_ROUTES, *ARRAY_ROUTES)
    ]


def is_sound(answer: Response) -> bool:
    """Whether the studio answered, or said in a sentence why it cannot."""
    if answer.is_success:
        return True
    said = answer.json().get("error", "") if answer.status_code < 500 else ""
    return len(said.split()) > 3


def page_answers(client: Client, origin: str, run: str, scene: str, step: int) -> dict:
    """What the server's callbacks answer on the list of runs and the page of a run, by output.

    Components that are not named have the value None, as on a page that has just opened.
    """
    pages = (shell.shell(), runs.runs_page("runs"), live.live_page(run))
    there = {getattr(part, "id", None) for page in pages for part in page._traverse()}
    cursor = {"run": run, "scene": scene, "step": step, "following": False}
    values: dict[str, Any] = {
        f"{ids.URL}.pathname": f"/live/{run}",
        f"{ids.URL}.search": "",
        f"{ids.LIVE_RUN}.data": run,
        f"{ids.LIVE_CURSOR}.data": cursor,
        f"{ids.FRAME_WANTED}.data": {"ask": 1, "cursor": cursor},
        f"{ids.ODR_VIEW}.value": "density",
        f"{ids.THEME}.data": "dark",
    }

    def given(parts: list[dict[str, str]]) -> list[dict[str, Any]]:
        return [{**part, "value": values.get(f"{part['id']}.{part['property']}")} for part in parts]

    answers = {}
    for callback in client.get("/_dash-dependencies").json():
        asked = [*callback["inputs"], *callback["state"]]
        if callback.get("clientside_function") or not {part["id"] for part in asked} <= there:
            continue
        outputs = callback["output"].strip(".").split("...")
        body = {
            "output": callback["output"],
            "outputs": [dict(zip(("id", "property"), o.split("."), strict=True)) for o in outputs],
            "inputs": given(callback["inputs"]),
            "state": given(callback["state"]),
            "changedPropIds": [],
        }
        answers[callback["output"]] = client.post(
            "/_dash-update-component", json=body, headers={"Origin": origin}
        )
    return answers
