// One incident on the console: who, how grave, what is known to be also true, when the ladder climbs next, in whose hands.

import { toMs } from "./console_facts.js";
import { h, icon, setText, show } from "./dom.js";

const LAST_S = 10;

/** @param {any} item */
export const raisedAt = (item) => toMs(item.raised_at_ms ?? item.raised_at);

/** Events: "item" when what is known of the incident changed; "tick" (detail: ms) once a second. */
export class IncidentCard extends EventTarget {
  /** @type {any} */
  item = {};
  #seen = "";

  /** @param {import("./words.js").Words} words @param {(id: string) => string} nameOf */
  constructor(words, nameOf) {
    super();
    this.words = words;
    this.nameOf = nameOf;
    this.name = h("span", {});
    this.age = h("time", {});
    this.tags = h("p", { class: "tags" });
    this.duress = h("p", { class: "duress", hidden: true }, icon("alert"), h("strong", {}, words.say("incident-duress")));
    this.state = h("span", {});
    this.countdown = h("p", { class: "countdown", role: "timer", hidden: true });
    this.owner = h("p", { class: "owner" });
    /** Where acts, forms and further lines go, in this order. */
    this.slots = { facts: h("div", { class: "facts" }), acts: h("div", { class: "acts" }), form: h("div", { class: "form" }), more: h("div", { class: "more" }) };
    this.element = h("article", { class: "incident", tabindex: "-1" },
      h("h3", {}, this.name, this.age), this.tags, this.duress, h("p", { class: "state" }, icon("alert"), this.state), this.countdown, this.owner,
      this.slots.facts, this.slots.acts, this.slots.form, this.slots.more);
  }

  /** @returns {string} */
  who() {
    const { item } = this;
    if (item.person === "canary") return this.words.say("incident-canary");
    const name = item.name || item.title || item.technician_name || (item.technician_id ? this.nameOf(item.technician_id) : "");
    return name || this.words.say("incident-untitled");
  }

  /** @param {any} item */
  update(item) {
    this.item = item;
    // A name may be learned after the card was made.
    setText(this.name, this.who());
    const seen = JSON.stringify(item);
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#draw();
    this.dispatchEvent(new Event("item"));
  }

  /** @param {number} nowMs */
  tick(nowMs) {
    const { item, words } = this;
    const age = words.age((nowMs - (raisedAt(item) ?? nowMs)) / 1000);
    setText(this.age, words.say("incident-age", { age }));
    const leftS = item.next_rung_at_ms ? Math.max(0, Math.ceil((item.next_rung_at_ms - nowMs) / 1000)) : null;
    show(this.countdown, leftS !== null);
    if (leftS !== null) setText(this.countdown, words.say("incident-next", { time: `${Math.floor(leftS / 60)}:${String(leftS % 60).padStart(2, "0")}` }));
    this.countdown.classList.toggle("is-near", leftS !== null && leftS <= LAST_S);
    this.dispatchEvent(new CustomEvent("tick", { detail: nowMs }));
  }

  #draw() {
    const { item, words, element } = this;
    const isOwned = item.state === "owned" || item.state === "responding";
    const isOver = item.state === "resolved" || item.state === "reviewed";
    element.id = `incident-${item.id}`;
    element.dataset.loud = String(Boolean(item.is_sounding ?? !(isOwned || isOver)));
    element.dataset.drill = String((item.flags ?? []).includes("drill"));
    element.classList.toggle("is-owned", isOwned);
    element.classList.toggle("is-over", isOver);
    const known = words.has(`incident-state-${item.state}`);
    setText(this.state, `${known ? words.say(`incident-state-${item.state}`) : (item.state ?? "")}${isOver && item.resolution ? `: ${words.say(`resolution-${item.resolution}`)}` : ""}`);
    show(this.duress, (item.flags ?? []).includes("duress"));
    this.tags.replaceChildren(...this.#tags());
    const offered = item.offered_name ? ` ${words.say("incident-offered", { name: item.offered_name })}` : "";
    setText(this.owner, item.owner_name ? `${words.say("incident-owner", { name: item.owner_name })}${offered}` : "");
    show(this.owner, Boolean(item.owner_name));
  }

  #tags() {
    const { item, words } = this;
    const grave = h("span", { class: `tag ${item.severity >= 3 ? "bad" : item.severity >= 2 ? "warn" : ""}` }, words.say("incident-severity", { n: item.severity ?? 1 }));
    const code = item.code ? h("span", { class: "tag code" }, words.say("incident-code", { code: item.code })) : null;
    const person = item.person && item.person !== "canary" ? h("span", { class: "tag" }, words.say(`incident-person-${item.person === "customer" ? "customer" : "technician"}`)) : null;
    const flags = (item.flags ?? []).filter((/** @type {string} */ flag) => flag !== "duress" && words.has(`flag-${flag}`));
    const shown = flags.map((/** @type {string} */ flag) => h("span", { class: "tag warn" }, words.say(`flag-${flag}`)));
    const again = item.reopens ? h("span", { class: "tag warn" }, words.say("incident-reopens")) : null;
    return [grave, code, person, ...shown, again].filter((each) => each !== null);
  }
}
