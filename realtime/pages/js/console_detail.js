// What is known of the one person or visit that is selected.

import { noteBox } from "./customer_notes.js";
import { byId, h, icon, show } from "./dom.js";
import { toMs } from "./console_facts.js";
import { windowText } from "./console_list.js";
import { ask } from "./http.js";
import { clockText } from "./words.js";

export class ConsoleDetail extends EventTarget {
  /** @param {import("./console_facts.js").Facts} facts @param {import("./words.js").Words} words */
  constructor(facts, words) {
    super();
    this.facts = facts;
    this.words = words;
    /** @type {{kind: "person" | "visit", id: string} | null} */
    this.shown = null;
    /** @type {{visitId: string, notes: import("./customer_notes.js").CustomerNote[]}} */
    this.known = { visitId: "", notes: [] };
    this.box = byId("detail");
    this.box.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
  }

  /** @param {"person" | "visit"} kind @param {string} id @param {boolean} takesFocus false: it is shown beside what she is doing, and her hands stay there */
  open(kind, id, takesFocus = true) {
    // Whoever goes from one to the next inside this card is led back to where she came from, not to the card itself.
    if (!this.#hasFocus()) this.from = document.activeElement;
    this.shown = { kind, id };
    this.draw();
    this.box.scrollTop = 0;
    if (takesFocus) this.box.querySelector("button")?.focus();
  }

  /** Close it. The focus goes back to where it came from, unless it is elsewhere by now. */
  close() {
    const wasHere = this.#hasFocus();
    this.shown = null;
    show(this.box, false);
    this.dispatchEvent(new Event("close"));
    if (!wasHere) return;
    const back = this.from instanceof HTMLElement && this.from.checkVisibility() ? this.from : byId("search");
    back.focus();
  }

  #hasFocus() {
    return this.box.contains(document.activeElement);
  }

  draw() {
    if (!this.shown) return;
    const found = this.shown.kind === "person" ? this.#person(this.shown.id) : this.#visit(this.shown.id);
    if (!found) {
      this.close();
      return;
    }
    this.#frame(found.title);
    const rows = found.rows.filter((row) => row[1]).map(([key, value]) => h("div", {}, h("dt", {}, this.words.say(key)), h("dd", {}, value)));
    this.box.querySelector("dl")?.replaceChildren(...rows);
    const notes = this.#notes(found.visitId);
    this.box.querySelector(".risk")?.remove();
    if (notes) this.box.append(notes);
    show(this.box, true);
  }

  /** @param {string} title */
  #frame(title) {
    if (this.box.childElementCount === 0) {
      const label = this.words.say("detail-close");
      const shut = h("button", { type: "button", class: "round", "aria-label": label, title: label, onclick: () => this.close() }, icon("close"));
      this.box.append(h("header", {}, h("h2", {}), shut), h("dl", {}));
    }
    const heading = this.box.querySelector("h2");
    if (heading && heading.textContent !== title) heading.textContent = title;
  }

  /** @param {string} id @returns {{title: string, visitId: string | undefined, rows: [string, any][]} | null} */
  #person(id) {
    const person = this.facts.people().find((each) => each.id === id);
    if (!person) return null;
    const { words } = this;
    const nowMs = this.facts.feed.clock.now();
    const fix = person.fix;
    return {
      title: person.name,
      visitId: person.visit?.id,
      rows: [
        ["detail-position", this.#position(person, nowMs)],
        ["detail-speed", fix?.speed_mps != null && fix.speed_mps >= 0 ? words.say("detail-speed-line", { n: Math.round(fix.speed_mps * 3.6) }) : null],
        ["detail-battery", fix?.battery_pct != null ? words.say("detail-battery-line", { n: Math.round(fix.battery_pct) }) : null],
        ["detail-phone", person.phone_at_ms ? words.say("clock-ago", { age: words.age((nowMs - person.phone_at_ms) / 1000) }) : null],
        ["detail-shift", this.#shift(person.shift)],
        ["detail-visit", person.visit ? this.#stage(person.visit) : words.say("row-free")],
        ["detail-window", person.visit ? windowText(person.visit) : null],
        ["detail-service", person.visit ? words.service(person.visit.service ?? person.visit.service_kind ?? "") : null],
        ["detail-address", person.visit?.address ?? person.visit?.place?.address ?? null],
      ],
    };
  }

  /** @param {string} id @returns {{title: string, visitId: string | undefined, rows: [string, any][]} | null} */
  #visit(id) {
    const visit = this.facts.visits().find((each) => each.id === id);
    if (!visit) return null;
    const who = visit.technician_id ? this.facts.nameOf(visit.technician_id) : null;
    return {
      visitId: id,
      title: `${this.words.service(visit.service ?? visit.service_kind ?? "")} · ${windowText(visit)}`,
      rows: [
        ["detail-visit", this.#stage(visit)],
        ["detail-technician", who],
        ["detail-address", visit.address ?? visit.place?.address ?? null],
      ],
    };
  }

  /** What is known of the customer, asked for once a visit that is opened. @param {string | undefined} visitId */
  #notes(visitId) {
    if (!visitId) return null;
    if (this.known.visitId !== visitId) {
      this.known = { visitId, notes: [] };
      ask("GET", `/v1/visits/${encodeURIComponent(visitId)}/customer-notes`).then((found) => {
        if (this.known.visitId === visitId) this.known.notes = found.items;
        this.draw();
      }, () => null);
    }
    return noteBox(this.known.notes, this.words, false);
  }

  /** @param {import("./console_facts.js").Person} person @param {number} nowMs */
  #position(person, nowMs) {
    const fresh = this.facts.freshness(person, nowMs);
    const { words } = this;
    const fix = person.fix;
    const text = fix
      ? `${words.say("detail-position-line", { age: words.age((nowMs - fix.at_ms) / 1000) })}${fix.accuracy_m != null ? ` · ${words.say("clock-accuracy", { m: Math.round(fix.accuracy_m) })}` : ""}`
      : words.say("row-never");
    return h("span", { "data-freshness": fresh }, h("span", { class: "shape", "aria-hidden": "true" }), `${words.say(`freshness-${fresh}`)} · ${text}`);
  }

  /** @param {any} shift */
  #shift(shift) {
    if (!shift) return null;
    const from = toMs(shift.opened_at_ms ?? shift.opened_at);
    const to = toMs(shift.planned_end_ms ?? shift.planned_end);
    const text = from && to ? this.words.say("detail-shift-until", { from: clockText(from), to: clockText(to) }) : from ? this.words.say("detail-shift-since", { from: clockText(from) }) : "";
    return shift.unwatched ? h("span", {}, text, " ", h("span", { class: "tag bad" }, this.words.say("row-unwatched"))) : text;
  }

  /** @param {any} visit */
  #stage(visit) {
    return h("span", { class: "tag", "data-stage": visit.stage }, this.words.say(`stage-${visit.stage}`));
  }
}
