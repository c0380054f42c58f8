"""Results of `benchmarks.segmentation` as Markdown, with what they say of each aim."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean, stdev
from typing import Any

OURS = ("ours", "our read-out, offsets 0")
PAPER_RATIO = 6.4  # PointINS Tab. 13: mAP 10.8 against HDBSCAN's 1.7
PLANES = {"remove": "planes removed", "keep": "all points"}


def markdown(results: Mapping[str, Any]) -> str:
    """One table a collection, and the sentences that follow from it."""
    least = results["min_points"]
    lines = [
        f"`{results['command']}`, version {results['version']}. Class-agnostic; objects of "
        f"{least['ap']} points and more, and by ScanNet's rule of {least['scannet']} points.",
    ]
    for domain, network in results["checkpoints"].items():
        steps = network.get("steps", "?")
        lines.append(f"{domain.capitalize()}: {network['name']}, {steps} steps.")
    lines += ["", *_summary(results["collections"].values())]
    for collection in results["collections"].values():
        lines += ["", f"**{_capital(collection['title'])}**", "", *_table(collection["rows"]), ""]
        lines += _verdicts(collection)
    return "\n".join(lines)


def _summary(collections: Iterable[Mapping[str, Any]]) -> list[str]:
    """Ours beside the best baseline of each figure, parameters chosen on simulated scenes."""
    heads = [f"{title}: AP, ours / best | PQ, ours / best" for title in PLANES.values()]
    lines = [f"| scans | {' | '.join(heads)} |", "|---" * 5 + "|"]
    for collection in collections:
        rows, cells = collection["rows"], []
        for planes in PLANES:
            for figure in ("ap", "pq"):
                name, value = _best(rows, _elsewhere(rows), planes, figure)
                ours = _cell(rows["ours"][planes]["sets"], figure)
                cells.append(f"{ours} / {_short(value)} ({name})")
        lines.append(f"| {collection['title']} | {' | '.join(cells)} |")
    return lines


def _elsewhere(rows: Mapping[str, Any]) -> list[str]:
    """Baselines whose parameters were not chosen on the scans that give the figures."""
    return [name for name in rows if name not in OURS and not name.endswith("tuned here")]


def _best(
    rows: Mapping[str, Any], names: Sequence[str], planes: str, figure: str
) -> tuple[str, float]:
    """The baseline with the largest figure, and that figure."""
    name = max(names, key=lambda n: _mean(rows[n][planes]["sets"], figure))
    return name, _mean(rows[name][planes]["sets"], figure)


def _table(rows: Mapping[str, Any]) -> list[str]:
    heads = [f"{title}: AP / AP50 / AP25 | PQ | ScanNet AP" for title in PLANES.values()]
    lines = [f"| | {' | '.join(heads)} |", "|---" * 7 + "|"]
    for name, row in rows.items():
        cells = [f"{_aps(row[planes]['sets'])} | {_cell(row[planes]['sets'], 'pq')} | "
                 f"{_cell(row[planes]['sets'], 'scannet_ap')}" for planes in PLANES]  # fmt: skip
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _verdicts(collection: Mapping[str, Any]) -> list[str]:
    """Whether ours is ahead of every baseline, like with like."""
    rows = collection["rows"]
    everyone = [name for name in rows if name not in OURS]
    choices = [(_elsewhere(rows), "")]
    if len(everyone) > len(_elsewhere(rows)):
        choices.append((everyone, ", tuned on these scans too"))
    lines = []
    for planes, title in PLANES.items():
        for figure, label in (("ap", "AP"), ("pq", "PQ")):
            ours = _mean(rows["ours"][planes]["sets"], figure)
            words = []
            for names, of in choices:
                best, value = _best(rows, names, planes, figure)
                gap = round(ours - value, 3)
                sign = "ahead of" if gap > 0 else "behind" if gap < 0 else "level with"
                words.append(f"{sign} the best baseline{of} ({best}, {_short(value)})")
            lines.append(f"- {title}, {label}: ours {_short(ours)}, {'; '.join(words)}.")
    if collection["name"] == "rooms":
        raw = _mean(rows["HDBSCAN xyz"]["keep"]["sets"], "scannet_ap")
        ours = _mean(rows["ours"]["remove"]["sets"], "scannet_ap")
        alike = _mean(rows["ours"]["keep"]["sets"], "scannet_ap")
        lines.append(
            f"- ScanNet AP against HDBSCAN on all points ({raw:.3f}): ours {_times(ours, raw)} as "
            f"much as it is used, {_times(alike, raw)} on all points too; the paper's ratio is "
            f"{PAPER_RATIO}."
        )
    return lines


def _times(ours: float, raw: float) -> str:
    return f"{ours / raw:.1f} times" if raw > 0 else "more than any number of times"


def _aps(sets: Sequence[Mapping[str, float]]) -> str:
    first = _cell(sets, "ap")
    return f"{first} / {_short(_mean(sets, 'ap50'))} / {_short(_mean(sets, 'ap25'))}"


def _cell(sets: Sequence[Mapping[str, float]], figure: str) -> str:
    """Mean over sets, with the standard deviation where there are several."""
    spread = stdev(one[figure] for one in sets) if len(sets) > 1 else None
    value = _short(_mean(sets, figure))
    return value if spread is None else f"{value} ± {_short(spread)}"


def _mean(sets: Sequence[Mapping[str, float]], figure: str) -> float:
    return mean(one[figure] for one in sets)


def _short(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1) if value < 1 else "1"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
