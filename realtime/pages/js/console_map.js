// The console's map: everyone on shift as a button on it. Only what lies in view is drawn, so that a country fits.

import { addProtocol, Map as GlMap, Marker, NavigationControl, AttributionControl } from "maplibre-gl";
import { byId, h, prefersStill, setText } from "./dom.js";
import { freshnessOf, isInside } from "./console_facts.js";
import { apart, labelSides } from "./label_room.js";
import { between, move } from "./marker_motion.js";
import { loadTown, onSchemeChange, townBounds, townColours } from "./town.js";

const MOST_DRAWN = 400;

/** @typedef {import("./console_facts.js").Person} Person */
/** @typedef {{marker: any, body: HTMLElement, tip: HTMLElement, width: number, side: any, spot: any, from: any, startMs: number, lastsMs: number}} Dot */

/** Events: "select" (detail: id). */
export class ConsoleMap extends EventTarget {
  /** Make the map, with the operator's own tiles where there are any. @param {any} settings @param {import("./words.js").Words} words */
  static async open(settings, words) {
    if (settings.style_url || !settings.pmtiles_url) return new ConsoleMap(settings, words, settings.style_url);
    const { ownStyle, protocol } = await import("./own_tiles.js");
    addProtocol("pmtiles", /** @type {any} */ (protocol.tile));
    // Everyone's marker matters more than what lies under it.
    const style = await ownStyle(settings.pmtiles_url).catch((error) => console.warn("The map file cannot be read:", error));
    return new ConsoleMap(settings, words, style);
  }

