"""Offset lengths of labelled objects, real and simulated, beside the paper's priors and ours.

`python -m benchmarks offsets --data DIR` measures; DIR holds `semantickitti/`, `pandaset/` and
`mosd/`, of which any may be missing. `python -m benchmarks.offsets --data DIR --figure FILE.png`
draws the distributions, too.
"""

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy import stats

from app.charts.parts import THEMES, Figure, Theme, axis_style, base_layout, faded
from pointins_engine.config import SceneConfig
from pointins_engine.offset_prior.distance import kolmogorov_smirnov, wasserstein_m
from pointins_engine.offset_prior.fit import measured_prior, table_of
from pointins_engine.offset_prior.offsets import (
    Domain,
    find_clusters,
    label_free_offsets,
    labelled_offsets,
)
from pointins_engine.offset_prior.record import PriorRecord, builtin_priors
from pointins_engine.offset_prior.summary import fitted
from pointins_engine.scenes import open_scenes
from pointins_engine.types import Scene

SEED = 0
NUM_ROOMS, NUM_STREETS = 24, 12
EDGES = np.geomspace(0.01, 20.0, 56)  # metres: five bins a doubling
PER_ROW, ROW_GAP = 3, 0.14  # of the figure


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """Labelled scenes, and the prior of the paper that is for such scenes."""

    title: str
    source: str
    domain: Domain
    cell_size: float  # metres, of the loss stage
    prior: str
    num: int = 1  # scenes, where they are simulated


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """Offsets (n, 3) in metres of one collection, found in four ways."""

    collection: Collection
    num_scenes: int
    labelled: Float[np.ndarray, "n 3"]
    raw: Float[np.ndarray, "a 3"]  # HDBSCAN on all points
    without_planes: Float[np.ndarray, "b 3"]  # HDBSCAN where planes were taken out
    label_free: Float[
        np.ndarray, "c 3"
    ]  # what a run uses: of these, what is no larger than a thing


def collections(data: Path | None) -> Iterator[Collection]:
    """Simulated scenes, and the real ones that lie in `data`."""

    def outdoor(title: str, source: str, num: int = 1) -> Collection:
        return Collection(
            title=title,
            source=source,
            num=num,
            domain="outdoor",
            cell_size=0.2,
            prior="paper-outdoor",
        )

    def indoor(title: str, source: str, cell_size: float, num: int = 1) -> Collection:
        return Collection(
            title=title,
            source=source,
            num=num,
            domain="indoor",
            cell_size=cell_size,
            prior="paper-indoor",
        )

    for name, title in (("semantickitti", "SemanticKITTI"), ("pandaset", "PandaSet")):
        if data is not None and (data / name).is_dir():
            yield outdoor(title, str(data / name))
    if data is not None and (data / "mosd").is_dir():
        yield indoor("mOSD (table-tops)", str(data / "mosd"), cell_size=0.02)
    yield outdoor("simulated streets", "sim:streets", NUM_STREETS)
    yield indoor("simulated rooms", "sim:rooms", cell_size=0.08, num=NUM_ROOMS)


def measure(collection: Collection) -> Measured:
    """Offsets of all scenes of a collection, those of labels and those of clusters."""
    config = SceneConfig(
        source=collection.source,
        num_simulated=collection.num,
        domain=collection.domain,
        grid_size=collection.cell_size / 4,
        feats=("coord",),
    )
    scenes = [_objects_of_tables(scene) for scene in open_scenes(config, SEED, "train")]
    cell, domain = collection.cell_size, collection.domain
    rng = np.random.default_rng(SEED)

    def off_planes(scene: Scene) -> np.ndarray:
        assert scene.is_plane is not None, "open_scenes finds planes"
        return scene.coord[~scene.is_plane]

    return Measured(
        collection=collection,
        num_scenes=len(scenes),
        labelled=np.concatenate([labelled_offsets(scene, cell) for scene in scenes]),
        raw=np.concatenate([find_clusters(s.coord, cell, rng).offset() for s in scenes]),
        without_planes=np.concatenate(
            [find_clusters(off_planes(s), cell, rng).offset() for s in scenes]
        ),
        label_free=np.concatenate([label_free_offsets(s, cell, domain, rng) for s in scenes]),
    )


