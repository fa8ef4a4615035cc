// What somebody has begun on a page, kept in this tab until it is done: a phone ends pages at any time.

/** Keeps one thing under *name*, as long as what it was begun from, *origin*, stays the same. */
export class Draft {
  constructor(name, origin) {
    this.name = name;
    this.origin = JSON.stringify(origin);
  }

  /** Keep *content* instead of what was kept before; null is nothing. */
  keep(content) {
    try {
      if (content === null) sessionStorage.removeItem(this.name);
      else sessionStorage.setItem(this.name, JSON.stringify({ origin: this.origin, content }));
    } catch {
      // The browser keeps nothing for this page.
    }
  }

  /** What was kept; null if that is nothing, or the origin is another one by now. */
  take() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.name));
      return kept?.origin === this.origin ? kept.content : null;
    } catch {
      return null;
    }
  }
}
