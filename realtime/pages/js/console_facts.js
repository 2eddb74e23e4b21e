// Who is on shift, where, doing what, and how old is that knowledge? Positions, shifts and visits joined into one list for list and map.
//
// Positions and visits come over the socket; names and shifts over HTTP, asked again now and then and whenever an unknown id appears.

import { ask, Problem } from "./http.js";

export const FRESH_S = 30;
export const STALE_S = 120;
const ASK_EVERY_MS = 20_000;
const OPEN = ["created", "assigned", "departed", "arrived", "in_service", "ended", "aborted_unsafe"];
const UNDERWAY = new Set(["departed", "arrived", "in_service", "ended", "aborted_unsafe"]);
const CLOSED = new Set(["resolved", "reviewed", "dismissed"]);
const INSIDE = new Set(["arrived", "in_service", "ended"]);

/** @typedef {{at_ms: number, lat: number, lon: number, accuracy_m?: number, heading_deg?: number, speed_mps?: number, battery_pct?: number}} Fix */
/** @typedef {{id: string, name: string, fix: Fix | null, shift: any, visit: any, phone_at_ms: number | null, alarm: any}} Person `alarm`: her open incident, null without one */

/** @param {any} value a number of ms, an RFC 3339 text, or nothing @returns {number | null} */
export function toMs(value) {
  if (value === null || value === undefined) return null;
  return typeof value === "number" ? value : Date.parse(value);
}

/** @param {Person} person @param {number} nowMs @returns {"fresh" | "aging" | "stale" | "none"} */
export function freshnessOf(person, nowMs) {
  if (!person.fix) return "none";
  const ageS = (nowMs - person.fix.at_ms) / 1000;
  if (ageS <= FRESH_S) return "fresh";
  return ageS <= STALE_S ? "aging" : "stale";
}

export const HEARD_S = 60;

/** Whether her phone speaks to the hub, with or without a position; null where nothing was ever heard. @param {Person} person @param {number} nowMs */
export const isHeard = (person, nowMs) => (person.phone_at_ms === null ? null : nowMs - person.phone_at_ms <= HEARD_S * 1000);

/** @param {any} item an incident */
export const isClosed = (item) => CLOSED.has(item.state);

/** Whether someone should look: she called for help; on shift, not pausing, and no believable position; or a visit broken off. @param {Person} person @param {number} nowMs */
export function needsLook(person, nowMs) {
  if (person.alarm) return true;
  if (person.visit?.stage === "aborted_unsafe") return true;
  if (person.shift?.state === "paused") return false;
  return ["stale", "none"].includes(freshnessOf(person, nowMs));
}

/** @param {Person} person */
export const isInside = (person) => INSIDE.has(person.visit?.stage);
/** @param {any} visit */
export const isUnderway = (visit) => UNDERWAY.has(visit.stage);

