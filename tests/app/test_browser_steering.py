"""Steering and launching in a real browser: what is clicked reaches the trainer, and its answer
comes back. The trainer is a thread that obeys commands; it learns nothing."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pointins_engine.config import differences, flat
from pointins_engine.live_edits import edit_lines, edited
from pointins_engine.run_log.control import read_commands, remove_command
from pointins_engine.run_log.writer import RunWriter
from tests.app.browsing import Visit, let_in
from tests.app.studio_process import Studio
from tests.recorded_run import CONFIG, append_frame, open_recorded_run, write_recorded_run

pytestmark = pytest.mark.browser
FIRST_STEP = 20


class ObedientTrainer(threading.Thread):
    """Answers the commands of a recorded run between steps, as a trainer does."""

    def __init__(self, writer: RunWriter) -> None:
        super().__init__(daemon=True)
        self.writer, self.config = writer, CONFIG
        self.step, self.status, self.over = FIRST_STEP, "running", False

    def run(self) -> None:
        self.writer.listens(True)
        self.writer.state("running")
        while not self.over:
            for command in read_commands(self.writer.paths):
                text = self._obey(command.command, dict(command.values), command.id)
                told = {"id": command.id, "command": command.command, "by": command.by}
                self.writer.event("control", self.step, **told, ok=True, text=text)
                remove_command(self.writer.paths, command.id)
            time.sleep(0.05)

    def _obey(self, command: str, values: dict, id: str) -> str:
        if command == "set":
            new = edited(self.config, values)
            text = "; ".join(edit_lines(self.config, new, f"from step {self.step + 1}"))
            changed = {name: list(pair) for name, pair in differences(self.config, new).items()}
            self.writer.event("edit", self.step, id=id, by="", values=changed, text=text)
            self.config = new
            return text
        if command == "step":
            self.step += 1
            append_frame(self.writer, self.step, num_points=300)
        status = {"pause": "paused", "step": "paused", "resume": "running"}.get(command)
        if status:
            self.writer.state(status)  # type: ignore[arg-type]
        return f"{command} at step {self.step}."


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    ended = write_recorded_run(root / "ended", num_frames=3, num_points=300, status="failed")
    for step in (10, 20):
        folder = ended.paths.root / f"checkpoints/{step:08d}"
        folder.mkdir(parents=True)
        (folder / "trainer.json").write_text(f'{{"step": {step}}}')
    return root


@pytest.fixture(scope="module")
def trainer(runs) -> Iterator[ObedientTrainer]:
    writer = open_recorded_run(runs / "rooms", num_points=300)
    for step in (0, FIRST_STEP):
        append_frame(writer, step, num_points=300)
    writer.event("warning", 5, text="the disk is <b>slow</b>")
    trainer = ObedientTrainer(writer)
    trainer.start()
    yield trainer
    trainer.over = True
    trainer.join()
    writer.close("stopped")


@pytest.fixture(scope="module")
def studio(runs, trainer) -> Iterator[Studio]:
    with Studio(runs) as studio:
        yield studio


@pytest.fixture(scope="module")
def context(browser, studio):
    size = {"width": 1280, "height": 800}
    with let_in(browser, studio, viewport=size, color_scheme="dark") as context:
        yield context


@pytest.mark.slow
def test_the_trainer_is_paused_stepped_and_edited_from_the_page(visit, trainer):
    page = visit.page
    page.goto(f"{visit.base}/live/rooms", wait_until="commit")
    steering, news = page.locator("#steering-root"), page.locator(".st-news")

    steering.get_by_role("button", name="Pause").click()
    expect(news).to_have_text(f"pause at step {FIRST_STEP}.")
    expect(page.locator("#live-banner")).to_contain_text("Paused at step")
    resume = steering.get_by_role("button", name="Resume")
    expect(resume).to_be_visible()
    steering.get_by_role("button", name="One step").press("Enter")
    expect(news).to_have_text(f"step at step {FIRST_STEP + 1}.")
    page.wait_for_function(f"() => pointinsViewport.state()?.step === {FIRST_STEP + 1}")

    # A stop is asked about in place, and Escape takes it back.
    steering.get_by_role("button", name="Stop", exact=True).click()
    expect(steering.get_by_role("button", name="Keep training")).to_be_focused()
    page.keyboard.press("Escape")
    expect(steering.get_by_role("alertdialog")).to_be_hidden()

    # A value: what is wrong stands beside it, what is right is previewed, taken back, then sent.
    steering.locator("summary", has_text="Values").click()
    weight = steering.get_by_label("weight of the offset loss", exact=False).first
    apply = steering.get_by_role("button", name="Apply")
    weight.fill("-1")
    problem = steering.locator('[data-field="offset.weight"] .fd-problem')
    expect(problem).to_contain_text(">= 0")
    expect(apply).to_be_disabled()
    weight.fill("0.1")
    expect(steering.locator(".st-effect")).to_contain_text("0.25 → 0.1")
    apply.click()
    expect(steering.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(news).to_have_text("Taken back: nothing was sent.")
    assert flat(trainer.config)["offset.weight"] == 0.25
    apply.click()
    steering.get_by_role("button", name="Send now").click()
    expect(news).to_contain_text(f"0.25 → 0.1 from step {FIRST_STEP + 2}")
    expect(weight).to_have_value("0.1")
    assert flat(trainer.config)["offset.weight"] == 0.1

    # The log has it; its lines move the time cursor, and the cursor marks its line.
    log = page.locator("#log-root")
    expect(log.locator("li", has_text="0.25 → 0.1")).to_have_attribute("data-kind", "edit")
    expect(log).to_contain_text("the disk is <b>slow</b>")  # text of a run stays text
    log.get_by_role("button", name=re.compile("checkpoint saved")).click()
    page.wait_for_function(f"() => pointinsViewport.state()?.step === {FIRST_STEP}")
    log.get_by_label("Kinds of lines").select_option("alarms and warnings")
    expect(log.locator("li")).to_have_count(1)
    assert page.evaluate("pointinsSteering.commands().map(({ text }) => text)")[:2] == [
        "Trainer: resume",
        "Trainer: one step",
    ]


def test_a_page_with_the_view_link_shows_and_does_not_steer(browser, studio):
    with let_in(browser, studio, studio.view_url) as context:
        visit = Visit(context.new_page(), f"http://127.0.0.1:{studio.port}")
        visit.page.goto(f"{visit.base}/live/rooms", wait_until="commit")
        steering = visit.page.locator("#steering-root")
        expect(steering).to_contain_text("opened with the view link")
        expect(steering.get_by_role("button", name="Pause")).to_be_hidden()
        expect(steering.get_by_role("slider")).to_be_disabled()
    assert visit.complaints == []


def test_a_run_that_ended_leads_to_a_launch_that_goes_on_with_it(visit):
    page = visit.page
    page.goto(f"{visit.base}/live/ended", wait_until="commit")
    steering = page.locator("#steering-root")
    steering.get_by_label("Checkpoint to fork from").select_option("10")
    expect(steering.get_by_role("link", name="Go on from step 20")).to_be_visible()
    steering.get_by_role("link", name="Fork").click()
    expect(page.get_by_label("Checkpoint", exact=True)).to_have_value("10")
    expect(page.get_by_label("Name of the run")).to_have_value("ended-fork")
    expect(page.locator(".la-summary code")).to_contain_text("ended@10")


def test_the_launch_form_is_checked_while_it_is_filled_in(visit):
    page = visit.page
    page.goto(f"{visit.base}/launch", wait_until="commit")
    summary = page.locator(".la-summary")
    expect(summary.locator("code")).to_contain_text("pointins pretrain indoor_demo")
    expect(summary.locator(".la-facts")).to_contain_text("parameters")
    page.get_by_label("Name of the run").fill("rooms")  # taken
    expect(page.locator(".la-part", has_text="Name of the run")).to_contain_text("rooms")
    expect(summary.get_by_role("button", name="Launch")).to_be_disabled()
    page.get_by_label("Name of the run").fill("mine")
    page.get_by_label("Find a field").fill("tau_d")
    radius = page.locator('[data-field="scr.link_radius"] input')
    expect(radius).to_be_visible()
    expect(page.locator('[data-field="scr.min_size"] input')).to_be_hidden()
    radius.fill("-2")
    expect(page.locator('[data-field="scr.link_radius"] .fd-problem')).to_contain_text("> 0")
    radius.fill("0.5")
    expect(summary.locator("code")).to_contain_text("--scr.link-radius=0.5")
    page.get_by_role("button", name="Reset link radius").click()
    expect(summary.locator("code")).not_to_contain_text("link-radius")
    # The device is taken by the run that goes on, so nothing is started here.
    expect(summary).to_contain_text("a device takes one run at a time")
