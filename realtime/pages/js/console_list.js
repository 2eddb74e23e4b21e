// The list of people and visits: search, filters, and rows that are patched in place, so that focus and scrolling survive every second.

import { byId, h, icon, place, setText, show } from "./dom.js";
import { isHeard, isInside, isUnderway, needsLook, toMs } from "./console_facts.js";
import { clockText } from "./words.js";

/** @typedef {import("./console_facts.js").Person} Person */

/** Events: "select" (detail: {kind: "person" | "visit", id}). */
export class ConsoleList extends EventTarget {
  /** @param {import("./console_facts.js").Facts} facts @param {import("./words.js").Words} words */
  constructor(facts, words) {
    super();
    this.facts = facts;
    this.words = words;
    this.filter = "all";
    this.query = "";
    this.selected = "";
    /** @type {Map<string, HTMLElement>} */
    this.rows = new Map();
    this.#wire();
  }

  #wire() {
    byId("search").addEventListener("input", (event) => {
      this.query = /** @type {HTMLInputElement} */ (event.target).value.trim().toLowerCase();
      this.draw();
    });
    byId("filters").addEventListener("click", (event) => {
      const button = /** @type {HTMLElement} */ (event.target).closest("button");
      if (!button) return;
      this.filter = button.dataset.filter ?? "all";
      for (const each of byId("filters").querySelectorAll("button")) each.setAttribute("aria-pressed", String(each === button));
      this.draw();
    });
    const tabs = [byId("tab-technicians"), byId("tab-visits")];
    for (const tab of tabs) {
      tab.addEventListener("click", () => this.#openTab(tab, tabs));
      tab.addEventListener("keydown", (event) => {
        if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
        const other = tabs[1 - tabs.indexOf(tab)];
        this.#openTab(other, tabs);
        other.focus();
      });
    }
  }

