// Her dot on the small map: disc, direction, circle of uncertainty, the tail of where she was, and gaps drawn as gaps.

import L from "./leaflet.js";
import { h, prefersStill } from "./dom.js";
import { between, move } from "./marker_motion.js";

const TAIL_SPOTS = 120;

/** @typedef {import("./marker_motion.js").Spot & {accuracy_m?: number | null, heading_deg?: number | null}} SeenSpot */

export class HerMarker {
  /** @type {SeenSpot | null} */
  #shown = null;
  #frame = 0;
  /** @type {any[]} */
  #pieces = [];

  /**
   * @param {import("leaflet").Map} map
   * @param {string} initial one letter for the disc
   */
  constructor(map, initial) {
    this.map = map;
    this.nose = h("span", { class: "nose", hidden: true });
    this.body = h("div", { class: "her", "data-freshness": "fresh" }, this.nose, h("span", { class: "disc" }, initial));
    const symbol = L.divIcon({ html: this.body, className: "", iconSize: [48, 48], iconAnchor: [24, 24] });
    this.marker = L.marker([0, 0], { icon: symbol, interactive: false, keyboard: false, zIndexOffset: 1000 });
    this.circle = L.circle([0, 0], { radius: 1, weight: 1.5, color: "#c98500", fillColor: "#f9b233", fillOpacity: 0.15, interactive: false });
  }

  /** Where the marker stands for, as [lat, lon]; null before the first fix. */
  get place() {
    return this.#shown ? /** @type {[number, number]} */ ([this.#shown.lat, this.#shown.lon]) : null;
  }

  /**
   * Show a fix. Returns what was done with it, so that the page can follow.
   * @param {SeenSpot} spot
   */
  put(spot) {
    const from = this.#shown;
    const step = move(from, spot);
    if (step.kind === "old") return step.kind;
    this.#shown = spot;
    if (!from) {
      this.circle.addTo(this.map);
      this.marker.addTo(this.map);
    } else this.#tail(from, spot, step.kind === "gap");
    this.#turn(spot.heading_deg);
    if (step.kind === "glide" && from && !prefersStill() && !document.hidden) this.#glide(from, spot, step.ms);
    else this.#stand([spot.lat, spot.lon], spot.accuracy_m);
    return step.kind;
  }

  /** @param {"fresh" | "aging" | "stale" | "none"} freshness */
  age(freshness) {
    this.body.dataset.freshness = freshness;
    this.circle.setStyle({ dashArray: freshness === "fresh" ? undefined : "4 6", fillOpacity: freshness === "stale" ? 0.05 : 0.15 });
  }

  /** Take the dot and its tail away: it may no longer be shown. */
  clear() {
    cancelAnimationFrame(this.#frame);
    this.#shown = null;
    this.marker.remove();
    this.circle.remove();
    for (const piece of this.#pieces) piece.remove();
    this.#pieces = [];
  }

  /** @param {number | null | undefined} heading */
  #turn(heading) {
    this.nose.hidden = heading === null || heading === undefined;
    if (!this.nose.hidden) this.nose.style.setProperty("--heading", `${heading}deg`);
  }

  /** @param {SeenSpot} from @param {SeenSpot} to @param {number} ms */
  #glide(from, to, ms) {
    cancelAnimationFrame(this.#frame);
    const start = performance.now();
    const at = this.marker.getLatLng();
    const begin = { ...from, lat: at.lat, lon: at.lng };
    const tick = (/** @type {number} */ now) => {
      const t = (now - start) / ms;
      this.#stand(between(begin, to, t), to.accuracy_m);
      if (t < 1) this.#frame = requestAnimationFrame(tick);
    };
    this.#frame = requestAnimationFrame(tick);
  }

  /** @param {[number, number]} place @param {number | null | undefined} accuracyM */
  #stand(place, accuracyM) {
    this.marker.setLatLng(place);
    this.circle.setLatLng(place);
    this.circle.setRadius(Math.max(5, Math.min(accuracyM ?? 50, 2000)));
  }

  /** @param {SeenSpot} from @param {SeenSpot} to @param {boolean} isGap */
  #tail(from, to, isGap) {
    const style = isGap
      ? { color: "#8a8f8c", weight: 3, dashArray: "2 9", opacity: 0.9, interactive: false }
      : { color: "#c98500", weight: 5, opacity: 0.65, interactive: false, lineCap: /** @type {const} */ ("round") };
    const last = this.#pieces.at(-1);
    if (last && !isGap && !last.isGap && last.getLatLngs().length < 40) last.addLatLng([to.lat, to.lon]);
    else {
      const piece = /** @type {any} */ (L.polyline([[from.lat, from.lon], [to.lat, to.lon]], style).addTo(this.map));
      piece.isGap = isGap;
      this.#pieces.push(piece);
    }
    while (this.#pieces.length > TAIL_SPOTS / 10) this.#pieces.shift().remove();
  }
}
