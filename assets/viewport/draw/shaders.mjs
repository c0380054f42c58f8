/**
 * The programs of the viewport, GLSL ES 3.00.
 *
 * Every point knows its cell; what a frame says of a cell lies in textures of `CELL_COLUMNS`
 * texels a row. So a new frame uploads a few bytes a cell, however many points there are.
 *
 * Points are drawn in two passes: which point each pixel shows, and what colour that is. Colours,
 * frames of points at rest and selections need the second one only, so they cost the same for a
 * million points as for a thousand.
 *
 * Points: position(t) = mix(x, cell_coord + displacement, t), the displacement mixed between the
 * last frame and this one (`u_glide`). Lengths are metres from the scene's origin.
 */

import { MARK } from "./cell_colors.mjs";

export const CELL_COLUMNS = 1024;
export const POINT_COLUMNS = 4096;

const CELLS = `
uniform highp usampler2D u_cell_coord;
uniform highp usampler2D u_cell_state; // the walls' flag in bits 0 and 1, the page's flags above
uniform highp isampler2D u_instance;
uniform highp sampler2D u_displacement;
uniform highp sampler2D u_displacement_before;
uniform highp float u_scale;
uniform highp uint u_walls_from; // cells whose walls' flag is this or above are left out

ivec2 texel(uint cell) {
  return ivec2(int(cell % ${CELL_COLUMNS}u), int(cell / ${CELL_COLUMNS}u));
}

bool is_left_out(uint state) {
  return (state & 3u) >= u_walls_from || (state & 8u) != 0u;
}

vec3 cell_coord(ivec2 at) {
  return vec3(texelFetch(u_cell_coord, at, 0).xyz) * u_scale;
}

vec3 displacement(ivec2 at, float share) {
  vec3 now = texelFetch(u_displacement, at, 0).xyz;
  if (share >= 1.0) return now;
  return mix(texelFetch(u_displacement_before, at, 0).xyz, now, share);
}
`;

/** From this size on a point is a disc, in pixels; smaller ones are squares. */
export const DISC_PIXELS = 3.5;

/** Where a point is drawn, and how large. Programs with discs tell the fragments the size. */
export function pointsVertex(withDiscs) {
  return `#version 300 es
layout(location = 0) in vec3 a_coord;
layout(location = 1) in uint a_cell;
${CELLS}
uniform mat4 u_matrix;
uniform bool u_leaves_out;   // some cells are
uniform float u_t;
uniform float u_glide;
uniform bool u_is_target;    // votes are the pseudo-instances' centroids
uniform float u_size;        // metres
uniform float u_pixels;      // pixels a metre at distance 1
uniform vec2 u_size_range;   // pixels
flat out uvec2 v_owner; // point + 1, cell
${withDiscs ? "flat out float v_size;" : ""}

void main() {
  vec3 coord = a_coord * (65535.0 * u_scale);
  if (u_leaves_out || u_t > 0.0) {
    ivec2 at = texel(a_cell);
    if (u_leaves_out && is_left_out(texelFetch(u_cell_state, at, 0).x)) {
      gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
      gl_PointSize = 0.0;
      return;
    }
    bool stays = u_t == 0.0 || (u_is_target && texelFetch(u_instance, at, 0).x < 0);
    if (!stays) coord = mix(coord, cell_coord(at) + displacement(at, u_glide), u_t);
  }
  gl_Position = u_matrix * vec4(coord, 1.0);
  float size = clamp(u_size * u_pixels / gl_Position.w, u_size_range.x, u_size_range.y);
  gl_PointSize = size;
  v_owner = uvec2(uint(gl_VertexID) + 1u, a_cell);
  ${withDiscs ? "v_size = size;" : ""}
}
`;
}

/** Without discs nothing is discarded, which lets the depth test come first. */
export function pointsFragment(withDiscs) {
  const disc = `
  vec2 arm = gl_PointCoord * 2.0 - 1.0;
  if (v_size > ${DISC_PIXELS.toFixed(1)} && dot(arm, arm) > 1.0) discard;`;
  return `#version 300 es
precision highp float;
flat in highp uvec2 v_owner;
${withDiscs ? "flat in float v_size;" : ""}
out highp uvec2 owner;
void main() {${withDiscs ? disc : ""}
  owner = v_owner;
}
`;
}

