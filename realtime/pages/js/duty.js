// Going on duty and off: nobody watches from a console that she cannot hear.
//
// The test plays the alarm a number of times that only her ears can tell; a muted tab or an unplugged speaker does not pass it.

import { byId, h, icon, setText, show } from "./dom.js";
import { ask, Problem } from "./http.js";

const ASK_EVERY_MS = 15_000;
const MOST_TIMES = 4;

/** Events: "change" when who is on duty changed. */
export class Duty extends EventTarget {
  /** @type {any} */
  me = null;
  /** @type {any[]} */
  watches = [];
  #times = 0;

  /** @param {import("./ring.js").Ring} ring @param {import("./words.js").Words} words */
  constructor(ring, words) {
    super();
    this.ring = ring;
    this.words = words;
    this.box = /** @type {HTMLDialogElement} */ (byId("duty-box"));
    byId("duty").addEventListener("click", () => this.open());
  }

  async start() {
    this.me = await ask("GET", "/v1/sessions/current").catch(nothing);
    await this.look();
    setInterval(() => this.look(), ASK_EVERY_MS);
  }

  /** Whether she is on duty at one of her sites. */
  get isOn() {
    return this.watches.some((watch) => watch.items.some((/** @type {any} */ each) => each.dispatcher_id === this.me?.id));
  }

  /** Everyone on duty, once. @returns {{id: string, name: string}[]} */
  colleagues() {
    return [...new Map(this.watches.flatMap((watch) => watch.items.map((/** @type {any} */ each) => [each.dispatcher_id, { id: each.dispatcher_id, name: each.name }]))).values()];
  }

  async look() {
    if (!this.me) this.me = await ask("GET", "/v1/sessions/current").catch(nothing);
    const sites = this.me?.sites ?? [];
    const found = await Promise.all(sites.map((/** @type {string} */ id) => ask("GET", `/v1/duty?site_id=${encodeURIComponent(id)}`).catch(nothing)));
    // What the hub cannot tell now is as it was: a desk that is manned must not look as if it were not.
    this.watches = found.flatMap((each, at) => each ?? this.watches.filter((known) => known.site_id === sites[at]));
    this.draw();
    this.dispatchEvent(new Event("change"));
  }

  draw() {
    const isMute = this.isOn && !this.ring.isOn;
    const state = !this.me ? "unknown" : isMute ? "mute" : this.isOn ? "on" : "off";
    const button = byId("duty");
    button.dataset.state = state;
    button.setAttribute("aria-pressed", String(this.isOn));
    setText(byId("duty-text"), this.words.say(`duty-${state === "unknown" ? "off" : state}`));
    show(button, this.me !== null);
  }

  open() {
    this.#page(...(this.isOn && this.ring.isOn ? this.#onDuty() : this.#testing()));
    if (!this.box.open) this.box.showModal();
  }

  /** @param {...(Node | null)} children */
  #page(...children) {
    const close = h("button", { type: "button", class: "round", "aria-label": this.words.say("pin-close"), onclick: () => this.box.close() }, icon("close"));
    this.box.replaceChildren(h("header", {}, h("h2", { id: "duty-title" }, this.words.say("duty-title")), close), ...children.filter((each) => each !== null));
  }

  #testing() {
    const { words } = this;
    const said = h("p", { class: "notice", role: "status", id: "duty-said" }, words.say("duty-test"));
    const answers = Array.from({ length: MOST_TIMES }, (_, n) =>
      h("button", { type: "button", class: "button plain", disabled: true, "data-times": String(n + 1), onclick: () => this.#answer(n + 1, said, answers) }, words.say("duty-heard", { n: n + 1 })));
    const play = h("button", { type: "button", class: "button", id: "duty-play", onclick: () => this.#play(said, play, answers) }, icon("bell"), words.say("duty-play"));
    return [said, play, h("div", { class: "answers", role: "group", "aria-label": words.say("duty-how-often") }, ...answers)];
  }

  /** @param {HTMLElement} said @param {HTMLElement} play @param {HTMLElement[]} answers */
  async #play(said, play, answers) {
    this.#times = 1 + Math.floor(Math.random() * MOST_TIMES);
    play.setAttribute("disabled", "");
    const isHeard = await this.ring.test(this.#times);
    play.removeAttribute("disabled");
    setText(said, this.words.say(isHeard ? "duty-how-often" : "duty-no-sound"));
    for (const answer of answers) answer.toggleAttribute("disabled", !isHeard);
    this.draw();
  }

  /** @param {number} times @param {HTMLElement} said @param {HTMLElement[]} answers */
  async #answer(times, said, answers) {
    for (const answer of answers) answer.setAttribute("disabled", "");
    if (times !== this.#times) {
      setText(said, this.words.say("duty-wrong"));
      return;
    }
    try {
      for (const siteId of this.me.sites) await ask("POST", "/v1/duty", { site_id: siteId, heard_sound: true });
      await this.#lookAndClose();
      return;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      setText(said, problem.isPassing ? this.words.say("login-failed") : problem.detail);
    }
    await this.look();
  }

  /** Whoever opens the box at once finds what holds now. */
  async #lookAndClose() {
    await this.look();
    this.box.close();
  }

  #onDuty() {
    const { words } = this;
    const people = this.colleagues().map((each) => h("li", {}, each.name, each.id === this.me.id ? ` (${words.say("duty-you")})` : ""));
    const lacking = this.watches.flatMap((watch) => watch.lacking).map((/** @type {any} */ each) => h("li", {}, this.#cure(each)));
    const said = h("p", { class: "notice bad", role: "alert", hidden: true });
    const again = h("button", { type: "button", class: "button plain", onclick: () => this.#page(...this.#testing()) }, icon("bell"), words.say("duty-again"));
    const end = h("button", { type: "button", class: "button plain", id: "duty-end", onclick: () => this.#end(end.dataset.empty === "true", said, end) }, words.say("duty-end"));
    return [h("h3", {}, words.say("duty-people")), h("ul", {}, ...people), lacking.length ? h("div", { class: "notice warn" }, icon("alert"), h("ul", {}, ...lacking)) : null, said, h("div", { class: "pair" }, again, end)];
  }

  /** What is lacking, in her language; the hub's own sentence is English. @param {{lack: string, about: string, cure: string}} lacking */
  #cure({ lack, about, cure }) {
    return this.words.has(`lack-${lack}`) ? this.words.say(`lack-${lack}`, { about, cure }) : cure;
  }

  /** Why she may not go yet, in her language; the hub's own sentence is English. @param {Problem} problem */
  #whyNot({ isPassing, detail, body }) {
    if (isPassing) return this.words.say("login-failed");
    if (body.owned) return this.words.say("duty-owns", { n: body.owned });
    return body.people_working ? this.words.say("duty-last", { n: body.people_working }) : detail;
  }

  /** @param {boolean} leavesEmpty @param {HTMLElement} said @param {HTMLElement} end */
  async #end(leavesEmpty, said, end) {
    try {
      for (const siteId of this.me.sites) await ask("POST", "/v1/duty/end", { site_id: siteId, leaves_empty: leavesEmpty });
      await this.#lookAndClose();
      return;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      setText(said, this.#whyNot(problem));
      show(said, true);
      if (problem.body.people_working && !problem.body.owned) {
        setText(end, this.words.say("duty-end-empty"));
        end.dataset.empty = "true";
      }
    }
    await this.look();
  }
}

/** @param {unknown} problem @returns {null} */
function nothing(problem) {
  if (problem instanceof Problem) return null;
  throw problem;
}
