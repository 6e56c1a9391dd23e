import { signal } from "@preact/signals-core";
import { h, number, plural, set } from "../dom";
import { holdStill, letPageScroll } from "../host";
import { Scope } from "../scope";
import type { Model } from "../state/model";
import { followTheme } from "../theme";
import type { Channel } from "./ask";
import { conceptList } from "./concepts";
import { legend, picture } from "./picture";
import { BrowseState } from "./state";

/** Shows a data set inside an element and returns what removes it again. */
function mount(host: HTMLElement, model: Model & Channel): () => void {
  const scope = new Scope();
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const box = h("div.browse");
  root.replaceChildren(h("style", String(model.get("_style"))), box);
  scope.onCleanup(letPageScroll(host));
  const still = holdStill(host);
  still.end();
  scope.onCleanup(still.stop);
  const dark = signal(false);
  scope.onCleanup(followTheme(box, dark));
  scope.effect(() => {
    box.dataset.theme = dark.value ? "dark" : "light";
  });
  const state = new BrowseState(model);
  scope.onCleanup(() => state.dispose());
  scope.onCleanup(hideStandIn(state, String(model.get("stands_for"))));
  const side = conceptList(state, scope);
  set(host, { "data-lm-suppress-shortcuts": true });
  set(box, { onkeydown: (event: KeyboardEvent) => onKey(state, side, event) });
  box.append(
    head(state, scope),
    h("div.columns", side, h("div.main", turns(state, scope), picture(state, scope), legend(state, scope))),
  );
  return () => {
    scope.dispose();
    root.replaceChildren();
  };
}

/** What it is, and what the counts are of. */
function head(state: BrowseState, scope: Scope): HTMLElement {
  const { table } = state;
  const what = h("p.hint", { role: "status" });
  const more = h("button.quiet", { onclick: () => void state.count() });
  scope.effect(() => {
    const { counted, told } = state.counts.value;
    const left = table.images - counted;
    const facts = `${plural(table.images, "image")} · ${plural(table.names.length, "concept")} · `;
    what.textContent =
      facts +
      (told
        ? "counts as the data set’s own tables have them"
        : left
          ? `counts are of the first ${number(counted)}`
          : "all of them counted");
    more.hidden = told || !left;
    more.textContent = state.counting ? "Stop counting" : `Count the other ${number(left)}`;
  });
  return h("div.head", h("h2", h("bdi.label", { title: table.title }, table.title)), what, more);
}

/** Previous, next, the number of the image, and what goes on. */
function turns(state: BrowseState, scope: Scope): HTMLElement {
  const previous = h("button", { onclick: () => state.turn(-1), title: "Previous (←)" }, "‹ Previous");
  const next = h("button", { onclick: () => state.turn(1), title: "Next (→)" }, "Next ›");
  const place = h("input", {
    type: "number",
    min: "0",
    max: String(state.table.images - 1),
    "aria-label": "Number of the image",
    onchange: () => state.open(Number(place.value) || 0),
  });
  const only = h("span.only");
  const doing = h("p.hint", { role: "status" });
  const problem = h("p.problem", { role: "alert" });
  scope.effect(() => {
    place.value = String(state.index.value);
  });
  scope.effect(() => {
    const concept = state.concept.value;
    only.replaceChildren(
      ...(concept < 0
        ? [`of ${number(state.table.images)}`]
        : [
            "only with ",
            h("bdi", state.table.names[concept]),
            " ",
            h(
              "button.quiet",
              { onclick: () => state.choose(-1), "aria-label": "All images", title: "All images (Esc)" },
              "×",
            ),
          ]),
    );
  });
  scope.effect(() => {
    doing.textContent = state.doing.value;
    problem.textContent =
      state.problem.value && `Image ${state.index.value} can’t be shown. ${state.problem.value}`;
    problem.hidden = !state.problem.value;
  });
  return h("div.turns", previous, next, place, only, doing, problem);
}

function onKey(state: BrowseState, side: HTMLElement, event: KeyboardEvent): void {
  event.stopPropagation(); // the notebook has keys of its own
  const typing =
    event.composedPath()[0] instanceof HTMLInputElement ||
    event.composedPath()[0] instanceof HTMLSelectElement;
  if (event.ctrlKey || event.metaKey || event.altKey || (typing && event.key !== "Escape")) return;
  const actions: Record<string, () => void> = {
    ArrowLeft: () => state.turn(-1),
    ArrowRight: () => state.turn(1),
    Escape: () => state.choose(-1),
    "/": () => side.querySelector("input")?.focus(),
    m: () => state.toggleAll(),
  };
  const plane = Number(event.key) - 1;
  const action =
    actions[event.key] ??
    (plane >= 0 && plane < (state.shown.peek()?.planes.length ?? 0) ? () => state.toggle(plane) : undefined);
  if (!action) return;
  event.preventDefault();
  action();
}

/** Hides what stands in for the widget once the kernel has sent an image. */
function hideStandIn(state: BrowseState, id: string): () => void {
  const rule = h("style", `#${CSS.escape(id)}{display:none!important}`);
  const stop = state.shown.subscribe((shown) => {
    if (shown && id) document.head.append(rule);
  });
  return () => {
    stop();
    rule.remove();
  };
}

export default {
  render: ({ model, el }: { model: Model & Channel; el: HTMLElement }) => mount(el, model),
};
