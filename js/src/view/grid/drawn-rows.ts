import { untracked } from "@preact/signals-core";
import type { Context } from "../../context";
import type { UnitInView } from "../../data/image-cache";
import { h, number, plural, set } from "../../dom";
import type { Scope } from "../../scope";
import { type Card, type Cell, card } from "../card";
import type { GridFocus } from "./focus";
import { heightOf, OPEN_LINE, rowsBetween, topOf } from "./layout";
import type { GridElements, GridModel } from "./model";
import type { Row } from "./rows";
import { topic } from "./topic";

/** Cards in the page at once, whatever the number of units. */
const MOST_CARDS = 60;
const MOST_PRINTED = 600;

interface Drawn {
  row: Row;
  element: HTMLElement;
  cards: (Card | null)[];
}

/** Draws the rows in view, and no more; keeps those that are drawn already. */
export class DrawnRows {
  readonly #drawn = new Map<string, Drawn>();
  /** How they were drawn: all are drawn anew where that changes. */
  #look = "";

  constructor(
    private readonly context: Context,
    private readonly model: GridModel,
    private readonly elements: GridElements,
    private readonly focus: GridFocus,
  ) {}

  follow(scope: Scope): void {
    const { model, focus } = this;
    const { list, body } = this.elements;
    const renewal = model.renewal();
    scope.effect(() => {
      const look = this.#lookNow();
      const renewed = renewal();
      if (model.width.value === 0) return;
      const hadFocus = focus.isIn(body);
      if (renewed || look !== this.#look) this.#clear();
      this.#look = look;
      this.#layOut();
      const [first, last] = this.#range();
      this.#draw(this.#rowsToKeep(first, last, hadFocus));
      this.context.cache.setInView(list, this.#unitsIn(first, last));
      untracked(() => {
        focus.markActive();
        // A newer result puts units elsewhere: the focus goes along, and what is in view stays.
        if (hadFocus && renewed) focus.focusId(model.active.value);
        if (hadFocus && !focus.isIn(body)) focus.restore();
      });
    });
    scope.onCleanup(() => {
      this.#clear();
      this.context.cache.setInView(list, []);
    });
  }

  #lookNow(): string {
    const { layout, fullIou, state } = this.model;
    const { shape, columns, thumb, shown } = layout.value;
    const { compare } = state.synced;
    return `${shape} ${columns} ${thumb} ${shown} ${fullIou.value} ${compare.value.join()} ${state.local.printing.value}`;
  }

  /** Sizes and counts of the whole grid. */
  #layOut(): void {
    const { list, body } = this.elements;
    const { layout, rows, extent, state } = this.model;
    const { columns, thumb, perLine, openHead, stacked } = layout.value;
    const printing = state.local.printing.value;
    list.classList.toggle("opens-below-line", openHead === OPEN_LINE);
    list.classList.toggle("stacked", !!stacked);
    list.style.setProperty("--thumb", `${thumb}px`);
    list.style.setProperty("--per-line", String(perLine));
    body.style.setProperty("--columns", String(columns));
    list.dataset.omitted = printing ? this.#omitted() : "";
    body.style.height = printing ? "" : `${heightOf(extent.value)}px`;
    set(body, { "aria-rowcount": rows.value.length, "aria-colcount": columns });
  }

