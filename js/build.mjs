// Builds nbdissect/display/static: gallery.js from src/index.ts, page.js from src/page.ts, run.js from src/run.ts.
// gallery.js is the gallery's module, page.js the same gallery for pages without a kernel, run.js that of a run's line.
// Style sheets go into shadow roots, so they travel beside the modules and not in the page's head.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { minify } from "terser";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const folder = here("../nbdissect/display/static");

// Names of our own objects that never leave the module, made short. A name that messages, traits, the page's
// attributes or a text have as well is refused: it would be short on one side only.
const OURS =
  `arrivals ask cards categoryCounts changes clearFilters colour compute counts cut explained explains field
  filtered held isSelected largest library limitOf looking most nameOf openHeight openRow otherwise paper
  peek perLine pixels printing problemOf rank readers refresh reply room rowHeight run say settle shown
  sides since sought sources stale tableNamed tables tell thumb toggleCategory toggleConcept toggleSelected
  unasked unique unitAt want whole`.split(/\s+/);

const { metafile } = await build({
  entryPoints: [
    { in: here("src/index.ts"), out: "gallery" },
    { in: here("src/page.ts"), out: "page" },
    { in: here("src/run.ts"), out: "run" },
    { in: here("src/gallery.css"), out: "gallery" },
    { in: here("src/run.css"), out: "run" },
  ],
  outdir: folder,
  absWorkingDir: here(".."),
  metafile: true,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  // Fields are set in the constructor, not named once more as well.
  tsconfigRaw: { compilerOptions: { useDefineForClassFields: false, target: "es2022" } },
});

for (const source of Object.keys(metafile.inputs)) {
  const text = readFileSync(here(`../${source}`), "utf8").replace(/\/\*.*?\*\/|\/\/.*?$/gms, "");
  const used = new Set(text.match(/(?<=["'`])\w+(?=["'`])|(?<=dataset\.|data-)\w+/g));
  if (source.endsWith("messages.ts")) for (const name of text.match(/(?<=^ {2})\w+(?=:)/gm)) used.add(name);
  const taken = OURS.filter((name) => used.has(name));
  if (taken.length) throw new Error(`${source} has ${taken} outside of our objects: not to be renamed.`);
}

// A saved notebook holds the module once per gallery: a second minifier earns its place with 5 %.
// Without `pure_getters`: reading a signal's value subscribes to it, and must not be dropped as idle.
for (const script of ["gallery", "page", "run"].map((name) => `${folder}/${name}.js`)) {
  const { code } = await minify(readFileSync(script, "utf8"), {
    module: true,
    ecma: 2022,
    compress: {
      passes: 5,
      unsafe_arrows: true,
      global_defs: { "@Number.POSITIVE_INFINITY": "1/0", "@Number.NEGATIVE_INFINITY": "-1/0" },
    },
    mangle: { properties: { regex: new RegExp(`^(${OURS.join("|")})$`) } },
  });
  writeFileSync(script, `${code}\n`);
}