export const SCREEN_VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}
`;

/** Where the shading takes a point's colour from. */
export const SOURCE = { tint: 0, height: 1, cell: 2 };

/**
 * The colour of each pixel's point, and eye-dome lighting (Boucheny 2009): a pixel darkens by how
 * far behind its neighbours it lies. exp(-7 times the sum of log2 ratios of depths) is the tenth
 * power of the ratios' product, turned over.
 */
export function shadeFragment(withHover) {
  const outline = `
  if ((marks & ${MARK.hovered}) == 0) {
    for (int k = 0; k < 4; k++) {
      uvec2 owner = texelFetch(u_owners, beside(pixel, k), 0).xy;
      bool is_hovered = owner.x != 0u && (marks_of(cell_texel(owner.y)) & ${MARK.hovered}) != 0;
      if (is_hovered) color.rgb = u_highlight;
    }
  }`;
  return `#version 300 es
precision highp float;
precision highp int;
uniform highp usampler2D u_owners; // point + 1 (0 where there is none) and its cell
uniform highp sampler2D u_depth;
uniform sampler2D u_tint;
uniform sampler2D u_ramp;
uniform sampler2D u_cell_color;    // the last channel holds marks
uniform int u_source;
uniform float u_unassigned_share;  // of the colour of what is unassigned, in cells without one
uniform ivec4 u_box;         // first and last pixel of the pane
uniform vec2 u_clip;         // near, far in metres
uniform vec3 u_height;       // of the eye; a metre ahead, in the middle and up to the picture's top
uniform vec2 u_height_range; // metres
uniform vec3 u_background;
uniform vec3 u_unassigned;
uniform vec3 u_highlight;
uniform int u_radius;        // pixels
out vec4 color;

vec4 cell_texel(uint cell) {
  ivec2 at = ivec2(int(cell % ${CELL_COLUMNS}u), int(cell / ${CELL_COLUMNS}u));
  return texelFetch(u_cell_color, at, 0);
}

int marks_of(vec4 texel) {
  return int(texel.a * 255.0 + 0.5);
}

ivec2 beside(ivec2 pixel, int k) {
  ivec2 arm = ivec2((k & 1) * 2 - 1, (k >> 1) * 2 - 1) * u_radius;
  return clamp(pixel + arm, u_box.xy, u_box.zw);
}

vec3 tint_of(uint point) {
  uint k = point - 1u;
  return texelFetch(u_tint, ivec2(int(k % ${POINT_COLUMNS}u), int(k / ${POINT_COLUMNS}u)), 0).rgb;
}

vec3 height_color(float metres) {
  float up = (gl_FragCoord.y - float(u_box.y)) / float(u_box.w - u_box.y + 1) * 2.0 - 1.0;
  float height = u_height.x + metres * (u_height.y + up * u_height.z);
  float share = (height - u_height_range.x) / max(u_height_range.y - u_height_range.x, 1e-6);
  return texelFetch(u_ramp, ivec2(int(clamp(share, 0.0, 1.0) * 255.0 + 0.5), 0), 0).rgb;
}

