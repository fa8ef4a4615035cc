// The events that are still to be tagged, and the tags on their way to the server.

import { Line } from "./line.js";
import { ask, post } from "./requests.js";

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
    const found = await (await ask(`${this.address}?${fields}`)).json();
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
    this.line = new Line();
  }

  /** Send the tag of *entry*; resolves to the answer, which has `error` if it was refused. */
  send(entry) {
    return this.add(async () => {
      entry.answer = await this.sendNow(entry.event, entry.label);
      return entry.answer;
    });
  }

  /** Give the event of *entry* the label that it had before, unless the tag was refused. */
  undo(entry) {
    return this.add(async () => {
      const { error, before = "" } = entry.answer ?? {};
      return error ? {} : this.sendNow(entry.event, before);
    });
  }

  /** Do *work* after all that was begun before. */
  async add(work) {
    this.unsent += 1;
    this.changed();
    const answer = await this.line.add(work);
    this.unsent -= 1;
    this.changed();
    return answer;
  }

  async sendNow(event, label) {
    try {
      return await (await post(`${this.address}/${event.id}`, { label })).json();
    } catch (refusal) {
      return { error: refusal.message, status: refusal.status };
    }
  }
}
