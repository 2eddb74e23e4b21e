// The page's sentences, from the same Fluent files as the server's.

import { FluentBundle, FluentResource } from "@fluent/bundle";

export class Words {
  /** @param {string} lang @param {string} source */
  constructor(lang, source) {
    this.lang = lang;
    this.bundle = new FluentBundle(lang, { useIsolating: false });
    this.bundle.addResource(new FluentResource(source));
  }

  /** @param {string} key @returns {boolean} */
  has(key) {
    return this.bundle.hasMessage(key);
  }

  /**
   * Return the sentence called `key`; an unknown one is shown as its key and said in the console.
   * @param {string} key
   * @param {Record<string, string | number>} [args]
   * @returns {string}
   */
  say(key, args = {}) {
    const message = this.bundle.getMessage(key);
    if (!message?.value) {
      console.error(`The words of ${this.lang} have no "${key}".`);
      return key;
    }
    /** @type {Error[]} */
    const faults = [];
    const text = this.bundle.formatPattern(message.value, args, faults);
    if (faults.length) console.error(`The words of ${this.lang} could not say "${key}": ${faults[0].message}`);
    return text;
  }

  /**
   * Return a kind of service, by name or usual title, in this language; a site's own kind keeps its own title.
   * @param {string} name
   */
  service(name) {
    const key = `service-${name.toLowerCase().replaceAll(" ", "_")}`;
    return /^[a-z0-9_-]+$/.test(key) && this.has(key) ? this.say(key) : name;
  }

  /**
   * Return a floor in words, as the texts say it: a bare 0 says nothing to whoever runs up the stairs.
   * @param {string} floor as the visit has it: a number or words
   */
  floor(floor) {
    if (!/^-?\d{1,3}$/.test(floor)) return floor;
    return Number(floor) === 0 ? this.say("floor-ground") : this.say("floor-n", { n: floor });
  }

  /**
   * Return what the hub refused and why, in this language where it has words for the problem's code; else the hub's own sentence.
   * @param {{code: string, detail: string, body: any}} problem
   * @param {string} [zone] by whose clocks a time is told
   */
  problem({ code, detail, body }, zone) {
    const key = [`problem-${code}-${body?.verdict}`, `problem-${code}`].find((each) => this.has(each));
    return key ? this.say(key, { time: body?.possible_at ? clockText(upToMinute(body.possible_at), zone) : "" }) : detail;
  }

  /**
   * Return a duration in the largest fitting unit: "8 s", "3 min", "2 h".
   * @param {number} seconds
   */
  age(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    if (whole < 90) return this.say("age-s", { n: whole });
    return whole < 5400 ? this.say("age-min", { n: Math.floor(whole / 60) }) : this.say("age-h", { n: Math.floor(whole / 3600) });
  }
}

/**
 * Load the words in the page's language.
 * @returns {Promise<Words>}
 */
export async function loadWords() {
  const lang = document.documentElement.lang;
  const answer = await fetch(new URL(`../locales/${lang}.ftl`, import.meta.url));
  if (!answer.ok) throw new Error(`The words of ${lang} could not be loaded.`);
  return new Words(lang, await answer.text());
}

/** @param {string} at RFC 3339 @returns {number} ms, the begun minute as a whole one: told earlier than it is, she would be refused again */
function upToMinute(at) {
  return Math.ceil(Date.parse(at) / 60_000) * 60_000;
}

/**
 * Return the time of day, such as 14:32, in an IANA zone.
 * @param {number} atMs
 * @param {string} [zone]
 */
export function clockText(atMs, zone) {
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone }).format(atMs);
}
