// An activation map on the grid of a mask, bit for bit as the engine computes it (results/upsampling.py):
// half-pixel centers, or the centers of receptive fields; edges clamped, rows first and then columns,
// positions in float64, the rest in float32 with a rounding after every operation.

const round = Math.fround;

const between = (a: number, b: number, weight: number): number => round(a + round(weight * round(b - a)));

interface Axis {
  lower: Int32Array;
  upper: Int32Array;
  weight: Float32Array;
}

const axes = new Map<string, Axis>();

/** Where the first activation stands on an axis of `out` mask pixels, and the step to the next one. */
function onMask(first: number, step: number, image: number, out: number): [number, number] {
  const times = Math.floor(image / out + 0.5);
  if (times >= 1 && Math.abs(out - image / times) < 1 && step % times === 0)
    return [Math.floor((first + 0.5) / times), step / times];
  const scale = out / image;
  return [(first + 0.5) * scale - 0.5, step * scale];
}

function axisOf(size: number, out: number, [first, step, image]: number[]): Axis {
  const name = `${size}:${out}:${first}:${step}:${image}`;
  let axis = axes.get(name);
  if (!axis) {
    axis = { lower: new Int32Array(out), upper: new Int32Array(out), weight: new Float32Array(out) };
    const pace = size / out;
    const [start, stride] = image ? onMask(first, step, image, out) : [0, 0];
    for (let pixel = 0; pixel < out; pixel++) {
      const position = image
        ? Math.min(Math.max((pixel - start) / stride, 0), size - 1)
        : Math.max((pixel + 0.5) * pace - 0.5, 0);
      const lower = Math.min(Math.floor(position), size - 1);
      axis.lower[pixel] = lower;
      axis.upper[pixel] = Math.min(lower + 1, size - 1);
      axis.weight[pixel] = position - lower;
    }
    axes.set(name, axis);
  }
  return axis;
}

/**
 * The map [h, w] at [sh, sw]; `field` is that of its table. A map that has that size already is returned as it is:
 * it was brought there.
 */
export function upsample(
  map: Float32Array,
  h: number,
  w: number,
  sh: number,
  sw: number,
  field: number[] = [],
): Float32Array {
  if (h === sh && w === sw) return map;
  const line = (axis: number) => [field[axis], field[axis + 2], field[axis + 4]];
  const [rows, columns] = [axisOf(h, sh, line(0)), axisOf(w, sw, line(1))];
  const tall = new Float32Array(sh * w);
  for (let y = 0; y < sh; y++) {
    const [from, to, weight] = [rows.lower[y] * w, rows.upper[y] * w, rows.weight[y]];
    for (let x = 0; x < w; x++) {
      tall[y * w + x] = between(map[from + x], map[to + x], weight);
    }
  }
  const wide = new Float32Array(sh * sw);
  for (let y = 0; y < sh; y++) {
    const row = y * w;
    for (let x = 0; x < sw; x++) {
      wide[y * sw + x] = between(
        tall[row + columns.lower[x]],
        tall[row + columns.upper[x]],
        columns.weight[x],
      );
    }
  }
  return wide;
}

/** The unit's mask: 1 where the upsampled map is strictly above the threshold. */
export function maskOf(field: Float32Array, threshold: number): Uint8Array {
  const mask = new Uint8Array(field.length);
  for (let i = 0; i < field.length; i++) mask[i] = field[i] > threshold ? 1 : 0;
  return mask;
}
