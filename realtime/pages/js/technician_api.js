// What the technician's page asks of the hub, in one place: paths, bodies, and the shapes the page works with.

import { ask } from "./http.js";

/** @typedef {{state: "open" | "paused" | "closed", opened_at: string, planned_end: string, unwatched: boolean}} Shift */
/** @typedef {{id: string, stage: string, version: number, service_kind: string, window_start: string, window_end: string, planned_end: string, possible: string[], place: any, customer: any, door_code: string | null}} Visit */

export class TechnicianApi {
  /** @param {string} token the device's */
  constructor(token) {
    this.token = token;
  }

  /** @returns {Record<string, string>} */
  headers() {
    return { Authorization: `Bearer ${this.token}` };
  }

  /** Who am I, and what does my site say? @returns {Promise<any>} */
  me() {
    return this.#ask("GET", "/v1/me");
  }

  /** @returns {Promise<Shift | null>} */
  async shift() {
    return (await this.#ask("GET", "/v1/me/shift")).shift;
  }

  /** @param {Date} plannedEnd @param {string} noticeVersion */
  openShift(plannedEnd, noticeVersion) {
    return this.#ask("POST", "/v1/me/shift", { planned_end: plannedEnd.toISOString(), notice_version: noticeVersion });
  }

  /** @param {"pause" | "resume" | "close"} act */
  changeShift(act) {
    return this.#ask("POST", `/v1/me/shift/${act}`);
  }

  /** Say that this phone sends only while its page is open: its silence then means nothing. @param {"foreground_only" | "background"} capability */
  declare(capability) {
    return this.#ask("PUT", "/v1/me/phone", { capability });
  }

  /** @returns {Promise<Visit[]>} */
  async visits() {
    return (await this.#ask("GET", "/v1/me/visits")).items;
  }

  /** @param {string} visitId @param {string} act @param {object} body @param {string} key the press's own id: repeating it changes nothing */
  act(visitId, act, body, key) {
    return this.#ask("POST", `/v1/visits/${visitId}/${act}`, body, { "Idempotency-Key": key });
  }

  /** @param {string} method @param {string} path @param {object | null} [body] @param {Record<string, string>} [headers] */
  #ask(method, path, body = null, headers = {}) {
    return ask(method, path, body, { ...this.headers(), ...headers });
  }
}

/**
 * Trade a one-time code for this device's token.
 * @param {string} code
 * @param {string} label what she calls the phone
 * @returns {Promise<{device_id: string, token: string}>}
 */
export const enrol = (code, label) => ask("POST", "/v1/enrolments", { code, label, platform: "web" });
