// The events that are still to be tagged, and the tags on their way to the server.

import { post } from "./requests.js";

const FEW = 20;

/** The events to tag, the newest first; more are fetched before they run out. */
export class Queue {
  constructor(address, query) {
    this.address = address;
    this.query = query;
    this.events = [];
    this.seen = new Set();
    this.last = "";
    this.isAll = false;
    this.fetching = null;
  }

  /** Fetch more events if only few are left; resolves when that is done. */
  fill() {
    if (!this.fetching && !this.isAll && this.events.length < FEW) {
      this.fetching = this.fetchMore().finally(() => {
        this.fetching = null;
      });
    }
    return this.fetching ?? Promise.resolve();
  }

  async fetchMore() {
    const fields = new URLSearchParams(this.query);
    fields.set("before", this.last);
    const answer = await fetch(`${this.address}?${fields}`, {
      headers: { Accept: "application/json" },
    });
    if (!answer.ok) {
      throw new Error(answer.status === 401 ? "Please log in again." : "The server refuses.");
    }
    const found = await answer.json();
    this.isAll = found.is_all;
    this.trouble = found.trouble;
    for (const event of found.events) {
      this.last = event.id;
      if (!this.seen.has(event.id)) {
        this.seen.add(event.id);
        this.events.push(event);
      }
    }
  }
}

/** Sends tags one after the other, so that the page never waits. */
export class Sender {
  constructor(address, changed) {
    this.address = address;
    this.changed = changed;
    this.unsent = 0;
    this.waiting = [];
    this.isSending = false;
  }

  /** Send the tag of *entry*; resolves to the answer, which has `error` if it was refused. */
  send(entry) {
    return this.line(async () => {
      entry.answer = await this.sendNow(entry.event, entry.label);
      return entry.answer;
    });
  }

  /** Give the event of *entry* the label that it had before, unless the tag was refused. */
  undo(entry) {
    return this.line(() => {
      const { error, before = "" } = entry.answer ?? {};
      return error ? {} : this.sendNow(entry.event, before);
    });
  }

  /** Send all that waits without waiting for answers: the page may be gone before they come. */
  hurry() {
    this.waiting.splice(0).forEach((one) => this.finish(one));
  }

  /** Do *work* after all that was begun before. */
  line(work) {
    this.unsent += 1;
    this.changed();
    return new Promise((resolve) => {
      this.waiting.push({ work, resolve });
      this.sendWaiting();
    });
  }

  async sendWaiting() {
    if (this.isSending) {
      return;
    }
    this.isSending = true;
    while (this.waiting.length) {
      await this.finish(this.waiting.shift());
    }
    this.isSending = false;
  }

  async finish({ work, resolve }) {
    resolve(await work());
    this.unsent -= 1;
    this.changed();
  }

  async sendNow(event, label) {
    try {
      const answer = await post(`${this.address}/${event.id}`, { label });
      if (answer.status === 401) {
        return { error: "Please log in again." };
      }
      const found = await answer.json();
      return answer.ok ? found : { error: found.error ?? "The server refuses.", status: answer.status };
    } catch {
      return { error: "The server does not answer." };
    }
  }
}
