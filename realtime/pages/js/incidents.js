// The console's incidents: cards of topic "incidents", gravest and oldest first, ringing until somebody has taken each.
//
// A card is built once and then changed in place, so that what a dispatcher is typing stays under her hands. What can be done with an
// incident is added with `addAct`.

import { isClosed } from "./console_facts.js";
import { byId, place, setText, show } from "./dom.js";
import { IncidentCard, raisedAt } from "./incident_card.js";
import { Ring } from "./ring.js";


export class Incidents {
  /** @param {import("./console_feed.js").ConsoleFeed} feed @param {import("./words.js").Words} words @param {(id: string) => string} nameOf a technician's name */
  constructor(feed, words, nameOf) {
    this.feed = feed;
    this.words = words;
    this.nameOf = nameOf;
    this.ring = new Ring();
    /** @type {Map<string, IncidentCard>} */
    this.cards = new Map();
    /** @type {((card: IncidentCard) => void)[]} */
    this.acts = [];
    feed.addEventListener("topic", (event) => /** @type {CustomEvent} */ (event).detail.name === "incidents" && this.draw());
    byId("sound").addEventListener("click", async () => {
      this.ring.test(1);
      await this.ring.turnOn();
      this.tick();
    });
  }

  /** Add something to every card. @param {(card: IncidentCard) => void} add called once a card, before it is drawn; it may append to `card.slots` and listen to "item" */
  addAct(add) {
    this.acts.push(add);
    for (const card of this.cards.values()) add(card);
    this.draw();
  }

  /** The card that has the focus, else the first. */
  current() {
    const focused = /** @type {HTMLElement | null} */ (document.activeElement?.closest(".incident"));
    const wanted = focused ?? /** @type {HTMLElement | null} */ (byId("incident-list").querySelector(".incident"));
    return [...this.cards.values()].find((card) => card.element === wanted) ?? null;
  }

  draw() {
    const items = this.feed.items("incidents");
    const open = items.filter((item) => !isClosed(item)).sort(byGravity);
    const ended = items.filter(isClosed).sort((a, b) => (raisedAt(b) ?? 0) - (raisedAt(a) ?? 0));
    const wanted = new Set(items.map((item) => item.id));
    for (const [id, card] of this.cards) {
      if (wanted.has(id)) continue;
      card.element.remove();
      this.cards.delete(id);
    }
    const lostAt = place(byId("incident-list"), open.map((item) => this.#card(item).element));
    place(byId("ended-list"), ended.map((item) => this.#card(item).element));
    show(byId("ended"), ended.length > 0);
    // Whose card has gone to the ended ones stands on the gravest that is open, else before those that ended.
    if (lostAt >= 0) /** @type {HTMLElement | null} */ (byId("incident-list").querySelector(".incident") ?? byId("ended").querySelector(":scope > summary"))?.focus();
    setText(byId("ended-count"), String(ended.length));
    if (open.some(isSounding)) this.ring.start();
    else this.ring.stop();
    document.title = `${open.length ? `(${open.length}) ` : ""}${this.words.say("console-title")} · ${this.words.say("product")}`;
    this.open = open.length;
    this.tick();
  }

  /** Once a second: ages, countdowns, and the sentence that proves a quiet night. */
  tick() {
    const nowMs = this.feed.clock.now();
    const isLive = this.feed.socket.state === "live";
    for (const card of this.cards.values()) card.tick(nowMs);
    const calm = byId("incidents-calm");
    const heard = this.words.age((Date.now() - this.feed.socket.lastFrameAt) / 1000);
    calm.classList.toggle("unknown", !isLive);
    const none = `${this.words.say("incidents-none")} · ${this.words.say("incidents-checked", { age: heard })}`;
    setText(calm, !isLive ? this.words.say("incidents-unknown") : none);
    show(calm, !isLive || !this.open);
    byId("sound").setAttribute("aria-pressed", String(this.ring.isOn));
    setText(byId("sound-text"), this.words.say(this.ring.isOn ? "sound-on" : "sound-off"));
    byId("sound").title = this.words.say(this.ring.isOn ? "sound-test" : "sound-needed");
  }

  /** @param {any} item */
  #card(item) {
    let card = this.cards.get(item.id);
    if (!card) {
      card = new IncidentCard(this.words, this.nameOf);
      this.cards.set(item.id, card);
      for (const add of this.acts) add(card);
      card.update(item);
      if (isSounding(item)) setText(byId("spoken"), this.words.say("incident-new", { name: card.who() }));
    } else card.update(item);
    return card;
  }
}

/** @param {any} item */
const isSounding = (item) => item.is_sounding ?? ["raised", "notifying", "exhausted", "cancel_requested"].includes(item.state);

/** @param {any} a @param {any} b */
function byGravity(a, b) {
  return (b.severity ?? 0) - (a.severity ?? 0) || (raisedAt(a) ?? 0) - (raisedAt(b) ?? 0);
}
