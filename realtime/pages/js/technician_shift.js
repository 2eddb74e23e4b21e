// Opening, pausing, resuming and ending a shift.

import { byId, setText, show } from "./dom.js";
import { Problem } from "./http.js";
import { clockText } from "./words.js";

/** Events: "change" when the shift's state changed. */
export class TechnicianShift extends EventTarget {
  /** @param {import("./technician_api.js").TechnicianApi} api @param {import("./words.js").Words} words @param {{zone?: string, noticeVersion: string}} setting */
  constructor(api, words, setting) {
    super();
    this.api = api;
    this.words = words;
    this.setting = setting;
    /** @type {import("./technician_api.js").Shift | null} */
    this.shift = null;
    byId("shift-open").addEventListener("submit", (event) => this.#open(event));
    byId("shift-pause").addEventListener("click", () => this.#change("pause"));
    byId("shift-resume").addEventListener("click", () => this.#change("resume"));
    byId("shift-close").addEventListener("click", () => this.#askSure(true));
    byId("shift-close-no").addEventListener("click", () => this.#askSure(false));
    byId("shift-close-yes").addEventListener("click", () => this.#change("close"));
  }

  /** @returns {"open" | "paused" | "closed"} */
  get state() {
    return this.shift?.state ?? "closed";
  }

  async refresh() {
    await this.#try(() => this.api.shift());
  }

  draw() {
    const { state, words, shift } = this;
    const box = byId("shift");
    box.dataset.state = state;
    setText(byId("shift-title"), words.say({ open: "shift-open", paused: "shift-paused", closed: "shift-off" }[state]));
    setText(byId("shift-line"), state === "closed" ? words.say("shift-off-line") : state === "paused" ? words.say("shift-paused-line") : this.#times());
    show(byId("shift-open"), state === "closed");
    show(byId("shift-acts"), state !== "closed" && Boolean(byId("shift-sure").hidden));
    show(byId("shift-pause"), state === "open");
    show(byId("shift-resume"), state === "paused");
    show(byId("shift-unwatched"), state !== "closed" && Boolean(shift?.unwatched));
    show(box, true);
  }

  #times() {
    const { shift, words, setting } = this;
    if (!shift) return "";
    const [from, to] = [shift.opened_at, shift.planned_end].map((each) => clockText(Date.parse(each), setting.zone));
    return words.say("shift-open-line", { from, to });
  }

  /** @param {Event} event */
  #open(event) {
    event.preventDefault();
    const hours = Number(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("hours"));
    this.#try(() => this.api.openShift(new Date(Date.now() + hours * 3_600_000), this.setting.noticeVersion));
  }

  /** @param {"pause" | "resume" | "close"} act */
  #change(act) {
    this.#askSure(false);
    this.#try(() => this.api.changeShift(act));
  }

  /** @param {boolean} isAsking */
  #askSure(isAsking) {
    show(byId("shift-sure"), isAsking);
    show(byId("shift-acts"), !isAsking);
    byId(isAsking ? "shift-close-yes" : "shift-close").focus();
  }

  /** @param {() => Promise<import("./technician_api.js").Shift | null>} work */
  async #try(work) {
    try {
      const found = await work();
      this.shift = found?.state === "closed" ? null : found;
      show(byId("shift-fault"), false);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      setText(byId("shift-fault"), problem.status ? this.words.say("act-failed", { detail: this.words.problem(problem) }) : this.words.say("enrol-failed"));
      show(byId("shift-fault"), true);
    }
    this.draw();
    this.dispatchEvent(new Event("change"));
  }
}
