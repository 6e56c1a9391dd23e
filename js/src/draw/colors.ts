// Okabe and Ito's palette, which people with color-vision deficiencies can tell apart. Color is
// never alone: every category has its shape as well, and its name in words.

const KNOWN: Record<string, number> = { object: 0, part: 1, material: 2, texture: 3, scene: 4, color: 5 };

/** Which of the seven category styles (`--k0` to `--k6` in the style sheet) a category takes. */
export function kindOf(category: string, categories: string[]): number {
  const kinds = categories.map((name) => KNOWN[name.toLowerCase()]);
  const at = categories.indexOf(category);
  const free = [0, 1, 2, 3, 4, 5, 6].filter((kind) => !kinds.includes(kind));
  const others = kinds.slice(0, at).filter((kind) => kind === undefined).length;
  return kinds[at] ?? free[others % free.length];
}

// Viridis at nine points (matplotlib, CC0), interpolated.
const VIRIDIS = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
];

/** 256 colors of viridis, [r, g, b] after another. */
export const viridis: Uint8ClampedArray = (() => {
  const colors = new Uint8ClampedArray(256 * 3);
  for (let i = 0; i < 256; i++) {
    const place = (i / 255) * (VIRIDIS.length - 1);
    const lower = Math.min(Math.floor(place), VIRIDIS.length - 2);
    for (let channel = 0; channel < 3; channel++) {
      const [a, b] = [VIRIDIS[lower][channel], VIRIDIS[lower + 1][channel]];
      colors[i * 3 + channel] = a + (b - a) * (place - lower);
    }
  }
  return colors;
})();
