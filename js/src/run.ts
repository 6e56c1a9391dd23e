import { signal } from "@preact/signals-core";
import { h, Scope, set } from "./dom";
import { followTheme } from "./theme";

/** The widget's model: what `nbdissect/display/run_view.py` says of it. */
interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  on(event: string, handler: () => void): void;
  off(event: string, handler: () => void): void;
}

const SHOWN = "title state doing figures share hint notice cancellable".split(" ");
const STOPPING = "stopping after this batch…";
const LOST = "the kernel is gone, and this run with it";
/** Who listens to a screen reader hears how far a run is no more often than this. */
const SECONDS_BETWEEN = 10;

/** Shows a text, or nothing where there is none. */
const put = (element: HTMLElement, text: string) => {
  element.textContent = text;
  element.hidden = !text;
};

/** One line: what is computed, how far it is, how long it takes; and the button that ends it. */
function mount(host: HTMLElement, model: Model): () => void {
  const scope = new Scope();
  const text = (name: string) => String(model.get(name));
  const title = h("bdi.title");
  const doing = h("span.doing");
  const figures = h("span.figures");
  const hint = h("span.hint");
  const notice = h("p.notice");
  const presses = () => Number(model.get("cancel"));
  const cancel = h("button", {
    onclick: () => {
      model.set("cancel", presses() + 1);
      model.save_changes();
    },
  });
  const fill = h("i");
  const bar = h("div.bar", { role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }, fill);
  const said = h("div.said", { role: "status" });
  const box = h(
    "div.run",
    { role: "group" },
    h("div.line", title, h("span.told", doing, " ", figures), hint, cancel),
    h("div.track", bar),
    notice,
    said,
  );
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  root.replaceChildren(h("style", text("_style")), box);

  const follow = (event: string, note: () => void) => {
    const hear = () => {
      note();
      show();
    };
    model.on(event, hear);
    scope.end(() => model.off(event, hear));
  };

  const dark = signal(false);
  scope.end(followTheme(box, dark));
  scope.effect(() => {
    box.dataset.theme = dark.value ? "dark" : "light";
  });

  let spoken = 0;
  let last = "";
  const say = (state: string) => {
    const now = Date.now();
    if (state === last && now - spoken < SECONDS_BETWEEN * 1000) return;
    spoken = now;
    last = state;
    said.textContent = [title, doing, figures].map((part) => part.textContent).join(" ");
  };

  let gone = false;
  /** What the run did when the button was pressed: until it does something else, it is about to stop. */
  let pressedAt = "";
  const show = () => {
    const ended = text("state") !== "running";
    const lost = gone && !ended;
    const going = !gone && !ended;
    const waiting = going && pressedAt === text("doing");
    const state = lost ? "failed" : waiting ? "stopping" : text("state");
    box.dataset.state = state;
    set(box, { "aria-label": `Run of ${text("title")}` });
    title.textContent = title.title = text("title");
    doing.textContent = lost ? LOST : waiting ? STOPPING : text("doing");
    figures.textContent = going ? text("figures") : "";
    put(hint, going ? text("hint") : "");
    put(notice, text("notice"));
    cancel.textContent = presses() ? "Stop counting, too" : "Cancel";
    cancel.hidden = !going || !model.get("cancellable");
    cancel.disabled = waiting || presses() > 1;
    const share = Math.round(100 * Number(model.get("share")));
    fill.style.width = `${share}%`;
    bar.hidden = !going;
    set(bar, {
      "aria-label": `${text("title")}: ${doing.textContent}`,
      "aria-valuenow": share,
      "aria-valuetext": figures.textContent || `${share} %`,
    });
    say(state);
  };
  for (const name of SHOWN) follow(`change:${name}`, () => (gone = false));
  follow("change:cancel", () => (pressedAt = text("doing")));
  // Jupyter cuts the widgets' line to a kernel that restarts or ends.
  follow("comm_live_update", () => (gone = true));
  show();
  return () => {
    scope.dispose();
    root.replaceChildren();
  };
}

export default {
  render: ({ model, el }: { model: Model; el: HTMLElement }) => mount(el, model),
};