  /** @param {any} settings the operator's map @param {import("./words.js").Words} words @param {any} style a style or its address; none: plain ground */
  constructor(settings, words, style) {
    super();
    this.words = words;
    /** @type {Map<string, Dot>} */
    this.dots = new Map();
    /** @type {Person[]} */
    this.people = [];
    this.selected = "";
    this.hasFitted = false;
    this.hasStyle = Boolean(style);
    this.map = new GlMap({
      container: byId("map"), style: style ?? plainStyle(), center: [0, 0], zoom: 1.5, attributionControl: false,
      dragRotate: false, pitchWithRotate: false, fadeDuration: prefersStill() ? 0 : 200, maxZoom: 19,
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.addControl(new NavigationControl({ showCompass: false }), "top-right");
    this.map.addControl(new AttributionControl({ compact: true, customAttribution: settings.attribution || undefined }), "bottom-right");
    this.map.on("moveend", () => this.#sync());
    if (!this.hasStyle) onSchemeChange(() => this.#recolour());
  }

  /** Put a site's streets under the dots. @param {string} siteId */
  async lay(siteId) {
    if (this.hasStyle || this.town) return;
    this.town = (await loadTown(`/assets/basemap/${encodeURIComponent(siteId)}`)) ?? undefined;
    if (!this.town) return;
    if (this.map.isStyleLoaded()) this.#drawTown();
    else this.map.once("load", () => this.#drawTown());
  }

  /** @param {Person[]} people @param {number} nowMs */
  update(people, nowMs) {
    this.people = people.filter((each) => each.fix);
    this.nowMs = nowMs;
    if (!this.hasFitted && this.people.length) this.#fit();
    this.#sync();
  }

  /** @param {string} id @param {boolean} shouldShow move the map there */
  mark(id, shouldShow) {
    this.selected = id;
    for (const [key, dot] of this.dots) dot.body.setAttribute("aria-current", String(key === id));
    this.#label();
    const person = this.people.find((each) => each.id === id);
    if (!person?.fix || !shouldShow) return;
    const target = { center: /** @type {[number, number]} */ ([person.fix.lon, person.fix.lat]), zoom: Math.max(this.map.getZoom(), 14.5) };
    this.map.easeTo({ ...target, offset: this.#besideTheCard(), duration: prefersStill() ? 0 : 600 });
  }

  /** How far from the map's centre she is shown, in pixels: the card about her lies over its lower left. @returns {[number, number]} */
  #besideTheCard() {
    const { clientWidth, clientHeight } = this.map.getContainer();
    return clientWidth > 520 ? [Math.min(200, clientWidth / 4), -clientHeight / 6] : [0, 0];
  }

  #fit() {
    this.hasFitted = true;
    const lons = this.people.map((each) => /** @type {any} */ (each.fix).lon);
    const lats = this.people.map((each) => /** @type {any} */ (each.fix).lat);
    const box = /** @type {[number, number, number, number]} */ ([Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)]);
    this.map.fitBounds(box, { padding: 70, maxZoom: 15, animate: false });
  }

  #sync() {
    const bounds = this.map.getBounds();
    const drawn = new Set();
    for (const person of this.people) {
      const fix = /** @type {any} */ (person.fix);
      const isIn = bounds.contains([fix.lon, fix.lat]) || this.dots.has(person.id);
      if (!isIn || (drawn.size >= MOST_DRAWN && person.id !== this.selected)) continue;
      drawn.add(person.id);
      this.#put(person);
    }
    for (const [id, dot] of this.dots) {
      if (drawn.has(id)) continue;
      dot.marker.remove();
      this.dots.delete(id);
    }
    this.#label();
  }

  /** Show nobody under another, and give each name a place of its own: first to who is selected or calls for help, then in the order of the list. */
  #label() {
    const shown = this.people.filter((each) => this.dots.has(each.id)).map((person) => ({ person, dot: /** @type {Dot} */ (this.dots.get(person.id)) }));
    const places = shown.map(({ dot }) => this.map.project(dot.marker.getLngLat()));
    const spots = apart(places).map(([dx, dy], at) => {
      const { person, dot } = shown[at];
      dot.marker.setOffset([dx, dy]);
      dot.width ||= dot.tip.offsetWidth;
      return { dot, rank: this.#rank(person), x: places[at].x + dx, y: places[at].y + dy, width: dot.width, side: dot.side, isMust: this.#rank(person) > 0 };
    }).sort((a, b) => b.rank - a.rank);
    const { clientWidth: width, clientHeight: height } = this.map.getContainer();
    labelSides(spots, { width, height }).forEach((side, at) => {
      spots[at].dot.side = side;
      spots[at].dot.body.dataset.label = side;
    });
  }

  /** @param {Person} person */
  #rank(person) {
    return (person.id === this.selected ? 2 : 0) + (person.alarm ? 1 : 0);
  }

  /** @param {Person} person */
  #put(person) {
    const fix = /** @type {any} */ (person.fix);
    let dot = this.dots.get(person.id);
    if (!dot) {
      dot = this.#make(person);
      this.dots.set(person.id, dot);
    }
    this.#dress(dot, person);
    const step = move(dot.spot, fix);
    if (step.kind === "old" || (dot.spot && dot.spot.at_ms === fix.at_ms)) return;
    const at = dot.marker.getLngLat();
    dot.from = { lat: at.lat, lon: at.lng, at_ms: dot.spot?.at_ms ?? 0 };
    dot.spot = fix;
    dot.startMs = performance.now();
    dot.lastsMs = step.kind === "glide" && !prefersStill() ? step.ms : 0;
    if (dot.lastsMs) this.#animate();
    else dot.marker.setLngLat([fix.lon, fix.lat]);
  }

  /** @param {Person} person @returns {Dot} */
  #make(person) {
    const fix = /** @type {any} */ (person.fix);
    const tip = h("span", { class: "tip", "aria-hidden": "true" }, person.name);
    const body = h("button", { type: "button", class: "her", onclick: () => this.dispatchEvent(new CustomEvent("select", { detail: person.id })) },
      h("span", { class: "nose", hidden: true }), h("span", { class: "disc", "aria-hidden": "true" }, person.name.slice(0, 1)), tip);
    body.setAttribute("aria-current", String(person.id === this.selected));
    const marker = new Marker({ element: body }).setLngLat([fix.lon, fix.lat]).addTo(this.map);
    return { marker, body, tip, width: 0, side: "below", spot: null, from: null, startMs: 0, lastsMs: 0 };
  }

