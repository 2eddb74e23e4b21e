// What the desk does with an incident: buttons on its card, a form where words are needed, the version that she saw, and who was faster.

import { isClosed } from "./console_facts.js";
import { h, icon, isFocusLost, place, setText, show } from "./dom.js";
import { ask, Problem } from "./http.js";
import { FORMS } from "./incident_forms.js";

/** @typedef {import("./incident_card.js").IncidentCard} Card */
/** @typedef {{name: string, path: string, key?: string, isFor: (item: any, me: any) => boolean, isFirst?: boolean}} Act */

/** @param {any} me */
const isLead = (me) => (me.roles ?? []).some((/** @type {string} */ role) => role === "supervisor" || role === "owner");
/** @param {any} item @param {any} me */
const isHers = (item, me) => item.owner_id !== null && item.owner_id === me.id;
/** @param {any} item @param {string} act */
const can = (item, act) => (item.can ?? []).includes(act);

/** @type {Act[]} */
export const ACTS = [
  { name: "claim", path: "claim", key: "a", isFor: (item) => can(item, "claim"), isFirst: true },
  { name: "accept", path: "accept", isFor: (item, me) => item.offered_to === me.id && can(item, "hand_over"), isFirst: true },
  { name: "call", path: "calls", key: "c", isFor: (item, me) => isHers(item, me) && !isClosed(item) },
  { name: "respond", path: "responses", isFor: (item, me) => isHers(item, me) && can(item, "respond") },
  { name: "helpers", path: "helpers", key: "h", isFor: (item, me) => isHers(item, me) && !isClosed(item) },
  { name: "note", path: "notes", key: "n", isFor: (item) => !isClosed(item) },
  { name: "warn", path: "/v1/customer-notes", isFor: (item, me) => Boolean(item.visit_id) && item.state !== "reviewed" && (isHers(item, me) || isClosed(item)) },
  { name: "offer", path: "offers", key: "o", isFor: (item, me) => isHers(item, me) && can(item, "hand_over") },
  { name: "resolve", path: "resolve", key: "r", isFor: (item, me) => can(item, "resolve") && (isHers(item, me) || isLead(me)) },
  { name: "review", path: "review", isFor: (item, me) => can(item, "review") && isLead(me) },
];

