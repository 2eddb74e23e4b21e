// More time for the service that runs: so many minutes, then her code where she has one. Whoever reads along sees an appointment moved.
//
// Either code is answered alike and shows the same. A code is never written down to be sent later, so an answer that was lost is looked
// for in the visit itself before anything is sent again: nobody is given the same minutes twice.

import { h, setText, show } from "./dom.js";
import { ask, Problem } from "./http.js";
import { PinPad } from "./pin_pad.js";
import { clockText } from "./words.js";

const MINUTES = [15, 30, 60];

/** Events: "act" (detail: the minutes) where no code is wanted. */
export class MoreTime extends EventTarget {
  #minutes = 0;
  /** The planned end before a request that got no answer; "" when none is in doubt. */
  #before = "";

  /** @param {any} visit @param {import("./words.js").Words} words @param {{headers: () => Record<string, string>, zone?: string, reread: () => Promise<boolean>}} setting `reread`: reads the visits again; false: no answer */
  constructor(visit, words, setting) {
    super();
    this.visit = visit;
    this.words = words;
    this.setting = setting;
    this.pad = new PinPad(words);
    this.until = h("p", { role: "status" });
    this.said = h("p", { class: "note", role: "status" });
    this.open = h("button", { type: "button", class: "button plain small", "aria-expanded": "false", onclick: () => this.#choose(Boolean(this.choice.hidden)) }, words.say("more-time"));
    const choices = MINUTES.map((n) => h("button", { type: "button", class: "button plain small", onclick: () => this.#take(n) }, words.say("more-minutes", { n })));
    this.choice = h("div", { class: "choices", role: "group", "aria-label": words.say("more-time"), hidden: true }, ...choices);
    this.element = h("div", { class: "more-time", hidden: true }, h("div", { class: "head" }, this.until, this.open), this.choice, this.said, this.pad.element);
    this.pad.addEventListener("entered", (event) => this.#enter(/** @type {CustomEvent} */ (event).detail));
    this.pad.addEventListener("closed", () => this.open.focus({ preventScroll: true }));
  }

  /** @param {any} visit @param {boolean} isPending whether an act of hers waits for its answer */
  update(visit, isPending) {
    this.visit = visit;
    const isRunning = visit.stage === "in_service";
    setText(this.until, this.words.say("more-until", { time: clockText(Date.parse(visit.planned_end), this.setting.zone) }));
    this.open.toggleAttribute("disabled", isPending);
    show(this.element, isRunning);
  }

  /** @param {boolean} isOpen */
  #choose(isOpen) {
    show(this.choice, isOpen);
    this.open.setAttribute("aria-expanded", String(isOpen));
    setText(this.said, "");
    if (!this.pad.element.hidden) this.pad.close();
  }

  /** @param {number} minutes */
  #take(minutes) {
    this.#choose(false);
    this.#minutes = minutes;
    if (this.visit.possible.includes("extend")) this.dispatchEvent(new CustomEvent("act", { detail: minutes }));
    else this.pad.open();
  }

  /** @param {string} pin */
  async #enter(pin) {
    const { words } = this;
    this.pad.answer(true, words.say("pin-wait"));
    try {
      if (await this.#wasTaken()) return this.#done();
      this.#before = this.visit.planned_end;
      const body = { visit_id: this.visit.id, minutes: this.#minutes, pin };
      const { accepted } = await ask("POST", "/v1/me/extensions", body, this.setting.headers());
      this.#before = "";
      if (!accepted) return this.pad.answer(false, words.say("pin-wrong"));
      await this.setting.reread();
      this.#done();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (!problem.isPassing) this.#before = "";
      this.pad.answer(false, problem.isPassing ? words.say("pin-failed") : words.problem(problem));
    }
  }

  /** Whether an earlier request whose answer was lost has counted; throws `Problem` while that cannot be known. */
  async #wasTaken() {
    if (!this.#before) return false;
    if (!(await this.setting.reread())) throw new Problem(0, "no_answer", "");
    const isTaken = this.visit.planned_end !== this.#before;
    this.#before = "";
    return isTaken;
  }

  #done() {
    this.pad.answer(false);
    this.pad.close();
    setText(this.said, this.words.say("more-done", { n: this.#minutes }));
  }
}
