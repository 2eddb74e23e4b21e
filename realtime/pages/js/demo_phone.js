// One phone of the demo: its texts as bubbles, its call in front of them.

import { h, icon, setText, show } from "./dom.js";
import { ask, Problem } from "./http.js";
import { clockText } from "./words.js";

const KEYS = [..."123456789*0#"];

/** Links to this hub can be followed, as on a real phone. @param {string} text @returns {(string | Node)[]} */
const linked = (text) => text.split(/(https?:\/\/\S+)/).map((part) => (part.startsWith(`${location.origin}/`) ? h("a", { href: part, target: "_blank", rel: "noopener" }, part) : part));

const LIVE = new Set(["ringing", "answered", "confirming"]);
/** Nobody hears what a call says before picking up. */
const UNHEARD = new Set(["ringing", "missed"]);

/** @typedef {{id: string, kind: "text" | "call", state: string, body: string, language: string, at_ms: number}} Item */

/** Events: "ringing" when a call comes in. */
export class DemoPhone extends EventTarget {
  /** @type {Map<string, {element: HTMLElement, seen: string}>} */
  #items = new Map();
  #callId = "";

  /** @param {string} id @param {import("./words.js").Words} words @param {() => Promise<void>} again asks the hub at once */
  constructor(id, words, again) {
    super();
    this.id = id;
    this.words = words;
    this.again = again;
    this.name = h("strong", {});
    this.number = h("small", {});
    this.talk = h("ol", { class: "talk", tabindex: "0" });
    this.call = h("section", { class: "call", hidden: true });
    this.said = h("p", { class: "note said", role: "status" });
    const text = h("input", { name: "text", required: true, maxlength: "1600", autocomplete: "off", placeholder: words.say("phone-reply"), "aria-label": words.say("phone-reply") });
    const form = /** @type {HTMLFormElement} */ (h("form", { class: "reply" }, text, h("button", { class: "button small", type: "submit" }, words.say("phone-send"))));
    form.addEventListener("submit", (event) => this.#reply(event, form));
    this.element = h("article", { class: "phone" }, h("header", {}, h("span", { class: "face", "aria-hidden": "true" }), h("div", {}, this.name, this.number)), this.talk, this.call, this.said, form);
  }

  /** Whether anybody ever called it. */
  get isCalled() {
    return [...this.#items.values()].some((item) => item.element.dataset.kind === "call");
  }

  get isRinging() {
    return this.element.classList.contains("is-ringing");
  }

  /** Bring it into view, ready to be answered. */
  lookHere() {
    this.element.scrollIntoView({ block: "nearest" });
    this.call.querySelector("button")?.focus({ preventScroll: true });
  }

  /** @param {{name: string, number_masked: string, items: Item[]}} told */
  update(told) {
    setText(this.name, told.name);
    setText(this.number, told.number_masked);
    setText(/** @type {Element} */ (this.element.querySelector(".face")), told.name.slice(0, 1));
    const items = [...told.items].sort((a, b) => a.at_ms - b.at_ms);
    let isNew = false;
    for (const item of items) isNew = this.#item(item) || isNew;
    const isMoved = this.#drawCall(items.filter((item) => item.kind === "call" && LIVE.has(item.state)).at(-1) ?? null);
    // After the call has taken its room: it would cover the newest words.
    if (isNew || isMoved) this.showNewest();
  }

  showNewest() {
    this.talk.scrollTop = this.talk.scrollHeight;
  }

  /** @param {Item} item @returns {boolean} whether it is new here */
  #item(item) {
    const seen = `${item.state} ${item.body}`;
    const known = this.#items.get(item.id);
    if (known?.seen === seen) return false;
    const state = item.kind === "call" ? this.words.say(LIVE.has(item.state) ? (item.state === "ringing" ? "phone-ringing" : "phone-in-call") : item.state === "missed" ? "phone-missed" : "phone-ended") : "";
    const element = h("li", { class: "bubble", "data-kind": item.kind, "data-state": item.state, lang: item.language },
      item.kind === "call" ? h("strong", {}, icon("phone"), state) : null, UNHEARD.has(item.state) ? null : h("p", {}, ...linked(item.body)), h("time", {}, clockText(item.at_ms)));
    if (known) known.element.replaceWith(element);
    else this.talk.append(element);
    this.#items.set(item.id, { element, seen });
    if (!known && item.state === "ringing") this.dispatchEvent(new Event("ringing"));
    return !known;
  }

  /** @param {Item | null} item @returns {boolean} whether it takes another room now */
  #drawCall(item) {
    show(this.call, item !== null);
    this.element.classList.toggle("is-ringing", item?.state === "ringing");
    const shape = item ? `${item.id} ${item.state === "ringing"}` : "";
    const isMoved = this.#callId !== shape;
    if (isMoved) {
      this.#callId = shape;
      const isHeld = this.call.contains(document.activeElement);
      this.call.replaceChildren(...(item ? this.#controls(item) : []));
      // Who answered by keyboard goes on with the keys, and after the call with a text.
      if (isHeld) /** @type {HTMLElement | null} */ (this.call.querySelector("button") ?? this.element.querySelector("input"))?.focus();
    }
    const heard = this.call.querySelector(".heard");
    if (item && heard) setText(heard, item.state === "ringing" ? this.words.say("phone-ringing") : item.body);
    return isMoved;
  }

  /** @param {Item} item */
  #controls(item) {
    const { words } = this;
    const heard = h("p", { class: "heard", role: "status", lang: item.language });
    const act = (/** @type {string} */ path, /** @type {object} */ body = {}) => () => this.#do(item.id, path, body);
    const end = h("button", { type: "button", class: "button danger small", onclick: act("hang_up") }, icon("hang"), words.say(item.state === "ringing" ? "phone-decline" : "phone-hang-up"));
    if (item.state === "ringing") return [heard, h("div", { class: "pair" }, h("button", { type: "button", class: "button small answer", onclick: act("answer") }, icon("phone"), words.say("phone-answer")), end)];
    const keys = KEYS.map((digit) => h("button", { type: "button", class: "key", onclick: act("press", { digit }) }, digit));
    return [heard, h("div", { class: "keys", role: "group", "aria-label": words.say("phone-keys") }, ...keys), end];
  }

  /** @param {string} id @param {string} path @param {object} body */
  async #do(id, path, body) {
    try {
      await ask("POST", `/v1/demo/phones/items/${encodeURIComponent(id)}/${path}`, body);
      setText(this.said, "");
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      setText(this.said, problem.isPassing ? this.words.say("phones-lost") : problem.detail);
    }
    await this.again();
  }

  /** @param {Event} event @param {HTMLFormElement} form */
  async #reply(event, form) {
    event.preventDefault();
    const text = String(new FormData(form).get("text")).trim();
    try {
      const { reply } = await ask("POST", `/v1/demo/phones/${encodeURIComponent(this.id)}/text`, { text });
      form.reset();
      const at = clockText(Date.now());
      this.talk.append(h("li", { class: "bubble mine" }, h("p", {}, text), h("time", {}, at)));
      if (reply) this.talk.append(h("li", { class: "bubble" }, h("p", {}, reply), h("time", {}, at)));
      this.showNewest();
      setText(this.said, "");
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      setText(this.said, problem.isPassing ? this.words.say("phones-lost") : problem.detail);
    }
    await this.again();
  }
}
