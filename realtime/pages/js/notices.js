// The console's notices: what the hub tells the desk (topic "notices"), newest first.

import { byId, h, show } from "./dom.js";
import { toMs } from "./console_facts.js";
import { clockText } from "./words.js";

const MOST_SHOWN = 30;

/**
 * By which road a notice goes and what became of it, in words; what the page has no word for is shown as the hub names it.
 * @param {{channel?: string, state?: string}} notice @param {import("./words.js").Words} words
 * @returns {{channel: string, state: string}} empty where the hub says nothing
 */
export function fateOf({ channel = "", state = "" }, words) {
  const isShown = channel === "console" && state === "accepted";
  const named = (/** @type {string} */ kind, /** @type {string} */ name) => (words.has(`${kind}-${name}`) ? words.say(`${kind}-${name}`) : name);
  return { channel: named("channel", channel), state: named("notice", isShown ? "shown" : state) };
}

export class Notices {
  /** @param {import("./console_feed.js").ConsoleFeed} feed @param {import("./words.js").Words} words */
  constructor(feed, words) {
    this.feed = feed;
    this.words = words;
    feed.addEventListener("topic", (event) => /** @type {CustomEvent} */ (event).detail.name === "notices" && this.draw());
  }

  draw() {
    const items = this.feed.items("notices").sort((a, b) => (madeAt(b) ?? 0) - (madeAt(a) ?? 0)).slice(0, MOST_SHOWN);
    byId("notice-list").replaceChildren(...items.map((item) => this.#item(item)));
    show(byId("notices-calm"), items.length === 0);
  }

  /** @param {any} item */
  #item(item) {
    const at = madeAt(item);
    const isAlarm = item.lane === "P0" || item.lane === "P1" || item.level === "alarm";
    const fate = fateOf(item, this.words);
    return h("div", { class: "notice-item", "data-level": isAlarm ? "alarm" : "plain" },
      h("span", {}, item.text ?? item.title ?? this.words.say("notice-untitled")),
      h("small", {}, [at ? clockText(at) : "", fate.channel, fate.state].filter(Boolean).join(" · ")));
  }
}

/** @param {any} item */
const madeAt = (item) => toMs(item.at_ms ?? item.made_at_ms ?? item.created_at);
