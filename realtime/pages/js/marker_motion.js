// How may a dot move? Honestly: it glides only between two fixes that belong together, and never invents what lies between.
//
// Pure: no map, no timers. `marker.js` asks and draws.

export const GAP_S = 25;
const FASTEST_MPS = 45;
const SHORTEST_MS = 250;
const LONGEST_MS = 6_000;

/** @typedef {{at_ms: number, lat: number, lon: number, gap_s?: number | null}} Spot */
/** @typedef {{kind: "first" | "old" | "glide" | "gap", ms: number}} Move */

/**
 * Decide how the marker gets from `from` to `to`: an older fix never moves it back; a hole in time, a hole that the hub reports, or a
 * speed no car drives makes a visible gap; all else is a glide as long as the fixes lie apart.
 * @param {Spot | null} from
 * @param {Spot} to
 * @returns {Move}
 */
export function move(from, to) {
  if (!from) return { kind: "first", ms: 0 };
  if (to.at_ms < from.at_ms) return { kind: "old", ms: 0 };
  const apartS = (to.at_ms - from.at_ms) / 1000;
  if (apartS > GAP_S || (to.gap_s ?? 0) > GAP_S) return { kind: "gap", ms: 0 };
  if (metres(from, to) > FASTEST_MPS * Math.max(apartS, 1) + 60) return { kind: "gap", ms: 0 };
  return { kind: "glide", ms: Math.min(LONGEST_MS, Math.max(SHORTEST_MS, apartS * 1000)) };
}

/**
 * Return the place a share `t` (0 to 1) of the way; straight, at even pace: cars neither ease in nor out between two fixes.
 * @param {Spot} from
 * @param {Spot} to
 * @param {number} t
 * @returns {[number, number]} [lat, lon]
 */
export function between(from, to, t) {
  const share = Math.max(0, Math.min(1, t));
  return [from.lat + (to.lat - from.lat) * share, from.lon + (to.lon - from.lon) * share];
}

/**
 * Return metres between two spots close together (flat earth; good to 0.1 % over a few kilometres).
 * @param {{lat: number, lon: number}} a
 * @param {{lat: number, lon: number}} b
 */
export function metres(a, b) {
  const east = (b.lon - a.lon) * Math.cos(((a.lat + b.lat) * Math.PI) / 360);
  return Math.hypot(east, b.lat - a.lat) * 111_195;
}
