import type { Context } from "./context";
import { libraryOf } from "./data/library";
import type { Source } from "./data/source";
import { failure, h, listen, Scope } from "./dom";
import { type Model, State } from "./state";
import { followTheme } from "./theme";
import { bar } from "./view/bar";
import { controls } from "./view/controls";
import { empty } from "./view/empty";
import { graphs, reach } from "./view/graph";
import { grid } from "./view/grid";
import { header, tabs } from "./view/header";
import { problemNote } from "./view/notes";

/**
 * Shows a gallery inside an element and returns what removes it again.
 *
 * `model` holds the numbers and what people set; `source` answers for pictures, maps and rankings.
 * With a kernel both are the widget's model; a page without one brings its own of each.
 */
export function mount(host: HTMLElement, model: Model, source: Source): () => void {
  const scope = new Scope();
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const box = h("div.gallery");
  root.replaceChildren(h("style", String(model.get("_style"))), box);
  scope.end(keepKeys(host, box));
  try {
    build(box, model, source, scope);
    const standIn = String(model.get("stands_for") ?? "");
    const [{ key }] = model.get("_tables") as { key: string }[];
    if (standIn) scope.end(hideStandIn(standIn, source.ask<"unit">({ kind: "unit", key, unit: 0 })));
  } catch (error) {
    console.error(error);
    box.replaceChildren(problemNote(error));
  }
  return () => {
    scope.dispose();
    root.replaceChildren();
  };
}

function build(box: HTMLElement, model: Model, source: Source, scope: Scope): void {
  const state = new State(model);
  scope.end(() => state.dispose());
  const library = libraryOf(source);
  const live = h("div.aside", { "aria-live": "polite" });
  const context: Context = {
    state,
    library,
    source,
    say: (text) => {
      live.textContent = text;
    },
  };
  scope.end(followTheme(box, state.dark));
  scope.effect(() => {
    box.dataset.theme = state.dark.value ? "dark" : "light";
    box.toggleAttribute("data-printed", state.printing.value);
  });
  scope.end(followPrint(state));

  const banner = (name: "warning" | "provisional", sign: string) => {
    const element = h("p.banner", { role: "note", "data-about": name });
    scope.effect(() => {
      const texts = new Set(state.looking.value.map((table) => table[name]).filter(Boolean));
      element.hidden = !texts.size;
      element.replaceChildren(h("b", { "aria-hidden": "true" }, sign), [...texts].join(" · "));
    });
    return element;
  };
  const missing = h("p.hint");
  scope.effect(() => {
    missing.textContent = [state.table.value.note, model.get("_remark")].filter(Boolean).join(" ");
    missing.hidden = !missing.textContent;
  });
  const notes = h("div.notes");
  scope.effect(() => {
    const shown: Node[] = [];
    if (failure.value) shown.push(problemNote(failure.value, () => (failure.value = null)));
    if (library.problem.value) shown.push(problemNote(library.problem.value, () => library.retry()));
    if (source.late.value) {
      shown.push(
        h(
          "p.late",
          { role: "note" },
          state.table.value.provisional
            ? "The kernel is busy: more images come meanwhile."
            : "Waiting for the kernel. After a restart, run the cell again.",
        ),
      );
    }
    notes.replaceChildren(...shown);
  });

  const units = grid(context, scope);
  scope.effect(() => {
    units.hidden = state.sides.value ? !state.pairs.value.length : !state.shown.value.length;
  });
  const several = tabs(context, scope);
  for (const part of [
    banner("warning", "⚠ "),
    banner("provisional", "≈ "),
    header(context, scope),
    several,
    notes,
    graphs(context, scope),
    reach(context, scope),
    controls(context, scope),
    bar(context, scope),
    missing,
    units,
    empty(context, scope),
    live,
  ]) {
    if (part) box.append(part);
  }
}

/**
 * Keeps the notebook's shortcuts from firing while somebody types here (d d deletes a cell); only
 * those that save and run pass. JupyterLab looks for this mark, in the capturing phase.
 */
function keepKeys(host: HTMLElement, box: HTMLElement): () => void {
  const passes = (event: KeyboardEvent) => (event.ctrlKey || event.metaKey) && /^(s|enter)$/i.test(event.key);
  const mark = (event?: Event) =>
    host.toggleAttribute("data-lm-suppress-shortcuts", !event || !passes(event as KeyboardEvent));
  mark();
  box.addEventListener("keydown", (event) => passes(event) || event.stopPropagation());
  return listen(window, "keydown", mark, true);
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

/** While the page is printed all filtered units are laid out, with outlines, on white. */
function followPrint(state: State): () => void {
  const paper = matchMedia("print");
  const follow = ({ type }: Event) => {
    state.printing.value = type === "beforeprint" || (type === "change" && paper.matches);
  };
  const ends = [
    listen(paper, "change", follow),
    listen(window, "beforeprint", follow),
    listen(window, "afterprint", follow),
  ];
  return () => {
    for (const end of ends) end();
  };
}
