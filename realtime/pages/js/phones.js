// The demo's phones: texts and calls as they would lie on real ones, with keys to press and words to text back.

import { byId, h, icon, setText, show } from "./dom.js";
import { ask, Problem } from "./http.js";
import { DemoPhone } from "./demo_phone.js";
import { loadWords } from "./words.js";

const ASK_EVERY_MS = 1_000;

class Shelf {
  /** @type {Map<string, DemoPhone>} */
  #phones = new Map();

  /** @param {import("./words.js").Words} words */
  constructor(words) {
    this.words = words;
  }

  async start() {
    for (;;) {
      if (!document.hidden) await this.look();
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
  }

  async look() {
    try {
      const { phones } = await ask("GET", "/v1/demo/phones");
      show(byId("phones-lost"), false);
      show(byId("phones-none"), phones.length === 0);
      for (const each of phones) this.#phone(each);
      this.#ringing();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      show(byId("phones-lost"), true);
    }
  }

  /** @param {any} told */
  #phone(told) {
    let phone = this.#phones.get(told.recipient_id);
    if (!phone) {
      phone = new DemoPhone(told.recipient_id, this.words, () => this.look());
      const rings = this.words.say("phone-rings", { name: told.name });
      phone.addEventListener("ringing", () => setText(byId("spoken"), rings));
      this.#phones.set(told.recipient_id, phone);
      byId("phones").append(phone.element);
    }
    phone.update(told);
    if (phone.isCalled && !("called" in phone.element.dataset)) this.#goesFirst(phone);
  }

  /** Who is called in an emergency stands before those who only get texts. @param {DemoPhone} phone */
  #goesFirst(phone) {
    const { element } = phone;
    const shelf = byId("phones");
    const held = /** @type {HTMLElement | null} */ (element.contains(document.activeElement) ? document.activeElement : null);
    element.dataset.called = "";
    shelf.insertBefore(element, shelf.querySelector(".phone:not([data-called])"));
    // An element that moves forgets how far it was scrolled and what was focused in it.
    phone.showNewest();
    held?.focus({ preventScroll: true });
  }

  /** A phone that rings may lie far from what the window shows: a button for each leads there. */
  #ringing() {
    const ringing = [...this.#phones.values()].filter((phone) => phone.isRinging);
    const bar = byId("phones-ringing");
    show(bar, ringing.length > 0);
    const shape = ringing.map((phone) => phone.id).join(" ");
    if (bar.dataset.shape === shape) return;
    bar.dataset.shape = shape;
    bar.replaceChildren(...ringing.map((phone) => h("button", { type: "button", class: "button small", onclick: () => phone.lookHere() }, icon("phone"), h("span", {}, this.words.say("phone-rings", { name: phone.name.textContent ?? "" })))));
  }
}

loadWords().then((words) => new Shelf(words).start());