  /** How many rows are printed: all that are listed, or that the filters leave, but no book. */
  #printed(): number {
    const { layout, rows, limit, state } = this.model;
    const listed = state.local.printsAll.value ? rows.value.length : limit.value;
    return Math.min(listed, Math.floor(MOST_PRINTED / layout.value.columns));
  }

  /** What the paper says of the rows that aren't on it. */
  #omitted(): string {
    const { layout, rows, state } = this.model;
    if (this.#printed() >= rows.value.length) return "";
    const cards = this.#printed() * layout.value.columns;
    const [printed, all] = state.sides.value
      ? [this.#printed(), plural(rows.value.length, "concept")]
      : [cards, plural(state.shown.value.length, "unit")];
    const rest = cards >= MOST_PRINTED ? "Filter to print others." : "More print with ⋯, Print.";
    return `The first ${number(printed)} of ${all}. ${rest}`;
  }

  /** First and last row to draw. */
  #range(): [first: number, last: number] {
    const { layout, extent, inView, state } = this.model;
    if (state.local.printing.value) return [0, this.#printed() - 1];
    const most = Math.max(1, Math.floor(MOST_CARDS / layout.value.columns));
    return rowsBetween(extent.value, ...inView.value, most);
  }

  /** Places of the rows to draw, in order. */
  #rowsToKeep(first: number, last: number, hadFocus: boolean): number[] {
    const places = new Set<number>();
    for (let at = first; at <= last; at++) places.add(at);
    // The cell with the focus stays, wherever it is scrolled to: removing it would throw the keyboard out.
    const [focused] = this.model.locate(this.model.active.peek());
    if (hadFocus && this.model.rows.value[focused]) places.add(focused);
    const { wanted, openRow, limit } = this.model;
    for (const at of [wanted.value, openRow.value]) if (at >= 0 && at < limit.value) places.add(at);
    return [...places].sort((a, b) => a - b);
  }

  #draw(places: number[]): void {
    const { body } = this.elements;
    const rows = this.model.rows.value;
    const looks = new Map(places.map((at) => [rows[at].key, rows[at].look]));
    for (const [key, { row }] of [...this.#drawn])
      if (!looks.has(key) || looks.get(key) !== row.look) this.#drop(key);
    let next: ChildNode | null = body.firstChild;
    for (const at of places) {
      const { element } = this.#drawn.get(rows[at].key) ?? this.#make(rows[at]);
      if (element === next) next = next.nextSibling;
      else body.insertBefore(element, next);
      this.#place(element, at);
    }
  }

  #place(element: HTMLElement, at: number): void {
    const { extent, layout, openRow, state } = this.model;
    const printing = state.local.printing.value;
    set(element, { "aria-rowindex": at + 1 });
    const opened = at === openRow.value;
    element.classList.toggle("opened", opened);
    const { rowHeight, openHead } = layout.value;
    element.style.height = printing ? "" : `${opened ? openHead : rowHeight}px`;
    element.style.transform = printing ? "" : `translateY(${topOf(extent.value, at)}px)`;
  }

  #make(row: Row): Drawn {
    const cards = untracked(() => row.cells.map((cell) => cell && this.#card(row, cell)));
    const element = h(
      "div.line",
      { role: "row" },
      row.topic ? topic(row.topic) : null,
      ...cards.map((one, side) => one?.element ?? this.#emptyCard(side)),
    );
    const drawn = { row, element, cards };
    this.#drawn.set(row.key, drawn);
    return drawn;
  }

  #card(row: Row, cell: Cell): Card {
    const made = card(this.context, cell, this.model.layout.value, this.model.fullIou.value);
    made.element.dataset.cell = this.model.idOf(row, cell);
    return made;
  }

  #emptyCard(side: number): HTMLElement {
    const name = this.model.state.sides.peek()?.[side].key;
    return h("div.card.empty-card", { role: "gridcell" }, `No unit of ${name} shares a pixel with it.`);
  }

  #drop(key: string): void {
    const drawn = this.#drawn.get(key);
    for (const each of drawn?.cards ?? []) each?.scope.dispose();
    drawn?.element.remove();
    this.#drawn.delete(key);
  }

  #clear(): void {
    for (const key of [...this.#drawn.keys()]) this.#drop(key);
  }

  /** What the kernel is asked for: what is opened first, with all its images. */
  #unitsIn(first: number, last: number): UnitInView[] {
    const { rows, openCells, layout } = this.model;
    const { shown } = layout.value;
    const inView = rows.value.slice(first, last + 1).flatMap((row) => row.cells.filter((cell) => !!cell));
    return [
      ...openCells.value.map(({ table, unit }) => ({ table, unit, all: true })),
      ...inView.map(({ table, unit }) => ({ table, unit, shown })),
    ];
  }
}
