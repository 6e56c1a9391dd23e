/** A map that forgets what was not used for longest. */
export class Lru<K, V> {
  readonly #held = new Map<K, V>();

  constructor(
    private readonly most: number,
    private readonly forget: (value: V) => void = () => {},
  ) {}

  get(key: K): V | undefined {
    const value = this.#held.get(key);
    if (value === undefined) return undefined;
    this.#held.delete(key);
    this.#held.set(key, value);
    return value;
  }

  has(key: K): boolean {
    return this.#held.has(key);
  }

  set(key: K, value: V): void {
    this.#held.delete(key);
    this.#held.set(key, value);
    for (const [oldest, old] of this.#held) {
      if (this.#held.size <= this.most) return;
      this.#held.delete(oldest);
      this.forget(old);
    }
  }

  clear(): void {
    for (const value of this.#held.values()) this.forget(value);
    this.#held.clear();
  }
}