export class Facts extends EventTarget {
  /** @param {import("./console_feed.js").ConsoleFeed} feed */
  constructor(feed) {
    super();
    this.feed = feed;
    /** @type {Map<string, any>} */
    this.technicians = new Map();
    /** @type {any[]} visits asked for over HTTP, while the hub has no such topic */
    this.asked = [];
    this.askedAt = 0;
    this.isAsking = false;
    feed.addEventListener("topic", () => this.#changed());
  }

  start() {
    this.#ask();
    setInterval(() => this.#ask(), ASK_EVERY_MS);
  }

  /** @returns {any[]} every known visit, soonest first */
  visits() {
    const known = this.feed.topics.visits.isKnown ? this.feed.items("visits") : [...this.asked];
    return known.sort((a, b) => (startOf(a) ?? 0) - (startOf(b) ?? 0));
  }

  /** @returns {Person[]} who called for help, then everyone on shift or with a position, by name */
  people() {
    const alarms = this.#alarmByTechnician();
    const positions = new Map(this.feed.items("positions").map((item) => [item.id, item]));
    const visits = this.#visitByTechnician();
    const ids = new Set(positions.keys());
    for (const [id, each] of this.technicians) if (each.shift && each.shift.state !== "closed") ids.add(id);
    for (const id of alarms.keys()) ids.add(id);
    const people = [...ids].map((id) => this.#person(id, positions.get(id), visits.get(id), alarms.get(id)));
    return people.sort((a, b) => (b.alarm?.severity ?? 0) - (a.alarm?.severity ?? 0) || a.name.localeCompare(b.name));
  }

  /** Where she is as far as anybody knows: the newest fix, or the place that her press brought where there is none or it is newer. @param {string} id */
  whereabouts(id) {
    return this.people().find((each) => each.id === id)?.fix ?? null;
  }

  /** How far her position can be believed; nothing is live over a dead line. @param {Person} person @param {number} nowMs */
  freshness(person, nowMs) {
    const fresh = freshnessOf(person, nowMs);
    return fresh === "fresh" && this.feed.socket.state !== "live" ? "aging" : fresh;
  }

  /** @param {string} id */
  nameOf(id) {
    const known = this.technicians.get(id);
    return known?.name ?? known?.shown_name ?? `#${id.slice(-6)}`;
  }

  /** @param {string} id @param {any} item @param {any} visit @param {any} alarm @returns {Person} */
  #person(id, item, visit, alarm) {
    const known = this.technicians.get(id) ?? {};
    const live = item && Number.isFinite(item.lat) ? /** @type {Fix} */ (item) : null;
    const pressed = /** @type {Fix | null} */ (alarm?.pressed_at ?? null);
    const fix = pressed && (!live || pressed.at_ms > live.at_ms) ? pressed : live;
    const name = item?.name ?? (known.name || !alarm?.name ? this.nameOf(id) : alarm.name);
    return { id, name, fix, shift: known.shift ?? item?.shift ?? null, visit: visit ?? null, phone_at_ms: toMs(item?.seen_at_ms), alarm: alarm ?? null };
  }

  /** The gravest open incident of each technician. */
  #alarmByTechnician() {
    /** @type {Map<string, any>} */
    const found = new Map();
    for (const item of this.feed.items("incidents")) {
      if (!item.technician_id || isClosed(item) || item.person === "canary") continue;
      if ((item.severity ?? 0) > (found.get(item.technician_id)?.severity ?? -1)) found.set(item.technician_id, item);
    }
    return found;
  }

  #visitByTechnician() {
    /** @type {Map<string, any>} */
    const found = new Map();
    for (const visit of this.visits()) {
      if (!visit.technician_id || ["left", "cancelled", "no_show", "created"].includes(visit.stage)) continue;
      const other = found.get(visit.technician_id);
      if (!other || (!isUnderway(other) && isUnderway(visit))) found.set(visit.technician_id, visit);
    }
    return found;
  }

  #changed() {
    const unknown = this.feed.items("positions").some((item) => !item.name && !this.technicians.has(item.id));
    if (unknown && Date.now() - this.askedAt > 3_000) this.#ask();
    this.dispatchEvent(new Event("change"));
  }

  async #ask() {
    if (this.isAsking) return;
    this.isAsking = true;
    this.askedAt = Date.now();
    try {
      this.technicians = new Map((await allOf("/v1/technicians?on_shift=true")).map((each) => [each.id, each]));
      if (!this.feed.topics.visits.isKnown) this.asked = await allOf(`/v1/visits?stage=${OPEN.join(",")}`);
      this.dispatchEvent(new Event("change"));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
    } finally {
      this.isAsking = false;
    }
  }
}

/** @param {any} visit */
const startOf = (visit) => toMs(visit.window_start_ms ?? visit.window_start);

/**
 * Read a whole list, page by page.
 * @param {string} path with a query
 * @returns {Promise<any[]>}
 */
async function allOf(path) {
  const found = [];
  let cursor = "";
  do {
    const page = await ask("GET", `${path}&limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    found.push(...page.items);
    cursor = page.next_cursor ?? "";
  } while (cursor);
  return found;
}
