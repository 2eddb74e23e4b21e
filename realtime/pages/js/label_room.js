// Where has the name of each marker room, so that no name covers another one or another's marker? All in pixels on the map.

/** @typedef {"below" | "above" | "right" | "left"} Side */
/** @typedef {{x: number, y: number, width: number, side?: Side | "none", isMust?: boolean}} Spot where the marker stands, how wide its label is, where it was last, and whether it is shown at any price */
/** @typedef {[left: number, top: number, right: number, bottom: number]} Box */

/** Half a marker, from its middle to its rim. */
export const RIM = 20;
/** How high a label is. */
export const TALL = 20;

/**
 * Return the side of each marker that its label goes to, in the order given: the first ones choose first. "none": there is no room, and
 * the marker stands without its name until somebody points at it.
 * @param {Spot[]} spots
 * @returns {(Side | "none")[]}
 */
export function labelSides(spots) {
  const rims = spots.map(({ x, y }) => /** @type {Box} */ ([x - RIM, y - RIM, x + RIM, y + RIM]));
  /** @type {Box[]} */
  const taken = [];
  return spots.map((spot, at) => {
    const isFree = (/** @type {Side} */ side) => {
      const box = boxOf(spot, side);
      return !taken.some((each) => overlap(each, box)) && !rims.some((each, other) => other !== at && overlap(each, box));
    };
    const found = sidesOf(spot).find(isFree) ?? (spot.isMust ? "below" : "none");
    if (found !== "none") taken.push(boxOf(spot, found));
    return found;
  });
}

/** Where it was comes first, so that no label jumps without need. @param {Spot} spot @returns {Side[]} */
function sidesOf({ side }) {
  const all = /** @type {Side[]} */ (["below", "above", "right", "left"]);
  return side && side !== "none" ? [side, ...all.filter((each) => each !== side)] : all;
}

/** @param {Spot} spot @param {Side} side @returns {Box} */
function boxOf({ x, y, width }, side) {
  if (side === "below" || side === "above") {
    const top = side === "below" ? y + RIM : y - RIM - TALL;
    return [x - width / 2, top, x + width / 2, top + TALL];
  }
  const left = side === "right" ? x + RIM : x - RIM - width;
  return [left, y - TALL / 2, left + width, y + TALL / 2];
}

/** @param {Box} a @param {Box} b */
const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
