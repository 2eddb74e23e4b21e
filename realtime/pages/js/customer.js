// The customer's page while it lives: the server's words, kept true by the socket, and the map beside them.

import { HubClock } from "./clock.js";
import { chapterOf, doorHalves, freshness, line, LINE, seen, title } from "./customer_words.js";
import { byId, pageState, setText, show } from "./dom.js";
import { FarePart } from "./fare.js";
import { HelpTap } from "./help_tap.js";
import { showLink } from "./link_badge.js";
import { LiveSocket } from "./socket.js";
import { loadWords } from "./words.js";

const SPEAK_EVERY_MS = 30_000;

class CustomerScreen {
  /** @param {any} state @param {import("./words.js").Words} words */
  constructor(state, words) {
    this.state = state;
    this.words = words;
    /** @type {import("./customer_words.js").CustomerPage} */
    this.page = { visit: state.page.visit, position: state.page.position ?? null, arrival: state.page.arrival ?? null };
    this.clock = new HubClock();
    this.clock.learn(state.now_ms);
    this.sequence = -1;
    this.epoch = 0;
    this.heardPositionAt = 0;
    this.spokenAt = 0;
    this.spokenChapter = "";
    this.isHoled = false;
    /** @type {import("./customer_map.js").CustomerMap | null} */
    this.map = null;
    /** @type {FarePart | null} */
    this.fare = null;
    const token = decodeURIComponent(location.pathname.split("/")[2] ?? "");
    this.token = token;
    this.watch = { type: "watch", link: token };
    this.socket = new LiveSocket("/v1/ws/visit", () => this.watch);
  }

  start() {
    this.socket.addEventListener("frame", (event) => this.onFrame(/** @type {CustomEvent} */ (event).detail));
    // The right to look has ended: the server says so with the page that any dead link gets.
    this.socket.addEventListener("ended", () => location.reload());
    showLink(this.socket, byId("link"), byId("link-text"), this.words);
    this.socket.start();
    this.#offerHelp();
    show(byId("clocks"), true);
    if (byId("fare").querySelector(".fare-part")) this.fare = new FarePart(byId("fare"), `${location.pathname}/fare`).start();
    setInterval(() => this.tick(), 1000);
    this.draw();
    this.#loadMap();
  }

