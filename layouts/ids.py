"""Ids of components. The viewport's scripts know those that are marked with (js)."""

# shell
URL = "url"
PAGE = "page"
RAIL_RUNS = "rail-runs"
RAIL_SCENES = "rail-scenes"
RAIL_LIVE = "rail-live"
RAIL_SEGMENT = "rail-segment"
RAIL_LAUNCH = "rail-launch"
THEME = "theme"
THEME_TOGGLE = "theme-toggle"

# runs page
RUNS_TICK = "runs-tick"
RUNS_LIST = "runs-list"
RUNS_SHOWN = "runs-shown"  # what the list shows now, so that nothing is drawn twice

# page of a run that is not there
AWAITED_TICK = "awaited-tick"
AWAITED_RUN = "awaited-run"

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

FRAME_WANTED = "frame-wanted"  # (js) {ask, cursor}: which frame the panels are to describe
FRAME_ANSWERED = "frame-answered"  # (js) the last `ask` that was answered
FRAME_SHOWN = "frame-shown"
STEPS_BEAT = "steps-beat"  # (js) charts over the steps may have more to show
STEPS_SHOWN = "steps-shown"
SELECTION_ROOT = "selection-root"  # (js)

ODR_BODY = "odr-body"
ODR_FACTS = "odr-facts"
ODR_SELECTION = "odr-selection"  # (js)
ODR_COLLAPSE = "odr-collapse"
ODR_VIEW = "odr-view"
ODR_LENGTHS = "odr-lengths"  # (js)
ODR_BRUSH = "odr-brush"  # (js)
ODR_UNIFORMITY = "odr-uniformity"
ODR_SPHERE = "odr-sphere"
ODR_SPHERE_BODY = "odr-sphere-body"
ODR_DIRECTIONS = "odr-directions"
ODR_DIRECTIONS_NOTE = "odr-directions-note"
ODR_STEPS = "odr-steps"

SCR_BODY = "scr-body"
SCR_FACTS = "scr-facts"
SCR_SEGMENTS = "scr-segments"  # (js)
SCR_SEGMENTS_NOTE = "scr-segments-note"
SCR_SEGMENTS_BODY = "scr-segments-body"
SCR_TABLE = "scr-table"  # (js)
SCR_SIZES = "scr-sizes"  # (js)
SCR_CHANGES = "scr-changes"
SCR_FLOW = "scr-flow"  # (js)
SCR_FLOW_BODY = "scr-flow-body"
SCR_STEPS = "scr-steps"

LOSSES_SHOWN = "losses-shown"
LOSSES_BODY = "losses-body"
LOSSES = "losses"

HEALTH_SHOWN = "health-shown"
HEALTH_BODY = "health-body"
HEALTH = "health"

RUN_FACTS = "run-facts"
STEERING_ROOT = "steering-root"  # (js)
LOG_ROOT = "log-root"  # (js)

# launch page
LAUNCH_ROOT = "launch-root"  # (js)

# scenes page
SCENES_COLLECTION = "scenes-collection"
SCENES_BEAT = "scenes-beat"
SCENES_HELD = "scenes-held"  # whether somebody's hand is on the cards, so that they stay
SCENES_SHOWN = "scenes-shown"
SCENES_MENUS = "scenes-menus"
SCENES_FILTER = "scenes-filter"
SCENES_COUNT = "scenes-count"
SCENES_VIEWS = "scenes-views"
SCENES_STATUS = "scenes-status"
SCENES_GRID = "scenes-grid"

# page of one scene
SCENE_PLACE = "scene-place"  # collection and scene
SCENE_VIEW = "scene-view"  # (js)
SCENE_TICK = "scene-tick"
SCENE_SHOWN = "scene-shown"
SCENE_TOP = "scene-top"
SCENE_NOTES = "scene-notes"
SCENE_PRIORS = "scene-priors"
SCENE_LEGEND = "scene-legend"
SCENE_DISTANCE = "scene-distance"
SCENE_SHARES = "scene-shares"
SCENE_CUMULATIVE = "scene-cumulative"
SCENE_OFFSETS_BODY = "scene-offsets-body"
SCENE_FACTS = "scene-facts"
SCENE_CLASSES = "scene-classes"

# segment page
SEGMENT_START = "segment-start"  # (js)
SEGMENT_TOP = "segment-top"  # (js)
SEGMENT_VIEW = "segment-view"  # (js)
SEGMENT_SIDE = "segment-side"  # (js)
