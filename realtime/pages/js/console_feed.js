// The console's copy of the hub's topics: snapshots and deltas put together, and a way to hear of changes.

import { HubClock } from "./clock.js";
import { ask } from "./http.js";
import { LiveSocket } from "./socket.js";

/** @typedef {{id: string} & Record<string, any>} Item */
/** @typedef {{items: Map<string, Item>, epoch: number, sequence: number, isKnown: boolean, isHoled: boolean, behindSince: number | null}} Topic */

/**
 * Put one frame into a topic. Returns whether the items changed; a hole in the sequence marks the topic until the next snapshot.
 * @param {Topic} topic
 * @param {any} frame snapshot or delta
 */
export function putFrame(topic, frame) {
  if (frame.type === "snapshot") {
    topic.items = new Map(frame.items.map((/** @type {Item} */ item) => [item.id, item]));
    topic.epoch = frame.view_epoch;
    topic.sequence = frame.sequence;
    topic.isKnown = true;
    topic.isHoled = false;
    return true;
  }
  if (frame.view_epoch !== topic.epoch || topic.isHoled) return false;
  if (frame.sequence !== topic.sequence + 1) {
    topic.isHoled = true;
    return false;
  }
  topic.sequence = frame.sequence;
  for (const item of frame.put ?? []) topic.items.set(item.id, item);
  for (const id of frame.drop ?? []) topic.items.delete(id);
  return true;
}

/** Events: "topic" (detail: {name, items, isFirst}), "lost" and "back" when the hub falls silent and speaks again, "signed-out". */
export class ConsoleFeed extends EventTarget {
  /** @param {string[]} names */
  constructor(names) {
    super();
    this.names = names;
    this.clock = new HubClock();
    /** @type {Record<string, Topic>} */
    this.topics = Object.fromEntries(names.map((name) => [name, { items: new Map(), epoch: -1, sequence: 0, isKnown: false, isHoled: false, behindSince: null }]));
    this.socket = new LiveSocket("/v1/ws/console", () => this.#watch());
    this.socket.addEventListener("frame", (event) => this.#onFrame(/** @type {CustomEvent} */ (event).detail));
    this.socket.addEventListener("ended", () => this.dispatchEvent(new Event("signed-out")));
  }

  start() {
    this.socket.start();
  }

  /** @param {string} name */
  items(name) {
    return [...(this.topics[name]?.items.values() ?? [])];
  }

  /** Since when the hub has not been able to read what it shows here, by its own clock; null while it can. @returns {number | null} */
  get behindSince() {
    const since = Object.values(this.topics).flatMap((topic) => topic.behindSince ?? []);
    return since.length ? Math.min(...since) : null;
  }

  async #watch() {
    // A new connection is told anew.
    for (const topic of Object.values(this.topics)) topic.behindSince = null;
    try {
      const { ticket } = await ask("POST", "/v1/tickets", {});
      return { type: "watch", ticket, topics: this.names };
    } catch (problem) {
      if (/** @type {any} */ (problem).status === 401) throw Object.assign(new Error("signed out"), { isFinal: true });
      throw problem;
    }
  }

  /** @param {any} frame */
  #onFrame(frame) {
    this.clock.learn(frame.server_at_ms);
    const topic = frame.topic && this.topics[frame.topic];
    if (!topic) return;
    if (frame.type === "behind") {
      topic.behindSince = frame.since_ms;
      return;
    }
    const isFirst = !topic.isKnown;
    if (putFrame(topic, frame)) this.dispatchEvent(new CustomEvent("topic", { detail: { name: frame.topic, isFirst } }));
    else if (topic.isHoled) this.socket.send({ type: "watch", topics: this.names });
  }
}
