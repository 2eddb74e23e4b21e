// What is known of a customer: for whoever goes there next, and with the desk's own words for the desk.

import { h, icon } from "./dom.js";

/** @typedef {{id: string, kinds: string[], told: string | null, made_at: string, note?: string | null}} CustomerNote */

export const KINDS = ["violence", "harassment", "weapon", "intoxicated", "others_present", "locked_in", "recorded", "animal", "place", "other"];

/** @param {CustomerNote} note @param {import("./words.js").Words} words */
const line = (note, words) => {
  const kinds = note.kinds.map((kind) => words.say(`risk-${kind}`)).join(" · ");
  const told = note.told ? h("span", { class: "told-her" }, note.told) : null;
  const own = note.note ? h("span", { class: "note" }, words.say("risk-desk", { note: note.note })) : null;
  return h("li", {}, h("strong", {}, kinds), ...[told, own].filter((each) => each !== null));
};

/**
 * The notes as a box, null where there are none.
 * @param {CustomerNote[] | null | undefined} notes @param {import("./words.js").Words} words @param {boolean} isHers whether the technician reads it
 */
export function noteBox(notes, words, isHers) {
  if (!notes?.length) return null;
  const foot = isHers ? h("p", { class: "note" }, words.say("risk-decline")) : null;
  const parts = [h("strong", {}, words.say(isHers ? "risk-title-hers" : "risk-title")), h("ul", {}, ...notes.map((note) => line(note, words))), foot];
  return h("div", { class: "notice warn risk" }, icon("alert"), h("div", {}, ...parts.filter((each) => each !== null)));
}