  /** @param {Dot} dot @param {Person} person */
  #dress(dot, person) {
    const { words } = this;
    const nowMs = this.nowMs ?? 0;
    dot.body.dataset.freshness = freshnessOf(person, nowMs);
    dot.body.dataset.busy = isInside(person) ? "inside" : "";
    dot.body.dataset.alarm = String(Boolean(person.alarm));
    const stage = person.alarm ? words.say("row-alarm") : person.visit ? words.say(`stage-${person.visit.stage}`) : words.say("row-free");
    const label = words.say("map-technician", { name: person.name, stage, age: words.age((nowMs - /** @type {any} */ (person.fix).at_ms) / 1000) });
    if (dot.body.getAttribute("aria-label") !== label) dot.body.setAttribute("aria-label", label);
    if (dot.tip.textContent !== person.name) {
      dot.tip.textContent = person.name;
      dot.width = 0;
    }
    setText(/** @type {Element} */ (dot.body.querySelector(".disc")), person.name.slice(0, 1));
    const nose = /** @type {HTMLElement} */ (dot.body.querySelector(".nose"));
    nose.hidden = person.fix?.heading_deg == null || (person.fix.speed_mps ?? 1) < 0.7;
    if (!nose.hidden) nose.style.setProperty("--heading", `${person.fix?.heading_deg}deg`);
  }

  #animate() {
    if (this.isAnimating) return;
    this.isAnimating = true;
    const tick = () => {
      const now = performance.now();
      let isBusy = false;
      for (const dot of this.dots.values()) {
        if (!dot.lastsMs) continue;
        const t = (now - dot.startMs) / dot.lastsMs;
        const [lat, lon] = between(dot.from, dot.spot, t);
        dot.marker.setLngLat([lon, lat]);
        if (t >= 1) dot.lastsMs = 0;
        else isBusy = true;
      }
      this.isAnimating = isBusy;
      if (isBusy) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  #drawTown() {
    this.map.addSource("town", { type: "geojson", data: /** @type {any} */ (this.town) });
    for (const layer of townLayers()) this.map.addLayer(layer);
    const bounds = townBounds(this.town ?? null);
    if (bounds && !this.hasFitted) this.map.fitBounds([bounds[0][1], bounds[0][0], bounds[1][1], bounds[1][0]], { padding: 30, animate: false });
  }

  #recolour() {
    this.map.setPaintProperty("ground", "background-color", townColours().ground);
    for (const layer of this.town ? townLayers() : []) {
      for (const [name, value] of Object.entries(layer.paint ?? {})) if (name.endsWith("color")) this.map.setPaintProperty(layer.id, /** @type {any} */ (name), value);
    }
  }
}

/** @returns {any} a style with nothing but the ground */
function plainStyle() {
  return { version: 8, sources: {}, layers: [{ id: "ground", type: "background", paint: { "background-color": townColours().ground } }] };
}

/** @returns {any[]} the layers of the town, lowest first */
function townLayers() {
  const c = townColours();
  const wide = (/** @type {number} */ metres, /** @type {number} */ extra) => ["interpolate", ["exponential", 2], ["zoom"], 10, 0.4 + extra / 3, 13, metres * 0.14 + extra, 16, metres + extra, 19, metres * 6 + extra];
  const kind = (/** @type {string[]} */ ...names) => ["in", ["get", "kind"], ["literal", names]];
  const isArea = ["==", ["geometry-type"], "Polygon"];
  const line = (/** @type {string} */ id, /** @type {any} */ filter, /** @type {string} */ colour, /** @type {any} */ width) => ({
    id, type: "line", source: "town", filter, layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": colour, "line-width": width },
  });
  return [
    { id: "park", type: "fill", source: "town", filter: kind("park"), paint: { "fill-color": c.park } },
    { id: "lake", type: "fill", source: "town", filter: ["all", kind("water", "river"), isArea], paint: { "fill-color": c.water } },
    line("river", ["all", kind("water", "river"), ["!", isArea]], c.water, wide(40, 0)),
    { id: "building", type: "fill", source: "town", filter: kind("building"), paint: { "fill-color": c.building } },
    line("street-casing", kind("street"), c.casing, wide(10, 1.6)),
    line("main-casing", kind("main_street"), c["main-casing"], wide(16, 1.6)),
    line("street", kind("street"), c.street, wide(10, 0)),
    line("main", kind("main_street"), c.main, wide(16, 0)),
  ];
}
