/**
 * The programs of the viewport, GLSL ES 3.00.
 *
 * Every point knows its cell; what a frame says of a cell lies in textures of `CELL_COLUMNS`
 * texels a row. So a new frame uploads a few bytes a cell, however many points there are.
 *
 * Points: position(t) = mix(x, cell_coord + displacement, t), the displacement mixed between the
 * last frame and this one (`u_glide`). Lengths are metres from the scene's origin.
 */

export const CELL_COLUMNS = 1024;

const CELLS = `
uniform highp usampler2D u_cell_coord;
uniform highp usampler2D u_cell_plane; // 0 off the planes, 1 on one, 2 on one that is cut away
uniform highp isampler2D u_instance;
uniform highp sampler2D u_displacement;
uniform highp sampler2D u_displacement_before;
uniform float u_scale;

ivec2 texel(uint cell) {
  return ivec2(int(cell % ${CELL_COLUMNS}u), int(cell / ${CELL_COLUMNS}u));
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

export const POINTS_VERTEX = `#version 300 es
layout(location = 0) in vec3 a_coord;
layout(location = 1) in uint a_cell;
layout(location = 2) in vec3 a_tint;
${CELLS}
uniform mat4 u_matrix;
uniform float u_t;
uniform float u_glide;
uniform int u_colouring;   // 0 tint, 1 height, 2 features, 3 segment, 4 pseudo-instance, 5 plane
uniform uint u_hidden_from;  // cells from this value of u_cell_plane on are left out
uniform bool u_is_target;  // votes are the pseudo-instances' centroids
uniform float u_size;        // metres
uniform float u_pixels;      // pixels a metre at distance 1
uniform vec2 u_size_range;   // pixels
uniform vec2 u_height_range; // metres
uniform vec3 u_unassigned;
uniform vec3 u_plane_color;
uniform highp sampler2D u_ramp;
uniform highp sampler2D u_pca;
uniform highp usampler2D u_segment;
uniform highp sampler2D u_segment_color;
uniform highp sampler2D u_instance_color;
flat out vec3 v_color;
flat out float v_size;

void main() {
  ivec2 at = texel(a_cell);
  if (texelFetch(u_cell_plane, at, 0).x >= u_hidden_from) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    gl_PointSize = 0.0;
    return;
  }
  vec3 coord = a_coord * (65535.0 * u_scale);
  int instance = -1;
  if (u_is_target || u_colouring == 4) instance = texelFetch(u_instance, at, 0).x;
  bool stays = u_is_target && instance < 0;
  if (u_t > 0.0 && !stays) coord = mix(coord, cell_coord(at) + displacement(at, u_glide), u_t);

  vec3 color = a_tint;
  if (u_colouring == 1) {
    float share = (coord.z - u_height_range.x) / max(u_height_range.y - u_height_range.x, 1e-6);
    color = texture(u_ramp, vec2(clamp(share, 0.002, 0.998), 0.5)).rgb;
  } else if (u_colouring == 2) {
    color = texelFetch(u_pca, at, 0).rgb;
  } else if (u_colouring == 3) {
    color = texelFetch(u_segment_color, ivec2(int(texelFetch(u_segment, at, 0).x), 0), 0).rgb;
  } else if (u_colouring == 4) {
    ivec2 place = ivec2(instance % ${CELL_COLUMNS}, instance / ${CELL_COLUMNS});
    color = instance < 0 ? u_unassigned : texelFetch(u_instance_color, place, 0).rgb;
  } else if (u_colouring == 5) {
    color = texelFetch(u_cell_plane, at, 0).x == 0u ? u_unassigned : u_plane_color;
  }
  v_color = stays ? mix(color, u_unassigned, u_t) : color;

  gl_Position = u_matrix * vec4(coord, 1.0);
  v_size = clamp(u_size * u_pixels / gl_Position.w, u_size_range.x, u_size_range.y);
  gl_PointSize = v_size;
}
`;

export const POINTS_FRAGMENT = `#version 300 es
precision mediump float;
flat in vec3 v_color;
flat in float v_size;
out vec4 color;
void main() {
  vec2 arm = gl_PointCoord * 2.0 - 1.0;
  if (v_size > 3.5 && dot(arm, arm) > 1.0) discard;
  color = vec4(v_color, 1.0);
}
`;

export const SCREEN_VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}
`;

/** Eye-dome lighting (Boucheny 2009): a pixel darkens by how far behind its neighbours it lies. */
export const SHADE_FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D u_picture;
uniform highp sampler2D u_depth;
uniform vec2 u_clip;       // near, far in metres
uniform vec3 u_background;
uniform float u_strength;
uniform int u_radius;      // pixels
out vec4 color;

float log_metres(float depth) {
  return log2(u_clip.x * u_clip.y / (u_clip.y - depth * (u_clip.y - u_clip.x)));
}

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  float depth = texelFetch(u_depth, at, 0).x;
  if (depth >= 1.0) {
    color = vec4(u_background, 1.0);
    return;
  }
  float here = log_metres(depth);
  ivec2 last = textureSize(u_depth, 0) - 1;
  vec3 own = texelFetch(u_picture, at, 0).rgb;
  float behind = 0.0;
  for (int k = 0; k < 4; k++) {
    ivec2 arm = ivec2((k & 1) * 2 - 1, (k >> 1) * 2 - 1) * u_radius;
    ivec2 place = clamp(at + arm, ivec2(0), last);
    float beside = texelFetch(u_depth, place, 0).x;
    if (beside < 1.0) behind += max(0.0, here - log_metres(beside));
  }
  color = vec4(own * mix(0.3, 1.0, exp(-behind * u_strength)), 1.0);
}
`;

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
out float v_depth;
out float v_fade;
void main() {
  int vertex = u_is_line ? gl_VertexID / 2 : gl_VertexID;
  bool is_tail = u_is_line && gl_VertexID % 2 == 1;
  ivec2 at = texel(uint(vertex * u_stride));
  if (texelFetch(u_cell_plane, at, 0).x != 0u) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    gl_PointSize = 0.0;
    return;
  }
  float share = is_tail ? u_shares.y : u_shares.x;
  gl_Position = u_matrix * vec4(cell_coord(at) + displacement(at, share), 1.0);
  v_fade = is_tail ? 0.0 : 1.0;
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

/** Pseudo-instance centroids as rings, and their trails as lines. */
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
uniform bool u_is_line;
flat in float v_size;
in float v_alpha;
out vec4 color;
void main() {
  if (u_is_line) {
    color = vec4(u_color, v_alpha);
    return;
  }
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
