"""A scan that is sent arrives whole under a name of ours, or leaves nothing behind."""

import asyncio
import json
import shutil
import stat
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.__main__ import main
from app.segmenting.uploads import Uploads, safe_name, shown_name
from pointins_engine.run_log.files import write_json
from tests.app.segment_fixtures import AT, BINARY, LIMITS, gate, segmenter, shared, studio
from tests.app.studio_fixtures import ORIGIN, TestClient

__all__ = ["gate", "segmenter", "shared", "studio"]

SCAN = b"ply\nformat ascii 1.0\n" + bytes(range(256)) * 8000
UPLOADS = f"{AT}/uploads"
DISCONNECT = {"type": "http.disconnect"}


def piece(data: bytes, more: bool = True) -> dict:
    return {"type": "http.request", "body": data, "more_body": more}


def send(
    gate, messages: Iterable[dict | None], length: int, name: str = "a.ply"
) -> tuple[int, str]:
    """Status and sentence of an upload that comes in these messages; None = nothing more comes."""
    app, access, _ = gate
    left, answer = iter(messages), []

    async def receive() -> dict:
        message = next(left, DISCONNECT)
        while message is None:
            await asyncio.sleep(3600)
        return message

    async def take(message: dict) -> None:
        answer.append(message)

    headers = {
        "host": ORIGIN.removeprefix("http://"),
        "authorization": f"Bearer {access.api_token}",
        "content-type": "application/octet-stream",
        "content-length": str(length),
    }
    scope = {
        "type": "http",
        "method": "POST",
        "path": UPLOADS,
        "raw_path": UPLOADS.encode(),
        "query_string": f"name={name}".encode(),
        "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8050),
        "scheme": "http",
        "http_version": "1.1",
    }
    asyncio.run(app(scope, receive, take))
    body = b"".join(message.get("body", b"") for message in answer)
    return answer[0]["status"], json.loads(body).get("error", "")


def left_behind(segmenter) -> list[str]:
    root: Path = segmenter.store.root
    return [p.name for p in root.rglob("*") if p.name != ".lock"] if root.exists() else []


def test_a_scan_arrives_as_it_was_sent_and_its_job_is_asked_for(studio, segmenter):
    answer = studio.post(f"{UPLOADS}?name=My%20room.PLY&units=mm", content=SCAN, headers=BINARY)
    assert answer.status_code == 201
    folder = segmenter.store.folder(answer.json()["id"])
    assert (folder / "upload" / "scan.ply").read_bytes() == SCAN
    request = json.loads((folder / "request.json").read_text())
    assert request["source"] == {"kind": "upload", "file": "upload/scan.ply"}
    assert (request["name"], request["units"], request["up"]) == ("My room.PLY", "mm", None)
    assert [item["layer"] for item in request["wanted"]] == ["pointins"]
    assert segmenter.jobs.progress(folder.name)["status"] == "waiting"


def test_what_the_job_says_of_a_scan_names_it_as_its_owner_does(studio, segmenter):
    id = studio.post(f"{UPLOADS}?name=hall.ply", content=b"x", headers=BINARY).json()["id"]
    segmenter.jobs.cancel(id)
    said = {"status": "failed", "detail": "scan.ply is torn.", "failures": {"a": "scan.ply: no"}}
    write_json(segmenter.store.folder(id) / "progress.json", said)
    told = studio.get(f"{AT}/{id}").json()
    assert told["detail"] == told["progress"]["detail"] == "hall.ply is torn."
    assert told["progress"]["failures"] == {"a": "hall.ply: no"}


def test_only_the_owner_may_read_what_was_sent(studio, segmenter):
    id = studio.post(f"{UPLOADS}?name=a.ply", content=SCAN, headers=BINARY).json()["id"]
    folder = segmenter.store.folder(id)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (folder, *folder.glob("upload*/**"))}
    assert modes == {id: 0o700, "upload": 0o700}
    assert stat.S_IMODE((folder / "upload/scan.ply").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../../etc/passwd.ply", "passwd.ply"),
        ("..%2f..%2fx.ply", "x.ply"),
        ("C:\\scans\\room.ply", "room.ply"),
        ("a%00b%0a.ply", "ab.ply"),
        ("%e2%80%aeylp.exe.ply", "ylp.exe.ply"),
        ("<b>&.ply", "<b>&.ply"),
        ("ä" * 300 + ".ply", "ä" * 96 + ".ply"),
        (".ply", ".ply"),
    ],
)
def test_the_name_of_a_file_is_a_label_and_never_a_path(studio, segmenter, name, shown):
    address = f"{UPLOADS}?name={name.replace('&', '%26')}"
    id = studio.post(address, content=b"ply\n", headers=BINARY).json()["id"]
    assert studio.get(f"{AT}/{id}").json()["name"] == shown
    files = [p for p in segmenter.store.root.parent.rglob("*") if p.is_file() and p.name != ".lock"]
    assert {p.name for p in files} == {"request.json", "job.json", "scan.ply"}


def test_the_longest_known_ending_of_a_name_is_kept():
    assert safe_name("sweep.PCD.BIN") == "scan.pcd.bin"
    assert safe_name("folder/cloud.las") == "scan.las"
    assert shown_name("\0\n") == "scan"