  #offerHelp() {
    const { visit } = this.page;
    const numbers = { deskPhone: visit.desk_phone, emergencyNumber: visit.emergency_number };
    const cry = (/** @type {object} */ frame) => this.socket.state === "live" && this.socket.send(frame);
    const tap = new HelpTap(this.words, { token: this.token, cry, numbers, hasPin: false }).start();
    this.socket.addEventListener("frame", (event) => tap.outbox.onFrame(/** @type {CustomEvent} */ (event).detail));
  }

  async #loadMap() {
    try {
      const { CustomerMap } = await import("./customer_map.js");
      show(byId("map-holder"), true);
      this.map = new CustomerMap(this.state, this.words, this.page);
      this.map.update(this.page);
      this.tick();
    } catch (error) {
      console.warn("No map:", error);
      show(byId("map-holder"), false);
    }
  }

  /** @param {any} frame */
  onFrame(frame) {
    this.clock.learn(frame.server_at_ms);
    if (frame.type === "snapshot") {
      this.epoch = frame.view_epoch;
      this.isHoled = false;
      this.page = { visit: frame.visit, position: frame.position, arrival: frame.arrival };
    } else if (frame.type === "position" || frame.type === "visit") {
      if (this.isHoled || frame.view_epoch !== this.epoch) return;
      if (frame.sequence !== this.sequence + 1) return this.#askAgain();
      if (frame.type === "visit") this.page = { ...this.page, visit: frame.visit };
      else this.page = { ...this.page, position: frame.position, arrival: frame.arrival };
    } else return;
    this.sequence = frame.sequence;
    if (frame.position) this.heardPositionAt = this.clock.now();
    if (chapterOf(this.page.visit.stage) !== "on_the_way") this.page.position = null;
    this.draw();
    this.map?.update(this.page);
  }

  /** A frame is missing: what follows cannot be put together, so ask for everything again. */
  #askAgain() {
    this.isHoled = true;
    this.socket.send(this.watch);
  }

  draw() {
    const { words, page } = this;
    const chapter = chapterOf(page.visit.stage);
    const nowMs = this.clock.now();
    byId("main").dataset.chapter = chapter;
    setText(byId("chapter"), words.say(`chapter-${chapter}`));
    setText(byId("title"), title(words, page, nowMs));
    setText(byId("line"), line(words, page, nowMs));
    document.title = `${title(words, page, nowMs)} · ${words.say("customer-page-title")}`;
    setText(byId("who-name"), page.visit.technician_name ?? words.say("who-nobody"));
    setText(byId("who-initial"), (page.visit.technician_name ?? "?").slice(0, 1));
    this.#drawSteps(chapter);
    this.#drawDoor();
    this.#speak(chapter);
    this.tick();
  }

  tick() {
    const { words, page } = this;
    const nowMs = this.clock.now();
    const onTheWay = chapterOf(page.visit.stage) === "on_the_way";
    const fresh = onTheWay ? freshness(page.position, nowMs, this.state) : "none";
    show(byId("seen"), onTheWay);
    byId("seen").dataset.freshness = fresh;
    setText(byId("seen-text"), seen(words, page.position, nowMs));
    setText(byId("title"), title(words, page, nowMs));
    setText(byId("line"), line(words, page, nowMs));
    document.body.classList.toggle("is-stale", fresh === "stale" || this.socket.state === "lost" || this.socket.state === "offline");
    this.map?.age(fresh);
    this.#drawClocks(nowMs);
  }

  /** @param {number} nowMs */
  #drawClocks(nowMs) {
    const { words, page, socket } = this;
    const ago = (/** @type {number} */ ms) => words.say("clock-ago", { age: words.age(ms / 1000) });
    const mine = words.say(`link-${socket.state}`);
    setText(byId("clock-mine"), socket.lastFrameAt && socket.state === "live" ? `${mine} · ${ago(Date.now() - socket.lastFrameAt)}` : mine);
    const heard = this.heardPositionAt || page.position?.properties.at_ms || 0;
    setText(byId("clock-phone"), heard ? ago(nowMs - heard) : words.say("clock-never"));
    const fix = page.position?.properties;
    const within = fix?.accuracy_m != null ? ` · ${words.say("clock-accuracy", { m: Math.round(fix.accuracy_m) })}` : "";
    setText(byId("clock-fix"), fix ? `${ago(nowMs - fix.at_ms)}${within}` : words.say("clock-never"));
  }

  /** @param {string} chapter */
  #drawSteps(chapter) {
    const here = LINE.indexOf(chapter);
    show(byId("steps"), here >= 0);
    for (const item of /** @type {NodeListOf<HTMLElement>} */ (byId("steps").querySelectorAll("li"))) {
      const place = LINE.indexOf(item.dataset.chapter ?? "");
      const state = place < here ? "done" : place === here ? "now" : "next";
      item.dataset.state = state;
      if (state === "now") item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
      const said = item.querySelector(".sr");
      if (said) setText(said, ` (${this.words.say(`step-${state}`)})`);
    }
  }

  #drawDoor() {
    const halves = doorHalves(this.page.visit);
    show(byId("door"), halves !== null);
    setText(byId("door-who"), this.words.say("door-she-says", { name: this.page.visit.technician_name ?? "…" }));
    setText(byId("door-hers"), halves?.[0] ?? "");
    setText(byId("door-yours"), halves?.[1] ?? "");
  }

  /** Tell screen readers a new chapter at once, a new arrival time at most every 30 s. @param {string} chapter */
  #speak(chapter) {
    const isNew = chapter !== this.spokenChapter;
    if (isNew) this.fare?.refresh();
    if (!isNew && Date.now() - this.spokenAt < SPEAK_EVERY_MS) return;
    const text = `${title(this.words, this.page, this.clock.now())}. ${line(this.words, this.page, this.clock.now())}`;
    if (this.spokenChapter !== "") setText(byId("spoken"), text);
    this.spokenChapter = chapter;
    this.spokenAt = Date.now();
  }
}

loadWords().then((words) => new CustomerScreen(pageState(), words).start());
