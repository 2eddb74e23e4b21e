// The help button of the technician's and the customer's page: hold, send, and then look like an ordinary page.
//
// What it shows after a press comes from what was pressed here and from the hub's public face alone. Nothing that the desk does shows, and
// both PINs play the same scene. The ways to call by telephone are in the page from its start, so that they work without a network.

import { byId, h, icon, setText, show } from "./dom.js";
import { Hold } from "./hold.js";
import { ask, Problem } from "./http.js";
import { PinPad } from "./pin_pad.js";
import { TapOutbox } from "./tap_outbox.js";
import { clockText } from "./words.js";

const LATE_MS = 5_000;
const FACE_AGAIN_MS = 21_000;
const DRILL_ENDS_MS = 5 * 60_000;

/** @typedef {{deskPhone?: string | null, emergencyNumber?: string | null}} Numbers */
/** @typedef {{token: string, cry: (frame: object) => boolean, numbers: Numbers, hasPin: boolean, position?: () => {lat: number, lon: number, accuracy_m?: number | null, at_ms: number} | null}} Setting */

const FRESH_MS = 60_000;

/** Events: "drill" when practice ended by itself. */
export class HelpTap extends EventTarget {
  /** @type {"quiet" | "received" | "cancelled"} */
  #phase = "quiet";
  #isSetAside = false;
  isDrill = false;

