// From the outbox to the hub: newest first, deleted only when acknowledged, and honest about what the hub has not confirmed.

import { ask } from "./http.js";
import { LiveSocket } from "./socket.js";

const APP = "porchlight-page/1";
const BATCH = 60;
const MOST_FLYING = 240;
const ANSWER_MS = 15_000;

/** Events: "change" (anything worth showing), "frame" (detail: each frame), "visit" (a visit changed), "welcome", "revoked", "superseded". */
export class FixSender extends EventTarget {
  /** @param {import("./fix_outbox.js").FixOutbox} outbox @param {() => Record<string, string>} credentials headers with the device's token */
  constructor(outbox, credentials) {
    super();
    this.outbox = outbox;
    this.credentials = credentials;
    this.ackedAt = 0;
    this.refused = "";
    this.refusedCount = 0;
    this.maxFixes = BATCH;
    this.busyUntil = 0;
    this.cadence = { interval_s: 3, displacement_m: 10 };
    /** @type {Map<number, number>} seq -> when sent */
    this.flying = new Map();
    this.isWelcome = false;
    this.isSuperseded = false;
    this.socket = this.#newSocket();
  }

  start() {
    this.socket.start();
    setInterval(() => this.pump(), 2_000);
    return this;
  }

  /** Take over again after another page or app of hers did. */
  takeOver() {
    this.isSuperseded = false;
    this.socket = this.#newSocket();
    this.socket.start();
    this.#changed();
  }

  /** Send what waits, as far as the hub keeps up. */
  async pump() {
    const now = Date.now();
    for (const [seq, at] of this.flying) if (now - at > ANSWER_MS) this.flying.delete(seq);
    if (!this.isWelcome || this.isPumping || now < this.busyUntil || this.flying.size >= MOST_FLYING || this.outbox.count === 0) return;
    this.isPumping = true;
    try {
      const fixes = await this.outbox.newest(Math.min(BATCH, this.maxFixes), new Set(this.flying.keys()));
      if (!fixes.length) return;
      const rows = fixes.map((fix) => [fix.seq, fix.at_ms, fix.lat, fix.lon, fix.accuracy_m, fix.speed_mps, fix.heading_deg]);
      if (!this.socket.send({ type: "fixes", rows, sent_at_ms: Date.now() })) return;
      for (const fix of fixes) this.flying.set(fix.seq, Date.now());
    } finally {
      this.isPumping = false;
    }
  }

  /** Send a call for help, ahead of everything; false where only HTTP is left. @param {object} frame */
  cry(frame) {
    return this.isWelcome && this.socket.state === "live" && this.socket.send(frame);
  }

  /** Say how the phone is. @param {object} status */
  tell(status) {
    if (this.isWelcome) this.socket.send({ type: "status", ...status, unsent: this.outbox.count });
  }

  #newSocket() {
    const socket = new LiveSocket("/v1/ws/technician", () => this.#hello());
    socket.addEventListener("frame", (event) => this.#onFrame(/** @type {CustomEvent} */ (event).detail));
    socket.addEventListener("state", () => this.#changed());
    socket.addEventListener("gone", () => this.#onGone());
    socket.addEventListener("ended", (event) => this.#onEnd(/** @type {CustomEvent} */ (event).detail.code));
    return socket;
  }

  async #hello() {
    try {
      const { ticket } = await ask("POST", "/v1/tickets", {}, this.credentials());
      return { type: "hello", ticket, app: APP, device_epoch: this.outbox.epoch, sent_at_ms: Date.now(), capabilities: ["cadence", "visit_changed"] };
    } catch (problem) {
      if (/** @type {any} */ (problem).status === 401) throw Object.assign(new Error("revoked"), { isFinal: true });
      throw problem;
    }
  }

  /** @param {any} frame */
  async #onFrame(frame) {
    this.dispatchEvent(new CustomEvent("frame", { detail: frame }));
    if (frame.type === "welcome") {
      this.isWelcome = true;
      this.maxFixes = frame.max_fixes;
      this.flying.clear();
      this.dispatchEvent(new Event("welcome"));
    } else if (frame.type === "busy") {
      this.busyUntil = Date.now() + frame.retry_after_s * 1000;
      // What is under way may not have been read: it goes again after the wait.
      this.flying.clear();
    } else if (frame.type === "ack") await this.#onAck(frame);
    else if (frame.type === "cadence") this.cadence = frame;
    else if (frame.type === "visit_changed") this.dispatchEvent(new Event("visit"));
    this.pump();
    this.#changed();
  }

  /** @param {any} frame */
  async #onAck(frame) {
    if (frame.device_epoch !== this.outbox.epoch) return;
    const refused = (frame.refused ?? []).filter((/** @type {any} */ each) => each.seq !== null);
    const ranges = [...(frame.ranges ?? []), ...refused.map((/** @type {any} */ each) => [each.seq, each.seq])];
    await this.outbox.forget(ranges);
    for (const [from, to] of ranges) for (const seq of [...this.flying.keys()]) if (seq >= from && seq <= to) this.flying.delete(seq);
    if (frame.ranges?.length) this.ackedAt = Date.now();
    this.refusedCount = refused.length;
    this.refused = refused.at(-1)?.detail || refused.at(-1)?.reason || "";
  }

  #onGone() {
    this.isWelcome = false;
    this.flying.clear();
    this.#changed();
  }

  /** @param {number} code */
  #onEnd(code) {
    this.isWelcome = false;
    if (code === 4100) {
      this.isSuperseded = true;
      this.dispatchEvent(new Event("superseded"));
    } else this.dispatchEvent(new Event("revoked"));
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
