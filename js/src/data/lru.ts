/** A map that forgets what was not used for longest. */
export class Lru<K, V> {
  readonly #entries = new Map<K, V>();

  constructor(
    /** How many are kept: a smaller number holds from the next one on. */
    public most: number,
    private readonly forget: (value: V) => void = () => {},
  ) {}

  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    for (const [oldest, old] of this.#entries) {
      if (this.#entries.size <= this.most) return;
      this.#entries.delete(oldest);
      this.forget(old);
    }
  }

  clear(): void {
    for (const value of this.#entries.values()) this.forget(value);
    this.#entries.clear();
  }
}