@pytest.mark.parametrize("name", ["scan.zip", "scan", "ply", "scan.ply.exe", "scan.svg", ""])
def test_what_no_reader_knows_is_refused_with_the_formats(studio, segmenter, name):
    refused = studio.post(f"{UPLOADS}?name={name}", content=SCAN, headers=BINARY)
    assert refused.status_code == 415
    assert ".ply" in refused.json()["error"] and ".las" in refused.json()["error"]
    assert left_behind(segmenter) == []


@pytest.mark.parametrize("query", ["units=miles", "up=w", "domain=space", "checkpoint=/etc/passwd"])
def test_values_that_are_not_possible_are_refused_before_the_scan_is_read(studio, segmenter, query):
    refused = studio.post(f"{UPLOADS}?name=a.ply&{query}", content=SCAN, headers=BINARY)
    assert refused.status_code == 422
    assert left_behind(segmenter) == []


def test_a_scan_above_the_limit_is_refused_by_its_length_alone(gate, segmenter):
    status, _ = send(gate, [None], LIMITS.max_bytes + 1)
    assert (status, left_behind(segmenter)) == (413, [])
    with pytest.raises(Exception, match="--max-upload-mb"):
        Uploads(LIMITS).check("a.ply", LIMITS.max_bytes + 1, Path("/"))


def test_an_empty_file_is_refused(studio):
    assert studio.post(f"{UPLOADS}?name=a.ply", content=b"", headers=BINARY).status_code == 400


@pytest.mark.parametrize(
    ("messages", "length", "status"),
    [
        ([piece(SCAN), DISCONNECT], 2 * len(SCAN), 400),  # the browser was closed
        ([piece(SCAN, more=False)], 2 * len(SCAN), 400),  # less than announced
        ([piece(SCAN), piece(SCAN, more=False)], len(SCAN), 413),  # more than announced
        ([piece(SCAN), None], 2 * len(SCAN), 408),  # nothing more comes
    ],
)
def test_an_upload_that_breaks_off_leaves_nothing(gate, segmenter, messages, length, status):
    answered, sentence = send(gate, messages, length)
    assert answered == status and len(sentence.split()) > 3
    assert left_behind(segmenter) == []


def test_an_upload_that_trickles_is_ended(gate, segmenter):
    segmenter.uploads.limits = replace(LIMITS, grace_s=0.0, min_rate=1e12)
    status, _ = send(gate, [piece(SCAN), piece(SCAN, more=False)], 2 * len(SCAN))
    assert (status, left_behind(segmenter)) == (408, [])


def test_a_full_disk_is_said_before_the_scan_is_read(gate, segmenter, monkeypatch):
    usage = SimpleNamespace(free=1024**3, total=1024**4)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    status, sentence = send(gate, [None], len(SCAN))
    assert status == 507 and "1.0 GiB left" in sentence
    assert left_behind(segmenter) == []


def test_a_disk_that_fills_up_meanwhile_leaves_nothing(gate, segmenter, monkeypatch):
    def fail(*_) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.segmenting.uploads.os.write", fail)
    status, sentence = send(gate, [piece(SCAN, more=False)], len(SCAN))
    assert status == 507 and "No space left" in sentence
    assert left_behind(segmenter) == []


def test_two_scans_at_once_are_two_segmentations(studio, segmenter):
    places = [segmenter.uploads.place() for _ in range(LIMITS.max_at_once - 1)]
    for place in places:
        place.__enter__()
    first = studio.post(f"{UPLOADS}?name=a.ply", content=b"one", headers=BINARY)
    place = segmenter.uploads.place()
    place.__enter__()
    refused = studio.post(f"{UPLOADS}?name=a.ply", content=b"two", headers=BINARY)
    assert (first.status_code, refused.status_code) == (201, 429)
    place.__exit__(None, None, None)
    second = studio.post(f"{UPLOADS}?name=a.ply", content=b"two", headers=BINARY)
    ids = [answer.json()["id"] for answer in (first, second)]
    contents = [(segmenter.store.folder(id) / "upload/scan.ply").read_bytes() for id in ids]
    assert contents == [b"one", b"two"]


def test_a_studio_that_takes_no_files_says_so(studio, segmenter):
    segmenter.uploads = None
    listed = studio.get(AT).json()
    assert not listed["can_upload"] and "--no-upload" in listed["why"]
    refused = studio.post(f"{UPLOADS}?name=a.ply", content=SCAN, headers=BINARY)
    assert refused.status_code == 403 and "--no-upload" in refused.json()["error"]


def test_the_list_says_what_may_be_sent(studio: TestClient):
    listed = studio.get(AT).json()
    assert listed["segmentations"] == [] and listed["can_upload"]
    assert listed["max_upload_bytes"] == LIMITS.max_bytes
    assert {".ply", ".pcd", ".las", ".npz", ".obj", ".txt"} <= set(listed["suffixes"])
    assert listed["checkpoints"] == ["auto", "builtin:indoor", "builtin:outdoor"]


def test_a_limit_that_lets_nothing_through_is_refused_at_the_start(tmp_path, capsys):
    assert main(["--runs", str(tmp_path), "--max-upload-mb", "0", "--no-open"]) == 2
    assert "--max-upload-mb" in capsys.readouterr().err
