// Where has each marker and its name room, so that no marker lies under another and no name covers either? All in pixels on the map.

/** @typedef {"below" | "above" | "right" | "left" | "below-right" | "below-left" | "above-right" | "above-left"} Side */
/** @typedef {{x: number, y: number, width: number, side?: Side | "none", isMust?: boolean}} Spot where the marker stands, how wide its label is, where it was last, and whether it is shown at any price */
/** @typedef {[left: number, top: number, right: number, bottom: number]} Box */

/** @type {Side[]} the best first; the style sheet knows the same ones */
const SIDES = ["below", "above", "right", "left", "below-right", "below-left", "above-right", "above-left"];
/** Half a marker, from its middle to its rim. */
const RIM = 20;
/** How high a label is. */
const TALL = 20;
/** How far a label at a corner reaches back past the marker's middle. */
const BACK = 12;

/**
 * Return the side of each marker that its label goes to, in the order given: the first ones choose first. "none": there is no room, and
 * the marker stands without its name until somebody points at it.
 * @param {Spot[]} spots
 * @param {{width: number, height: number}} map
 * @returns {(Side | "none")[]}
 */
export function labelSides(spots, map) {
  const rims = spots.map(({ x, y }) => /** @type {Box} */ ([x - RIM, y - RIM, x + RIM, y + RIM]));
  /** @type {Box[]} */
  const taken = [];
  return spots.map((spot, at) => {
    const isFree = (/** @type {Side} */ side) => {
      const box = boxOf(spot, side);
      const isInside = box[0] >= 0 && box[1] >= 0 && box[2] <= map.width && box[3] <= map.height;
      return isInside && !taken.some((each) => overlap(each, box)) && !rims.some((each, other) => other !== at && overlap(each, box));
    };
    const found = sidesOf(spot).find(isFree) ?? (spot.isMust ? "below" : "none");
    if (found !== "none") taken.push(boxOf(spot, found));
    return found;
  });
}

/** How far apart the middles of two markers are shown at least, as long as neither is moved further than `FURTHEST`. */
const APART = 30;
const FURTHEST = 24;

/**
 * Return by how much each marker is shown beside where it stands, so that none lies under another one: a few pixels, less than a phone
 * knows of its place unless one looks very closely.
 * @param {{x: number, y: number}[]} places
 * @returns {[dx: number, dy: number][]}
 */
export function apart(places) {
  const moved = places.map(({ x, y }) => ({ x, y }));
  for (let round = 0; round < 8; round++) {
    for (let a = 0; a < moved.length; a++) for (let b = 0; b < a; b++) push(moved[a], moved[b], a);
  }
  return places.map(({ x, y }, at) => {
    const [dx, dy] = [moved[at].x - x, moved[at].y - y];
    const most = Math.min(1, FURTHEST / (Math.hypot(dx, dy) || 1));
    return [Math.round(dx * most), Math.round(dy * most)];
  });
}

/** @param {{x: number, y: number}} a @param {{x: number, y: number}} b @param {number} turn which way, where both stand at one place */
function push(a, b, turn) {
  const [dx, dy] = [a.x - b.x, a.y - b.y];
  const far = Math.hypot(dx, dy);
  if (far >= APART) return;
  const angle = far > 0.01 ? Math.atan2(dy, dx) : turn * 2.4;
  const step = (APART - far) / 2;
  const [sx, sy] = [Math.cos(angle) * step, Math.sin(angle) * step];
  a.x += sx;
  a.y += sy;
  b.x -= sx;
  b.y -= sy;
}

/** Where it was comes first, so that no label jumps without need. @param {Spot} spot @returns {Side[]} */
function sidesOf({ side }) {
  return side && side !== "none" ? [side, ...SIDES.filter((each) => each !== side)] : SIDES;
}

/** @param {Spot} spot @param {Side} side @returns {Box} */
function boxOf({ x, y, width }, side) {
  const [up, along] = side.startsWith("below") ? [y + RIM, side.slice(6)] : side.startsWith("above") ? [y - RIM - TALL, side.slice(6)] : [y - TALL / 2, side];
  const isBeside = along === side;
  const left = along === "right" ? x + (isBeside ? RIM : -BACK) : along === "left" ? x - width + (isBeside ? -RIM : BACK) : x - width / 2;
  return [left, up, left + width, up + TALL];
}

/** @param {Box} a @param {Box} b */
const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