  /** @param {import("./words.js").Words} words @param {Setting} setting */
  constructor(words, setting) {
    super();
    this.words = words;
    this.setting = setting;
    this.outbox = new TapOutbox(setting.token, setting.cry);
    this.pad = new PinPad(words);
    this.hasEntered = false;
    this.drillTimer = 0;
    this.hintTimer = 0;
    this.hold = holdButton(words);
    this.hint = h("p", { class: "tap-hint", role: "status" });
    const now = h("button", { type: "button", class: "button danger", onclick: () => this.#press() }, words.say("tap-now"));
    this.other = /** @type {HTMLDetailsElement} */ (h("details", { class: "tap-other" }, h("summary", {}, words.say("tap-other")), now));
    this.row = h("button", { type: "button", class: "tap-row", hidden: true, "aria-expanded": "false" }, h("span", { role: "status" }), icon("more"));
    this.refusal = h("p", { class: "note" });
    this.late = h("div", { class: "tap-late", hidden: true }, h("p", { role: "alert" }, words.say("tap-late")), h("div", { class: "tap-calls" }, ...this.#calls()), this.refusal);
    this.code = setting.hasPin ? h("button", { type: "button", class: "button plain small", id: "tap-code", onclick: () => this.pad.open() }, words.say("pin-title")) : null;
    this.sheet = this.#sheet();
    this.element = h("div", { class: "tap" }, this.hold, this.hint, this.other, this.row, this.late, this.sheet);
    this.#listen();
    this.outbox.addEventListener("change", () => this.draw());
    this.pad.addEventListener("entered", (event) => this.#enter(/** @type {CustomEvent} */ (event).detail));
  }

  /** Put the button into the page and go on where an earlier page stopped. */
  start() {
    const box = byId("help-tap");
    box.replaceChildren(this.element);
    show(box, true);
    this.draw();
    setInterval(() => this.draw(), 500);
    this.outbox.open().then(() => this.#look());
    return this;
  }

  /** Turn practice on for one press or five minutes: a forgotten switch must not turn a real call into a drill. @param {boolean} isOn */
  practise(isOn) {
    clearTimeout(this.drillTimer);
    this.isDrill = isOn;
    if (isOn) this.drillTimer = setTimeout(() => this.#endDrill(), DRILL_ENDS_MS);
    this.draw();
  }

  draw() {
    const { words } = this;
    const state = this.#state();
    const isAfter = state !== "ready";
    this.element.dataset.state = state;
    this.element.dataset.drill = String(this.isDrill && !isAfter);
    document.body.classList.toggle("is-discreet", isAfter);
    show(this.hold, !isAfter);
    show(this.other, !isAfter);
    setText(/** @type {Element} */ (this.hold.querySelector("strong")), words.say(this.isDrill ? "tap-hold-drill" : "tap-hold"));
    show(this.row, isAfter);
    setText(/** @type {Element} */ (this.row.querySelector("span")), isAfter ? this.#line(state) : "");
    show(this.late, state === "late");
    const refusal = this.outbox.newest?.refusal ?? "";
    setText(this.refusal, state === "late" && refusal ? words.say("tap-refused", { detail: refusal }) : "");
    const isUnconfirmed = state === "sending" || state === "late";
    setText(this.after, words.say(isUnconfirmed ? "tap-unconfirmed" : this.setting.hasPin ? "tap-after" : "tap-after-customer"));
    // Cancelling comes after sending, never instead of it.
    if (this.code) show(this.code, !isUnconfirmed);
    if (!isAfter) show(this.sheet, false);
  }

  #listen() {
    const hold = new Hold(this.hold);
    hold.addEventListener("held", () => this.#press());
    hold.addEventListener("short", () => this.#hint());
    hold.addEventListener("clicked", () => (this.other.open = true));
    const again = new Hold(this.row);
    again.addEventListener("held", () => this.#press());
    for (const name of ["short", "clicked"]) again.addEventListener(name, () => this.#openSheet());
  }

  #sheet() {
    const { words } = this;
    const back = h("button", { type: "button", class: "button plain small", onclick: () => this.#setAside() }, words.say("tap-back"));
    this.after = h("p", { class: "note" });
    return h("div", { class: "tap-sheet", hidden: true }, this.after, h("div", { class: "tap-calls" }, this.code, back, ...this.#calls()), this.pad.element);
  }

  /** Learn whom to call. @param {Numbers} numbers */
  setNumbers(numbers) {
    this.setting.numbers = numbers;
    for (const box of this.element.querySelectorAll(".tap-calls")) {
      for (const link of box.querySelectorAll("a")) link.remove();
      box.append(...this.#calls());
    }
  }

  /** Ways that need no hub: written into the page before anything happens. @returns {HTMLElement[]} */
  #calls() {
    const { words } = this;
    const { deskPhone, emergencyNumber } = this.setting.numbers;
    return /** @type {HTMLElement[]} */ ([
      deskPhone && h("a", { class: "button plain small", href: `tel:${deskPhone}` }, icon("phone"), words.say("help-desk")),
      // RFC 5724 with the "&" that older iPhones want; the hub reads the keyword.
      deskPhone && h("a", { class: "button plain small", href: `sms:${deskPhone}?&body=SOS` }, icon("message"), words.say("tap-text")),
      emergencyNumber && h("a", { class: "button plain small", href: `tel:${emergencyNumber}` }, icon("alert"), words.say("help-emergency", { number: emergencyNumber })),
    ].filter((each) => each));
  }

  #press() {
    const seen = this.setting.position?.() ?? null;
    const isFresh = seen !== null && Date.now() - seen.at_ms < FRESH_MS;
    const where = isFresh ? { lat: seen.lat, lon: seen.lon, ...(seen.accuracy_m == null ? {} : { accuracy_m: seen.accuracy_m }) } : {};
    this.#isSetAside = false;
    this.other.open = false;
    this.#phase = "quiet";
    this.hasEntered = false;
    this.outbox.press({ ...where, drill: this.isDrill });
    // What was said of an earlier press that was too short would contradict this one.
    setText(this.hint, "");
    this.#endDrill();
    this.draw();
    document.activeElement instanceof HTMLElement && document.activeElement.blur();
    scrollTo({ top: 0 });
  }

  #endDrill() {
    if (!this.isDrill) return;
    this.practise(false);
    this.dispatchEvent(new Event("drill"));
  }

  #hint() {
    setText(this.hint, this.words.say("tap-short"));
    clearTimeout(this.hintTimer);
    this.hintTimer = setTimeout(() => setText(this.hint, ""), 4_000);
  }

  #openSheet() {
    show(this.sheet, Boolean(this.sheet.hidden));
    this.row.setAttribute("aria-expanded", String(!this.sheet.hidden));
  }

  /** Show the button again; only here, nothing is sent. */
  #setAside() {
    this.#isSetAside = true;
    this.draw();
  }

  /** @returns {"ready" | "sending" | "late" | "received" | "journaled" | "cancelled"} */
  #state() {
    const sent = this.outbox.newest;
    if (sent?.status === "sending") return Date.now() - sent.tap.device_at_ms > LATE_MS ? "late" : "sending";
    if (this.#isSetAside) return "ready";
    if (this.#phase === "cancelled") return "cancelled";
    if (sent && !this.hasEntered) return sent.status;
    return this.#phase === "received" ? "received" : "ready";
  }

  /** @param {string} state */
  #line(state) {
    const { words } = this;
    const sent = this.outbox.newest;
    const drill = sent?.tap.drill ? `${words.say("tap-drill")} · ` : "";
    if (state === "sending" || state === "late") return `${drill}${words.say("tap-sending")}`;
    if (state === "cancelled") return words.say("tap-cancelled");
    const at = sent ? clockText(sent.tap.device_at_ms) : "";
    return `${drill}${words.say(state === "journaled" ? "tap-journaled" : "tap-received", { time: at })}`.trim();
  }

  async #look() {
    try {
      const face = await ask("GET", "/v1/me/sos", null, this.#headers());
      this.#phase = face.phase;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
    }
    this.draw();
  }

  /** @param {string} pin */
  async #enter(pin) {
    const { words } = this;
    this.pad.answer(true, words.say("pin-wait"));
    try {
      const { accepted, face } = await ask("POST", "/v1/sos/pin", { pin }, this.#headers());
      this.pad.answer(false, accepted ? "" : words.say("pin-wrong"));
      if (!accepted) return;
      this.hasEntered = true;
      this.#phase = face.phase;
      this.pad.close();
      show(this.sheet, false);
      setTimeout(() => this.#look(), FACE_AGAIN_MS);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.pad.answer(false, problem.isPassing ? words.say("pin-failed") : words.problem(problem));
    }
    this.draw();
  }

  #headers() {
    return { Authorization: `Bearer ${this.setting.token}` };
  }
}

/** @param {import("./words.js").Words} words */
function holdButton(words) {
  const label = h("span", { class: "label" }, h("strong", {}), h("small", { id: "tap-how" }, words.say("tap-how")));
  return h("button", { type: "button", class: "hold", id: "tap-hold", "aria-describedby": "tap-how" }, h("span", { class: "fill", "aria-hidden": "true" }), icon("alert"), label);
}
