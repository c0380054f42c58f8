"""Jobs of segmentations: one at a time, in order, known to a later studio, ended when they must."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from app.segmenting import jobs as jobs_module
from app.segmenting.jobs import LOG, Jobs
from app.segmenting.store import Refused, SegmentationStore
from pointins_engine.errors import RunError
from pointins_engine.run_log.files import write_json
from tests.app.segment_fixtures import FINISHES, SLEEPS, shell

PATIENCE_S = 60  # a cold start on a busy machine


@pytest.fixture
def store(tmp_path) -> SegmentationStore:
    return SegmentationStore(tmp_path)


def new(store: SegmentationStore) -> str:
    return store.keep(store.open_new())


def wait_for(jobs: Jobs, id: str, status: str) -> dict:
    end = time.monotonic() + PATIENCE_S
    while (told := jobs.progress(id))["status"] != status:
        assert time.monotonic() < end, told
        jobs.pump()
        time.sleep(0.01)
    return told


def wait_for_word(store: SegmentationStore, id: str) -> None:
    """Until the job itself has said something."""
    end = time.monotonic() + PATIENCE_S
    while not store.record(id, "progress.json"):
        assert time.monotonic() < end
        time.sleep(0.01)


def end_all(jobs: Jobs, store: SegmentationStore) -> None:
    for id in store.ids():
        jobs.end(id)


def test_one_job_runs_and_the_others_wait_in_the_order_of_asking(store):
    jobs = Jobs(store, shell(SLEEPS))
    ids = [new(store) for _ in range(3)]
    for id in (ids[1], ids[2], ids[0]):
        jobs.ask(id)
    jobs.pump()
    told = {id: jobs.progress(id) for id in ids}
    assert [told[id]["status"] for id in ids] == ["waiting", "running", "waiting"]
    assert (told[ids[2]]["ahead"], told[ids[0]]["ahead"]) == (0, 1)
    jobs.end(ids[1])
    jobs.pump()
    assert jobs.progress(ids[2])["status"] == "running"
    end_all(jobs, store)


def test_a_job_that_finished_is_told_by_what_it_wrote(store):
    jobs = Jobs(store, shell(FINISHES))
    id = new(store)
    jobs.ask(id)
    assert wait_for(jobs, id, "finished")["detail"] == ""
    assert not jobs.pump(), "nothing is at work and nothing waits"


def test_what_is_asked_while_a_job_runs_starts_it_once_more(store):
    jobs = Jobs(store, shell(FINISHES))
    id = new(store)
    jobs.ask(id)
    jobs.pump()
    first = store.record(id, "job.json")["pid"]
    jobs.ask(id)
    wait_for(jobs, id, "finished")
    assert store.record(id, "job.json")["pid"] != first


def test_a_question_of_a_job_is_a_state_of_its_own(store):
    says = '"status":"failed","ask":{"units":"mm"},"detail":"Is it in millimetres?"'
    jobs = Jobs(store, shell(FINISHES.replace('"status":"finished"', says)))
    id = new(store)
    jobs.ask(id)
    told = wait_for(jobs, id, "asking")
    assert told["ask"] == {"units": "mm"} and "millimetres" in told["detail"]


def test_a_job_that_ends_without_a_word_has_failed_and_a_sentence_says_so(store):
    jobs = Jobs(store, shell("kill -9 $$"))
    id = new(store)
    jobs.ask(id)
    told = wait_for(jobs, id, "failed")
    assert "signal 9" in told["detail"] and "memory" in told["detail"]


def test_a_cancelled_job_stops_and_one_in_line_leaves_it(store):
    jobs = Jobs(store, shell(SLEEPS))
    first, second = new(store), new(store)
    jobs.ask(first)
    jobs.pump()
    jobs.ask(second)
    jobs.cancel(second)
    assert jobs.progress(second)["status"] == "stopped"
    jobs.cancel(first)
    assert wait_for(jobs, first, "stopped")
    with pytest.raises(Refused, match="nothing to stop"):
        jobs.cancel(first)


def test_a_job_that_ignores_being_cancelled_is_ended(store, monkeypatch):
    monkeypatch.setattr(jobs_module, "KILL_AFTER_S", 0.0)
    jobs = Jobs(store, shell(f"trap '' TERM; {SLEEPS}"))
    id = new(store)
    jobs.ask(id)
    jobs.pump()
    wait_for_word(store, id)
    jobs.cancel(id)
    assert wait_for(jobs, id, "stopped")


def test_a_job_that_takes_too_long_is_ended(store):
    jobs = Jobs(store, shell(SLEEPS), max_job_s=0.0)
    id = new(store)
    jobs.ask(id)
    jobs.pump()
    assert "minutes" in wait_for(jobs, id, "failed")["detail"]


def test_a_studio_that_starts_later_knows_the_job_of_an_earlier_one(store):
    earlier, later = Jobs(store, shell(SLEEPS)), Jobs(store, shell(FINISHES))
    first, second = new(store), new(store)
    for id in (first, second):
        earlier.ask(id)
    earlier.pump()
    later.pump()
    assert later.progress(first)["status"] == "running"
    assert later.progress(second) == earlier.progress(second)
    later.end(first)
    earlier.end(first)  # it is the parent, which has to see the end
    wait_for(later, second, "finished")


def test_a_process_that_has_the_id_of_an_ended_job_is_not_taken_for_it(store):
    jobs = Jobs(store, shell(FINISHES))
    id = new(store)
    stranger = subprocess.Popen(["sleep", "60"])
    job = {"asked": 1, "taken": 1, "pid": stranger.pid, "started": "1", "host": os.uname().nodename}
    write_json(store.folder(id) / "job.json", {**job, "began": 0.0, "exit_code": None})
    jobs.pump()
    assert jobs.progress(id)["status"] == "failed"
    jobs.end(id)
    assert stranger.poll() is None
    stranger.send_signal(signal.SIGKILL)
    stranger.wait()


def test_a_log_cannot_fill_the_disk(store, monkeypatch):
    monkeypatch.setattr(jobs_module, "MAX_LOG_BYTES", 1000)
    jobs = Jobs(store, shell(f"head -c 2000 /dev/zero; {SLEEPS}"))
    id = new(store)
    jobs.ask(id)
    jobs.pump()
    wait_for_word(store, id)
    jobs.pump()
    assert (store.folder(id) / LOG).stat().st_size == 0
    end_all(jobs, store)


def test_the_line_has_an_end(store, monkeypatch):
    monkeypatch.setattr(jobs_module, "MAX_WAITING", 1)
    jobs = Jobs(store, shell(SLEEPS))
    jobs.ask(new(store))
    with pytest.raises(Refused, match="wait already"):
        jobs.check_line()


def test_a_running_studio_goes_on_with_the_line_by_itself(store):
    jobs = Jobs(store, shell(FINISHES), look_s=0.01)
    before = new(store)
    jobs.ask(before)
    jobs.open()
    after = new(store)
    jobs.ask(after)
    end = time.monotonic() + PATIENCE_S
    while {jobs.progress(id)["status"] for id in (before, after)} != {"finished"}:
        assert time.monotonic() < end
        time.sleep(0.01)
    jobs.close()


def test_a_job_starts_below_the_priority_of_the_studio(store):
    jobs = Jobs(store, shell(SLEEPS))
    id = new(store)
    jobs.ask(id)
    jobs.pump()
    pid = store.record(id, "job.json")["pid"]
    assert os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getsid(pid) == pid, "so that it outlives the studio"
    end_all(jobs, store)


def test_what_was_left_in_the_making_is_swept_away(store, monkeypatch):
    left, gone = store.open_new(), store.root / ".gone-20260101T000000-abcdef-1"
    gone.mkdir()
    monkeypatch.setattr("app.segmenting.store.STALE_S", -1.0)
    kept = store.keep(store.open_new())
    assert not left.exists() and not gone.exists()
    assert store.ids() == [kept]


@pytest.mark.parametrize("id", ["", "..", "20260101T000000-abcdef", "/etc", "a" * 500, "x\0y"])
def test_an_id_that_does_not_exist_is_no_path(store: SegmentationStore, id: str):
    with pytest.raises(RunError, match="no segmentation"):
        store.folder(id)


def test_a_link_is_no_segmentation(store: SegmentationStore, tmp_path: Path):
    (tmp_path / "20260101T000000-abcdef").symlink_to("/etc")
    assert store.ids() == []
    with pytest.raises(RunError):
        store.folder("20260101T000000-abcdef")