void main() {
  ivec2 pixel = ivec2(gl_FragCoord.xy);
  uvec2 owner = texelFetch(u_owners, pixel, 0).xy;
  int marks = 0;
  color = vec4(u_background, 1.0);
  if (owner.x != 0u) {
    float span = u_clip.y - u_clip.x;
    float here = u_clip.y - texelFetch(u_depth, pixel, 0).x * span; // near * far over metres
    float behind = 1.0;
    for (int k = 0; k < 4; k++) {
      float there = u_clip.y - texelFetch(u_depth, beside(pixel, k), 0).x * span;
      behind *= max(there / here, 1.0);
    }
    vec4 cell = cell_texel(owner.y);
    marks = marks_of(cell);
    vec3 own = cell.rgb;
    if (u_source == ${SOURCE.tint}) own = tint_of(owner.x);
    else if (u_source == ${SOURCE.height}) own = height_color(u_clip.x * u_clip.y / here);
    if ((marks & ${MARK.unassigned}) != 0) own = mix(own, u_unassigned, u_unassigned_share);
    float squared = behind * behind;
    float fourth = squared * squared;
    own *= mix(0.3, 1.0, 1.0 / (fourth * fourth * squared));
    if ((marks & ${MARK.faint | MARK.hovered}) != 0) {
      bool is_faint = (marks & ${MARK.faint}) != 0;
      own = is_faint ? mix(u_background, own, 0.25) : mix(own, vec3(1.0), 0.25);
    }
    color.rgb = own;
  }${withHover ? outline : ""}
}
`;
}

/**
 * One mark a cell at the centroid it votes for; fainter where a surface lies in front of it. Cells
 * on planes belong to no object, so their votes are left out. Drawn as lines, two ends a cell, they
 * are the tails of votes that glide.
 */
export const VOTES_VERTEX = `#version 300 es
${CELLS}
uniform mat4 u_matrix;
uniform float u_size; // pixels
uniform int u_stride; // every how many cells; above 1 while fewer points are drawn
uniform vec2 u_shares; // of the way between the last two frames: the mark, the end of its tail
uniform bool u_is_line;
uniform bool u_has_selection; // what is not selected is left faint
out float v_depth;
out float v_fade;
void main() {
  int vertex = u_is_line ? gl_VertexID / 2 : gl_VertexID;
  bool is_tail = u_is_line && gl_VertexID % 2 == 1;
  ivec2 at = texel(uint(vertex * u_stride));
  uint state = texelFetch(u_cell_state, at, 0).x;
  if ((state & 3u) != 0u || (state & 8u) != 0u) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    gl_PointSize = 0.0;
    return;
  }
  float share = is_tail ? u_shares.y : u_shares.x;
  gl_Position = u_matrix * vec4(cell_coord(at) + displacement(at, share), 1.0);
  bool is_dim = u_has_selection && (state & 20u) == 0u;
  v_fade = is_tail ? 0.0 : is_dim ? 0.12 : 1.0;
  v_depth = gl_Position.z / gl_Position.w * 0.5 + 0.5;
  gl_PointSize = u_size;
}
`;

export const VOTES_FRAGMENT = `#version 300 es
precision highp float;
uniform vec3 u_color;
uniform float u_alpha;
uniform highp sampler2D u_depth;
uniform bool u_is_line;
in float v_depth;
in float v_fade;
out vec4 color;
void main() {
  vec2 arm = gl_PointCoord * 2.0 - 1.0;
  if (!u_is_line && dot(arm, arm) > 1.0) discard;
  bool is_hidden = texelFetch(u_depth, ivec2(gl_FragCoord.xy), 0).x < v_depth - 1e-6;
  color = vec4(u_color, u_alpha * v_fade * (is_hidden ? 0.45 : 1.0));
}
`;

/** Pseudo-instance centroids as rings. */
export const RINGS_VERTEX = `#version 300 es
layout(location = 0) in vec3 a_coord;
layout(location = 1) in float a_alpha;
uniform mat4 u_matrix;
uniform float u_size;     // pixels at the camera's distance
uniform float u_distance; // metres
out float v_alpha;
flat out float v_size;
void main() {
  gl_Position = u_matrix * vec4(a_coord, 1.0);
  v_size = u_size * clamp(u_distance / gl_Position.w, 0.6, 1.5);
  gl_PointSize = v_size;
  v_alpha = a_alpha;
}
`;

export const RINGS_FRAGMENT = `#version 300 es
precision highp float;
uniform vec3 u_color;
uniform vec3 u_edge;
flat in float v_size;
in float v_alpha;
out vec4 color;
void main() {
  float outer = v_size * 0.5; // pixels
  float radius = length(gl_PointCoord * 2.0 - 1.0) * outer;
  if (radius > outer) discard;
  float width = max(outer * 0.3, 1.6);
  float ring = smoothstep(outer - 0.6, outer - 1.4, radius) *
               smoothstep(outer - 1.6 - width, outer - 0.8 - width, radius);
  float halo = smoothstep(outer, outer - 0.8, radius) *
               smoothstep(outer - 3.2 - width, outer - 1.4 - width, radius);
  color = vec4(mix(u_edge, u_color, ring), max(halo * 0.6, ring) * v_alpha);
}
`;
