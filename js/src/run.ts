import { signal } from "@preact/signals-core";
import { h, set } from "./dom";
import { ceaseFollowing, holdStill } from "./host";
import { Scope } from "./scope";
import type { Model } from "./state/model";
import { followTheme } from "./theme";
import { firstUnits, layoutAt } from "./view/grid/layout";

// The traits that are shown: nbdissect/display/run_view.py says what each of them is.
const SHOWN = "title state doing figures share hint notice cancellable".split(" ");
const STOPPING = "stopping after this batch…";
const LOST = "the kernel is gone, and this run with it";
/** Who listens to a screen reader hears how far a run is no more often than this. */
const SECONDS_BETWEEN = 10;

/** One line: what is computed, how far it is, how long it takes; and the button that ends it. */
function elements(onCancel: () => void) {
  const title = h("bdi.title");
  const doing = h("span.doing");
  const figures = h("span.figures");
  const hint = h("span.hint");
  const notice = h("p.notice");
  const cancel = h("button", { onclick: onCancel });
  const fill = h("i");
  const bar = h("div.bar", { role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }, fill);
  const announcement = h("div.announcement", { role: "status" });
  const box = h(
    "div.run",
    { role: "group" },
    h("div.line", title, h("span.progress", doing, " ", figures), hint, cancel),
    h("div.track", bar),
    notice,
    announcement,
  );
  return { box, title, doing, figures, hint, notice, cancel, fill, bar, announcement };
}

type Elements = ReturnType<typeof elements>;

/** What this page knows about a run beside its traits. */
interface Observed {
  /** Whether the kernel's line to this page was cut. */
  gone: boolean;
  /** What the run did when the button was pressed: until it does something else, it is about to stop. */
  pressedAt: string;
}

/** Shows the run as it is now, and returns its state: that of the trait, or "stopping". */
function show(line: Elements, model: Model, { gone, pressedAt }: Observed): string {
  const text = (name: string) => String(model.get(name));
  const ended = text("state") !== "running";
  const lost = gone && !ended;
  const going = !gone && !ended;
  const stopping = going && pressedAt === text("doing");
  const state = lost ? "failed" : stopping ? "stopping" : text("state");
  line.box.dataset.state = state;
  set(line.box, { "aria-label": `Run of ${text("title")}` });
  line.title.textContent = line.title.title = text("title");
  line.doing.textContent = lost ? LOST : stopping ? STOPPING : text("doing");
  line.figures.textContent = going ? text("figures") : "";
  showText(line.hint, going ? text("hint") : "");
  showText(line.notice, text("notice"));
  const presses = Number(model.get("cancel"));
  line.cancel.textContent = presses ? "Stop counting, too" : "Cancel";
  line.cancel.hidden = !going || !model.get("cancellable");
  line.cancel.disabled = stopping || presses > 1;
  const share = Math.round(100 * Number(model.get("share")));
  line.fill.style.width = `${share}%`;
  line.bar.hidden = !going;
  set(line.bar, {
    "aria-label": `${text("title")}: ${line.doing.textContent}`,
    "aria-valuenow": share,
    "aria-valuetext": line.figures.textContent || `${share} %`,
  });
  return state;
}

/** Shows a text, or nothing where there is none. */
function showText(element: HTMLElement, text: string): void {
  element.textContent = text;
  element.hidden = !text;
}

/** Announces the line as it is now: seldom while the run goes on, at once when its state is another. */
function announcer({ title, doing, figures, announcement }: Elements): (state: string) => void {
  let announcedAt = 0;
  let announced = "";
  return (state) => {
    const now = Date.now();
    if (state === announced && now - announcedAt < SECONDS_BETWEEN * 1000) return;
    announcedAt = now;
    announced = state;
    announcement.textContent = [title, doing, figures].map((part) => part.textContent).join(" ");
  };
}

/**
 * Keeps room for the gallery from the beginning, so that nothing below moves when it comes: the box around both is
 * at least as high as the gallery will be.
 */
function reserve(host: HTMLElement): { release(): void; stop(): void } {
  let frame: HTMLElement | null = null;
  let ended = false;
  const keepRoom = () => {
    if (frame && !ended) frame.style.minHeight = `${host.offsetHeight + galleryHeight(host.clientWidth)}px`;
  };
  const sizes = new ResizeObserver(() => {
    if (frame) return keepRoom();
    frame = host.closest<HTMLElement>(".widget-vbox");
    if (frame) ceaseFollowing(host, keepRoom);
  });
  sizes.observe(host);
  const stop = () => {
    ended = true;
    sizes.disconnect();
  };
  const release = () => {
    stop();
    if (frame) frame.style.minHeight = "";
  };
  return { release, stop };
}

/** How high a gallery is that begins in a width: its head, its graph, its toolbar, its first rows, and what ends them. */
function galleryHeight(width: number): number {
  const { rowHeight } = layoutAt(width - 24, 10, false);
  return (width < 583 ? 337 : 256) + firstUnits(rowHeight) * rowHeight;
}

function mount(host: HTMLElement, model: Model): () => void {
  const scope = new Scope();
  const still = holdStill(host);
  scope.onCleanup(still.stop);
  const room = reserve(host);
  scope.onCleanup(room.stop);
  const line = elements(() => {
    model.set("cancel", Number(model.get("cancel")) + 1);
    model.save_changes();
  });
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  root.replaceChildren(h("style", String(model.get("_style"))), line.box);
  const dark = signal(false);
  scope.onCleanup(followTheme(line.box, dark));
  scope.effect(() => {
    line.box.dataset.theme = dark.value ? "dark" : "light";
  });

  const observed: Observed = { gone: false, pressedAt: "" };
  const announce = announcer(line);
  const update = () => {
    const state = show(line, model, observed);
    announce(state);
    if (state === "running" || state === "stopping") return;
    room.release();
    still.end();
  };
  const follow = (event: string, note: () => void) => {
    const handler = () => {
      note();
      update();
    };
    model.on(event, handler);
    scope.onCleanup(() => model.off(event, handler));
  };
  for (const name of SHOWN) follow(`change:${name}`, () => (observed.gone = false));
  follow("change:cancel", () => (observed.pressedAt = String(model.get("doing"))));
  // Jupyter cuts the widgets' line to a kernel that restarts or ends.
  follow("comm_live_update", () => (observed.gone = true));
  update();
  return () => {
    scope.dispose();
    root.replaceChildren();
  };
}

export default {
  render: ({ model, el }: { model: Model; el: HTMLElement }) => mount(el, model),
};
