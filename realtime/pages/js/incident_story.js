// What the desk reads on an incident's card: where she is and how old that is, who was told with which receipt, and all that happened.

import { isClosed } from "./console_facts.js";
import { noteBox } from "./customer_notes.js";
import { byId, h, icon, setText, show } from "./dom.js";
import { ask, Problem } from "./http.js";
import { fateOf } from "./notices.js";
import { readAloud } from "./read_aloud.js";

const ASK_EVERY_MS = 2_000;

/** @typedef {import("./incident_card.js").IncidentCard} Card */
/** @typedef {{card: Card, visit: any, events: any[], notices: any[], brokenAt: number | null, differs: any[], askedAt: number, place: HTMLElement, position: HTMLElement, risk: HTMLElement, map: HTMLElement, told: HTMLElement, story: HTMLElement, more: HTMLDetailsElement}} Story */

/** @param {string} path @returns {Promise<any>} null where the hub says no */
const maybe = (path) => ask("GET", path).catch((problem) => {
  if (problem instanceof Problem) return null;
  throw problem;
});

/** @param {number} ms */
const clock = (ms) => new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" }).format(ms);

export class IncidentStory {
  /** @type {Map<Card, Story>} */
  #stories = new Map();

  /** @param {import("./incidents.js").Incidents} incidents @param {import("./console_facts.js").Facts} facts @param {import("./words.js").Words} words @param {(id: string) => void} onShow puts a technician into the middle of the map */
  constructor(incidents, facts, words, onShow) {
    this.facts = facts;
    this.words = words;
    this.onShow = onShow;
    incidents.addAct((card) => this.#dress(card));
    facts.feed.addEventListener("topic", (event) => {
      if (/** @type {CustomEvent} */ (event).detail.name !== "notices") return;
      for (const story of this.#stories.values()) if (!isClosed(story.card.item)) this.#ask(story);
    });
  }

  /** @param {Card} card */
  #dress(card) {
    const { words } = this;
    const place = h("p", { class: "place" });
    const position = h("p", { class: "where" });
    const told = h("ul", { class: "told", "aria-label": words.say("incident-told") });
    const story = h("ol", { class: "story" });
    const more = /** @type {HTMLDetailsElement} */ (h("details", {}, h("summary", {}, words.say("incident-story")), story));
    const aloud = h("button", { type: "button", class: "button plain small", onclick: () => readAloud(card, entry.visit, this.facts, words) }, icon("phone"), words.say("incident-aloud"));
    const map = h("button", { type: "button", class: "button plain small", onclick: () => card.item.technician_id && this.onShow(card.item.technician_id) }, icon("target"), words.say("incident-map"));
    const risk = h("div", {});
    const contact = h("p", { class: "contact" }, icon("phone"), h("span", {}));
    card.addEventListener("item", () => setText(/** @type {Element} */ (contact.lastChild), words.say(`contact-${card.item.contact ?? "silent"}`)));
    card.slots.facts.append(place, position, contact, risk, h("div", { class: "acts" }, aloud, map));
    card.slots.more.append(h("h4", {}, words.say("incident-told")), told, more);
    /** @type {Story} */
    const entry = { card, visit: null, events: [], notices: [], brokenAt: null, differs: [], askedAt: 0, place, position, risk, map, told, story, more };
    this.#stories.set(card, entry);
    card.addEventListener("item", () => this.#ask(entry));
    card.addEventListener("tick", (event) => this.#where(entry, /** @type {CustomEvent} */ (event).detail));
    more.addEventListener("toggle", () => more.open && this.#ask(entry));
  }

  /** @param {Story} entry */
  async #ask(entry) {
    clearTimeout(/** @type {any} */ (entry).timer);
    const waitMs = ASK_EVERY_MS - (Date.now() - entry.askedAt);
    if (waitMs > 0) {
      /** @type {any} */ (entry).timer = setTimeout(() => this.#ask(entry), waitMs);
      return;
    }
    if (!entry.card.element.isConnected) return;
    entry.askedAt = Date.now();
    const { id, visit_id: visitId } = entry.card.item;
    const [timeline, notices, visit] = await Promise.all([
      maybe(`/v1/incidents/${encodeURIComponent(id)}`), maybe(`/v1/notices?limit=100&subject=${encodeURIComponent(id)}`),
      visitId && !entry.visit ? maybe(`/v1/visits/${encodeURIComponent(visitId)}`) : entry.visit,
    ]);
    Object.assign(entry, { visit, events: timeline?.events ?? entry.events, brokenAt: timeline?.broken_at ?? null, differs: timeline?.differs ?? [], notices: notices?.items ?? entry.notices });
    this.#draw(entry);
  }

  /** @param {Story} entry */
  #draw(entry) {
    const { words } = this;
    const address = entry.visit?.place;
    const notes = noteBox(entry.visit?.notes, words, false);
    entry.risk.replaceChildren(...(notes ? [notes] : []));
    const floor = address?.floor ? ` · ${words.floor(address.floor)}` : "";
    setText(entry.place, address ? `${address.address}${floor}` : words.say("incident-no-visit"));
    entry.told.replaceChildren(...[...entry.notices].reverse().map((each) => this.#notice(each)));
    if (!entry.notices.length) entry.told.replaceChildren(h("li", { class: "note" }, words.say("incident-told-none")));
    const broken = entry.brokenAt ? [h("li", { class: "bad" }, words.say("incident-broken", { n: entry.brokenAt }))] : [];
    const differs = entry.differs.map((each) => h("li", { class: "bad" }, words.say("incident-differs", { field: each.field, row: String(each.row), log: String(each.log) })));
    entry.story.replaceChildren(...broken, ...differs, ...entry.events.map((each) => this.#event(each)));
  }

  /** @param {Story} entry @param {number} nowMs */
  #where(entry, nowMs) {
    const { words, facts } = this;
    // A customer has no position of her own: she is at the address.
    const person = facts.people().find((each) => each.id === entry.card.item.technician_id);
    const fix = person?.fix;
    show(entry.position, Boolean(entry.card.item.technician_id));
    show(entry.map, Boolean(fix));
    const within = fix?.accuracy_m != null ? ` · ${words.say("clock-accuracy", { m: Math.round(fix.accuracy_m) })}` : "";
    const fresh = person ? facts.freshness(person, nowMs) : "none";
    entry.position.dataset.freshness = fresh;
    const last = fix && /** @type {any} */ (fix).is_last_known ? ` · ${words.say("incident-last-known")}` : "";
    const text = fix ? `${words.say("row-age", { age: words.age((nowMs - fix.at_ms) / 1000) })}${within}${last}` : words.say("incident-nowhere");
    if (entry.position.dataset.text === text) return;
    entry.position.dataset.text = text;
    entry.position.replaceChildren(h("span", { class: "shape", "aria-hidden": "true" }), text);
  }

  /** @param {any} each */
  #notice(each) {
    const { channel, state } = fateOf(each, this.words);
    const isBad = ["failed", "dead", "expired", "ambiguous"].includes(each.state);
    const to = each.to === "desk" ? this.words.say("channel-desk") : each.to;
    return h("li", { "data-state": each.state, class: isBad ? "bad" : "" }, h("span", {}, to), h("span", { class: "note" }, `${channel} · `, h("strong", {}, state), ` · ${clock(Date.parse(each.created_at))}`));
  }

  /** @param {any} each */
  #event(each) {
    const { words } = this;
    const data = each.data ?? {};
    // Not everything that raises an incident is a call for help: a watch, the hub or wrong PINs may.
    const isNoticed = ["raised", "pressed_again"].includes(each.kind) && data.kind && data.kind !== "tap";
    const key = isNoticed ? "event-noticed" : `event-${each.kind}`;
    const title = words.has(key) ? words.say(key) : each.kind;
    const parts = [data.reason, this.#pressedAt(each), this.#waited(each), this.#kept(each), data.text, data.whom && (words.has(`whom-${data.whom}`) ? words.say(`whom-${data.whom}`) : data.whom), data.what, data.note,
      data.code && words.has(`resolution-${data.code}`) ? words.say(`resolution-${data.code}`) : null,
      data.answer && words.has(`event-answer-${data.answer}`) ? words.say(`event-answer-${data.answer}`) : null,
      each.kind === "told" ? words.say("event-told-line", { n: data.notices ?? 0, s: data.after_s ?? 0 }) : null,
      each.kind === "signal" ? words.say(data.is_lost ? "event-signal-lost" : "event-signal-back") : null,
      each.kind === "pin_accepted" ? words.say(data.kind === "duress" ? "event-pin-duress" : "event-pin-true") : null];
    return h("li", { "data-kind": each.kind }, h("time", {}, clock(Date.parse(each.at))), h("span", {}, h("strong", {}, title), " ", parts.filter(Boolean).join(" · ")));
  }

  /** What a press brought of where she was; the log's own sentence is the hub's, in English. @param {any} each */
  #pressedAt({ at, data }) {
    const { words } = this;
    if (!data?.words) return null;
    const place = data.position;
    if (!place) return words.say("event-where-none");
    const within = place.accuracy_m == null ? "" : ` · ${words.say("clock-accuracy", { m: Math.round(place.accuracy_m) })}`;
    const age = words.age((Date.parse(at) - Date.parse(place.at ?? at)) / 1000);
    return `${place.is_last_known ? words.say("event-where-last", { age }) : words.say("event-where-press")}${within}`;
  }

  /** How long a press waited on a phone without network. @param {any} each */
  #waited({ at, device_at: pressedAt, data }) {
    if (!data?.is_queued) return null;
    if (!pressedAt || data.clock_doubtful) return this.words.say("event-waited");
    return this.words.say("event-waited-for", { age: this.words.age((Date.parse(at) - Date.parse(pressedAt)) / 1000) });
  }

  /** How long the hub kept a press before its database took it. @param {any} each */
  #kept({ at, data }) {
    if (!data?.heard_at) return null;
    return this.words.say("event-kept-for", { age: this.words.age((Date.parse(at) - Date.parse(data.heard_at)) / 1000) });
  }
}

/** Turn the single keys on and off, for those who speak to their computer. @param {import("./words.js").Words} words */
export function wireKeysSwitch(words) {
  const button = byId("keys");
  const draw = () => {
    const isOn = localStorage.getItem("desk-keys") !== "off";
    button.setAttribute("aria-pressed", String(isOn));
    setText(button, words.say(isOn ? "keys-on" : "keys-off"));
  };
  button.addEventListener("click", () => {
    localStorage.setItem("desk-keys", localStorage.getItem("desk-keys") === "off" ? "on" : "off");
    draw();
  });
  draw();
  show(button, true);
}
