// The safety desk's console: sign in, then list, map, details and alerts from one feed.

import { ConsoleDetail } from "./console_detail.js";
import { Facts } from "./console_facts.js";
import { ConsoleFeed } from "./console_feed.js";
import { ConsoleList, drawCounts } from "./console_list.js";
import { wireLogin } from "./console_login.js";
import { Duty } from "./duty.js";
import { byId, pageState, setText, show } from "./dom.js";
import { IncidentActs } from "./incident_acts.js";
import { IncidentStory, wireKeysSwitch } from "./incident_story.js";
import { Incidents } from "./incidents.js";
import { showLink } from "./link_badge.js";
import { Notices } from "./notices.js";
import { loadWords } from "./words.js";

const TOPICS = ["positions", "incidents", "notices", "visits"];
const LOST_AFTER_MS = 2_000;
const SILENT_START_MS = 3_000;

class Desk {
  /** @param {any} state @param {import("./words.js").Words} words */
  constructor(state, words) {
    this.state = state;
    this.words = words;
    this.feed = new ConsoleFeed(TOPICS);
    this.facts = new Facts(this.feed);
    this.list = new ConsoleList(this.facts, words);
    this.detail = new ConsoleDetail(this.facts, words);
    this.incidents = new Incidents(this.feed, words, (id) => this.facts.nameOf(id));
    this.notices = new Notices(this.feed, words);
    this.duty = new Duty(this.incidents.ring, words);
    const showPerson = (/** @type {string} */ id, takesFocus = true) => this.select({ kind: "person", id }, true, takesFocus);
    new IncidentStory(this.incidents, this.facts, words, showPerson);
    // Who takes an incident goes on with its card: her next key is meant for it.
    const onClaim = (/** @type {any} */ item) => item.technician_id && showPerson(item.technician_id, false);
    const desk = { me: () => this.duty.me, colleagues: () => this.duty.colleagues(), onClaim };
    this.acts = new IncidentActs(this.incidents, words, desk);
    this.duty.addEventListener("change", () => this.acts.refresh());
    /** @type {import("./console_map.js").ConsoleMap | null} */
    this.map = null;
    /** @type {{kind: "person" | "visit", id: string} | null} what was chosen, perhaps before the map was there */
    this.chosen = null;
  }

  start() {
    showLink(this.feed.socket, byId("link"), byId("link-text"), this.words);
    this.feed.socket.addEventListener("frame", () => this.#seen(), { once: true });
    this.feed.addEventListener("signed-out", () => this.#signedOut());
    this.facts.addEventListener("change", () => this.#drawSoon());
    this.list.addEventListener("select", (event) => this.select(/** @type {CustomEvent} */ (event).detail, true));
    this.detail.addEventListener("close", () => this.#unmark());
    byId("lost-retry").addEventListener("click", () => this.feed.socket.again());
    this.feed.start();
    this.startedAt = Date.now();
    setInterval(() => this.tick(), 1000);
    // Neither signed in nor out: the hub does not answer. Show the empty board with its banner rather than nothing.
    setTimeout(() => byId("login").hidden && show(byId("desk"), true), SILENT_START_MS);
  }

  /** @param {{kind: "person" | "visit", id: string}} choice @param {boolean} shouldShow @param {boolean} takesFocus */
  select(choice, shouldShow, takesFocus = true) {
    this.chosen = choice;
    this.detail.open(choice.kind, choice.id, takesFocus);
    this.list.mark(choice.kind === "visit" ? `visit:${choice.id}` : choice.id);
    this.#markOnMap(shouldShow);
  }

  /** @param {boolean} shouldShow */
  #markOnMap(shouldShow) {
    if (!this.chosen) return;
    const { kind, id } = this.chosen;
    const visit = kind === "visit" ? this.facts.visits().find((each) => each.id === id) : null;
    this.map?.mark(visit ? (visit.technician_id ?? "") : id, shouldShow);
  }

  draw() {
    this.incidents.draw();
    this.tick();
    const siteId = this.feed.items("positions")[0]?.site_id ?? this.feed.items("visits")[0]?.site_id;
    if (siteId) this.map?.lay(siteId);
  }

  tick() {
    const nowMs = this.feed.clock.now();
    setText(byId("wall"), new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" }).format(nowMs));
    this.list.draw();
    this.detail.draw();
    this.map?.update(this.facts.people(), nowMs);
    drawCounts(this.facts);
    this.incidents.tick();
    this.duty.draw();
    this.#drawLost();
  }

  /** Neither a dead socket nor a hub without its database may look like a quiet night: the board says since when; a dead one turns grey. */
  #drawLost() {
    const { socket } = this.feed;
    const quietMs = Date.now() - (socket.lostSince || this.startedAt || Date.now());
    const isLost = socket.state !== "live" && quietMs > LOST_AFTER_MS;
    const { behindSince } = this.feed;
    const isBehind = !isLost && behindSince !== null;
    byId("desk").classList.toggle("is-lost", isLost);
    const age = this.words.age((isBehind ? this.feed.clock.now() - behindSince : quietMs) / 1000);
    const why = isBehind ? "lost-behind" : socket.state === "offline" ? "lost-offline" : "lost-since";
    if (isLost || isBehind) setText(byId("lost-text"), this.words.say(why, { age }));
    show(byId("lost"), isLost || isBehind);
    show(byId("lost-retry"), isLost);
    this.incidents.ring.lost((isLost || isBehind) && byId("desk").hidden === false);
  }

  #drawSoon() {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      this.draw();
    });
  }

  #unmark() {
    this.chosen = null;
    this.list.mark("");
    this.map?.mark("", false);
  }

  /** The first frame: we are signed in. */
  #seen() {
    show(byId("login"), false);
    show(byId("desk"), true);
    this.facts.start();
    this.duty.start();
    wireKeysSwitch(this.words);
    this.draw();
    this.#loadMap();
  }

  #signedOut() {
    this.incidents.ring.stop();
    this.incidents.ring.lost(false);
    show(byId("desk"), false);
    show(byId("login"), true);
    byId("user").focus();
  }

  async #loadMap() {
    try {
      const { ConsoleMap } = await import("./console_map.js");
      this.map = await ConsoleMap.open(this.state.map, this.words);
      this.map.addEventListener("select", (event) => this.select({ kind: "person", id: /** @type {CustomEvent} */ (event).detail }, false));
      this.draw();
      this.#markOnMap(true);
    } catch (error) {
      console.warn("No map:", error);
      show(byId("map"), false);
      show(byId("map-none"), true);
    }
  }
}

loadWords().then((words) => {
  wireLogin(words, () => location.reload());
  new Desk(pageState(), words).start();
});
