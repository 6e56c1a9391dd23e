import { followAddress } from "./address";
import { unpack } from "./data/embedded";
import { h } from "./dom";
import { mount } from "./mount";
import type { EmbeddedGallery } from "./protocol";

/** What a page of its own calls its gallery. */
const OWN = "nbdissect-page";
/** Signs of an address that are repeated to the reader. */
const QUOTED = 60;

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
  // A notebook's address is the notebook's.
  const stop = id === OWN ? followAddress(model, (wrong) => noteOf(host, wrong)) : () => {};
  const end = mount(host, model, source, id === OWN);
  return () => {
    stop();
    end();
  };
}

/** Says above the gallery what of the page's address means nothing in it. */
function noteOf(host: HTMLElement, wrong: string[]): void {
  document.getElementById(`${host.id}-note`)?.remove();
  if (!wrong.length) return;
  const parts = wrong.map((part) => `“${part.slice(0, QUOTED)}${part.length > QUOTED ? "…" : ""}”`);
  host.before(
    h(
      "p",
      { id: `${host.id}-note`, role: "status" },
      `The address names what is not in this page: ${parts.join(", ")}`,
    ),
  );
}

// A page of its own carries this module inline, where nothing can call it.
if (document.getElementById(OWN)) void draw(OWN);
