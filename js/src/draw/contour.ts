// Which sides of a square of four pixels (top, right, bottom, left) a line joins, by the corners that are above the
// level; with the others above it is the same line.
const JOINED = [[], [3, 0], [0, 1], [3, 1], [1, 2], [3, 0, 1, 2], [0, 2], [2, 3]];

/**
 * Line segments [x1, y1, x2, y2, …] along which the field crosses the level; pixel centers lie at +0.5.
 * Outside nothing is above it: a mask that reaches the border is closed there.
 */
export function contour(field: Float32Array, height: number, width: number, level: number): Float32Array {
  const lines: number[] = [];
  const wide = width + 2;
  const padded = new Float32Array(wide * (height + 2)).fill(Number.NEGATIVE_INFINITY);
  for (let y = 0; y < height; y++) padded.set(field.subarray(y * width, (y + 1) * width), (y + 1) * wide + 1);
  for (let y = -1; y < height; y++) {
    for (let x = -1; x < width; x++) {
      const at = (y + 1) * wide + x + 1;
      const [a, b, c, d] = [padded[at], padded[at + 1], padded[at + wide + 1], padded[at + wide]];
      const kind = (a > level ? 1 : 0) | (b > level ? 2 : 0) | (c > level ? 4 : 0) | (d > level ? 8 : 0);
      if (kind === 0 || kind === 15) continue;
      const between = (from: number, to: number) =>
        Number.isFinite(to - from) ? (level - from) / (to - from) : 0.5;
      const crossings = [
        [x + 0.5 + between(a, b), y + 0.5],
        [x + 1.5, y + 0.5 + between(b, c)],
        [x + 0.5 + between(d, c), y + 1.5],
        [x + 0.5, y + 0.5 + between(a, d)],
      ];
      for (const side of JOINED[kind > 7 ? 15 - kind : kind]) lines.push(...crossings[side]);
    }
  }
  return Float32Array.from(lines);
}
