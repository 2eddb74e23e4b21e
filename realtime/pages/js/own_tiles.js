// The operator's own map in one PMTiles file, served by the hub: raster tiles for every page, vector tiles (Protomaps' basemap layers) for the
// console. Without names: they would need fonts from somewhere.

import { leafletRasterLayer, PMTiles, Protocol, TileType } from "pmtiles";
import { townColours } from "./town.js";

/** The protocol to give to MapLibre: `addProtocol("pmtiles", protocol.tile)`. */
export const protocol = new Protocol();

/**
 * Return a MapLibre style over the file.
 * @param {string} path such as /assets/map.pmtiles
 * @returns {Promise<any>}
 */
export async function ownStyle(path) {
  const archive = new PMTiles(new URL(path, location.href).href);
  protocol.add(archive);
  const header = await archive.getHeader();
  const url = `pmtiles://${archive.source.getKey()}`;
  const ground = { id: "ground", type: "background", paint: { "background-color": townColours().ground } };
  if (header.tileType === TileType.Mvt) return { version: 8, sources: { own: { type: "vector", url } }, layers: [ground, ...vectorLayers()] };
  return { version: 8, sources: { own: { type: "raster", url, tileSize: 256 } }, layers: [ground, { id: "own", type: "raster", source: "own" }] };
}

/**
 * Return a Leaflet layer over the file, null where it holds vector tiles, which Leaflet does not draw.
 * @param {string} path
 * @param {string} attribution
 * @returns {Promise<any>}
 */
export async function ownRasterLayer(path, attribution) {
  const archive = new PMTiles(new URL(path, location.href).href);
  const header = await archive.getHeader();
  const isVector = header.tileType === TileType.Mvt || header.tileType === TileType.Unknown;
  return isVector ? null : leafletRasterLayer(archive, { attribution, maxNativeZoom: header.maxZoom, minNativeZoom: header.minZoom, maxZoom: 19 });
}

/** @returns {any[]} */
function vectorLayers() {
  const c = townColours();
  const kind = (/** @type {string[]} */ ...names) => ["in", ["get", "kind"], ["literal", names]];
  const area = (/** @type {string} */ layer, /** @type {string} */ colour, /** @type {any} */ filter) => ({
    id: layer, type: "fill", source: "own", "source-layer": layer, ...(filter ? { filter } : {}), paint: { "fill-color": colour },
  });
  const road = (/** @type {string} */ id, /** @type {any} */ filter, /** @type {string} */ colour, /** @type {number} */ metres, /** @type {number} */ edge) => ({
    id, type: "line", source: "own", "source-layer": "roads", filter, layout: { "line-cap": "round", "line-join": "round" },
    paint: { "line-color": colour, "line-width": ["interpolate", ["exponential", 2], ["zoom"], 9, 0.3 + edge / 3, 13, metres * 0.14 + edge, 16, metres + edge, 19, metres * 6 + edge] },
  });
  const main = kind("highway", "major_road");
  const minor = kind("minor_road", "medium_road");
  return [
    area("earth", c.ground, null), area("landcover", c.park, kind("grassland", "forest", "wood")),
    area("landuse", c.park, kind("park", "wood", "forest", "grass", "cemetery", "garden", "nature_reserve")), area("water", c.water, null),
    area("buildings", c.building, null), road("minor-casing", minor, c.casing, 9, 1.6), road("main-casing", main, c["main-casing"], 15, 1.6),
    road("minor", minor, c.street, 9, 0), road("main", main, c.main, 15, 0),
  ];
}