  /** @param {HTMLElement} open @param {HTMLElement[]} tabs */
  #openTab(open, tabs) {
    for (const tab of tabs) {
      const isOpen = tab === open;
      tab.setAttribute("aria-selected", String(isOpen));
      tab.tabIndex = isOpen ? 0 : -1;
      show(byId(tab.getAttribute("aria-controls") ?? ""), isOpen);
    }
    show(byId("filters"), open.id === "tab-technicians");
    this.draw();
  }

  /** @param {string} id */
  mark(id) {
    this.selected = id;
    for (const [key, row] of this.rows) row.setAttribute("aria-current", String(key === id));
  }

  draw() {
    const nowMs = this.facts.feed.clock.now();
    const everyone = this.facts.people();
    const people = everyone.filter((each) => this.#fits(each, nowMs));
    this.#patch(byId("technicians"), people.map((each) => each.id), (id) => this.#personRow(id));
    for (const each of people) this.#fillPerson(each, nowMs);
    show(byId("technicians-empty"), people.length === 0);
    setText(byId("technicians-empty"), this.words.say(everyone.length ? "list-empty" : "list-none-on-shift"));
    this.#drawVisits();
  }

  #drawVisits() {
    const visits = this.facts.visits().filter((each) => this.#has(this.#visitText(each)));
    this.#patch(byId("visits"), visits.map((each) => `visit:${each.id}`), (key) => this.#visitRow(key));
    for (const each of visits) this.#fillVisit(each);
    show(byId("visits-empty"), visits.length === 0);
    setText(byId("visits-empty"), this.words.say(this.query ? "list-empty" : "visits-none"));
  }

  /** @param {Person} person @param {number} nowMs */
  #fits(person, nowMs) {
    const isPassed =
      this.filter === "all" ||
      (this.filter === "way" && person.visit?.stage === "departed") ||
      (this.filter === "inside" && isInside(person)) ||
      (this.filter === "look" && needsLook(person, nowMs));
    return isPassed && this.#has(`${person.name} ${person.visit?.external_ref ?? ""} ${person.visit ? this.words.say(`stage-${person.visit.stage}`) : ""}`);
  }

  /** @param {string} text */
  #has(text) {
    return !this.query || text.toLowerCase().includes(this.query);
  }

  /** Bring a list's rows into order by key, keeping those that stay. @param {HTMLElement} list @param {string[]} keys @param {(key: string) => HTMLElement} make */
  #patch(list, keys, make) {
    const wanted = new Set(keys);
    for (const item of list.children) {
      const key = /** @type {HTMLElement} */ (item).dataset.key ?? "";
      if (!wanted.has(key)) this.rows.delete(key);
    }
    const lostAt = place(list, keys.map((key) => {
      let row = this.rows.get(key);
      if (!row) {
        row = make(key);
        this.rows.set(key, row);
        row.setAttribute("aria-current", String(key === this.selected));
      }
      return row.parentElement ?? h("li", { "data-key": key }, row);
    }));
    // Who stood on a row that is gone stands on its neighbour.
    const neighbour = list.children[lostAt] ?? list.lastElementChild ?? list.parentElement;
    if (lostAt >= 0) /** @type {HTMLElement | null} */ (neighbour?.querySelector("button") ?? neighbour)?.focus({ preventScroll: true });
  }

  /** @param {string} id */
  #personRow(id) {
    const row = h("button", { type: "button", class: "row", onclick: () => this.#select("person", id) },
      h("span", { class: "disc", "aria-hidden": "true" }),
      h("span", { class: "line" },
        h("span", { class: "name" }, h("span", {}), h("span", { class: "unwatched", role: "img", "aria-label": this.words.say("row-unwatched"), title: this.words.say("row-unwatched"), hidden: true }, icon("alert"))),
        h("span", { class: "age" }, h("span", { class: "shape", "aria-hidden": "true" }), h("span", {}))),
      h("span", { class: "line" }, h("span", { class: "what" }), h("span", { class: "tag" })));
    return row;
  }

  /** @param {Person} person @param {number} nowMs */
  #fillPerson(person, nowMs) {
    const row = /** @type {HTMLElement} */ (this.rows.get(person.id));
    const { words } = this;
    const fresh = this.facts.freshness(person, nowMs);
    row.dataset.freshness = fresh;
    row.dataset.alarm = String(Boolean(person.alarm));
    setText(part(row, ".disc"), person.name.slice(0, 1));
    setText(part(row, ".name span"), person.name);
    show(part(row, ".unwatched"), Boolean(person.shift?.unwatched));
    const age = person.fix ? words.age((nowMs - person.fix.at_ms) / 1000) : words.say("freshness-none");
    setText(part(row, ".age span:last-child"), fresh === "fresh" || fresh === "none" ? age : `${words.say(`freshness-${fresh}`)} ${age}`);
    part(row, ".age").dataset.freshness = fresh;
    setText(part(row, ".what"), [this.#what(person), this.#phone(person, fresh, nowMs)].filter(Boolean).join(" · "));
    this.#tag(part(row, ".tag"), person);
  }

  /** @param {Person} person */
  #what(person) {
    if (person.shift?.state === "paused") return this.words.say("row-paused");
    if (!person.visit) return this.words.say("row-free");
    const from = toMs(person.visit.window_start_ms ?? person.visit.window_start);
    return [from ? clockText(from) : "", this.words.service(person.visit.service ?? person.visit.service_kind ?? "")].filter(Boolean).join(" · ");
  }

  /** Why there is no fresh position: a phone that speaks without one, or one that is silent. @param {Person} person @param {string} fresh @param {number} nowMs */
  #phone(person, fresh, nowMs) {
    const heard = isHeard(person, nowMs);
    if (fresh === "fresh" || heard === null || person.shift?.state === "paused") return "";
    return heard ? this.words.say("row-phone-heard") : this.words.say("row-phone-silent", { age: this.words.age((nowMs - (person.phone_at_ms ?? 0)) / 1000) });
  }

  /** @param {HTMLElement} tag @param {Person} person */
  #tag(tag, person) {
    const stage = person.visit?.stage;
    tag.dataset.stage = person.alarm ? "alarm" : (stage ?? "");
    setText(tag, person.alarm ? this.words.say("row-alarm") : stage ? this.words.say(`stage-${stage}`) : "");
    show(tag, tag.textContent !== "");
  }

  /** @param {string} key */
  #visitRow(key) {
    return h("button", { type: "button", class: "row visit-row", onclick: () => this.#select("visit", key.slice(6)) },
      h("span", { class: "name" }), h("span", { class: "tag" }), h("span", { class: "what" }));
  }

  /** @param {any} visit */
  #fillVisit(visit) {
    const row = /** @type {HTMLElement} */ (this.rows.get(`visit:${visit.id}`));
    setText(part(row, ".name"), `${windowText(visit)} · ${this.words.service(visit.service ?? visit.service_kind ?? "")}`);
    setText(part(row, ".what"), [visit.technician_id ? this.facts.nameOf(visit.technician_id) : "", visit.external_ref ?? ""].filter(Boolean).join(" · "));
    setText(part(row, ".tag"), this.words.say(`stage-${visit.stage}`));
    part(row, ".tag").dataset.stage = visit.stage;
  }

  /** @param {any} visit */
  #visitText(visit) {
    const who = visit.technician_id ? this.facts.nameOf(visit.technician_id) : "";
    return `${who} ${visit.external_ref ?? ""} ${this.words.service(visit.service ?? visit.service_kind ?? "")} ${this.words.say(`stage-${visit.stage}`)}`;
  }

  /** @param {"person" | "visit"} kind @param {string} id */
  #select(kind, id) {
    this.dispatchEvent(new CustomEvent("select", { detail: { kind, id } }));
  }
}

/** @param {HTMLElement} row @param {string} selector */
const part = (row, selector) => /** @type {HTMLElement} */ (row.querySelector(selector));

/** @param {any} visit */
export function windowText(visit) {
  const from = toMs(visit.window_start_ms ?? visit.window_start);
  const to = toMs(visit.window_end_ms ?? visit.window_end);
  return from && to ? `${clockText(from)}–${clockText(to)}` : "";
}

/**
 * Show how many are on shift, under way, and in need of a look.
 * @param {import("./console_facts.js").Facts} facts
 */
export function drawCounts(facts) {
  const nowMs = facts.feed.clock.now();
  const everyone = facts.people();
  const people = everyone.filter((each) => each.shift || !each.alarm);
  const look = everyone.filter((each) => needsLook(each, nowMs)).length;
  setText(byId("count-on-shift"), String(people.length));
  setText(byId("count-visits"), String(facts.visits().filter(isUnderway).length));
  setText(byId("count-look"), String(look));
  byId("count-look-box").classList.toggle("has-some", look > 0);
}
