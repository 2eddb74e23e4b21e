// The customer's map: her dot, the way she came, and the customer's place.

import L from "./leaflet.js";
import { byId, h, icon } from "./dom.js";
import { HerMarker } from "./marker.js";
import { smallMap } from "./small_map.js";

const FAR_M = 100_000;

export class CustomerMap {
  /**
   * @param {any} state the page's facts
   * @param {import("./words.js").Words} words
   * @param {import("./customer_words.js").CustomerPage} page
   */
  constructor(state, words, page) {
    const home = /** @type {[number, number] | null} */ (page.visit.place ? [page.visit.place[1], page.visit.place[0]] : null);
    const her = page.position ? page.position.geometry.coordinates : null;
    this.home = home;
    this.isFollowing = true;
    this.seen = 0;
    this.map = smallMap(byId("map"), state.map, state.basemap_url, home ?? (her && [her[1], her[0]]));
    this.marker = new HerMarker(this.map, (page.visit.technician_name ?? "·").slice(0, 1));
    if (home) this.#putHome(home, words);
    byId("map-center").addEventListener("click", () => this.#followAgain());
    this.map.on("dragstart", () => (this.isFollowing = false));
    byId("map").addEventListener("wheel", () => (this.isFollowing = false), { passive: true });
    new ResizeObserver(() => this.map.invalidateSize({ pan: false })).observe(byId("map"));
  }

  /** @param {import("./customer_words.js").CustomerPage} page */
  update(page) {
    const position = page.position;
    if (!position) this.marker.clear();
    else {
      const [lon, lat] = position.geometry.coordinates;
      const kind = this.marker.put({ lat, lon, ...position.properties });
      if (kind === "old") return;
    }
    this.#follow();
  }

  /** @param {import("./customer_words.js").Freshness} freshness */
  age(freshness) {
    this.marker.age(freshness);
  }

  /** @param {[number, number]} home @param {import("./words.js").Words} words */
  #putHome(home, words) {
    const symbol = L.divIcon({ html: h("div", { class: "home" }, icon("pin")), className: "", iconSize: [38, 46], iconAnchor: [19, 43] });
    const marker = L.marker(home, { icon: symbol, interactive: false, keyboard: false });
    marker.addTo(this.map).bindTooltip(words.say("map-you"), { permanent: true, direction: "bottom", offset: [0, 4] });
  }

  #followAgain() {
    this.isFollowing = true;
    this.seen = 0;
    this.#follow();
  }

  /** Keep both places in view, but only move the map when one is about to leave it: a map that moves all the time cannot be read. */
  #follow() {
    if (!this.isFollowing) return;
    const isFar = this.#isFar();
    const places = [this.marker.place, isFar ? null : this.home].filter((each) => each !== null);
    if (places.length === 0) return;
    const bounds = L.latLngBounds(places);
    const inner = this.map.getBounds().pad(-0.12);
    if (this.seen === places.length && inner.contains(bounds) && (isFar || !this.#isTiny(bounds))) return;
    this.seen = places.length;
    this.map.fitBounds(bounds, { padding: [56, 56], maxZoom: isFar ? 14 : 16, animate: !isFar });
  }

  /** So far away that a map with both would show no movement: then it shows her surroundings alone. */
  #isFar() {
    return this.marker.place !== null && this.home !== null && this.map.distance(this.marker.place, this.home) > FAR_M;
  }

  /** @param {import("leaflet").LatLngBounds} bounds */
  #isTiny(bounds) {
    const size = this.map.getSize();
    const a = this.map.latLngToContainerPoint(bounds.getNorthWest());
    const b = this.map.latLngToContainerPoint(bounds.getSouthEast());
    return this.map.getZoom() < 16 && Math.abs(b.x - a.x) < size.x * 0.28 && Math.abs(b.y - a.y) < size.y * 0.28;
  }
}
