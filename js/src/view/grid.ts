import { batch, computed, signal, untracked } from "@preact/signals-core";
import type { Context } from "../context";
import type { Wanted } from "../data/library";
import { focused, focusOn, focusSearch, glyph, h, label, Scope, set } from "../dom";
import { kindOf } from "../draw/colors";
import { type Card, type Cell, card, fullIou } from "./card";
import { unitPage, type View } from "./unit";
import { type Extent, heightOf, layoutAt, rowsInView, topOf } from "./window";

/** Cards in the page at once, whatever the number of units. */
const MOST_CARDS = 60;
const MOST_PRINTED = 600;

interface Row {
  key: string;
  cells: (Cell | null)[];
  /** In a comparison: the concept of both cells. */
  title?: { name: string; category: string; kind: number };
}

interface Drawn {
  element: HTMLElement;
  cards: (Card | null)[];
}

/** The units, as many as are in view: a grid with one tab stop, moved through with the arrow keys. */
export function grid(context: Context, scope: Scope): HTMLElement {
  const { state, library } = context;
  const width = signal(0);
  const height = signal(640);
  const scrolled = signal(0);
  const openHeight = signal(0);
  const active = signal("");

  const layout = computed(() => layoutAt(width.value, topOfAll(), !!state.sides.value));
  const full = computed(() => Math.max(...state.looking.value.map(fullIou)));
  const rows = computed<Row[]>(() => (state.sides.value ? pairedRows() : unitRows()));
  /** In a comparison one unit may stand in several rows: the one in which it was opened. */
  let openedIn = "";
  const openRow = computed(() => {
    const opened = state.opened.value;
    if (!opened) return -1;
    const holds = (row: Row) => row.cells.some((cell) => cell && addressOf(cell) === opened);
    const there = rows.value.findIndex((row) => row.key === openedIn && holds(row));
    return there >= 0 ? there : rows.value.findIndex(holds);
  });
  const extent = computed<Extent>(() => ({
    rows: rows.value.length,
    rowHeight: layout.value.rowHeight,
    openRow: openRow.value,
    openHeight: openHeight.value,
  }));

  function topOfAll(): number {
    return Math.max(...state.looking.value.map((table) => table.top));
  }

  const addressOf = (cell: Cell) => state.address(cell.table, cell.unit);
  const idOf = (row: Row, cell: Cell | null | undefined) => (cell ? `${row.key}\n${addressOf(cell)}` : "");

  function unitRows(): Row[] {
    const table = state.table.value;
    const { columns } = layout.value;
    const list: Row[] = [];
    const units = state.shown.value;
    for (let at = 0; at < units.length; at += columns) {
      const cells = units.slice(at, at + columns).map((unit) => ({ table, unit }));
      list.push({ key: cells.map(addressOf).join(" "), cells });
    }
    return list;
  }

  function pairedRows(): Row[] {
    const sides = state.sides.value ?? [];
    return state.pairs.value.map((pair) => {
      const kind = kindOf(
        pair.category,
        sides.flatMap((table) => table.categories),
      );
      return {
        key: pair.key,
        title: { name: pair.name, category: pair.category, kind },
        cells: sides.map((table, side) => {
          const unit = pair.units[side];
          if (unit === null) return null;
          const own = table.best[unit] >= 0 && table.names[table.best[unit]] === pair.name;
          return {
            table,
            unit,
            kind,
            iou: pair.iou[side],
            otherwise: own ? "" : table.names[table.best[unit]],
          };
        }),
      };
    });
  }

  /** Row and column of the cell that had the focus last. */
  let held: [number, number] = [0, 0];
  const cellAround = (event: Event) => (event.target as Element).closest<HTMLElement>("[role=gridcell]");

  const body = h("div.grid", {
    role: "grid",
    "aria-label": "Units",
    "aria-multiselectable": "true",
    onkeydown: (event: KeyboardEvent) => onKey(event),
    onclick: (event: MouseEvent) => {
      const id = cellAround(event)?.dataset.cell;
      if (id && !globalThis.getSelection()?.toString()) toggle(id, false);
    },
    onfocusin: (event: FocusEvent) => {
      active.value = cellAround(event)?.dataset.cell ?? active.value;
      held = locate(active.value);
    },
  });
  const page = h("div.page");
  const viewport = h("div.viewport", { onscroll: () => (scrolled.value = viewport.scrollTop) }, body, page);

  /** Tells an effect whether it runs for newer results of the same layers. */
  function renewal(): () => boolean {
    let before = state.tables.peek();
    return () => {
      const renewed = before !== state.tables.value;
      before = state.tables.value;
      return renewed;
    };
  }

  // --- what is drawn ---

  const drawn = new Map<string, Drawn>();
  let drawnFor = "";
  const drawnAnew = renewal();

  function makeRow(row: Row): Drawn {
    const cards = row.cells.map((cell) => {
      const one = cell && card(context, cell, layout.value, full.value);
      if (one) one.element.dataset.cell = idOf(row, cell);
      return one;
    });
    const element = h(
      "div.line",
      { role: "row" },
      row.title
        ? h(
            "div.topic",
            { role: "rowheader" },
            glyph(row.title.kind),
            label(row.title.name, "concept"),
            h("span.kind", row.title.category),
          )
        : null,
      ...cards.map((one, side) =>
        one ? one.element : h("div.card.empty-card", { role: "gridcell" }, noUnit(side)),
      ),
    );
    return { element, cards };
  }

  const noUnit = (side: number) => `No unit of ${state.sides.value?.[side].key} shares a pixel with it.`;

  function drop(key: string): void {
    const entry = drawn.get(key);
    for (const one of entry?.cards ?? []) one?.scope.dispose();
    entry?.element.remove();
    drawn.delete(key);
  }

  scope.effect(() => {
    const list = rows.value;
    const { columns, rowHeight, shape, thumb, perLine } = layout.value;
    const printing = state.printing.value;
    const look = `${shape} ${columns} ${thumb} ${full.value} ${state.compare.value.join()} ${printing}`;
    const renewed = drawnAnew();
    if (width.value === 0) return;
    const focusInside = hasFocus(body);
    if (renewed || look !== drawnFor) for (const key of [...drawn.keys()]) drop(key);
    drawnFor = look;
    viewport.style.setProperty("--thumb", `${thumb}px`);
    viewport.style.setProperty("--per-line", String(perLine));
    body.style.setProperty("--columns", String(columns));
    const printed = Math.floor(MOST_PRINTED / columns);
    viewport.dataset.told =
      printing && list.length > printed ? `The first ${MOST_PRINTED}. Filter to print others.` : "";
    body.style.height = printing ? "" : `${heightOf(extent.value)}px`;
    set(body, { "aria-rowcount": list.length });
    set(body, { "aria-colcount": columns });

    const most = Math.max(1, Math.floor(MOST_CARDS / columns));
    let [first, last] = rowsInView(extent.value, scrolled.value, height.value, 2, most);
    if (printing) [first, last] = [0, Math.min(list.length, printed) - 1];
    const keep = new Map<string, number>();
    const [here] = locate(active.peek());
    for (let at = first; at <= last; at++) keep.set(list[at].key, at);
    // The cell with the focus stays, wherever it is scrolled to: removing it would throw the keyboard out.
    if (list[here] && focusInside) keep.set(list[here].key, here);
    for (const key of [...drawn.keys()]) if (!keep.has(key)) drop(key);

    let place: ChildNode | null = body.firstChild;
    for (const [key, at] of [...keep].sort((a, b) => a[1] - b[1])) {
      let entry = drawn.get(key);
      if (!entry) {
        entry = untracked(() => makeRow(list[at]));
        drawn.set(key, entry);
      }
      if (entry.element === place) place = place.nextSibling;
      else body.insertBefore(entry.element, place);
      set(entry.element, { "aria-rowindex": at + 1 });
      entry.element.style.height = printing ? "" : `${rowHeight}px`;
      entry.element.style.transform = printing ? "" : `translateY(${topOf(extent.value, at)}px)`;
    }
    const inView: Wanted[] = [];
    for (let at = first; at <= last; at++) for (const cell of list[at].cells) if (cell) inView.push(cell);
    const opened = state.unitAt(state.opened.value);
    library.want(viewport, opened ? [{ ...opened, all: true }, ...inView] : inView);
    untracked(() => {
      markActive();
      // A newer result puts units elsewhere: the focus goes along, and what is in view stays.
      if (focusInside && renewed) focusId(active.value);
      if (focusInside && !hasFocus(body)) refocus();
    });
  });
  scope.end(() => {
    for (const key of [...drawn.keys()]) drop(key);
    library.want(viewport, []);
  });

  /** Keeps the focus in the grid when what had it is gone: on the same cell, or the one in its place. */
  const refocus = () => focusCell(...locate(active.value));

  const hasFocus = (element: Element | undefined) => !!element?.contains(focused(element));

  /** One cell is reached by Tab: the active one, or the first where that one isn't here. */
  function markActive(): void {
    const cells = [...body.querySelectorAll<HTMLElement>("[data-cell]")];
    const current = cells.find((cell) => cell.dataset.cell === active.peek()) ?? cells[0];
    for (const cell of cells) cell.tabIndex = cell === current ? 0 : -1;
  }
  scope.effect(() => {
    active.value;
    markActive();
  });

  // A new selection of units starts at its top, and a newer result of the same where one was.
  let before = "";
  const orderedAnew = renewal();
  scope.effect(() => {
    const key = rows.value.length
      ? `${rows.value[0].key} ${rows.value.length} ${rows.value.at(-1)?.key}`
      : "";
    if (!orderedAnew() && before && key !== before) {
      const { openRow: row } = extent.peek();
      viewport.scrollTop = row < 0 ? 0 : topOf(extent.peek(), row); // an opened unit stays in view
    }
    before = key;
  });

  // --- the keyboard ---

  /** Row and column of a cell; where it is gone, those of the one that had the focus last. */
  function locate(id: string): [number, number] {
    const list = rows.value;
    const row = list.findIndex((one) => one.cells.some((cell) => idOf(one, cell) === id));
    return row < 0 ? held : [row, list[row].cells.findIndex((cell) => idOf(list[row], cell) === id)];
  }

  function focusCell(row: number, column: number): void {
    const list = rows.value;
    const at = Math.max(0, Math.min(list.length - 1, row));
    const cells = list[at]?.cells ?? [];
    const cell = cells[Math.max(0, Math.min(cells.length - 1, column))] ?? cells.find(Boolean);
    if (!cell) {
      focusSearch(viewport);
      return;
    }
    reveal(at);
    active.value = idOf(list[at], cell);
    scrolled.value = viewport.scrollTop;
    focusId(active.value);
  }

  function focusId(id: string): void {
    const cells = [...body.querySelectorAll<HTMLElement>("[data-cell]")];
    focusOn(cells.find((cell) => cell.dataset.cell === id));
  }

  /** Scrolls as little as needed to see a row. */
  function reveal(row: number): void {
    const top = topOf(extent.value, row);
    const bottom = top + layout.value.rowHeight;
    if (top < viewport.scrollTop) viewport.scrollTop = top;
    else if (bottom > viewport.scrollTop + viewport.clientHeight)
      viewport.scrollTop = bottom - viewport.clientHeight;
  }

  function onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const cell = cellAround(event);
    const id = cell?.dataset.cell;
    if (!cell || !id) return;
    const [row, column] = locate(id);
    const paged = Math.max(1, Math.floor(viewport.clientHeight / layout.value.rowHeight) - 1);
    const { columns } = layout.value;
    const step = (cells: number) => {
      const at = row * columns + column + cells;
      focusCell(Math.floor(at / columns), ((at % columns) + columns) % columns);
    };
    const moves: Record<string, () => void> = {
      ArrowDown: () => focusCell(row + 1, column),
      ArrowUp: () => focusCell(row - 1, column),
      ArrowRight: () => step(1),
      ArrowLeft: () => row + column > 0 && step(-1),
      Home: () => focusCell(0, 0),
      End: () => focusCell(rows.value.length - 1, columns - 1),
      PageDown: () => focusCell(row + paged, column),
      PageUp: () => focusCell(row - paged, column),
      Enter: () => toggle(id, true),
      Escape: () => close(),
      " ": () => {
        const at = rows.value[row].cells[column];
        if (at) state.toggleSelected(at.table, at.unit);
      },
      c: () => cell.querySelector<HTMLElement>(".address")?.click(),
    };
    const move = event.target === cell ? moves[event.key] : event.key === "Escape" ? moves.Escape : undefined;
    if (!move) return;
    event.preventDefault();
    move();
  }

  // --- the opened unit ---

  let focusPage = false;

  function toggle(id: string, byKeyboard: boolean): void {
    const [row, column] = locate(id);
    const cell = rows.value[row].cells[column];
    if (!cell) return;
    active.value = id;
    if (state.opened.value === addressOf(cell) && openRow.value === row) close();
    else open(rows.value[row].key, addressOf(cell), byKeyboard);
  }

  function open(rowKey: string, address: string, byKeyboard: boolean): void {
    focusPage = byKeyboard;
    batch(() => {
      if (state.opened.value === address) state.opened.value = ""; // opened in another row
      openedIn = rowKey;
    });
    state.opened.value = address;
  }

  function close(): void {
    const [row, address] = [openRow.value, state.opened.value];
    if (row < 0) return;
    const list = rows.value;
    const cell = list[row].cells.find((one) => one && addressOf(one) === address) ?? null;
    state.opened.value = "";
    active.value = idOf(list[row], cell);
    reveal(row);
    scrolled.value = viewport.scrollTop;
    focusId(active.value);
  }

  /** Opens the neighbour of the opened unit. */
  function turn(by: number): void {
    const cells = rows.value.flatMap((row) =>
      row.cells.filter((cell) => !!cell).map((cell) => ({ row, cell })),
    );
    const now = cells.findIndex(
      ({ row, cell }) => row === rows.value[openRow.value] && addressOf(cell) === state.opened.value,
    );
    const next = cells[now + by];
    if (!next) return;
    active.value = idOf(next.row, next.cell);
    open(next.row.key, addressOf(next.cell), true);
  }

  let opened: { address: string; scope: Scope; view: View } | null = null;
  const openedAnew = renewal();
  const controls = () => [...page.querySelectorAll<HTMLElement>("button,input,[tabindex]")];
  scope.effect(() => {
    const address = openRow.value >= 0 ? state.opened.value : "";
    const same = address === (opened?.address ?? "");
    if (!openedAnew() && same) return;
    const focusInside = hasFocus(page);
    const place = focusInside && same ? controls().indexOf(focused(page) as HTMLElement) : -1;
    // Filtered away: it isn't opened any more, also for Python.
    if (!address && opened?.address === state.opened.peek()) state.opened.value = "";
    opened?.scope.dispose();
    const view = same ? opened?.view : undefined;
    opened = null;
    page.replaceChildren();
    if (!address && focusInside) untracked(refocus);
    if (!address) openHeight.value = 0;
    const at = address ? state.unitAt(address) : null;
    if (!at) return;
    const inner = new Scope();
    untracked(() => {
      const made = unitPage(context, at.table, at.unit, { close, turn }, inner, view);
      opened = { address, scope: inner, view: made.view };
      page.append(made.region);
      page.hidden = false; // or it has no height and takes no focus
      openHeight.value = page.offsetHeight;
      if (!same) viewport.scrollTop = topOf(extent.value, openRow.value);
      if ((focusPage && !same) || focusInside) focusOn(controls()[place] ?? made.region);
    });
  });
  scope.end(() => opened?.scope.dispose());
  let openTop = 0;
  const movedAnew = renewal();
  scope.effect(() => {
    const { openRow: row, rowHeight } = extent.value;
    const top = topOf(extent.value, row) + rowHeight;
    page.hidden = row < 0;
    page.style.transform = state.printing.value ? "" : `translateY(${top}px)`;
    // Who reads an opened unit reads on, wherever a newer result puts it.
    if (movedAnew() && row >= 0) viewport.scrollTop += top - openTop;
    openTop = top;
  });

  const sizes = new ResizeObserver(() => {
    // A notebook may take a cell out of the page and put it back: it comes back scrolled to the top.
    if (!width.value) viewport.scrollTop = scrolled.value;
    width.value = body.clientWidth;
    height.value = viewport.clientHeight;
    openHeight.value = page.offsetHeight;
  });
  for (const element of [viewport, page]) sizes.observe(element);
  scope.end(() => sizes.disconnect());
  return viewport;
}
