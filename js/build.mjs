// Builds nbdissect/display/static: gallery.js from src/index.ts, gallery.css from src/gallery.css.
// The style sheet goes into the shadow root, so it travels beside the module and not in the page's head.

import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { minify } from "terser";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const folder = here("../nbdissect/display/static");

await build({
  entryPoints: [
    { in: here("src/index.ts"), out: "gallery" },
    { in: here("src/gallery.css"), out: "gallery" },
  ],
  outdir: folder,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
});

// A saved notebook holds the module once per gallery: a second minifier earns its place with 5 %.
const script = `${folder}/gallery.js`;
const { code } = await minify(await readFile(script, "utf8"), {
  module: true,
  ecma: 2020,
  compress: { passes: 3 },
});
await writeFile(script, `${code}\n`);

// The one library in the bundle asks for its licence to come along.
const licence = await readFile(here("../node_modules/@preact/signals-core/LICENSE"), "utf8");
await writeFile(`${folder}/LICENSES.txt`, `gallery.js contains @preact/signals-core.\n\n${licence}`);
