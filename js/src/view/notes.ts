import type { Context } from "../context";
import { Problem } from "../data/source";
import { h } from "../dom";
import { failure, type Scope } from "../scope";

/** What must be known about the tables that are shown, as long as it holds. */
export function banner({ state }: Context, scope: Scope): HTMLElement {
  const element = h("p.banner", { role: "note" });
  scope.effect(() => {
    const texts = new Set(state.visibleTables.value.map(({ warning }) => warning).filter(Boolean));
    element.hidden = !texts.size;
    element.replaceChildren(h("b", { "aria-hidden": "true" }, "⚠ "), [...texts].join(" · "));
  });
  return element;
}

/** What went wrong. */
export function problems({ cache }: Context, scope: Scope): HTMLElement {
  const element = h("div.notes");
  scope.effect(() => {
    const notes: Node[] = [];
    if (failure.value) notes.push(problemNote(failure.value, () => (failure.value = null)));
    if (cache.problem.value) notes.push(problemNote(cache.problem.value, () => cache.retry()));
    element.replaceChildren(...notes);
  });
  return element;
}

/** Whether the kernel keeps the page waiting: in a line that is there anyway, so that nothing moves. */
export function overdue({ state, source }: Context, scope: Scope): HTMLElement {
  const element = h("span.overdue", { role: "note" });
  scope.effect(() => {
    element.hidden = !source.overdue.value;
    element.textContent = state.table.value.provisional
      ? "The kernel is busy: more images come meanwhile."
      : "Waiting for the kernel. After a restart, run the cell again.";
  });
  return element;
}

/** What went wrong, what to do, and a way to try again. */
export function problemNote(problem: unknown, again?: () => void): HTMLElement {
  const text = problem instanceof Error ? problem.message : String(problem);
  const hint =
    problem instanceof Problem ? problem.hint : "A mistake in the gallery itself. Run the cell again.";
  return h(
    "div.problem",
    { role: "alert" },
    h("div", h("strong", text), hint ? h("p", hint) : null),
    again ? h("button", { onclick: again }, "Try again") : null,
  );
}
