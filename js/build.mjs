// Builds nbdissect/display/static: gallery.js from src/index.ts, page.js from src/page.ts, gallery.css from src/gallery.css.
// gallery.js is the widget's module, page.js the same gallery for pages without a kernel.
// The style sheet goes into the shadow root, so it travels beside the module and not in the page's head.

import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { minify } from "terser";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const folder = here("../nbdissect/display/static");

// Names of our own objects that never leave the module: no message, trait or DOM object has them.
const OURS =
  /^(sought|looking|printing|filtered|arrivals|rowHeight|toggleSelected|tableNamed|categoryCounts|toggleCategory|problemOf|openRow|openHeight|perLine|isSelected|clearFilters|explains|toggleConcept|unitAt|nameOf|otherwise|sides|cells|largest|unique)$/;

await build({
  entryPoints: [
    { in: here("src/index.ts"), out: "gallery" },
    { in: here("src/page.ts"), out: "page" },
    { in: here("src/gallery.css"), out: "gallery" },
  ],
  outdir: folder,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  // Fields are set in the constructor, not named once more as well.
  tsconfigRaw: { compilerOptions: { useDefineForClassFields: false, target: "es2022" } },
});

// A saved notebook holds the module once per gallery: a second minifier earns its place with 5 %.
// Without `pure_getters`: reading a signal's value subscribes to it, and must not be dropped as idle.
for (const script of [`${folder}/gallery.js`, `${folder}/page.js`]) {
  const { code } = await minify(await readFile(script, "utf8"), {
    module: true,
    ecma: 2022,
    compress: { passes: 5 },
    mangle: { properties: { regex: OURS } },
  });
  await writeFile(script, `${code}\n`);
}

// The one library in the bundle asks for its licence to come along.
const licence = await readFile(here("../node_modules/@preact/signals-core/LICENSE"), "utf8");
await writeFile(
  `${folder}/LICENSES.txt`,
  `gallery.js and page.js contain @preact/signals-core.\n\n${licence}`,
);
