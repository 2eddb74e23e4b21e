// What the desk must say with each act: whom she calls, what help is on its way, how the incident ended and how she knows.

import { KINDS } from "./customer_notes.js";
import { h } from "./dom.js";
import { ask, Problem } from "./http.js";

/** @typedef {{me: () => any, colleagues: () => {id: string, name: string}[]}} Desk */
/** @typedef {(item: any, words: import("./words.js").Words, desk: Desk) => Promise<Node[]> | Node[]} MakeForm */

export const RESOLUTIONS = ["real_police", "real_medical", "real_helper", "real_deescalated", "false_accidental", "false_detector", "device_fault", "unfounded", "drill", "unverified"];
const WHOM = ["police", "medical", "technician", "customer", "contact", "other"];

/** @param {string} label @param {HTMLElement} control */
const field = (label, control) => h("label", { class: "field" }, h("span", {}, label), control);

/** @param {string} name @param {number} rows */
const words_ = (name, rows = 2) => h("textarea", { name, rows, required: true, maxlength: 4000 });

/** @param {string} name @param {[string, string][]} options @param {string} empty */
const choice = (name, options, empty) =>
  h("select", { name, required: true }, h("option", { value: "" }, empty), ...options.map(([value, text]) => h("option", { value }, text)));

/** @type {Record<string, MakeForm>} */
export const FORMS = {
  note: (_item, words) => [field(words.say("form-note"), words_("text"))],
  call: (_item, words) => [
    // A ringing phone in the wrong room is a danger: the desk is asked before, not after.
    h("p", { class: "notice warn" }, words.say("form-call-care")),
    field(words.say("form-call-whom"), choice("whom", WHOM.map((each) => [each, words.say(`whom-${each}`)]), words.say("form-choose"))),
    h("label", { class: "tick" }, h("input", { type: "checkbox", name: "sure", required: true }), h("span", {}, words.say("form-call-sure"))),
  ],
  respond: (_item, words) => [field(words.say("form-respond"), words_("what"))],
  warn: (_item, words) => [
    h("fieldset", { class: "kinds" }, h("legend", {}, words.say("form-warn-kinds")),
      ...KINDS.map((kind) => h("label", { class: "tick" }, h("input", { type: "checkbox", name: "kinds", value: kind }), h("span", {}, words.say(`risk-${kind}`))))),
    field(words.say("form-warn-note"), words_("note")),
    field(words.say("form-warn-told"), h("textarea", { name: "told", rows: 2, maxlength: 1000 })),
  ],
  offer: (_item, words, desk) => {
    const others = desk.colleagues().filter((each) => each.id !== desk.me()?.id);
    if (!others.length) return [h("p", { class: "notice warn" }, words.say("form-offer-nobody")), h("input", { required: true, class: "sr", tabindex: "-1", "aria-hidden": "true" })];
    return [
      field(words.say("form-offer-to"), choice("to", others.map((each) => [each.id, each.name]), words.say("form-choose"))),
      field(words.say("form-offer-note"), words_("note")),
    ];
  },
  resolve: (_item, words) => [
    field(words.say("form-resolve-code"), choice("code", RESOLUTIONS.map((each) => [each, words.say(`resolution-${each}`)]), words.say("form-choose"))),
    field(words.say("form-resolve-note"), words_("note", 3)),
  ],
  review: (_item, words) => [field(words.say("form-review"), words_("note", 3))],
  helpers: async (item, words) => {
    const near = await ask("GET", `/v1/incidents/${encodeURIComponent(item.id)}/helpers`).catch((problem) => {
      if (problem instanceof Problem) return { items: [] };
      throw problem;
    });
    if (!near.items.length) return [h("p", { class: "notice warn" }, words.say("form-helpers-none")), h("input", { required: true, class: "sr", tabindex: "-1", "aria-hidden": "true" })];
    return [h("fieldset", {}, h("legend", {}, words.say("form-helpers")), ...near.items.map((/** @type {any} */ each) => helper(each, words)))];
  },
};

/** @param {any} each @param {import("./words.js").Words} words */
function helper(each, words) {
  const way = words.say("form-helper", { km: (each.distance_m / 1000).toFixed(1), min: Math.max(1, Math.round(each.travel_s / 60)) });
  const text = `${each.name} · ${way}${each.is_free ? "" : ` · ${words.say("form-helper-busy")}`}`;
  return h("label", { class: "tick" }, h("input", { type: "checkbox", name: "technician_ids", value: each.technician_id }), h("span", {}, text));
}
