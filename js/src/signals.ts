// Values that know who reads them: the part of @preact/signals-core that the gallery uses, in a third of
// its size. A saved notebook holds the module once per gallery, and the library was a twelfth of it.
// test/signals.test.ts holds the two against each other.

export interface ReadonlySignal<T> {
  readonly value: T;
  /** The value, without becoming a reader of it. */
  peek(): T;
}

export interface Signal<T> extends ReadonlySignal<T> {
  value: T;
}

/** Reads sources, and is told when one of them may have changed. */
interface Reader {
  /** What it read last time, and after how many changes. */
  sources: Map<Source, number>;
  stale(): void;
}

interface Effect extends Reader {
  run(): void;
}

/** Who reads now. */
let reader: Reader | undefined;
let depth = 0;
const queue = new Set<Effect>();
// Effects that set each other off without end are a mistake, and shall not hang the page.
const MOST_RUNS = 10_000;

class Source<T = unknown> implements Signal<T> {
  readonly readers = new Set<Reader>();
  changes = 0;

  constructor(protected held: T) {}

  get value(): T {
    try {
      return this.peek();
    } finally {
      if (reader) {
        this.readers.add(reader);
        reader.sources.set(this, this.changes);
      }
    }
  }

  set value(next: T) {
    if (next === this.held) return;
    this.held = next;
    this.changes++;
    batch(() => this.tell());
  }

  peek(): T {
    return this.held;
  }

  tell(): void {
    for (const one of [...this.readers]) one.stale();
  }

  /** Brings the count of changes up to date. */
  refresh(): void {}
}

/** Stays a reader of its sources once it was read: those here live as long as what they read. */
class Computed<T> extends Source<T> implements Reader {
  sources = new Map<Source, number>();
  #dirty = true;
  #failed: { error: unknown } | undefined;

  constructor(private readonly compute: () => T) {
    super(undefined as T);
  }

  stale(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    this.tell();
  }

  override refresh(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    if (!changed(this)) return;
    const before = this.held;
    const failed = this.#failed;
    this.#failed = undefined;
    try {
      this.held = reading(this, this.compute);
    } catch (error) {
      this.#failed = { error };
    }
    if (this.held !== before || failed || this.#failed) this.changes++;
  }

  override peek(): T {
    this.refresh();
    if (this.#failed) throw this.#failed.error;
    return this.held;
  }
}

/** Whether anything that was read has another value now; also before the first time. */
function changed({ sources }: Reader): boolean {
  for (const [source, changes] of sources) {
    source.refresh();
    if (source.changes !== changes) return true;
  }
  return !sources.size;
}

function as<T>(who: Reader | undefined, action: () => T): T {
  const outer = reader;
  reader = who;
  try {
    return action();
  } finally {
    reader = outer;
  }
}

/** Runs what reads. What it doesn't read any more tells it nothing any more. */
function reading<T>(who: Reader, action: () => T): T {
  const before = who.sources;
  who.sources = new Map();
  try {
    return as(who, action);
  } finally {
    for (const source of before.keys()) if (!who.sources.has(source)) source.readers.delete(who);
  }
}

export const signal = <T>(value: T): Signal<T> => new Source(value);

export const computed = <T>(compute: () => T): ReadonlySignal<T> => new Computed(compute);

export const untracked = <T>(action: () => T): T => as(undefined, action);

/** Runs `action` now, and again whenever what it read has changed; returns what ends it. */
export function effect(action: () => void): () => void {
  let live = true;
  const one: Effect = {
    sources: new Map(),
    stale() {
      queue.add(one);
    },
    run() {
      if (live && changed(one)) reading(one, action);
    },
  };
  batch(one.run);
  return () => {
    live = false;
    queue.delete(one);
    for (const source of one.sources.keys()) source.readers.delete(one);
  };
}

/** What changes inside is followed by effects once, at the end. */
export function batch(action: () => void): void {
  depth++;
  let failed: { error: unknown } | undefined;
  const attempt = (run: () => void) => {
    try {
      run();
    } catch (error) {
      failed ??= { error };
    }
  };
  attempt(action);
  if (depth === 1) {
    let runs = 0;
    // A set that grows is walked through to its end.
    for (const one of queue) {
      queue.delete(one);
      if (runs++ < MOST_RUNS) attempt(one.run);
      else failed ??= { error: new Error("Changes set each other off without end.") };
    }
  }
  depth--;
  if (failed) throw failed.error;
}
