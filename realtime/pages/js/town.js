// What lies under the dots where no map is configured: the site's own streets, water and parks, drawn from one GeoJSON file.
//
// Features carry `kind`: "water" | "park" | "building" | "street" | "main_street" | "label" (with `name`). Colours come from css/town.css.

/** @typedef {{type: string, geometry: any, properties: {kind?: string, name?: string, width_m?: number}}} TownFeature */
/** @typedef {{type: "FeatureCollection", features: TownFeature[]}} Town */

/**
 * Fetch a site's streets; null where there are none or they cannot be had: then the ground stays plain.
 * @param {string | null | undefined} url
 * @returns {Promise<Town | null>}
 */
export async function loadTown(url) {
  if (!url) return null;
  try {
    const answer = await fetch(url);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/**
 * Return the town's colours in the present colour scheme.
 * @returns {Record<"ground" | "water" | "park" | "building" | "street" | "casing" | "main" | "main-casing" | "label", string>}
 */
export function townColours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["ground", "water", "park", "building", "street", "casing", "main", "main-casing", "label"];
  return /** @type {any} */ (Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--town-${name}`).trim()])));
}

/**
 * Return the box around all streets as [[south, west], [north, east]], null for an empty town.
 * @param {Town | null} town
 * @returns {[[number, number], [number, number]] | null}
 */
export function townBounds(town) {
  let [south, west, north, east] = [90, 180, -90, -180];
  const visit = (/** @type {any} */ part) => {
    if (typeof part[0] === "number") {
      west = Math.min(west, part[0]);
      east = Math.max(east, part[0]);
      south = Math.min(south, part[1]);
      north = Math.max(north, part[1]);
    } else for (const inner of part) visit(inner);
  };
  for (const feature of town?.features ?? []) if (feature.geometry?.coordinates) visit(feature.geometry.coordinates);
  return south <= north ? [[south, west], [north, east]] : null;
}

/**
 * Run `draw` now and whenever light and dark change places.
 * @param {() => void} draw
 */
export function onSchemeChange(draw) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