export class IncidentActs {
  /** @param {import("./incidents.js").Incidents} incidents @param {import("./words.js").Words} words @param {{me: () => any, colleagues: () => {id: string, name: string}[], onClaim: (item: any) => void}} desk */
  constructor(incidents, words, desk) {
    this.incidents = incidents;
    this.words = words;
    this.desk = desk;
    incidents.addAct((card) => this.#dress(card));
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Draw all cards anew: who she is was learned, or who else is on duty. */
  refresh() {
    for (const card of this.incidents.cards.values()) this.#draw(card);
  }

  /** @param {Card} card */
  #dress(card) {
    card.slots.form.setAttribute("aria-live", "polite");
    card.addEventListener("item", () => this.#draw(card));
  }

  /** @param {Card} card */
  #draw(card) {
    const me = this.desk.me();
    const wanted = me ? ACTS.filter((act) => act.isFor(card.item, me)) : [];
    const had = new Map([...card.slots.acts.querySelectorAll("button")].map((each) => [each.dataset.act, each]));
    // A button in use keeps its place and focus.
    const buttons = wanted.map((act) => had.get(act.name) ?? this.#button(card, act));
    if (place(card.slots.acts, buttons) >= 0) card.element.focus({ preventScroll: true });
    const open = /** @type {HTMLElement | null} */ (card.slots.form.querySelector("form"));
    if (open && !wanted.some((act) => act.name === open.dataset.act)) this.#close(card);
  }

  /** @param {Card} card @param {Act} act */
  #button(card, act) {
    const label = this.words.say(`act-incident-${act.name}`);
    return h("button", { type: "button", class: `button small ${act.isFirst ? "danger" : "plain"}`, "data-act": act.name, "aria-keyshortcuts": act.key?.toUpperCase(), onclick: () => this.begin(card, act) },
      label, act.key && h("kbd", { "aria-hidden": "true" }, act.key.toUpperCase()));
  }

  /** Do it, or ask for the words that it needs first. @param {Card} card @param {Act} act */
  async begin(card, act) {
    const make = FORMS[act.name];
    if (!make) return this.#do(card, act, { version: card.item.version });
    const seen = card.item.version;
    const said = h("p", { class: "notice bad", role: "alert", hidden: true });
    const go = h("button", { type: "submit", class: "button small" }, this.words.say(`act-incident-${act.name}`));
    const back = h("button", { type: "button", class: "button plain small", onclick: () => this.#close(card) }, this.words.say("act-no"));
    const fields = await make(card.item, this.words, this.desk);
    const form = /** @type {HTMLFormElement} */ (h("form", { "data-act": act.name }, ...fields, said, h("div", { class: "pair" }, go, back)));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const data = new FormData(form);
      const body = Object.fromEntries([...data.entries()].filter(([name]) => name !== "sure").map(([name, value]) => [name, String(value).trim()]));
      const whom = data.getAll("technician_ids").map(String);
      if (act.name === "warn") this.#do(card, act, { visit_id: card.item.visit_id, kinds: data.getAll("kinds"), note: body.note, told: body.told || null });
      else this.#do(card, act, { version: seen, ...body, ...(act.name === "helpers" ? { technician_ids: whom } : {}) });
    });
    form.addEventListener("keydown", (event) => event.key === "Escape" && this.#close(card));
    card.slots.form.replaceChildren(form);
    /** @type {HTMLElement | null} */ (form.querySelector("select, textarea, input"))?.focus({ preventScroll: true });
    // All of it, also the button that sends it: on a small screen it opens below the edge.
    form.scrollIntoView({ block: "nearest" });
  }

  /** @param {Card} card */
  #close(card) {
    // Where her hands are elsewhere by now, they stay there.
    const isHers = isFocusLost() || card.element.contains(document.activeElement);
    card.slots.form.replaceChildren();
    if (isHers) card.element.focus();
  }

  /** @param {Card} card @param {Act} act @param {object} body */
  async #do(card, act, body) {
    const id = card.item.id;
    // Meanwhile she may have begun something else: only the form that was sent is closed.
    const sent = card.slots.form.firstElementChild;
    for (const button of card.element.querySelectorAll(".acts button, .form button")) button.setAttribute("aria-busy", "true");
    try {
      const path = act.path.startsWith("/") ? act.path : `/v1/incidents/${encodeURIComponent(id)}/${act.path}`;
      await this.#ask(act, path, body);
      if (card.slots.form.firstElementChild === sent) this.#close(card);
      if (act.name === "claim" || act.name === "accept") this.desk.onClaim(card.item);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.#refused(card, problem);
    } finally {
      for (const button of card.element.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
    }
  }

  /** Taking it is right as long as nobody else has: not a reason to press again that the ladder climbed meanwhile. @param {Act} act @param {string} path @param {object} body */
  async #ask(act, path, body) {
    const once = () => ({ "Idempotency-Key": crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}` });
    try {
      await ask("POST", path, body, once());
    } catch (problem) {
      const isOvertaken = problem instanceof Problem && problem.code === "out_of_date" && act.name === "claim" && !problem.body.owner_id;
      if (!isOvertaken) throw problem;
      await ask("POST", path, { ...body, version: problem.body.version }, once());
    }
  }

  /** Say what went wrong, and who was faster. @param {Card} card @param {Problem} problem */
  #refused(card, problem) {
    const { words } = this;
    const owner = problem.body.owner_id;
    const name = this.desk.colleagues().find((each) => each.id === owner)?.name ?? card.item.owner_name ?? "";
    const isHers = owner && owner === this.desk.me()?.id;
    const text = problem.isPassing ? words.say("login-failed")
      : problem.code === "out_of_date" && owner && !isHers ? words.say("act-faster", { name: name || "#" + String(owner).slice(-4) })
        : problem.code === "out_of_date" ? words.say("act-changed") : problem.detail;
    let said = /** @type {HTMLElement | null} */ (card.slots.form.querySelector("[role=alert]"));
    if (!said) {
      said = h("p", { class: "notice bad", role: "alert" });
      card.slots.form.replaceChildren(said);
    }
    said.replaceChildren(icon("alert"), h("span", {}, text));
    show(said, true);
    setText(document.getElementById("spoken") ?? said, text);
  }

  /** Single keys, while nothing is being typed and unless she turned them off. @param {KeyboardEvent} event */
  #key(event) {
    const target = /** @type {Element} */ (event.target);
    if (event.metaKey || event.ctrlKey || event.altKey || event.repeat || target.closest("input, textarea, select, dialog[open], .login")) return;
    if (localStorage.getItem("desk-keys") === "off") return;
    const card = this.incidents.current();
    const me = this.desk.me();
    const act = ACTS.find((each) => each.key === event.key.toLowerCase());
    if (!card || !me || !act?.isFor(card.item, me)) return;
    event.preventDefault();
    card.element.scrollIntoView({ block: "nearest" });
    this.begin(card, act);
  }
}
