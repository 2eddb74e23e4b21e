// What the customer's page says, from the same facts and with the same rules as realtime/page_model.py. A test holds the two together.

import { clockText } from "./words.js";

/** @typedef {{type: "Feature", geometry: {coordinates: [number, number]}, properties: {at_ms: number, accuracy_m?: number, heading_deg?: number, gap_s?: number}}} Position */
/** @typedef {{earliest_ms: number, latest_ms: number}} Arrival */
/** @typedef {{visit: any, position: Position | null, arrival: Arrival | null}} CustomerPage */
/** @typedef {"fresh" | "aging" | "stale" | "none"} Freshness */

/** @type {Record<string, string>} */
const CHAPTERS = {
  created: "booked", assigned: "booked", departed: "on_the_way", arrived: "at_the_door", in_service: "in_service",
  ended: "ended", left: "ended", cancelled: "cancelled", no_show: "no_show", aborted_unsafe: "ended",
};
export const LINE = ["booked", "on_the_way", "at_the_door", "in_service", "ended"];
const DOOR = new Set(["booked", "on_the_way", "at_the_door"]);

/** @param {string} stage @returns {string} */
export const chapterOf = (stage) => CHAPTERS[stage] ?? "booked";

/**
 * @param {Position | null} position
 * @param {number} nowMs
 * @param {{fresh_s: number, stale_s: number}} bounds
 * @returns {Freshness}
 */
export function freshness(position, nowMs, bounds) {
  if (!position) return "none";
  const ageS = (nowMs - position.properties.at_ms) / 1000;
  if (ageS <= bounds.fresh_s) return "fresh";
  return ageS <= bounds.stale_s ? "aging" : "stale";
}

/**
 * @param {import("./words.js").Words} words
 * @param {Position | null} position
 * @param {number} nowMs
 */
export function seen(words, position, nowMs) {
  if (!position) return words.say("seen-none");
  const ageS = Math.max(0, Math.floor((nowMs - position.properties.at_ms) / 1000));
  if (ageS < 90) return words.say("seen-s", { n: ageS });
  return ageS < 5400 ? words.say("seen-min", { n: Math.floor(ageS / 60) }) : words.say("seen-h", { n: Math.floor(ageS / 3600) });
}

/** @param {Arrival} arrival @param {number} nowMs */
export function minutesUntil(arrival, nowMs) {
  return Math.max(1, Math.round(((arrival.earliest_ms + arrival.latest_ms) / 2 - nowMs) / 60_000));
}

/**
 * @param {import("./words.js").Words} words
 * @param {CustomerPage} page
 * @param {number} nowMs
 */
export function title(words, page, nowMs) {
  const { visit, arrival } = page;
  const chapter = chapterOf(visit.stage);
  const clock = (/** @type {number} */ atMs) => clockText(atMs, visit.time_zone);
  if (chapter === "on_the_way" && arrival) {
    if (nowMs > arrival.latest_ms) return words.say("title-expected", { time: clock(arrival.latest_ms) });
    const [from, to] = [clock(arrival.earliest_ms), clock(arrival.latest_ms)];
    return from === to ? words.say("title-arrives-at", { time: from }) : words.say("title-arrives", { from, to });
  }
  if (chapter === "booked" && visit.window_start_ms != null && visit.window_end_ms != null) {
    return words.say("title-window", { from: clock(visit.window_start_ms), to: clock(visit.window_end_ms) });
  }
  return words.say(`title-${chapter}`, { name: visit.technician_name ?? "" });
}

/**
 * @param {import("./words.js").Words} words
 * @param {CustomerPage} page
 * @param {number} nowMs
 */
export function line(words, page, nowMs) {
  const { visit, arrival } = page;
  const chapter = chapterOf(visit.stage);
  const name = visit.technician_name ?? "";
  if (chapter === "booked" && visit.technician_name == null) return words.say("line-booked-nobody");
  if (chapter === "on_the_way" && arrival && nowMs <= arrival.latest_ms) {
    return words.say("line-on_the_way-in", { name, n: minutesUntil(arrival, nowMs) });
  }
  if (chapter === "in_service" && visit.started_at_ms != null && visit.planned_min != null) {
    const from = clockText(visit.started_at_ms, visit.time_zone);
    return words.say("line-in_service-until", { name, from, to: clockText(visit.started_at_ms + visit.planned_min * 60_000, visit.time_zone) });
  }
  return words.say(`line-${chapter}`, { name });
}

/**
 * Return the two halves of the door code while they matter, else null.
 * @param {any} visit
 * @returns {[string, string] | null}
 */
export function doorHalves(visit) {
  return visit.door_code && DOOR.has(chapterOf(visit.stage)) ? [visit.door_code.slice(0, 3), visit.door_code.slice(3)] : null;
}
