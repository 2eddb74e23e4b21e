// The demo's phones: texts and calls as they would lie on real ones, with keys to press and words to text back.

import { byId, setText, show } from "./dom.js";
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
      phone.addEventListener("ringing", () => setText(byId("spoken"), `${told.name} ${this.words.say("phone-ringing")}`));
      this.#phones.set(told.recipient_id, phone);
      byId("phones").append(phone.element);
    }
    phone.update(told);
  }
}

loadWords().then((words) => new Shelf(words).start());
