// The technician's page: enrol once, then shift, location, visits and help.

import { ActOutbox } from "./act_outbox.js";
import { byId, h, icon, pageState, setText, show } from "./dom.js";
import { FarePart } from "./fare.js";
import { FixOutbox } from "./fix_outbox.js";
import { tellBattery } from "./battery.js";
import { FixSender } from "./fix_sender.js";
import { HelpSettings } from "./help_settings.js";
import { HelpTap } from "./help_tap.js";
import { Problem } from "./http.js";
import { forgetAll, getKey, setKey } from "./idb.js";
import { showLink } from "./link_badge.js";
import { Locator } from "./locator.js";
import { PromptCard } from "./prompt_card.js";
import { enrol, TechnicianApi } from "./technician_api.js";
import { TechnicianLocation } from "./technician_location.js";
import { TechnicianShift } from "./technician_shift.js";
import { TechnicianVisits } from "./technician_visits.js";
import { loadWords } from "./words.js";

const RETRY_MS = 3_000;

/** @param {import("./words.js").Words} words @param {any} state */
async function open(words, state) {
  const token = await getKey("device_token");
  show(byId("loading"), false);
  if (!token) return askForCode(words, state);
  history.replaceState(null, "", location.pathname);
  const api = new TechnicianApi(token);
  const help = await offerHelp(api, words);
  const me = await meOrNothing(api, words);
  if (me) await work(api, me, help, words, state);
}

/**
 * The help button works before anything else of the page does, with the telephone numbers of the last time.
 * @param {TechnicianApi} api @param {import("./words.js").Words} words
 */
async function offerHelp(api, words) {
  const numbers = (await getKey("numbers").catch(() => null)) ?? {};
  showCalls(numbers, words);
  const parts = /** @type {{sender: FixSender | null, locator: Locator | null}} */ ({ sender: null, locator: null });
  const cry = (/** @type {object} */ frame) => parts.sender?.cry(frame) ?? false;
  const tap = new HelpTap(words, { token: api.token, cry, numbers, hasPin: true, position: () => parts.locator?.last ?? null }).start();
  show(byId("help"), true);
  const settings = new HelpSettings(tap, words, () => api.headers());
  settings.start();
  return {
    /** @param {any} me @param {FixSender} sender @param {Locator} locator */
    join(me, sender, locator) {
      Object.assign(parts, { sender, locator });
      sender.addEventListener("frame", (event) => tap.outbox.onFrame(/** @type {CustomEvent} */ (event).detail));
      const known = { deskPhone: me.desk_phone, emergencyNumber: policeOf(me)?.number ?? null };
      // The calls stand below the button: it would move under a finger.
      if (JSON.stringify(known) !== JSON.stringify(numbers)) showCalls(known, words);
      tap.setNumbers(known);
      settings.showHelping(Boolean(me.technician.helps_colleagues));
      setKey("numbers", known).catch(() => null);
    },
  };
}

/**
 * Read who we are, trying until the hub answers; a token that does not count any more ends here.
 * @param {TechnicianApi} api @param {import("./words.js").Words} words
 */
async function meOrNothing(api, words) {
  for (;;) {
    try {
      const me = await api.me();
      show(byId("loading"), false);
      return me;
    } catch (problem) {
      if (problem instanceof Problem && !problem.isPassing) return revoked();
      setText(byId("loading"), words.say("enrol-failed"));
      show(byId("loading"), true);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** @param {TechnicianApi} api @param {any} me @param {{join: (me: any, sender: FixSender, locator: Locator) => void}} help @param {import("./words.js").Words} words @param {any} state */
async function work(api, me, help, words, state) {
  navigator.storage?.persist?.();
  const outbox = await new FixOutbox().open();
  await outbox.expire(Date.now());
  const sender = new FixSender(outbox, () => api.headers());
  const locator = new Locator(() => sender.cadence);
  const shift = new TechnicianShift(api, words, { zone: me.zone, noticeVersion: me.location_notice_version });
  const location = new TechnicianLocation(locator, sender, shift, words);
  const acts = await new ActOutbox(api).open();
  const earnings = document.getElementById("earnings");
  const setting = { fares: earnings ? () => api.headers() : null, map: state.map, basemapUrl: `/assets/basemap/${encodeURIComponent(me.technician.site_id)}`, zone: me.zone };
  const visits = new TechnicianVisits(api, acts, words, setting, () => locator.last);
  if (earnings) new FarePart(earnings, "/technician/fares", () => api.headers()).start();
  help.join(me, sender, locator);
  const prompts = new PromptCard(words, () => api.headers(), (id) => visits.visits.find((each) => each.id === id)?.place?.address ?? "");
  sender.addEventListener("frame", (event) => prompts.onFrame(/** @type {CustomEvent} */ (event).detail));
  api.declare("foreground_only").catch(() => null);
  const badge = () => showLink(sender.socket, byId("link"), byId("link-text"), words);
  badge();
  sender.addEventListener("visit", () => visits.refresh());
  sender.addEventListener("welcome", () => visits.refresh());
  sender.addEventListener("revoked", () => revoked());
  sender.addEventListener("superseded", () => location.follow());
  byId("superseded-take").addEventListener("click", () => {
    badge();
    location.follow();
  });
  locator.addEventListener("fix", () => visits.draw());
  document.addEventListener("visibilitychange", () => sender.tell({ background: document.hidden }));
  tellBattery(sender);
  sender.start();
  await Promise.all([shift.refresh(), visits.start()]);
  location.start();
  setInterval(() => shift.refresh(), 60_000);
}

/** Whom to call, whatever else fails: these links work without the hub. @param {import("./help_tap.js").Numbers} numbers @param {import("./words.js").Words} words */
function showCalls({ deskPhone, emergencyNumber }, words) {
  const calls = [];
  if (deskPhone) calls.push(h("a", { class: "button plain", href: `tel:${deskPhone}` }, icon("phone"), words.say("technician-help-desk")));
  if (emergencyNumber) calls.push(h("a", { class: "button plain", href: `tel:${emergencyNumber}` }, icon("alert"), words.say("help-emergency", { number: emergencyNumber })));
  byId("help-calls").replaceChildren(...calls);
}

/** @param {any} me */
const policeOf = (me) => me.emergency_numbers.find((/** @type {any} */ each) => each.service === "police") ?? me.emergency_numbers[0];

/** @param {import("./words.js").Words} words @param {any} state */
function askForCode(words, state) {
  const form = /** @type {HTMLFormElement} */ (byId("enrol"));
  const given = new URLSearchParams(location.hash.slice(1)).get("enrol");
  if (given) /** @type {HTMLInputElement} */ (byId("code")).value = given;
  // The code must not stay in the address bar, the history or a bookmark.
  history.replaceState(null, "", location.pathname);
  show(form, true);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const data = new FormData(form);
    try {
      const made = await enrol(String(data.get("code")).trim(), String(data.get("name")).trim());
      await forgetAll();
      await setKey("device_token", made.token);
      show(form, false);
      await open(words, state);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      setText(byId("enrol-fault"), words.say(problem.isPassing ? "enrol-failed" : "enrol-wrong"));
      show(byId("enrol-fault"), true);
    }
  });
}

/** The token does not count any more: nothing is taken or sent from here on. Help by telephone stays. @returns {null} */
function revoked() {
  for (const id of ["shift", "location", "visits", "link", "loading", "help-settings"]) show(byId(id), false);
  show(byId("revoked"), true);
  byId("revoked-again").onclick = async () => {
    await forgetAll();
    globalThis.location.reload();
  };
  return null;
}

loadWords().then((words) => open(words, pageState()));
