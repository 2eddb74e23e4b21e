// The small map of the customer's and technician's pages: Leaflet over the town's streets or the operator's tiles.

import L from "./leaflet.js";
import { prefersStill } from "./dom.js";
import { loadTown, onSchemeChange, townBounds, townColours } from "./town.js";

const WIDTHS = /** @type {Record<string, number>} */ ({ street: 11, main_street: 17 });

/**
 * Make the map in `holder`.
 * @param {HTMLElement} holder
 * @param {{tiles_url?: string | null, pmtiles_url?: string | null, attribution?: string}} settings
 * @param {string | null} basemapUrl
 * @param {[number, number] | null} centre [lat, lon]
 * @returns {import("leaflet").Map}
 */
export function smallMap(holder, settings, basemapUrl, centre) {
  const still = prefersStill();
  const map = L.map(holder, {
    zoomControl: false, zoomAnimation: !still, fadeAnimation: !still, markerZoomAnimation: !still, inertia: !still,
    preferCanvas: true, minZoom: 3, maxZoom: 19, zoomSnap: 0.25, zoomDelta: 0.75, scrollWheelZoom: true,
  });
  map.attributionControl.setPrefix(false);
  map.setView(centre ?? [0, 0], centre ? 15 : 2);
  lay(map, settings, basemapUrl, centre === null);
  return map;
}

/**
 * Put under the dots what there is: the operator's tiles, the operator's file, else the site's own streets.
 * @param {import("leaflet").Map} map
 * @param {{tiles_url?: string | null, pmtiles_url?: string | null, attribution?: string}} settings
 * @param {string | null} basemapUrl
 * @param {boolean} shouldFit
 */
async function lay(map, settings, basemapUrl, shouldFit) {
  const attribution = settings.attribution ?? "";
  if (settings.tiles_url) {
    L.tileLayer(settings.tiles_url, { attribution, maxZoom: 19 }).addTo(map);
    return;
  }
  const own = settings.pmtiles_url ? await ownLayer(settings.pmtiles_url, attribution) : null;
  if (own) {
    own.addTo(map);
    return;
  }
  const town = await loadTown(basemapUrl);
  if (town) drawTown(map, town, shouldFit);
}

/** @param {string} path @param {string} attribution @returns {Promise<any>} null where the file cannot be drawn here or cannot be read */
async function ownLayer(path, attribution) {
  const { ownRasterLayer } = await import("./own_tiles.js");
  return ownRasterLayer(path, attribution).catch((error) => console.warn("The map file cannot be read:", error) ?? null);
}

/**
 * @param {import("leaflet").Map} map
 * @param {import("./town.js").Town} town
 * @param {boolean} shouldFit
 */
function drawTown(map, town, shouldFit) {
  const pane = map.createPane("town");
  pane.style.zIndex = "200";
  const group = L.layerGroup().addTo(map);
  const draw = () => {
    group.clearLayers();
    for (const layer of townLayers(map, town)) group.addLayer(layer);
  };
  draw();
  onSchemeChange(draw);
  map.on("zoomend", draw);
  const bounds = townBounds(town);
  if (bounds && shouldFit) map.fitBounds(bounds);
}

/**
 * @param {import("leaflet").Map} map
 * @param {import("./town.js").Town} town
 */
function townLayers(map, town) {
  const colours = townColours();
  const scale = Math.max(0.12, Math.min(2.2, 2 ** (map.getZoom() - 16)));
  const of = (/** @type {string[]} */ ...kinds) => town.features.filter((each) => kinds.includes(each.properties.kind ?? ""));
  const renderer = L.canvas({ pane: "town", padding: 0.3 });
  const areas = (/** @type {string} */ kind, /** @type {string} */ fill) => L.geoJSON(/** @type {any} */ (of(kind)), {
    pane: "town", interactive: false,
    style: /** @type {any} */ (() => ({ renderer, stroke: kind === "water", color: fill, weight: 10 * scale, fill: true, fillColor: fill, fillOpacity: 1 })),
  });
  const lines = (/** @type {string} */ kind, /** @type {string} */ colour, /** @type {number} */ extra) => L.geoJSON(/** @type {any} */ (of(kind)), {
    pane: "town", interactive: false,
    style: /** @type {any} */ (() => ({ renderer, color: colour, weight: WIDTHS[kind] * scale + extra, opacity: 1, lineCap: "round", lineJoin: "round" })),
  });
  const edge = scale > 0.3 ? 2 : 0.8;
  return [
    areas("park", colours.park), waterLines(of("water"), colours.water, scale, renderer), areas("building", colours.building),
    lines("street", colours.casing, edge), lines("main_street", colours["main-casing"], edge),
    lines("street", colours.street, 0), lines("main_street", colours.main, 0),
  ];
}

/**
 * Water comes as areas (lakes) and as lines (rivers, with `width_m`).
 * @param {import("./town.js").TownFeature[]} features
 * @param {string} colour
 * @param {number} scale
 * @param {any} renderer
 */
function waterLines(features, colour, scale, renderer) {
  return L.geoJSON(/** @type {any} */ (features), {
    pane: "town", interactive: false,
    style: /** @type {any} */ ((/** @type {any} */ feature) => {
      const isLine = feature.geometry.type.endsWith("LineString");
      return { renderer, color: colour, weight: isLine ? (feature.properties.width_m ?? 30) * scale : 0, fill: !isLine, fillColor: colour, fillOpacity: 1, opacity: 1, lineCap: "round" };
    }),
  });
}
