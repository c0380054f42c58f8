"""Ids of components. The viewport's scripts know those that are marked with (js)."""

# shell
URL = "url"
PAGE = "page"
RAIL_RUNS = "rail-runs"
RAIL_LIVE = "rail-live"
THEME = "theme"
THEME_TOGGLE = "theme-toggle"

# runs page
RUNS_TICK = "runs-tick"
RUNS_LIST = "runs-list"
RUNS_SHOWN = "runs-shown"

# live page
LIVE_RUN = "live-run"
LIVE_TICK = "live-tick"
LIVE_CURSOR = "live-cursor"  # (js) {run, scene, step, following}
LIVE_NOTICE = "live-notice"  # (js) {run, step, status, t}
VIEWPORT_ROOT = "viewport-root"  # (js)
TIMELINE_ROOT = "timeline-root"  # (js)
