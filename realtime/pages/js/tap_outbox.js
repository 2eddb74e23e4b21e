// Calls for help on their way: said again over socket and HTTP with the same tap_id until the hub's receipt comes.
//
// A press is sent first and written down at once after: memory that cannot be written must never keep a call for help back. What is
// written down survives a closed page and goes out later with the time at which it was pressed.

import { done, inStore } from "./idb.js";

const FIRST_HTTP_MS = 1_000;
const RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 15_000;
const DEADLINE_MS = 6_000;
const LATE_MS = 10_000;

/** @typedef {{tap_id: string, token: string, device_at_ms: number, lat?: number, lon?: number, accuracy_m?: number, drill: boolean, queued: boolean}} Tap */
/** @typedef {{tap: Tap, status: "sending" | "received" | "journaled", tries: number, refusal: string}} Sent */

/** @returns {string} a UUID, also where the page is not in a secure context */
export function newTapId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((each) => each.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** @param {number} tries @returns {number} */
export const retryMs = (tries) => (tries === 0 ? FIRST_HTTP_MS : Math.min(LONGEST_RETRY_MS, RETRY_MS * Math.max(1, tries - 10)));

/** Events: "change". `newest`: the last press of this credential, null before any. */
export class TapOutbox extends EventTarget {
  /** @type {Map<string, Sent>} */
  #open = new Map();
  /** @type {Sent | null} */
  newest = null;

  /** @param {string} token @param {(frame: object) => boolean} cry sends over the socket; false where there is none */
  constructor(token, cry) {
    super();
    this.token = token;
    this.cry = cry;
    addEventListener("online", () => this.#all());
  }

  /** Go on with what an earlier page could not bring out. */
  async open() {
    /** @type {Tap[]} */
    const kept = await inStore("taps", "readonly", (store) => done(store.getAll())).catch(() => []);
    for (const tap of kept) if (!this.#open.has(tap.tap_id)) this.#take({ ...tap, queued: true });
    return this;
  }

  /** Press. @param {{lat?: number, lon?: number, accuracy_m?: number, drill: boolean}} facts @returns {Sent} */
  press(facts) {
    const tap = { tap_id: newTapId(), token: this.token, device_at_ms: Date.now(), queued: !navigator.onLine, ...facts };
    const sent = this.#take(tap);
    inStore("taps", "readwrite", (store) => done(store.put(tap))).catch((error) => console.warn("The press is not written down:", error));
    return sent;
  }

  /** A receipt came over the socket. @param {any} frame */
  onFrame(frame) {
    if (frame.type === "sos_receipt") this.#settle(frame.tap_id, frame.status);
  }

  /** @param {Tap} tap @returns {Sent} */
  #take(tap) {
    /** @type {Sent} */
    const sent = { tap, status: "sending", tries: 0, refusal: "" };
    this.#open.set(tap.tap_id, sent);
    if (tap.token === this.token) this.newest = sent;
    this.#try(sent);
    this.dispatchEvent(new Event("change"));
    return sent;
  }

  #all() {
    for (const sent of this.#open.values()) this.#send(sent);
  }

  /** @param {Sent} sent */
  #try(sent) {
    if (sent.status !== "sending") return;
    this.#send(sent);
    setTimeout(() => this.#try(sent), retryMs(sent.tries));
    sent.tries += 1;
  }

  /** Both roads: the socket at once, HTTP where there is none or as soon as the socket has been silent for a second. @param {Sent} sent */
  #send(sent) {
    const { token, ...facts } = sent.tap;
    const said = { ...facts, queued: facts.queued || Date.now() - facts.device_at_ms > LATE_MS };
    const isSaid = token === this.token && this.cry({ type: "sos", ...said });
    if (!isSaid || sent.tries > 0) this.#post(sent, said);
  }

  /** @param {Sent} sent @param {object} body */
  async #post(sent, body) {
    try {
      const answer = await fetch("/v1/sos", {
        method: "POST", cache: "no-store", credentials: "omit", keepalive: true, body: JSON.stringify(body), signal: AbortSignal.timeout(DEADLINE_MS),
        headers: { "Content-Type": "application/json", Accept: "application/json", Authorization: `Bearer ${sent.tap.token}` },
      });
      const said = await answer.json();
      if (answer.ok) this.#settle(said.tap_id, said.status);
      else sent.refusal = said.detail ?? `HTTP ${answer.status}`;
    } catch {
      sent.refusal = "";
    }
    this.dispatchEvent(new Event("change"));
  }

  /** @param {string} tapId @param {"received" | "journaled"} status */
  #settle(tapId, status) {
    const sent = this.#open.get(tapId);
    if (!sent) return;
    this.#open.delete(tapId);
    sent.status = status;
    inStore("taps", "readwrite", (store) => done(store.delete(tapId))).catch(() => null);
    this.dispatchEvent(new Event("change"));
  }
}
