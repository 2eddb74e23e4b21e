// Pressed buttons on their way: kept until the hub said yes or no, sent again with the same key, so that pressing once counts once.

import { Problem } from "./http.js";
import { done, inStore } from "./idb.js";

const RETRY_MS = 4_000;

/** @typedef {{id: string, visit_id: string, act: string, body: any, at_ms: number}} PendingAct */

/** Events: "change"; "said" (detail: {visit_id, act, problem: Problem | null}) when the hub answered. */
export class ActOutbox extends EventTarget {
  /** @type {PendingAct[]} */
  pending = [];

  /** @param {import("./technician_api.js").TechnicianApi} api */
  constructor(api) {
    super();
    this.api = api;
  }

  async open() {
    this.pending = (await inStore("acts", "readonly", (store) => done(store.getAll()))).sort((a, b) => a.at_ms - b.at_ms);
    addEventListener("online", () => this.flush());
    setInterval(() => this.flush(), RETRY_MS);
    this.flush();
    return this;
  }

  /** @param {string} visitId */
  of(visitId) {
    return this.pending.find((each) => each.visit_id === visitId) ?? null;
  }

  /** Take a press: written down first, then sent. @param {string} visitId @param {string} act @param {object} body */
  async press(visitId, act, body) {
    const pressed = { id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, visit_id: visitId, act, body, at_ms: Date.now() };
    await inStore("acts", "readwrite", (store) => done(store.put(pressed)));
    this.pending.push(pressed);
    this.dispatchEvent(new Event("change"));
    await this.flush();
  }

  /** Send what waits, in order; stop at the first that cannot be sent now. */
  async flush() {
    if (this.isFlushing) return;
    this.isFlushing = true;
    try {
      while (this.pending.length && (await this.#send(this.pending[0])));
    } finally {
      this.isFlushing = false;
    }
  }

  /** @param {PendingAct} pressed @returns {Promise<boolean>} whether the hub answered */
  async #send(pressed) {
    let problem = null;
    try {
      await this.api.act(pressed.visit_id, pressed.act, { ...pressed.body, device_at_ms: pressed.at_ms, sent_at_ms: Date.now() }, pressed.id);
    } catch (error) {
      if (!(error instanceof Problem) || error.isPassing) return false;
      problem = error;
    }
    await inStore("acts", "readwrite", (store) => done(store.delete(pressed.id)));
    this.pending = this.pending.filter((each) => each.id !== pressed.id);
    this.dispatchEvent(new CustomEvent("said", { detail: { visit_id: pressed.visit_id, act: pressed.act, problem } }));
    this.dispatchEvent(new Event("change"));
    return true;
  }
}
