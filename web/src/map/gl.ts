/**
 * Points and thumbnails by WebGL2.
 *
 * Our own rather than regl-scatterplot's: regl makes its draw calls with `new Function`, which a
 * strict content security policy forbids, and neither draws thumbnails or three dimensions.
 */

const POINTS_VERTEX = `#version 300 es
uniform mat4 view; uniform float size;
in vec3 place; in vec4 colour; out vec4 shade;
void main() {
  gl_Position = colour.a > 0.0 ? view * vec4(place, 1) : vec4(2, 2, 2, 1);
  gl_PointSize = size; shade = vec4(colour.rgb * colour.a, colour.a);
}`;

const POINTS_FRAGMENT = `#version 300 es
precision highp float;
uniform float size; in vec4 shade; out vec4 pixel;
void main() {
  float inside = (0.5 - length(gl_PointCoord - 0.5)) * size + 0.5;
  pixel = shade * clamp(inside, 0.0, 1.0);
}`;

const TILES_VERTEX = `#version 300 es
uniform mat4 view; uniform vec2 half_size; uniform float across;
in vec2 corner; in vec3 place; in float slot; in vec4 colour;
out vec2 at; out vec2 on; out vec4 shade;
void main() {
  vec4 middle = view * vec4(place, 1);
  gl_Position = vec4(middle.xyz / middle.w, 1) + vec4(corner * half_size, 0, 0);
  on = corner; shade = colour;
  at = (vec2(mod(slot, across), floor(slot / across)) + vec2(corner.x, -corner.y) * 0.499 + 0.5)
    / across;
}`;

const TILES_FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D tiles; uniform float border;
in vec2 at; in vec2 on; in vec4 shade; out vec4 pixel;
void main() {
  vec2 edge = abs(on);
  vec3 rgb = max(edge.x, edge.y) > 1.0 - border ? shade.rgb : texture(tiles, at).rgb;
  pixel = vec4(rgb * shade.a, shade.a);
}`;

export interface Attribute {
  buffer: WebGLBuffer;
  size: number;
  type: number;
  normalised: boolean;
  each: number; // instances it stands for; 0: one a vertex
}

export interface Program {
  use(uniforms: Record<string, number | Float32Array>, attributes: Record<string, Attribute>): void;
}

function compiled(gl: WebGL2RenderingContext, vertex: string, fragment: string): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, vertex],
    [gl.FRAGMENT_SHADER, fragment],
  ] as const) {
    const shader = gl.createShader(kind) as WebGLShader;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS))
    throw new Error(`The map cannot be drawn: ${gl.getProgramInfoLog(program)}`);
  return program;
}

function programOf(gl: WebGL2RenderingContext, vertex: string, fragment: string): Program {
  const program = compiled(gl, vertex, fragment);
  return {
    use(uniforms, attributes) {
      gl.useProgram(program);
      for (const [name, value] of Object.entries(uniforms)) {
        const where = gl.getUniformLocation(program, name);
        if (typeof value === "number") gl.uniform1f(where, value);
        else if (value.length === 2) gl.uniform2fv(where, value);
        else gl.uniformMatrix4fv(where, false, value);
      }
      for (const [name, a] of Object.entries(attributes)) {
        const where = gl.getAttribLocation(program, name);
        gl.bindBuffer(gl.ARRAY_BUFFER, a.buffer);
        gl.enableVertexAttribArray(where);
        gl.vertexAttribPointer(where, a.size, a.type, a.normalised, 0, 0);
        gl.vertexAttribDivisor(where, a.each);
      }
    },
  };
}

export function openGl(canvas: HTMLCanvasElement): {
  gl: WebGL2RenderingContext;
  points: Program;
  tiles: Program;
} {
  const gl = canvas.getContext("webgl2", { antialias: false, alpha: true });
  if (!gl)
    throw new Error("This browser has no WebGL2, so the map cannot be drawn; all else works.");
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  const points = programOf(gl, POINTS_VERTEX, POINTS_FRAGMENT);
  return { gl, points, tiles: programOf(gl, TILES_VERTEX, TILES_FRAGMENT) };
}

export function attribute(
  gl: WebGL2RenderingContext,
  size: number,
  type: number,
  each = 0,
): Attribute {
  return { buffer: gl.createBuffer(), size, type, normalised: type !== gl.FLOAT, each };
}

export function fill(
  gl: WebGL2RenderingContext,
  { buffer }: Attribute,
  data: Float32Array | Uint8Array,
) {
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
}
