// The card that says honestly what happens with her position: taken, sent, confirmed, waiting.

import { byId, setText, show } from "./dom.js";

/** Beyond the cadence that the hub asked for. */
const CONFIRMED_S = 15;
const LATE_S = 60;

export class TechnicianLocation {
  /**
   * @param {import("./locator.js").Locator} locator @param {import("./fix_sender.js").FixSender} sender
   * @param {import("./technician_shift.js").TechnicianShift} shift @param {import("./words.js").Words} words
   */
  constructor(locator, sender, shift, words) {
    this.locator = locator;
    this.sender = sender;
    this.shift = shift;
    this.words = words;
    this.isWanted = true;
    byId("location-switch").addEventListener("click", () => this.#toggle());
    byId("superseded-take").addEventListener("click", () => sender.takeOver());
    locator.addEventListener("change", () => this.draw());
    locator.addEventListener("fix", (event) => this.#keep(/** @type {CustomEvent} */ (event).detail));
    sender.addEventListener("change", () => this.draw());
    shift.addEventListener("change", () => this.follow());
  }

  start() {
    show(byId("location"), true);
    setInterval(() => this.draw(), 1000);
    this.follow();
  }

  /** Take positions exactly while the shift is open and the switch is on. */
  follow() {
    const shouldRun = this.isWanted && this.shift.state === "open" && !this.sender.isSuperseded;
    if (shouldRun && !this.locator.isOn) this.locator.start();
    if (!shouldRun && this.locator.isOn) this.locator.stop();
    this.draw();
  }

  draw() {
    const { words, locator, sender } = this;
    const isOnShift = this.shift.state === "open";
    const toggle = /** @type {HTMLButtonElement} */ (byId("location-switch"));
    toggle.disabled = !isOnShift;
    toggle.setAttribute("aria-checked", String(isOnShift && locator.isOn));
    const state = isOnShift ? locator.state : "off";
    byId("location-state").dataset.freshness = { on: "fresh", wait: "aging", off: "none", denied: "stale", unavailable: "stale" }[state];
    setText(byId("location-text"), this.#text(state, isOnShift));
    show(byId("location-hint"), state === "denied" || state === "unavailable");
    if (state === "denied" || state === "unavailable") setText(byId("location-hint"), words.say(`location-${state}`));
    this.#drawAcked(isOnShift);
    const count = sender.outbox.count;
    setText(byId("waiting"), count ? words.say("acked-waiting", { n: count }) : words.say("acked-none-waiting"));
    show(byId("superseded"), sender.isSuperseded);
    show(byId("location-note"), isOnShift && state !== "on");
  }

  /** @param {import("./locator.js").LocatorState} state @param {boolean} isOnShift */
  #text(state, isOnShift) {
    if (!isOnShift) return this.words.say("location-off-shift");
    if (state === "on") return this.words.say("location-on");
    return this.words.say(state === "wait" ? "location-wait" : "location-off");
  }

  /** @param {boolean} isOnShift */
  #drawAcked(isOnShift) {
    const { words, sender } = this;
    const ageS = (Date.now() - sender.ackedAt) / 1000;
    const fresh = !sender.ackedAt ? "none" : ageS <= sender.cadence.interval_s + CONFIRMED_S ? "fresh" : ageS <= sender.cadence.interval_s + LATE_S ? "aging" : "stale";
    byId("acked").dataset.freshness = fresh;
    const said = sender.ackedAt ? words.say("acked-ago", { age: words.age(ageS) }) : words.say("acked-never");
    const refused = sender.refusedCount ? ` · ${words.say("acked-refused", { n: sender.refusedCount, reason: sender.refused })}` : "";
    setText(byId("acked-text"), said + refused);
    show(byId("acked"), isOnShift || sender.ackedAt > 0);
  }

  #toggle() {
    this.isWanted = !this.locator.isOn;
    this.follow();
  }

  /** @param {any} fix */
  async #keep(fix) {
    await this.sender.outbox.put(fix);
    this.draw();
    await this.sender.pump();
  }
}
