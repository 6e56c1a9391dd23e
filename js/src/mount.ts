import type { Context } from "./context";
import { imageCacheOf } from "./data/image-cache";
import { answered, type Source } from "./data/source";
import { h, listen, runsCell, set } from "./dom";
import { collapseStandIn, holdStill, letPageScroll } from "./host";
import { Scope } from "./scope";
import type { Model } from "./state/model";
import { State } from "./state/state";
import { followTheme } from "./theme";
import { gallery } from "./view/gallery";
import { keysEverywhere } from "./view/keys";
import { lightbox } from "./view/lightbox";
import { problemNote } from "./view/notes";
import { previews } from "./view/preview";
import { toPaper } from "./view/print-button";

/**
 * Shows a gallery inside an element and returns what removes it again.
 *
 * `model` holds the numbers and what people set; `source` answers for images, maps and rankings.
 * With a kernel both are the widget's model; a page without one brings its own of each.
 * `ownPage` says that the page is the gallery's: there the list has no end but the last unit.
 * `more` is what only a page with a kernel has.
 */
export function mount(
  host: HTMLElement,
  model: Model,
  source: Source,
  ownPage = false,
  more: Pick<Context, "allUnits"> = {},
): () => void {
  const scope = new Scope();
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const box = h("div.gallery");
  root.replaceChildren(h("style", String(model.get("_style"))), box);
  scope.onCleanup(keepKeys(host, box));
  scope.onCleanup(letPageScroll(host));
  const still = holdStill(host);
  still.end();
  scope.onCleanup(still.stop);
  try {
    fill(box, model, source, ownPage, scope, more);
    const standIn = String(model.get("stands_for") ?? "");
    const [{ key }] = model.get("_tables") as { key: string }[];
    const alive = [answered(source, key), ...(source.heard ? [source.heard] : [])];
    if (standIn && source.heard) scope.onCleanup(collapseStandIn(standIn));
    if (standIn) scope.onCleanup(hideStandIn(standIn, Promise.any(alive)));
  } catch (error) {
    console.error(error);
    box.replaceChildren(problemNote(error));
  }
  return () => {
    scope.dispose();
    root.replaceChildren();
  };
}

function fill(
  box: HTMLElement,
  model: Model,
  source: Source,
  ownPage: boolean,
  scope: Scope,
  more: Pick<Context, "allUnits">,
): void {
  const state = new State(model);
  state.local.ownPage = ownPage;
  if (ownPage) state.local.more.value = Number.POSITIVE_INFINITY;
  scope.onCleanup(() => state.dispose());
  const announcements = h("div.aside", { "aria-live": "polite" });
  const announce = (text: string) => {
    announcements.textContent = text;
  };
  const context: Context = {
    ...more,
    state,
    source,
    cache: imageCacheOf(source),
    announce,
    say: (text) => {
      announce(text);
      state.local.said.value = { text };
    },
  };
  const { dark, printing } = state.local;
  scope.onCleanup(followTheme(box, dark));
  scope.effect(() => {
    box.dataset.theme = dark.value && !printing.value ? "dark" : "light";
    box.classList.toggle("printed", printing.value);
  });
  scope.onCleanup(followPrint(state, box));
  set(box, { onkeydown: keysEverywhere(context, box) });
  box.append(
    ...gallery(context, String(model.get("_remark") ?? ""), scope),
    announcements,
    lightbox(context, scope),
    previews(context, box, scope),
  );
}

/**
 * Keeps the notebook's shortcuts from firing while somebody types here (d d deletes a cell); only
 * those that save and run pass. JupyterLab looks for this mark, in the capturing phase.
 */
function keepKeys(host: HTMLElement, box: HTMLElement): () => void {
  const passes = (event: KeyboardEvent) =>
    runsCell(event) || ((event.ctrlKey || event.metaKey) && /^s$/i.test(event.key));
  const mark = (event?: Event) => {
    const passing = !!event && passes(event as KeyboardEvent);
    host.toggleAttribute("data-lm-suppress-shortcuts", !passing);
    if (passing && runsCell(event as KeyboardEvent)) leaveField(host);
  };
  mark();
  box.addEventListener("keydown", (event) => passes(event) || event.stopPropagation());
  return listen(window, "keydown", mark, true);
}

/** Takes the focus out of the search: JupyterLab runs no cell while somebody types into a field of its output. */
function leaveField(host: HTMLElement): void {
  const field = host.shadowRoot?.activeElement as HTMLElement | null;
  if (!field?.matches("[type=search]")) return;
  field.blur(); // which says so to the notebook, as a step to the host alone would not
  host.tabIndex = -1;
  host.focus({ preventScroll: true });
}

/**
 * Hides what stands in for the gallery, once somebody has answered: a page may draw a saved widget that has
 * no kernel. A rule and no change of the element itself: it may come into the page later, or be replaced.
 */
function hideStandIn(id: string, answered: Promise<unknown>): () => void {
  const rule = h("style", `#${CSS.escape(id)}{display:none!important}`);
  let ended = false;
  answered.then(
    () => ended || document.head.append(rule),
    () => {},
  );
  return () => {
    ended = true;
    rule.remove();
  };
}

/** While the page is printed all units that are listed are laid out, with outlines, on white. */
function followPrint({ local }: State, box: HTMLElement): () => void {
  const paper = matchMedia("print");
  const follow = ({ type }: Event) =>
    toPaper(local, box, type === "beforeprint" || (type === "change" && paper.matches));
  const stop = [
    listen(paper, "change", follow),
    listen(window, "beforeprint", follow),
    listen(window, "afterprint", follow),
  ];
  return () => {
    for (const each of stop) each();
  };
}
