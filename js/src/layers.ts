import { copyText } from "./copy-text";

/** A click on a layer, before it is known who can do something with its line. */
const CHOICE = "nbdissect-choose";
/** Milliseconds in which a row says what became of a click. */
const SAYING = 6000;
/** Frames that a notebook has to draw a cell. */
const DRAWING = 30;

/** As much of a notebook's cell as is needed to write into it. */
interface Cell {
  id: string;
  cell_type: string;
  outputs?: unknown[];
  getSource(): string;
  setSource(source: string): void;
  getMetadata(): Record<string, unknown>;
}

/** As much of JupyterLab's shared notebook: what it draws, saves, and undoes. */
interface Book {
  cells: Cell[];
  insertCell(at: number, cell: { cell_type: string; source: string }): Cell;
}

interface Model {
  get(name: "table" | "cell"): string;
  // Only the widget manager of JupyterLab and Notebook 7 knows a notebook.
  widget_manager?: { context?: { model?: { sharedModel?: Book; readOnly?: boolean } } };
}

/** Lets clicks on the layers of a table write their lines into the next cell, or else copy them. */
export function attach(id: string): void {
  const box = document.getElementById(id);
  const say = box?.querySelector(".say");
  if (!box || !say || box.dataset.ready) return;
  box.dataset.ready = "true";
  const { before = "", after = "" } = box.dataset;
  const what = before ? "the line that dissects it" : "its name";
  say.textContent = `Choose a layer to get ${what}.`;
  let clear = () => {};
  box.addEventListener("click", (event) => {
    const button = (event.target as Element).closest("button");
    if (!button || !box.contains(button)) return;
    const line = before + (button.dataset.w ?? button.textContent) + after;
    const choice = new CustomEvent(CHOICE, { bubbles: true, cancelable: true, detail: line });
    // What only quotes a name is no cell.
    const put = before && !box.dispatchEvent(choice);
    const copied = !put && copyText(line, button);
    const code = document.createElement("code");
    code.textContent = line;
    say.replaceChildren(
      put ? "In the next cell: " : copied ? "Copied: " : "Copying is not allowed here: ",
      code,
    );
    if (put) say.append(" Shift+Enter runs it.");
    if (copied)
      say.append(before ? " Paste it into the next cell." : " Paste it where a layer is asked for.");
    clear();
    if (button.closest(".try")) return; // beside what was just said
    const mark = document.createElement("em");
    mark.ariaHidden = "true"; // the line above is announced
    mark.textContent = put ? "✓ in the next cell" : copied ? "✓ copied" : "not copied: see above";
    button.after(mark);
    const timer = setTimeout(() => mark.remove(), SAYING);
    clear = () => {
      clearTimeout(timer);
      mark.remove();
    };
  });
}

/** Writes a line into the cell after another, or into a new one there: only an empty one is free, or one written here before. */
function writeAfter(model: Model, line: string, written: Map<string, string>): boolean {
  const notebook = model.widget_manager?.context?.model;
  const book = notebook?.sharedModel;
  if (!book?.cells || !book.insertCell || notebook?.readOnly) return false;
  const at = book.cells.findIndex((cell) => cell.id === model.get("cell"));
  if (at < 0) return false;
  let next: Cell | undefined = book.cells[at + 1];
  if (next && isFree(next, written)) next.setSource(line);
  else next = book.insertCell(at + 1, { cell_type: "code", source: line });
  written.set(next.id, line);
  return true;
}

function isFree(cell: Cell, written: Map<string, string>): boolean {
  const source = cell.getSource();
  return (
    cell.cell_type === "code" &&
    !cell.outputs?.length &&
    cell.getMetadata().editable !== false &&
    (!source.trim() || source === written.get(cell.id))
  );
}

/** Moves the focus into the cell after the one that an element is in, once that is drawn. */
function enterNext(from: Element, frames = DRAWING): void {
  const next = from.closest(".jp-Cell")?.nextElementSibling;
  const editor = next?.querySelector<HTMLElement>(".cm-content");
  if (editor) editor.focus();
  else if (frames) {
    next?.scrollIntoView({ block: "nearest" });
    requestAnimationFrame(() => enterNext(from, frames - 1));
  }
}

export default {
  initialize({ model }: { model: Model }): () => void {
    const written = new Map<string, string>();
    const choose = (event: Event) => {
      const table = event.target as Element;
      if (event.defaultPrevented || table.id !== model.get("table")) return;
      try {
        if (!writeAfter(model, (event as CustomEvent<string>).detail, written)) return;
      } catch (error) {
        console.warn("The next cell could not be written; the line is copied instead:", error);
        return;
      }
      event.preventDefault();
      requestAnimationFrame(() => enterNext(table));
    };
    document.addEventListener(CHOICE, choose);
    return () => document.removeEventListener(CHOICE, choose);
  },
};
