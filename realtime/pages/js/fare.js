// The fare's part of a page: rendered by the hub in words, fetched again while it may change.

import { show } from "./dom.js";

const RETRY_S = 20;

export class FarePart {
  /** @param {HTMLElement} section @param {string} url @param {() => Record<string, string>} [headers] */
  constructor(section, url, headers = () => ({})) {
    this.section = section;
    this.url = url;
    this.headers = headers;
    this.timer = 0;
    this.isAsking = false;
  }

  /** Begin with what the server rendered, or fetch where it rendered nothing. */
  start() {
    document.addEventListener("visibilitychange", () => document.hidden || this.refresh());
    if (this.section.querySelector(".fare-part")) this.#later();
    else this.refresh();
    return this;
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = -1;
  }

  async refresh() {
    if (this.isAsking || this.timer === -1) return;
    this.isAsking = true;
    try {
      const answer = await fetch(this.url, { headers: this.headers(), cache: "no-store", credentials: "same-origin" });
      if (answer.ok) this.#put(await answer.text());
    } catch (error) {
      console.warn("The fare could not be refreshed:", error);
    }
    this.isAsking = false;
    this.#later();
  }

  /** @param {string} html the hub's own, with every text escaped there */
  #put(html) {
    const part = new DOMParser().parseFromString(html, "text/html").querySelector(".fare-part");
    if (!part || this.section.querySelector(".fare-part")?.outerHTML === part.outerHTML) return;
    const isOpen = this.section.querySelector("details")?.open ?? false;
    const stood = this.#stops().findIndex((each) => each === document.activeElement);
    this.section.replaceChildren(document.adoptNode(part));
    const details = this.section.querySelector("details");
    if (details) details.open = isOpen;
    show(this.section, /** @type {HTMLElement} */ (part).dataset.phase !== "none");
    if (stood >= 0) this.#stops()[stood]?.focus({ preventScroll: true });
  }

  /** What the keyboard stops at here. @returns {HTMLElement[]} */
  #stops() {
    return [...this.section.querySelectorAll("summary, a, button")].map((each) => /** @type {HTMLElement} */ (each));
  }

  #later() {
    if (this.timer === -1) return;
    clearTimeout(this.timer);
    const part = /** @type {HTMLElement | null} */ (this.section.querySelector(".fare-part"));
    const seconds = Number(part?.dataset.poll ?? RETRY_S);
    this.timer = setTimeout(() => (document.hidden ? this.#later() : this.refresh()), seconds * 1000);
  }
}
