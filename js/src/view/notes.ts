import { Problem } from "../data/source";
import { h } from "../dom";

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
