"""The table of the segmentation benchmark says where we are ahead and where we are not."""

from benchmarks.segmentation_table import markdown


def figures(ap, pq, scannet_ap):
    return {"ap": ap, "ap50": ap, "ap25": ap, "pq": pq, "scannet_ap": scannet_ap}


def row(removed, kept):
    return {"remove": {"sets": removed}, "keep": {"sets": kept}}


def results(rows, name="rooms"):
    return {
        "command": "python -m benchmarks segmentation",
        "version": "1",
        "checkpoints": {"indoor": {"name": "builtin:indoor", "steps": 7}},
        "min_points": {"ap": 15, "pq": 15, "scannet": 100},
        "collections": {name: {"name": name, "title": "simulated rooms", "rows": rows}},
    }


ROWS = {
    "ours": row([figures(0.3, 0.2, 0.32), figures(0.4, 0.2, 0.32)], [figures(0.1, 0.1, 0.16)]),
    "HDBSCAN xyz": row([figures(0.2, 0.5, 0.1)], [figures(0.05, 0.05, 0.04)]),
    "components": row([figures(0.25, 0.1, 0.1)], [figures(0.2, 0.05, 0.05)]),
}


def test_several_sets_give_mean_and_spread():
    text = markdown(results(ROWS))
    assert "| ours | .350 ± .071 / .350 / .350 | .200 ± .000 | .320 ± .000 | .100 /" in text


def test_who_is_behind_is_said_to_be_behind():
    text = markdown(results(ROWS))
    assert "planes removed, AP: ours .350, ahead of the best baseline (components, .250)." in text
    assert "planes removed, PQ: ours .200, behind the best baseline (HDBSCAN xyz, .500)." in text
    assert "all points, AP: ours .100, behind the best baseline (components, .200)." in text


def test_the_summary_sets_ours_beside_the_best_baseline_of_each_figure():
    text = markdown(results(ROWS))
    assert (
        "| simulated rooms | .350 ± .071 / .250 (components) | .200 ± .000 / .500 (HDBSCAN xyz) "
        "| .100 / .200 (components) | .100 / .050 (HDBSCAN xyz) |"
    ) in text


def test_equal_figures_are_level():
    rows = {"ours": ROWS["components"], "HDBSCAN xyz": ROWS["components"]}
    text = markdown(results(rows))
    assert (
        "planes removed, AP: ours .250, level with the best baseline (HDBSCAN xyz, .250)." in text
    )


def test_the_papers_ratio_stands_beside_ours():
    text = markdown(results(ROWS))
    assert "HDBSCAN on all points (0.040): ours 8.0 times as much as it is used, 4.0 times" in text


def test_baselines_that_were_tuned_on_the_scans_themselves_are_told_apart():
    rows = {**ROWS, "components, tuned here": row([figures(0.9, 0.9, 0.9)], [figures(0.9, 0, 0)])}
    text = markdown(results(rows, name="sweeps"))
    assert (
        "ours .350, ahead of the best baseline (components, .250); behind the best baseline, "
        "tuned on these scans too (components, tuned here, .900)."
    ) in text
    assert "the paper's ratio" not in text
