// One visit on the technician's page: where, when, for whom, and the one big button for what comes next.

import { noteBox } from "./customer_notes.js";
import { h, icon, place } from "./dom.js";
import { FarePart } from "./fare.js";
import { MoreTime } from "./more_time.js";
import { smallMap } from "./small_map.js";
import { clockText } from "./words.js";
import L from "./leaflet.js";

/** Stage -> the act that comes next; anything else the hub allows is under "something is different". */
const NEXT = /** @type {Record<string, string>} */ ({ assigned: "depart", departed: "arrive", arrived: "start", in_service: "end", ended: "leave", aborted_unsafe: "leave" });
const OTHERS = ["no_show", "cancel", "abort_unsafe"];

/** Events: "act" (detail: {visit, act, body}). */
export class VisitCard extends EventTarget {
  /** @param {any} visit @param {import("./words.js").Words} words @param {{map: any, basemapUrl: string | null, zone?: string, fares?: (() => Record<string, string>) | null, headers: () => Record<string, string>, reread: () => Promise<boolean>}} setting */
  constructor(visit, words, setting) {
    super();
    this.visit = visit;
    this.words = words;
    this.setting = setting;
    this.fault = "";
    /** @type {any} */
    this.pending = null;
    this.asked = "";
    this.element = h("article", { class: "card visit", "data-id": visit.id, tabindex: "-1" });
    this.mapHolder = h("div", { class: "map-holder", role: "img", "aria-label": words.say("map-label") }, h("div", { class: "map" }));
    this.isMapped = false;
    /** @type {import("leaflet").CircleMarker | null} */
    this.dot = null;
    this.drawn = "";
    this.moreTime = new MoreTime(visit, words, setting);
    this.moreTime.addEventListener("act", (event) => this.#press("extend", { minutes: /** @type {CustomEvent} */ (event).detail }));
    this.fareHolder = h("div", { class: "fare-holder", hidden: true });
    this.fare = setting.fares ? new FarePart(this.fareHolder, `/technician/fares/${visit.id}`, setting.fares).start() : null;
  }

  /** The visit is no longer hers to see. */
  close() {
    this.fare?.stop();
    this.element.remove();
  }

  /** Show the visit as it now is; draws nothing where nothing changed, so that typing is not interrupted. @param {any} visit @param {any} pending @param {boolean} isFirst */
  update(visit, pending, isFirst) {
    if (visit.stage !== this.visit.stage) this.fare?.refresh();
    this.visit = visit;
    this.pending = pending;
    this.isFirst = isFirst;
    const state = JSON.stringify([visit, pending?.act, this.fault, this.asked, isFirst]);
    if (state === this.drawn) return;
    this.drawn = state;
    this.#draw();
  }

  /** @param {string} text */
  fail(text) {
    this.fault = text;
    this.#redraw();
  }

  #redraw() {
    this.update(this.visit, this.pending, this.isFirst ?? false);
  }

  #draw() {
    const { visit, words } = this;
    this.element.dataset.stage = visit.stage;
    this.moreTime.update(visit, Boolean(this.pending));
    const { main, more } = this.pending ? { main: this.#waiting(), more: null } : this.#acts();
    const address = visit.place ? h("p", { class: "address" }, visit.place.address) : null;
    const shown = [this.#head(), address, noteBox(visit.notes, words, true), this.#fault(), main, this.moreTime.element, ...(visit.place ? this.#place() : []), this.fareHolder, more];
    this.#show(/** @type {HTMLElement[]} */ (shown.filter(Boolean)));
    if (visit.place && this.isFirst) this.#map();
    this.element.setAttribute("aria-label", `${words.service(visit.service_kind)}, ${words.say(`stage-${visit.stage}`)}`);
  }

  /** Put the parts in, leaving to her what she has typed, what she has opened and where she stands. @param {HTMLElement[]} parts */
  #show(parts) {
    const held = document.activeElement?.id ?? "";
    const typed = [...this.element.querySelectorAll("input[id]")].map((each) => /** @type {HTMLInputElement} */ (each));
    const isOpen = this.element.querySelector("details.more")?.hasAttribute("open") ?? false;
    const lostAt = place(this.element, parts);
    for (const old of typed) {
      const now = /** @type {HTMLInputElement | null} */ (this.element.querySelector(`#${CSS.escape(old.id)}`));
      if (now && now !== old) now.value = old.value;
    }
    if (isOpen) this.element.querySelector("details.more")?.setAttribute("open", "");
    if (lostAt < 0) return;
    const again = /** @type {HTMLElement | null} */ (held ? this.element.querySelector(`#${CSS.escape(held)}`) : null);
    (again ?? this.element).focus({ preventScroll: true });
  }

