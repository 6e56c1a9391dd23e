import { unpack } from "./data/embedded";
import { mount } from "./mount";
import type { EmbeddedGallery } from "./protocol";

/** The id of the gallery in a page of its own. */
const OWN = "nbdissect-page";

/**
 * Draws in the element `<id>`, in the place of `<id>-summary`, the gallery whose data `<id>-data` holds: a
 * script element its text, any other its attribute; returns what removes the gallery again.
 */
export async function draw(id: string): Promise<() => void> {
  const holder = document.getElementById(`${id}-data`);
  const data = holder?.dataset.gallery ?? holder?.textContent;
  const host = document.getElementById(id);
  if (!data || !host) throw new Error(`There is no gallery ${id} in this page.`);
  const { model, source } = await unpack(JSON.parse(data) as EmbeddedGallery, `${id}-summary`);
  return mount(host, model, source, id === OWN);
}

// A page of its own carries this module inline, where nothing can call it.
if (document.getElementById(OWN)) void draw(OWN);
