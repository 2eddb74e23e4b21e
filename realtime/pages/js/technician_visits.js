// The technician's visits: read again when told and now and then, with the one she is at on top.

import { byId, place, setText, show } from "./dom.js";
import { VisitCard } from "./visit_card.js";

const REFRESH_MS = 30_000;
const UNDERWAY = ["departed", "arrived", "in_service", "ended", "aborted_unsafe"];

export class TechnicianVisits {
  /**
   * @param {import("./technician_api.js").TechnicianApi} api @param {import("./act_outbox.js").ActOutbox} acts
   * @param {import("./words.js").Words} words @param {any} setting @param {() => any} position what the phone knows of where she is
   */
  constructor(api, acts, words, setting, position) {
    this.api = api;
    this.acts = acts;
    this.words = words;
    this.setting = setting;
    this.position = position;
    /** @type {any[]} */
    this.visits = [];
    /** @type {Map<string, VisitCard>} */
    this.cards = new Map();
    this.readAt = 0;
    acts.addEventListener("change", () => this.draw());
    acts.addEventListener("said", (event) => this.#said(/** @type {CustomEvent} */ (event).detail));
  }

  start() {
    show(byId("visits"), true);
    setInterval(() => this.refresh(), REFRESH_MS);
    return this.refresh();
  }

  /** Read the visits again. @returns {Promise<boolean>} false: the hub did not answer, and what is shown is older */
  async refresh() {
    let isRead = true;
    try {
      this.visits = (await this.api.visits()).sort(byTurn);
      this.readAt = Date.now();
    } catch (problem) {
      if (!(/** @type {any} */ (problem).isPassing)) throw problem;
      isRead = false;
    }
    this.draw();
    return isRead;
  }

  /** Whether a visit of hers is underway: then a shift cannot end. */
  get isUnderway() {
    return this.visits.some((each) => UNDERWAY.includes(each.stage));
  }

  draw() {
    const cards = this.visits.map((visit) => this.#card(visit));
    cards.forEach((card, at) => card.update(this.visits[at], this.acts.of(this.visits[at].id), at === 0));
    const lostAt = place(byId("visit-list"), cards.map((card) => card.element));
    if (lostAt >= 0) (cards[lostAt] ?? cards.at(-1))?.element.focus({ preventScroll: true });
    const keep = new Set(this.visits.map((each) => each.id));
    for (const [id, card] of this.cards) {
      if (keep.has(id)) continue;
      card.close();
      this.cards.delete(id);
    }
    show(byId("visits-empty"), this.readAt > 0 && this.visits.length === 0);
    const oldMs = Date.now() - this.readAt;
    show(byId("visits-old"), this.readAt > 0 && oldMs > 2.5 * REFRESH_MS);
    setText(byId("visits-old"), this.words.say("visits-old", { age: this.words.age(oldMs / 1000) }));
    this.cards.get(this.visits[0]?.id)?.here(this.position());
  }

  /** @param {any} visit */
  #card(visit) {
    let card = this.cards.get(visit.id);
    if (!card) {
      card = new VisitCard(visit, this.words, { ...this.setting, headers: () => this.api.headers(), reread: () => this.refresh() });
      card.addEventListener("act", (event) => this.#press(/** @type {CustomEvent} */ (event).detail));
      this.cards.set(visit.id, card);
    }
    return card;
  }

  /** @param {{visit: any, act: string, body: any}} pressed */
  #press({ visit, act, body }) {
    const fix = this.position();
    const position = fix && { lat: fix.lat, lon: fix.lon, accuracy_m: fix.accuracy_m, age_s: Math.max(0, (Date.now() - fix.at_ms) / 1000) };
    this.acts.press(visit.id, act, { ...body, ...(position ? { position } : {}) });
  }

  /** @param {{visit_id: string, act: string, problem: import("./http.js").Problem | null}} answer */
  #said({ visit_id, act, problem }) {
    const card = this.cards.get(visit_id);
    const isWrongCode = act === "start" && problem !== null && problem.code === "wrong_door_code" && problem.body.tries_left !== 0;
    card?.fail(problem ? (isWrongCode ? this.words.say("code-wrong") : this.words.say("act-failed", { detail: this.words.problem(problem, this.setting.zone) })) : "");
    this.refresh();
  }
}

/** @param {any} a @param {any} b */
function byTurn(a, b) {
  const rank = (/** @type {any} */ each) => (UNDERWAY.includes(each.stage) ? 0 : 1);
  return rank(a) - rank(b) || Date.parse(a.window_start) - Date.parse(b.window_start);
}