def _objects_of_tables(scene: Scene) -> Scene:
    """mOSD numbers parts as ten times the object, and what belongs to no object below ten."""
    label = scene.instance_label
    if label is None or scene.class_names:
        return scene
    return replace(scene, instance_label=np.where(label >= 10, label // 10, -1).astype(np.int32))


def lengths_table(found: list[Measured]) -> str:
    """Labelled offsets beside the paper's prior."""
    rows = [
        "| scenes | offsets | mean | median | 5 % | 95 % | PointINS | W1 | KS | closest fit |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for m in found:
        length = np.linalg.norm(m.labelled, axis=1)
        low, middle, high = np.quantile(length, [0.05, 0.5, 0.95])
        prior, table = builtin_priors()[m.collection.prior], table_of(length)
        fit = _record(m.labelled).provenance.fits[0]
        rows.append(
            f"| {m.collection.title}, {m.num_scenes} | {len(length):,} | {length.mean():.2f} m "
            f"| {middle:.2f} m | {low:.2f} m | {high:.2f} m | {prior.describe()} "
            f"| {wasserstein_m(prior, table):.2f} m | {kolmogorov_smirnov(prior, table):.2f} "
            f"| {fitted(fit)} |"
        )
    return "\n".join(rows)


def label_free_table(found: list[Measured]) -> str:
    """Clusters beside labels: mean length, and W1 to the labelled lengths."""
    rows = [
        "| scenes | labels: mean | HDBSCAN on all points | without planes "
        "| and without clusters larger than things |",
        "|---|---|---|---|---|",
    ]
    for m in found:
        truth = table_of(np.linalg.norm(m.labelled, axis=1))
        cells = []
        for offset in (m.raw, m.without_planes, m.label_free):
            length = np.linalg.norm(offset, axis=1)
            gap = wasserstein_m(table_of(length), truth)
            cells.append(f"{length.mean():.2f} m, W1 {gap:.2f} m")
        mean = np.linalg.norm(m.labelled, axis=1).mean()
        rows.append(f"| {m.collection.title} | {mean:.2f} m | {' | '.join(cells)} |")
    return "\n".join(rows)


def directions_table(found: list[Measured]) -> str:
    """How far the axes of true directions are from uniform ones, and the label-free ones too."""
    rows = [
        "| scenes | labels: KS of x, y, z to uniform | mean of x, y, z | clusters: KS of x, y, z |",
        "|---|---|---|---|",
    ]
    for m in found:
        labelled, free = _unit(m.labelled), _unit(m.label_free)
        gaps = ["  ".join(f"{_gap(axis):.2f}" for axis in unit.T) for unit in (labelled, free)]
        means = "  ".join(f"{value:+.2f}" for value in labelled.mean(axis=0))
        rows.append(f"| {m.collection.title} | {gaps[0]} | {means} | {gaps[1]} |")
    return "\n".join(rows)


def _unit(offset: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(offset, axis=1, keepdims=True)
    return (offset / np.maximum(length, 1e-9))[length[:, 0] > 0.01]


def _gap(axis: np.ndarray) -> float:
    return float(stats.kstest(axis, stats.uniform(-1, 2).cdf).statistic)


def _record(offset: np.ndarray) -> PriorRecord:
    return measured_prior(offset, name="m", method="labels", source="", labels_used=True)


def table(folder: Path) -> str:
    """All tables, as Markdown; real scans are looked for in `$POINTINS_DATA`."""
    data = os.environ.get("POINTINS_DATA")
    return tables([measure(collection) for collection in collections(Path(data) if data else None)])


def tables(found: list[Measured]) -> str:
    """The tables of collections that were measured."""
    return "\n\n".join([lengths_table(found), label_free_table(found), directions_table(found)])


def figure(found: list[Measured]) -> Figure:
    """Small charts: lengths of labelled objects, of clusters, and the paper's prior."""
    theme = THEMES["light"]
    middles = np.sqrt(EDGES[1:] * EDGES[:-1])
    num_rows = -(-len(found) // PER_ROW)
    layout = base_layout(theme, margin={"l": 44, "r": 12, "t": 84, "b": 40})
    layout |= {"width": 1100, "height": 100 + 240 * num_rows, "paper_bgcolor": theme.panel}
    layout |= {"annotations": [], "showlegend": True}
    layout["legend"] = {
        "orientation": "h",
        "x": 0,
        "y": 1.08,
        "yanchor": "bottom",
        "font": {"color": theme.text},
    }
    layout["annotations"].append(
        _words("share of the offsets per doubling of the length", 1.0, 1.09, theme)
        | {"xanchor": "right"}
    )
    top = 1.08 * max(float(_density(_record(m.labelled)).max()) for m in found)
    traces: list[Figure] = []
    for number, m in enumerate(found):
        row, column = divmod(number, PER_ROW)
        suffix = "" if number == 0 else str(number + 1)
        curves = {
            "labelled objects": (_record(m.labelled), theme.before, 0.18, "solid"),
            "clusters, no labels": (_record(m.label_free), theme.after, 0.0, "solid"),
            "the paper's prior": (builtin_priors()[m.collection.prior], theme.prior, 0.0, "dash"),
        }
        for name, (record, colour, fill, dash) in curves.items():
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": middles.tolist(),
                    "y": _density(record).tolist(),
                    "name": name,
                    "showlegend": number == 0,
                    "line": {"color": colour, "width": 2, "dash": dash},
                    "xaxis": f"x{suffix}",
                    "yaxis": f"y{suffix}",
                }
            )
            if fill:
                traces[-1] |= {"fill": "tozeroy", "fillcolor": faded(colour, fill)}
        pitch = (1 + ROW_GAP) / num_rows
        left, high = 0.35 * column, 1 - row * pitch
        low = max(high - pitch + ROW_GAP, 0.0)
        ticks = {0.01: "1 cm", 0.1: "10 cm", 1.0: "1 m", 10.0: "10 m"}
        layout[f"xaxis{suffix}"] = axis_style(
            theme,
            [-2, float(np.log10(EDGES[-1]))],
            type="log",
            tickvals=list(ticks),
            ticktext=list(ticks.values()),
            domain=[left, left + 0.3],
            anchor=f"y{suffix}",
        )
        layout[f"yaxis{suffix}"] = axis_style(
            theme,
            [0, top],
            grid=True,
            tickvals=[0, 0.2, 0.4, 0.6],
            tickformat=".0%",
            domain=[low, high],
            anchor=f"x{suffix}",
        )
        layout["annotations"].append(_words(m.collection.title, left, high, theme))
    return {"data": traces, "layout": layout}


def _density(record: PriorRecord) -> Float[np.ndarray, " b"]:
    """Share of the offsets per doubling of the length."""
    return record.mass(EDGES) / np.log2(EDGES[1] / EDGES[0])


def _words(text: str, x: float, y: float, theme: Theme) -> Figure:
    return {
        "xref": "paper",
        "yref": "paper",
        "x": x,
        "y": y,
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "text": text,
        "font": {"color": theme.text, "size": 12},
    }


def draw(figure: Figure, path: Path) -> None:
    """Write a figure as a picture, by headless Chromium."""
    import shutil

    from playwright.sync_api import sync_playwright
    from plotly.offline import get_plotlyjs

    size = figure["layout"]
    page_text = (
        f"<body style='margin:0'><div id=f></div><script>{get_plotlyjs()}</script><script>"
        f"const f={json.dumps(figure)};Plotly.newPlot('f',f.data,f.layout,{{staticPlot:true}})"
        "</script>"
    )
    browser_path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": size["width"], "height": size["height"]}, device_scale_factor=1.5
        )
        page.set_content(page_text)
        page.wait_for_selector(".main-svg")
        page.screenshot(path=path)
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.offsets")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of real scans")
    parser.add_argument("--figure", type=Path, metavar="FILE.png")
    args = parser.parse_args()
    found = [measure(collection) for collection in collections(args.data)]
    print(tables(found))
    if args.figure:
        draw(figure(found), args.figure)


if __name__ == "__main__":
    main()
