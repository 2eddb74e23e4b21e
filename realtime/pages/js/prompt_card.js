// What the hub asks her while she is out, as any app asks about an appointment. Whoever reads along sees nothing but that.
//
// A reminder is answered by a sign of life, a question by an answer; where the hub wants her code, the pad opens. Both look the same.

import { byId, h, setText, show } from "./dom.js";
import { ask, Problem } from "./http.js";
import { PinPad } from "./pin_pad.js";

const GONE_MS = 15 * 60_000;

export class PromptCard {
  /** @type {{visit_id: string, kind: string, is_reminder: boolean} | null} */
  #asked = null;
  #timer = 0;

  /** @param {import("./words.js").Words} words @param {() => Record<string, string>} headers @param {(visitId: string) => string} placeOf the address of a visit, as far as the page knows it */
  constructor(words, headers, placeOf) {
    this.words = words;
    this.headers = headers;
    this.placeOf = placeOf;
    this.pad = new PinPad(words);
    this.line = h("p", {});
    this.said = h("p", { class: "note", role: "status" });
    this.yes = h("button", { type: "button", class: "button", onclick: () => this.#answer(true) }, words.say("prompt-yes"));
    this.no = h("button", { type: "button", class: "button plain", onclick: () => this.#answer(false) }, words.say("prompt-no"));
    this.box = byId("prompt");
    this.box.tabIndex = -1;
    this.box.replaceChildren(h("h2", { id: "prompt-title" }, words.say("prompt-title")), this.line, h("div", { class: "pair" }, this.yes, this.no), this.said, this.pad.element);
    this.pad.addEventListener("entered", (event) => this.#answer(true, /** @type {CustomEvent} */ (event).detail));
  }

  /** @param {any} frame */
  onFrame(frame) {
    if (frame.type !== "prompt") return;
    this.#asked = frame;
    const place = this.placeOf(frame.visit_id);
    setText(this.line, this.words.say(place ? "prompt-line" : "prompt-line-plain", { place }));
    setText(this.said, "");
    show(this.yes, true);
    show(this.no, true);
    this.pad.close();
    show(this.box, true);
    this.box.scrollIntoView({ block: "center" });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(), GONE_MS);
  }

  /** @param {boolean} isOk @param {string | null} [pin] */
  async #answer(isOk, pin = null) {
    const asked = this.#asked;
    if (!asked) return;
    if (pin !== null) this.pad.answer(true);
    try {
      const isSign = isOk && asked.is_reminder;
      const answer = isSign ? await this.#sign(asked) : await ask("POST", "/v1/me/answers", { ok: isOk, pin }, this.headers());
      if (isOk && answer?.accepted === false) this.pad.answer(false, this.words.say("pin-wrong"));
      else this.#thank();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.code === "pin_needed" && isOk && pin === null) this.pad.open();
      else if (pin !== null) this.pad.answer(false, this.words.say("enrol-failed"));
      else setText(this.said, this.words.say("enrol-failed"));
    }
  }

  /** @param {{visit_id: string}} asked */
  #sign(asked) {
    const id = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`.slice(0, 36);
    return ask("POST", "/v1/me/check-ins", { id, visit_id: asked.visit_id, device_at_ms: Date.now() }, this.headers());
  }

  #thank() {
    const isHere = this.box.contains(document.activeElement);
    this.pad.close();
    show(this.yes, false);
    show(this.no, false);
    setText(this.said, this.words.say("prompt-thanks"));
    if (isHere) this.box.focus({ preventScroll: true });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(), 6_000);
  }

  #end() {
    this.#asked = null;
    show(this.box, false);
  }
}
