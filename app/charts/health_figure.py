"""The health card: whether the teacher learns, and what could go wrong, over the steps."""

from app.charts.step_panels import Panel, keys_of

HEALTH_PANELS = (
    Panel(
        title="Probe",
        top=1,
        curves=(
            ("probe/nn_accuracy", "class", "semantic"),
            ("probe/ap50", "AP50", "target"),
            ("probe/cosine", "cosine", "student"),
        ),
        reference="probe/chance",
    ),
    Panel(
        title="Probe: votes to true centroids",
        unit="m",
        curves=(("probe/centroid_error_m", "error", "student"),),
        reference="probe/zero_error_m",
    ),
    Panel(
        title="Collapse: prototypes",
        unit="nats",
        curves=(
            ("collapse/prototype_entropy", "entropy", "semantic"),
            ("collapse/prior_kl", "to Zipf", "prior"),
        ),
        alarms=("prototype_collapse",),
    ),
    Panel(
        title="Collapse: effective rank of the features",
        curves=(("collapse/effective_rank", "rank", "semantic"),),
        alarms=("feature_collapse",),
    ),
    Panel(
        title="ODR in training: W₁ to the prior",
        unit="m",
        curves=(("odr/w1_before_m", "before", "before"), ("odr/w1_after_m", "after", "after")),
        alarms=("odr_misses",),
    ),
    Panel(
        title="ODR in training: KS distance, offsets at zero",
        top=1,
        curves=(
            ("odr/ks_before", "KS before", "before"),
            ("odr/ks_after", "KS after", "after"),
            ("odr/zero_share", "zero", "quiet"),
        ),
        alarms=("zero_offsets",),
    ),
    Panel(
        title="SCR in training: shares of cells",
        top=1,
        curves=(
            ("scr/kept_share", "grouped", "target"),
            ("scr/largest_share", "largest", "text"),
            ("scr/view_share", "of a view", "quiet"),
        ),
    ),
    Panel(
        title="Time of a step",
        unit="s",
        curves=(
            ("time/data_s", "waiting", "danger"),
            ("time/student_s", "student", "student"),
            ("time/teacher_s", "teacher", "before"),
            ("time/targets_s", "targets", "target"),
            ("time/loss_s", "loss", "text"),
            ("time/optimizer_s", "optimiser", "semantic"),
            ("time/ema_s", "EMA", "quiet"),
        ),
        is_stacked=True,
    ),
)
HEALTH_KEYS = keys_of(HEALTH_PANELS)
