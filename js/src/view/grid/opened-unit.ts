import { batch, untracked } from "@preact/signals-core";
import type { Context } from "../../context";
import { focused, focusOn, scrollerOf } from "../../dom";
import { Scope } from "../../scope";
import type { Explanation } from "../explanation";
import { pairNumbers } from "../pair-numbers";
import { unitPage } from "../unit";
import type { GridFocus } from "./focus";
import { topOf } from "./layout";
import type { GridElements, GridModel } from "./model";
import { addressOf } from "./rows";

/** Pixels of the toolbar above the list; on a narrow page it is higher, which costs one scroll too few. */
const TOOLBAR = 44;

/** The page of a unit that is in the grid now, or those of both units of a comparison. */
interface Shown {
  addresses: string[];
  scope: Scope;
  explanations: Explanation[];
}

/** The unit that is opened below its row, in a comparison both of the row: opens, closes, turns to its neighbors, keeps its place. */
export class OpenedUnit {
  #shown: Shown | null = null;
  /** Whether the page takes the focus when it opens. */
  #takesFocus = false;
  /** Whether it was opened here: what Python opens moves no page. */
  #byUser = false;

  constructor(
    private readonly context: Context,
    private readonly model: GridModel,
    private readonly elements: GridElements,
    private readonly focus: GridFocus,
  ) {}

  toggle(id: string, byKeyboard: boolean): void {
    const { rows, openRow, active, state } = this.model;
    const [row, column] = this.model.locate(id);
    const cell = rows.value[row].cells[column];
    if (!cell) return;
    active.value = id;
    const address = addressOf(state, cell);
    if (state.synced.opened.value === address && openRow.value === row) this.close();
    else this.#open(rows.value[row].key, address, byKeyboard);
  }

  close(): void {
    const { rows, openRow, state } = this.model;
    const [at, address] = [openRow.value, state.synced.opened.value];
    if (at < 0) return;
    const row = rows.value[at];
    const cell = row.cells.find((one) => one && addressOf(state, one) === address);
    state.synced.opened.value = "";
    this.focus.activate(at, this.model.idOf(row, cell));
  }

  /** Shows what is opened, also by Python, and keeps it where its row is. */
  follow(scope: Scope): void {
    this.#followUnit(scope);
    this.#followRow(scope);
    scope.onCleanup(() => this.#shown?.scope.dispose());
  }

  /** Opens the neighbor of the opened unit; in a comparison that of the next row. */
  #turn(by: number): void {
    const { rows, openRow, openCells, active, state } = this.model;
    const opened = state.synced.opened.value;
    const cells = rows.value.flatMap((row, at) => {
      const there = at === openRow.value ? openCells.value : row.cells.filter((cell) => !!cell);
      const all = there.map((cell) => ({ row, cell, address: addressOf(state, cell) }));
      return state.sides.value ? all.slice(0, 1) : all;
    });
    const now = cells.findIndex(
      ({ row, address }) => row === rows.value[openRow.value] && (!!state.sides.value || address === opened),
    );
    const next = cells[now + by];
    if (!next) return;
    active.value = this.model.idOf(next.row, next.cell);
    this.#open(next.row.key, next.address, true);
  }

