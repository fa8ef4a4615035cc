// Live pictures: the parts of an endless answer, as they arrive.

import { ask, Refusal } from "./requests.js";

const RETRY_MS = 1000;
/** The server sends something every 5 s. After a sleep, a connection may be dead without a word. */
const SILENT_MS = 15000;
/** The pause after an answer that has ended without trouble, as when the server starts again. */
const AGAIN_MS = 300;
const LONGEST_HEAD = 4096;
const BROKEN = "The dashboard does not answer.";
const ascii = new TextDecoder("latin1");

/**
 * Call *onPart* with the camera and the bytes of each part at *address*, until the returned function
 * is called. *onTrouble* gets a sentence while there are none, and "" when they come again.
 */
export function followParts(address, onPart, onTrouble = () => {}) {
  const stopping = new AbortController();
  follow(address, onPart, onTrouble, stopping.signal);
  return () => stopping.abort();
}

async function follow(address, onPart, onTrouble, signal) {
  while (!signal.aborted) {
    let trouble = "";
    try {
      await readParts(address, onPart, onTrouble, signal);
    } catch (error) {
      trouble = error instanceof Refusal ? error.message : BROKEN;
    }
    if (signal.aborted) {
      return;
    }
    if (trouble) {
      onTrouble(trouble);
    }
    await new Promise((done) => setTimeout(done, trouble ? RETRY_MS : AGAIN_MS));
  }
}

/** Read one answer to its end; throws an error that says why there are no parts. */
async function readParts(address, onPart, onTrouble, signal) {
  const Accept = "multipart/x-mixed-replace, application/json";
  const answer = await ask(address, { headers: { Accept }, signal });
  onTrouble("");
  const parts = new Parts(onPart);
  const reader = answer.body.getReader();
  try {
    for (let read = await next(reader); !read.done; read = await next(reader)) {
      parts.push(read.value);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** The next bytes of *reader*; throws an error when the other end must be gone. */
function next(reader) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(BROKEN)), SILENT_MS);
  });
  return Promise.race([reader.read(), silence]).finally(() => clearTimeout(timer));
}

/** Finds parts in the bytes of an answer. */
class Parts {
  constructor(onPart) {
    this.onPart = onPart;
    this.bytes = new Uint8Array();
  }

  push(more) {
    const all = new Uint8Array(this.bytes.length + more.length);
    all.set(this.bytes);
    all.set(more, this.bytes.length);
    this.bytes = all;
    while (this.takeOne()) {
      // The next one may be whole too.
    }
  }

  takeOne() {
    const text = ascii.decode(this.bytes.subarray(0, LONGEST_HEAD));
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) {
      return false;
    }
    const head = text.slice(0, end);
    const begin = end + 4;
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
    if (this.bytes.length < begin + length) {
      return false;
    }
    const camera = /^x-camera: (\S+)/im.exec(head)?.[1];
    this.onPart(camera, this.bytes.slice(begin, begin + length));
    this.bytes = this.bytes.slice(begin + length);
    return true;
  }
}
