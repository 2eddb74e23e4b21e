// The technician's settings of her help button: practice, and the two codes, set once and together.

import { byId, setText, show } from "./dom.js";
import { ask, Problem } from "./http.js";
import { getKey, setKey } from "./idb.js";

export class HelpSettings {
  /** @param {import("./help_tap.js").HelpTap} tap @param {import("./words.js").Words} words @param {() => Record<string, string>} headers */
  constructor(tap, words, headers) {
    this.tap = tap;
    this.words = words;
    this.headers = headers;
    this.form = /** @type {HTMLFormElement} */ (byId("pins"));
    this.form.addEventListener("submit", (event) => this.#save(event));
    byId("pins-change").addEventListener("click", () => this.#change());
    byId("helping").addEventListener("click", () => this.#help(byId("helping").getAttribute("aria-checked") !== "true"));
    byId("drill").addEventListener("click", () => this.#practise(!tap.isDrill));
    tap.addEventListener("drill", () => this.#practise(false));
  }

  async start() {
    show(byId("help-settings"), true);
    this.#practise(false);
    this.#draw(Boolean(await getKey("pins_set").catch(() => false)));
  }

  /** Show whether she helps colleagues, as the hub knows it. @param {boolean} isWilling */
  showHelping(isWilling) {
    byId("helping").setAttribute("aria-checked", String(isWilling));
    setText(byId("helping-line"), this.words.say(isWilling ? "helping-on" : "helping-off"));
    show(byId("helping-row"), true);
  }

  /** @param {boolean} isWilling */
  async #help(isWilling) {
    try {
      const now = await ask("PUT", "/v1/me/helping", { is_willing: isWilling }, this.headers());
      this.showHelping(now.is_willing);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      setText(byId("helping-line"), problem.isPassing ? this.words.say("enrol-failed") : this.words.problem(problem));
    }
  }

  /** @param {boolean} isOn */
  #practise(isOn) {
    if (this.tap.isDrill !== isOn) this.tap.practise(isOn);
    byId("drill").setAttribute("aria-checked", String(isOn));
    setText(byId("drill-line"), this.words.say(isOn ? "drill-on" : "drill-off"));
  }

  /** @param {boolean} areSet */
  #draw(areSet) {
    show(this.form, !areSet);
    show(byId("pins-set"), areSet);
  }

  /** Choose new PINs, which takes the one in force: whoever merely holds the phone cannot. */
  #change() {
    this.#askPresent(true);
    show(byId("pins-said"), false);
    this.#draw(false);
  }

  /** @param {boolean} isNeeded */
  #askPresent(isNeeded) {
    show(byId("present-field"), isNeeded);
    byId("present-pin").toggleAttribute("disabled", !isNeeded);
  }

  /** @param {Event} event */
  async #save(event) {
    event.preventDefault();
    const data = Object.fromEntries([...new FormData(this.form).entries()].map(([name, value]) => [name, String(value)]));
    try {
      await ask("PUT", "/v1/me/pins", data, this.headers());
      await setKey("pins_set", true).catch(() => null);
      this.form.reset();
      this.#askPresent(false);
      setText(byId("pins-said"), this.words.say("pins-saved"));
      this.#draw(true);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.#refused(problem, "present_pin" in data);
    }
    show(byId("pins-said"), true);
  }

  /** @param {Problem} problem @param {boolean} hadPresent */
  #refused(problem, hadPresent) {
    const { words } = this;
    const isPresent = problem.code === "present_pin_needed";
    const fault = `pins-fault-${problem.body.fault}`;
    const text = problem.isPassing ? words.say("enrol-failed") : isPresent ? words.say(hadPresent ? "pins-present-wrong" : "pins-present-needed") : words.has(fault) ? words.say(fault) : words.problem(problem);
    setText(byId("pins-said"), text);
    if (isPresent) this.#askPresent(true);
  }
}
