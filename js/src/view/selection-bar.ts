import type { Context } from "../context";
import { csvOf } from "../data/csv";
import { focusOn, focusSearch, h, number, plural } from "../dom";
import type { Scope } from "../scope";
import { selectedByTable, selectionCode } from "../state/python";
import type { State } from "../state/state";
import { copy, download } from "./copy";
import { problemNote } from "./notes";
import { popup } from "./popup";

/** Milliseconds for which "Clear" is taken back by a button; Ctrl+Z does it later, too. */
const UNDOABLE = 8000;

/** What can be done with the units that are selected; there while some are, and a little longer, until one does something else. */
export function selectionBar(context: Context, scope: Scope): HTMLElement {
  const { state } = context;
  const { selection, synced } = state;
  const text = h("span.selected");
  const problem = h("div.bar-problem");
  const buttons = actions(context, problem, scope);
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
    buttons[0].hidden = count < 2; // nothing to compare it with
    problem.replaceChildren();
  });
  endUndo(context, bar, scope);
  return bar;
}

/** What was cleared can't be had back here for good: not for long, and not once one does something else. */
function endUndo({ state }: Context, bar: HTMLElement, scope: Scope): void {
  const { cleared } = state.selection;
  const { query, category, concept, only, cut, current, opened, overlay, sort } = state.synced;
  let timer: ReturnType<typeof setTimeout>;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => (bar.querySelector(":hover,:focus-visible") ? wait() : end()), UNDOABLE);
  };
  const end = () => (cleared.value = 0);
  scope.effect(() => (cleared.value ? wait() : clearTimeout(timer)));
  scope.effect(() => {
    for (const each of [query, category, concept, only, cut, current, opened, overlay, sort]) each.value;
    if (cleared.peek()) end();
  });
  scope.onCleanup(() => clearTimeout(timer));
}

function countOf(state: State): string {
  const selected = state.synced.selected.value;
  const shown = new Set(state.visibleTables.value.flatMap((table) => state.shownOf(table)));
  const hidden = selected.filter((unit) => !shown.has(unit)).length;
  return `${number(selected.length)} selected${hidden ? `, ${number(hidden)} not shown` : ""}`;
}

function actions(context: Context, problem: HTMLElement, scope: Scope): HTMLElement[] {
  const { state } = context;
  const code: HTMLElement = h(
    "button",
    {
      title: "Copy the line of Python that shows these units as pictures",
      onclick: () => copy(context, selectionCode(state, !context.source.overdue.value), code),
    },
    "Copy code",
  );
  return [
    h(
      "button",
      {
        title: "Show only these units, one below the other",
        onclick: () => context.say(state.compareSelected()),
      },
      "Show only these",
    ),
    code,
    exportMenu(context, problem, scope),
  ];
}

/** Takes the selected units away: as a table, or, where there is a kernel, as a page. */
function exportMenu(context: Context, problem: HTMLElement, scope: Scope): HTMLElement {
  const item = (text: string, action: () => void) => {
    const onclick = () => {
      menu.close();
      focusOn(menu.button);
      action();
    };
    return h("button.quiet", { onclick }, text);
  };
  const csv = item("Table (CSV)", () => exportCsv(context));
  const page = item("Page (HTML)", () => void exportPage(context, problem));
  const none = h("p.hint", "A page of the selection needs the kernel: export it from the notebook.");
  const menu = popup("Export", ["Export"], [csv, context.source.exports ? page : none], scope);
  return menu.element;
}

function exportCsv({ state, say }: Context): void {
  const units = state.synced.selected.value.flatMap((name) => state.unitNamed(name) ?? []);
  download(`${fileName(state)}-selection.csv`, csvOf(units), "text/csv;charset=utf-8");
  say(`Exported ${plural(units.length, "unit")} as a table`);
}

async function exportPage(context: Context, problem: HTMLElement): Promise<void> {
  const { state, source } = context;
  problem.replaceChildren();
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
