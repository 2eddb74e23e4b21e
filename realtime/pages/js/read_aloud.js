// A card to read aloud to the police: everything they ask, in the order in which they ask it, in large letters.

import { byId, h, icon } from "./dom.js";
import { ask, Problem } from "./http.js";
import { raisedAt } from "./incident_card.js";
import { clockText } from "./words.js";

/**
 * Show the card.
 * @param {import("./incident_card.js").IncidentCard} card @param {any} visit null where there is none
 * @param {import("./console_facts.js").Facts} facts @param {import("./words.js").Words} words
 */
export async function readAloud(card, visit, facts, words) {
  const { item } = card;
  const box = /** @type {HTMLDialogElement} */ (byId("aloud"));
  const site = await ask("GET", `/v1/sites/${encodeURIComponent(item.site_id)}`).catch((problem) => {
    if (problem instanceof Problem) return null;
    throw problem;
  });
  const nowMs = facts.feed.clock.now();
  const police = (site?.emergency_numbers ?? []).find((/** @type {any} */ each) => each.service === "police")?.number;
  const close = h("button", { type: "button", class: "button plain", onclick: () => box.close() }, words.say("pin-close"));
  const call = police ? h("a", { class: "button danger", href: `tel:${police}` }, icon("phone"), words.say("help-emergency", { number: police })) : null;
  box.replaceChildren(h("h2", { id: "aloud-title" }, words.say("aloud-title")), ...lines(card, visit, site, facts, words, nowMs).map((line) => h("p", {}, line)), h("footer", {}, call, close));
  if (!box.open) box.showModal();
}

/**
 * @param {import("./incident_card.js").IncidentCard} card @param {any} visit @param {any} site
 * @param {import("./console_facts.js").Facts} facts @param {import("./words.js").Words} words @param {number} nowMs
 */
function lines(card, visit, site, facts, words, nowMs) {
  const { item } = card;
  const raised = raisedAt(item) ?? nowMs;
  const place = visit?.place;
  const fix = item.person === "customer" ? null : facts.whereabouts(item.technician_id);
  const at = { time: clockText(raised, site?.zone), age: words.age((nowMs - raised) / 1000) };
  const said = [
    words.say("aloud-who", { site: site?.name ?? item.site_id }),
    words.say(place ? "aloud-where" : fix ? "aloud-where-none" : "aloud-where-unknown", { address: place?.address ?? "" }),
    place?.floor ? words.say(Number(place.floor) === 0 ? "aloud-ground" : "aloud-floor", { floor: place.floor }) : null,
    place?.entry_code ? words.say("aloud-entry", { code: place.entry_code }) : null,
    words.say(item.person === "customer" ? "aloud-what-customer" : visit ? "aloud-what" : "aloud-what-elsewhere", { name: card.who(), ...at }),
    visit ? words.say("aloud-why", { service: words.service(visit.service_kind ?? "") }) : null,
    (item.flags ?? []).includes("duress") ? words.say("aloud-duress") : null,
    fix ? words.say("aloud-position", { lat: Math.abs(fix.lat).toFixed(5), ns: fix.lat < 0 ? "s" : "n", lon: Math.abs(fix.lon).toFixed(5), ew: fix.lon < 0 ? "w" : "e", within: fix.accuracy_m == null ? "" : words.say("aloud-within", { m: Math.round(fix.accuracy_m) }), age: words.age((nowMs - fix.at_ms) / 1000) }) : item.person === "customer" ? null : words.say("aloud-position-none"),
    words.say("aloud-code", { code: item.code ?? "" }),
  ];
  return said.filter((line) => line !== null);
}
