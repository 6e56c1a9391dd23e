import type { Context } from "../context";
import { csvOf } from "../data/csv";
import { focusOn, focusSearch, h, number, plural, set } from "../dom";
import type { Scope } from "../scope";
import { selectedByTable, selectionCode } from "../state/python";
import type { State } from "../state/state";
import { copy, download } from "./copy";
import { problemNote } from "./notes";

/** What can be done with the units that are selected; there while some are, and until "Clear" is taken back or over. */
export function selectionBar(context: Context, scope: Scope): HTMLElement {
  const { state } = context;
  const { selection, synced } = state;
  const text = h("span.selected");
  const problem = h("div.bar-problem");
  const buttons = actions(context, problem);
  const undo: HTMLElement = h(
    "button.quiet",
    { title: "Undo (Ctrl+Z)", onclick: () => leave(() => selection.undo()) },
    "Undo",
  );
  const dismiss = h(
    "button.quiet",
    { "aria-label": "Dismiss", onclick: () => leave(() => (selection.cleared.value = 0)) },
    "×",
  );
  const clear = h(
    "button.quiet",
    { "aria-label": "Clear selection", onclick: () => leave(() => selection.clear()) },
    "Clear",
  );
  const bar = h(
    "div.selection",
    { role: "group", "aria-label": "Selection" },
    problem,
    text,
    ...buttons,
    h("span.space"),
    undo,
    clear,
    dismiss,
  );

  /** Does what hides the button that was pressed: the focus goes on to what takes it back, or to the search. */
  function leave(action: () => unknown): void {
    action();
    if (bar.hidden || undo.hidden) focusSearch(bar);
    else focusOn(undo);
  }
  scope.effect(() => {
    const count = synced.selected.value.length;
    const cleared = selection.cleared.value;
    bar.hidden = !count && !cleared;
    text.textContent = count ? countOf(state) : `Cleared ${plural(cleared, "unit")}`;
    for (const each of [...buttons, clear]) each.hidden = !count;
    undo.hidden = !selection.steps.value;
    dismiss.hidden = count > 0;
    problem.replaceChildren();
  });
  return bar;
}

function countOf(state: State): string {
  const selected = state.synced.selected.value;
  const shown = new Set(state.visibleTables.value.flatMap((table) => state.shownOf(table)));
  const hidden = selected.filter((unit) => !shown.has(unit)).length;
  return `${number(selected.length)} selected${hidden ? `, ${number(hidden)} of them not shown` : ""}`;
}

function actions(context: Context, problem: HTMLElement): HTMLElement[] {
  const { state, source } = context;
  const button = (text: string, title: string, action: (from: HTMLElement) => void) => {
    const element: HTMLElement = h("button", { title, onclick: () => action(element) }, text);
    return element;
  };
  const page = button(
    "Export page",
    source.exports
      ? "A page of these units, which needs no kernel"
      : "Not from this page: in Python, g = d.gallery(selected=…), and there “Export page”",
    () => void exportPage(context, problem),
  );
  if (!source.exports) set(page, { "aria-disabled": true });
  const compare = button("Compare", "Show only these units, one below the other", () =>
    state.compareSelected(),
  );
  return [
    compare,
    button("Copy code", "Copy the line of Python that shows these units as pictures", (from) =>
      copy(context, selectionCode(state), "the code of the selection", from),
    ),
    button("Export CSV", "A table of these units", () => {
      const units = state.synced.selected.value.flatMap((name) => state.unitNamed(name) ?? []);
      download(`${fileName(state)}-selection.csv`, csvOf(units), "text/csv;charset=utf-8");
      context.say(`Exported ${plural(units.length, "unit")} as CSV`);
    }),
    page,
  ];
}

async function exportPage(context: Context, problem: HTMLElement): Promise<void> {
  const { state, source } = context;
  problem.replaceChildren();
  if (!source.exports) {
    context.say("A page of the selection needs the kernel: use “Export page” in the notebook.");
    return;
  }
  context.say("The kernel is making the page …");
  const units = selectedByTable(state).flatMap(({ key, units }) => units.map((unit) => `${key}:${unit}`));
  try {
    const { reply, buffers } = await source.ask<"export">({
      kind: "export",
      key: state.table.value.key,
      units,
    });
    download(reply.name, buffers[0] as DataView<ArrayBuffer>, "text/html;charset=utf-8");
    context.say(`Exported ${reply.name}`);
  } catch (error) {
    problem.replaceChildren(problemNote(error, () => void exportPage(context, problem)));
  }
}

const fileName = (state: State): string =>
  state.table.value.layer.replace(/[^\p{L}\p{N}_.-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "") || "gallery";
