import type { Context } from "../context";
import { categoryOf, type Table, topImages } from "../data/table";
import { glyph, h, set } from "../dom";
import { kindOf } from "../draw/colors";
import type { Scope } from "../scope";
import { stepTo } from "../state/trail";
import { activations } from "./activations";
import { examplesOf } from "./caption";
import { mayChange } from "./card";
import { conceptLabel } from "./concept";
import { copyButton } from "./copy-button";
import { type Explanation, explanationOf } from "./explanation";
import { keysOnUnit } from "./keys";
import { problemNote } from "./notes";
import { ranking } from "./ranking";
import { similarUnits } from "./similar";
import { legend, unitImages } from "./unit-images";

/** What the buttons of an opened unit do. */
export interface UnitActions {
  close(): void;
  /** Opens the neighbor that many units away. */
  turn(by: number): void;
}

/** One unit at length: its images, why it has its label, its numbers, its activations. */
export function unitPage(
  context: Context,
  table: Table,
  unit: number,
  actions: UnitActions,
  scope: Scope,
  before?: Explanation,
): { region: HTMLElement; explanation: Explanation } {
  const explanation = explanationOf(context, table, unit, scope, before);
  const region = h(
    "section.unit",
    {
      role: "region",
      "aria-label": context.state.address(table, unit),
      tabindex: -1,
      onkeydown: (event: KeyboardEvent) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        actions.close();
      },
    },
    head(context, table, unit, actions, explanation, scope),
    backButton(context, table, unit, scope),
    guestNote(context, table, unit, scope),
    problem(explanation, scope),
    h("div.unit-body", ...body(context, table, unit, explanation, scope)),
  );
  const toggle = () => context.state.toggleSelected(table, unit);
  set(region, { onkeydown: keysOnUnit(region, { toggle, turn: actions.turn }) });
  for (const control of region.querySelectorAll<HTMLElement>("[tabindex='-1']")) control.tabIndex = 0;
  return { region, explanation };
}

/** Its label, and what can be done with it. */
function head(
  context: Context,
  table: Table,
  unit: number,
  { close, turn }: UnitActions,
  explanation: Explanation,
  scope: Scope,
): HTMLElement {
  const best = table.best[unit];
  const button = (text: string, name: string, action: () => void) =>
    h("button.quiet", { "aria-label": name, title: name, onclick: action }, text);
  return h(
    "div.unit-head",
    // Where the card of the unit is its heading, this isn't shown.
    h(
      "span.unit-title",
      best < 0 ? null : glyph(kindOf(categoryOf(table, best), table.categories)),
      mayChange(table),
      h("h3", best < 0 ? "No concept" : conceptLabel(table, best)),
      copyButton(context, context.state.address(table, unit)),
    ),
    h("span.space"),
    whyButton(context, table, unit, explanation, scope),
    selectButton(context, table, unit, scope),
    h(
      "span.turns",
      button("‹", "Previous unit", () => turn(-1)),
      button("›", "Next unit", () => turn(1)),
      button("×", "Close (Esc)", close),
    ),
  );
}

/** Leads back to the unit from which one came here. */
function backButton({ state }: Context, table: Table, unit: number, scope: Scope): HTMLElement {
  const address = state.address(table, unit);
  const button = h("button.quiet.back", { onclick: () => stepTo(state, address)?.back() });
  scope.effect(() => {
    const step = stepTo(state, address);
    button.hidden = !step;
    button.textContent = step ? `‹ Back to ${step.from}` : "";
  });
  return button;
}

/** Says that the filters hide this unit, where one came to it by a link. */
function guestNote({ state }: Context, table: Table, unit: number, scope: Scope): HTMLElement {
  const element = h("span.hint", "Your filters hide this unit; it is shown until you close it.");
  scope.effect(() => {
    element.hidden = state.guest.value !== unit || state.table.value !== table;
  });
  return element;
}

function whyButton(
  { source }: Context,
  table: Table,
  unit: number,
  { why }: Explanation,
  scope: Scope,
): HTMLElement {
  const best = table.best[unit];
  const disabled = best < 0 || !!table.note || !source.explains(table.key, unit, best);
  const onclick = () => (why.value = !why.value);
  const button = h("button.quiet", { disabled, onclick }, "Why this label?");
  scope.effect(() => set(button, { "aria-pressed": why.value }));
  return button;
}

function selectButton({ state }: Context, table: Table, unit: number, scope: Scope): HTMLElement {
  const button = h("button.quiet.select", { onclick: () => state.toggleSelected(table, unit) });
  scope.effect(() => {
    const selected = state.isSelected(table, unit);
    set(button, { "aria-pressed": selected });
    button.textContent = selected ? "✓ Selected" : "Select";
  });
  return button;
}

/** Why the kernel couldn't answer, and a way to ask again. */
function problem({ problem, retry }: Explanation, scope: Scope): HTMLElement {
  const element = h("div");
  scope.effect(() => {
    element.replaceChildren(...(problem.value ? [problemNote(problem.value, retry)] : []));
  });
  return element;
}

function body(
  context: Context,
  table: Table,
  unit: number,
  explanation: Explanation,
  scope: Scope,
): HTMLElement[] {
  const sure = howSure(explanation, scope);
  const numbers = h("div.numbers", ranking(context, table, unit, explanation, scope), sure);
  const similar = similarUnits(context, table, unit);
  if (!topImages(table, unit).some((index) => index >= 0))
    return [h("div", table.top > 0 && h("p.hint", "No images of this unit are here."), numbers, similar)];
  const images = h(
    "div.unit-images",
    legend(table, explanation, scope),
    unitImages(context, table, unit, explanation, scope),
    silentNote(table, unit),
  );
  return [h("div.side", images, similar), h("div.side", numbers, activations(context, table, unit, scope))];
}

/** Which concepts the label may be, and between which values its IoU lies. */
function howSure({ evidence }: Explanation, scope: Scope): HTMLElement {
  const element = h("p.evidence", {
    title:
      "The fewest concepts that hold the label, and an interval of its IoU, at this level: had other images been " +
      "drawn. Below 5 effective images no level is claimed.",
  });
  scope.effect(() => {
    element.replaceChildren(...(evidence.value ? ["How sure: ", h("bdi", evidence.value)] : []));
  });
  return element;
}

/** Images in which the unit doesn't respond at all are no examples: they are told of, and not shown. */
function silentNote(table: Table, unit: number): HTMLElement | null {
  const silent = table.silent[unit];
  if (!silent) return null;
  const images = examplesOf(table, unit);
  const where = images ? `the other ${silent} of its ${images + silent} strongest images` : "every image";
  return h(
    "p.hint.silent",
    `Silent in ${where}: its maximum there is its minimum anywhere, so any image would do as well.`,
  );
}
