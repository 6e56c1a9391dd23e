// Builds nbdissect/display/static: gallery.js is the gallery's module, page.js the same gallery for pages without
// a kernel, run.js the line of a run, browse.js a data set to look through, layers.js the clicks in a table of layers.
// Style sheets go into shadow roots, so they lie beside the modules.

import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const SETTINGS = {
  outdir: here("../nbdissect/display/static"),
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
};

await build({
  ...SETTINGS,
  entryPoints: [
    { in: here("src/index.ts"), out: "gallery" },
    { in: here("src/page.ts"), out: "page" },
    { in: here("src/run.ts"), out: "run" },
    { in: here("src/gallery.css"), out: "gallery" },
    { in: here("src/run.css"), out: "run" },
    { in: here("src/browse/browse.ts"), out: "browse" },
    { in: here("src/browse.css"), out: "browse" },
  ],
  banner: {
    js: "/*! Contains @preact/signals-core: MIT License, © 2022-present Preact Team. See LICENSES.txt. */",
  },
});

await build({
  ...SETTINGS,
  entryPoints: [
    { in: here("src/layers.ts"), out: "layers" },
    { in: here("src/layers.css"), out: "layers" },
  ],
});