  #head() {
    const { visit, words } = this;
    const zone = this.setting.zone;
    const when = words.say("visit-window", { from: clockText(Date.parse(visit.window_start), zone), to: clockText(Date.parse(visit.window_end), zone) });
    return h("div", { class: "head" }, h("div", {}, h("h3", {}, words.service(visit.service_kind)), h("p", { class: "when" }, when)), h("span", { class: "stage" }, words.say(`stage-${visit.stage}`)));
  }

  #place() {
    const { place, customer } = this.visit;
    const { words } = this;
    const facts = [
      ["visit-customer", customer?.name, false], ["visit-floor", place.floor && words.floor(place.floor), false], ["visit-entry", place.entry_code, true], ["visit-note", place.note, false],
    ].filter((row) => row[1]).map(([key, value, isStrong]) => h("div", {}, h("dt", {}, words.say(String(key))), h("dd", { class: isStrong ? "strong" : null }, String(value))));
    const [lat, lon] = pointOf(place);
    const way = h("a", { class: "button plain small", href: `geo:${lat},${lon}?q=${lat},${lon}` }, icon("route"), words.say("visit-navigate"));
    return [facts.length ? h("dl", { class: "facts" }, ...facts) : null, this.isFirst ? this.mapHolder : null, this.visit.stage === "assigned" || this.visit.stage === "departed" ? way : null];
  }

  async #map() {
    const [lat, lon] = pointOf(this.visit.place);
    if (this.isMapped) return;
    this.isMapped = true;
    const map = smallMap(/** @type {HTMLElement} */ (this.mapHolder.firstChild), this.setting.map, this.setting.basemapUrl, [lat, lon]);
    const symbol = L.divIcon({ html: h("div", { class: "home" }, icon("pin")), className: "", iconSize: [38, 46], iconAnchor: [19, 43] });
    L.marker([lat, lon], { icon: symbol, interactive: false, keyboard: false }).addTo(map);
    this.map = map;
    requestAnimationFrame(() => map.invalidateSize());
  }

  /** Show where she herself is. @param {{lat: number, lon: number} | null} fix */
  here(fix) {
    if (!this.map || !fix) return;
    this.dot ??= L.circleMarker([fix.lat, fix.lon], { radius: 8, color: "#fff", weight: 3, fillColor: "#f9b233", fillOpacity: 1, interactive: false }).addTo(this.map);
    this.dot.setLatLng([fix.lat, fix.lon]);
  }

  #fault() {
    return this.fault ? h("p", { class: "notice bad", role: "alert" }, icon("alert"), this.fault) : null;
  }

  #waiting() {
    return h("p", { class: "pending", role: "status" }, icon("clock"), `${this.words.say(`act-${this.pending.act}`)} – ${this.words.say("act-pending")}`);
  }

  #acts() {
    const { visit, words } = this;
    const next = NEXT[visit.stage];
    const main = next && visit.possible.includes(next) ? (next === "start" && visit.door_code ? this.#door() : this.#button(next)) : null;
    const others = OTHERS.filter((act) => visit.possible.includes(act));
    const more = others.length
      ? h("details", { class: "more", open: Boolean(this.asked) }, h("summary", {}, words.say("act-more")), h("div", { class: "others" }, ...others.map((act) => this.#other(act))))
      : null;
    return { main, more };
  }

  /** @param {string} act */
  #button(act) {
    return h("button", { class: "button main-act", type: "button", onclick: () => this.#press(act, {}) }, this.words.say(`act-${act}`));
  }

  #door() {
    const { words, visit } = this;
    const field = `door-${visit.id}`;
    const typed = /** @type {HTMLInputElement} */ (h("input", { id: field, inputmode: "numeric", autocomplete: "off", maxlength: "7", pattern: "[0-9 \\-]{3,7}", required: true }));
    const send = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#press("start", { door_code: typed.value.replace(/\D/g, "") });
    };
    return h("form", { class: "door", onsubmit: send },
      h("p", { class: "say" }, words.say("code-say"), h("strong", {}, visit.door_code ?? "")),
      h("div", { class: "field" }, h("label", { for: field }, words.say("code-type")), typed),
      h("button", { class: "button main-act", type: "submit" }, words.say("act-start")));
  }

  /** An act that is seldom meant asks once more. @param {string} act */
  #other(act) {
    const { words } = this;
    if (this.asked !== act) {
      return h("div", {}, h("button", { class: "button plain", type: "button", onclick: () => this.#askSure(act) }, words.say(`act-${act}`)), act === "abort_unsafe" ? h("p", { class: "note" }, words.say("act-abort-note")) : null);
    }
    const reason = /** @type {HTMLInputElement} */ (h("input", { id: `why-${this.visit.id}`, maxlength: "500", autocomplete: "off" }));
    const yes = () => this.#press(act, reason.value.trim() ? { reason: reason.value.trim() } : {});
    return h("div", { class: "sure", role: "group" }, h("p", {}, `${words.say(`act-${act}`)} – ${words.say("act-sure")}`),
      h("div", { class: "field" }, h("label", { for: reason.id }, words.say("act-reason")), reason),
      h("div", { class: "pair" }, h("button", { class: "button", type: "button", onclick: yes }, words.say("act-yes")),
        h("button", { class: "button plain", type: "button", onclick: () => this.#askSure("") }, words.say("act-no"))));
  }

  /** @param {string} act */
  #askSure(act) {
    this.asked = act;
    this.#redraw();
    /** @type {HTMLElement | null} */ (this.element.querySelector(act ? ".sure input" : "details.more button"))?.focus();
  }

  /** @param {string} act @param {object} body */
  #press(act, body) {
    this.fault = "";
    this.asked = "";
    this.dispatchEvent(new CustomEvent("act", { detail: { visit: this.visit, act, body } }));
  }
}

/** @param {any} place @returns {[number, number]} [lat, lon] */
function pointOf(place) {
  return [place.lat, place.lon];
}
