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
RUNS_SHOWN = "runs-shown"  # what the list shows now, so that nothing is drawn twice

# live page
LIVE_RUN = "live-run"
LIVE_TICK = "live-tick"
LIVE_CURSOR = "live-cursor"  # (js) {run, scene, step, following}
LIVE_NOTICE = "live-notice"  # (js) {run, step, status, t}
LIVE_TOP = "live-top"
LIVE_BANNER = "live-banner"
LIVE_ALARMS = "live-alarms"
VIEWPORT_ROOT = "viewport-root"  # (js)
TIMELINE_ROOT = "timeline-root"  # (js)

FRAME_SHOWN = "frame-shown"
ODR_BODY = "odr-body"
ODR_FACTS = "odr-facts"
ODR_MAGNITUDE = "odr-magnitude"
ODR_DIRECTIONS = "odr-directions"
SCR_BODY = "scr-body"
SCR_FACTS = "scr-facts"
SCR_SIZES = "scr-sizes"

CURVES_SHOWN = "curves-shown"
CURVES_BODY = "curves-body"
CURVES = "curves"

HEALTH_SHOWN = "health-shown"
HEALTH_BODY = "health-body"
HEALTH = "health"

RUN_FACTS = "run-facts"
RUN_LOG = "run-log"
