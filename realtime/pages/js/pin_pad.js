// A pad for a code. It looks and behaves the same whatever is typed; nothing on it says what the code is for.

import { h, icon, setText, show } from "./dom.js";

const MOST_DIGITS = 8;

/** Events: "entered" (detail: the digits), "closed". */
export class PinPad extends EventTarget {
  #digits = "";

  /** @param {import("./words.js").Words} words */
  constructor(words) {
    super();
    this.words = words;
    this.dots = h("p", { class: "pin-dots", "aria-hidden": "true" });
    this.said = h("p", { class: "pin-said", role: "status" });
    const keys = [..."123456789"].map((digit) => this.#key(digit));
    const back = h("button", { type: "button", class: "pin-key plain", "aria-label": words.say("pin-back"), onclick: () => this.#set(this.#digits.slice(0, -1)) }, "←");
    this.ok = h("button", { type: "button", class: "pin-key ok", "aria-label": words.say("pin-enter"), onclick: () => this.#enter() }, icon("check"));
    const close = h("button", { type: "button", class: "round", "aria-label": words.say("pin-close"), onclick: () => this.close() }, icon("close"));
    this.element = h("div", { class: "pin-pad", role: "group", "aria-label": words.say("pin-title"), hidden: true },
      h("header", {}, h("strong", {}, words.say("pin-title")), close), this.dots, this.said,
      h("div", { class: "pin-keys" }, ...keys, back, this.#key("0"), this.ok));
    this.element.addEventListener("keydown", (event) => this.#typed(/** @type {KeyboardEvent} */ (event)));
    this.#set("");
  }

  open() {
    this.#set("");
    setText(this.said, "");
    show(this.element, true);
    /** @type {HTMLElement} */ (this.element.querySelector(".pin-key")).focus({ preventScroll: true });
    // All of it: the last row with the key that sends the code lies lowest.
    this.element.scrollIntoView({ block: "nearest" });
  }

  close() {
    this.#set("");
    show(this.element, false);
    this.dispatchEvent(new Event("closed"));
  }

  /** Wait for an answer, then say it. @param {boolean} isWaiting @param {string} [text] */
  answer(isWaiting, text = "") {
    for (const key of this.element.querySelectorAll("button")) key.toggleAttribute("disabled", isWaiting);
    setText(this.said, text);
    if (isWaiting) return;
    this.#set("");
    // A button that was disabled has lost the focus, and with it the keyboard.
    if (!this.element.hidden && document.activeElement === document.body) /** @type {HTMLElement} */ (this.element.querySelector(".pin-key")).focus();
  }

  /** @param {string} digit */
  #key(digit) {
    return h("button", { type: "button", class: "pin-key", onclick: () => this.#set(this.#digits + digit) }, digit);
  }

  /** @param {KeyboardEvent} event */
  #typed(event) {
    if (/^[0-9]$/.test(event.key)) this.#set(this.#digits + event.key);
    else if (event.key === "Backspace") this.#set(this.#digits.slice(0, -1));
    else if (event.key === "Escape") this.close();
    else if (event.key === "Enter" && this.#digits.length >= 4 && !/** @type {Element} */ (event.target).closest(".round, .plain")) this.#enter();
    else return;
    event.preventDefault();
  }

  /** @param {string} digits */
  #set(digits) {
    this.#digits = digits.slice(0, MOST_DIGITS);
    setText(this.dots, "•".repeat(this.#digits.length) || "\u2007");
    this.ok.toggleAttribute("disabled", this.#digits.length < 4);
  }

  #enter() {
    if (this.#digits.length >= 4) this.dispatchEvent(new CustomEvent("entered", { detail: this.#digits }));
  }
}