  #open(rowKey: string, address: string, byKeyboard: boolean): void {
    const { opened } = this.model.state.synced;
    this.#byUser = true;
    this.#takesFocus = byKeyboard;
    batch(() => {
      if (opened.value === address) opened.value = ""; // opened in another row
      this.model.openedIn = rowKey;
    });
    opened.value = address;
  }

  #followUnit(scope: Scope): void {
    const { openCells, state } = this.model;
    const renewed = this.model.renewal();
    scope.effect(() => {
      const addresses = openCells.value.map((cell) => addressOf(state, cell));
      const same = addresses.join() === (this.#shown?.addresses ?? []).join();
      if (!renewed() && same) return;
      // Filtered away: it isn't opened any more, also for Python.
      const gone = this.#shown?.addresses.includes(state.synced.opened.peek());
      if (!addresses.length && gone) state.synced.opened.value = "";
      this.#replace(addresses, same);
    });
  }

  /** Takes the pages of units away and shows those of others, or newer ones of the same. */
  #replace(addresses: string[], same: boolean): void {
    const { page } = this.elements;
    const hadFocus = this.focus.isIn(page);
    const place = hadFocus && same ? this.#controls().indexOf(focused(page) as HTMLElement) : -1;
    const before = same ? (this.#shown?.explanations ?? []) : [];
    this.#shown?.scope.dispose();
    this.#shown = null;
    page.replaceChildren();
    if (addresses.length) this.#show(addresses, { same, hadFocus, place }, before);
    else {
      if (hadFocus) untracked(() => this.focus.restore());
      this.model.openHeight.value = 0;
    }
  }

  #show(
    addresses: string[],
    { same, hadFocus, place }: { same: boolean; hadFocus: boolean; place: number },
    before: Explanation[],
  ): void {
    const { model } = this;
    const { page } = this.elements;
    untracked(() => {
      const scope = new Scope();
      const actions = { close: () => this.close(), turn: (by: number) => this.#turn(by) };
      const pages = model.openCells.value.map(({ table, unit }, at) =>
        unitPage(this.context, table, unit, actions, scope, before[at]),
      );
      this.#shown = { addresses, scope, explanations: pages.map(({ explanation }) => explanation) };
      page.replaceChildren(...pages.map(({ region }) => region));
      page.classList.toggle("two", !!model.state.sides.value);
      if (model.state.sides.value) this.#pair(pages, scope);
      page.hidden = false; // or it has no height and takes no focus
      model.openHeight.value = page.offsetHeight;
      const { opened } = model.state.synced;
      const followed = model.state.local.followed === opened.value;
      if (!same && (this.#byUser || followed)) this.#reveal();
      if (!((this.#takesFocus || followed) && !same) && !hadFocus) return;
      focusOn(this.#controls()[place] ?? pages[Math.max(0, addresses.indexOf(opened.value))].region);
    });
  }

  /** Two units stand each on its side, with their numbers for the concept of the row on top. */
  #pair(pages: ReturnType<typeof unitPage>[], scope: Scope): void {
    const { openCells, openRow, rows, state } = this.model;
    openCells.value.forEach(({ table }, at) => {
      const { region, explanation } = pages[at];
      region.classList.toggle("right", table === state.sides.value?.[1]);
      const numbers = pairNumbers(table, rows.value[openRow.value].key, explanation, scope);
      region.querySelector(".unit-title")?.after(numbers);
    });
  }

  /** Brings the unit that somebody opened into view: as much of it as there is room for, its row on top. */
  #reveal(): void {
    const { page } = this.elements;
    this.#byUser = false;
    this.model.state.local.followed = "";
    this.#place();
    const { top, bottom } = page.getBoundingClientRect();
    const view = scrollerOf(page);
    const seen =
      view === document.scrollingElement ? { top: 0, bottom: innerHeight } : view.getBoundingClientRect();
    const { openHead } = this.model.layout.peek();
    const above = top - openHead < seen.top + TOOLBAR;
    if (above || bottom > seen.bottom) page.scrollIntoView({ block: "start" });
  }

  /** Puts the page below what is left of its row, and returns where that is. */
  #place(): number {
    const { extent, layout, state } = this.model;
    const { openRow, openHead } = extent.value;
    const top = topOf(extent.value, openRow) + openHead;
    const { style } = this.elements.page;
    style.transform = state.local.printing.value ? "" : `translateY(${top}px)`;
    style.scrollMarginTop = `calc(var(--toolbar) + ${layout.value.openHead}px)`;
    return top;
  }

  #followRow(scope: Scope): void {
    const { page } = this.elements;
    const renewed = this.model.renewal();
    let before = 0;
    scope.effect(() => {
      const { openRow } = this.model.extent.value;
      const isRead = renewed() && openRow >= 0 && this.#inView();
      const top = this.#place();
      page.hidden = openRow < 0;
      // Who reads an opened unit reads on, wherever a newer result puts it.
      if (isRead) scrollerOf(page).scrollTop += top - before;
      before = top;
    });
  }

  #inView(): boolean {
    const { top, bottom } = this.elements.page.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  }

  #controls(): HTMLElement[] {
    return [...this.elements.page.querySelectorAll<HTMLElement>("button,input,[tabindex]")];
  }
}
