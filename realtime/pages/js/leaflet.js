// Leaflet as a module. Its small build is a classic script that puts itself on the window; importing it runs it once.

import "leaflet";

/** @type {typeof import("leaflet")} */
const L = /** @type {any} */ (globalThis).L;
export default L;
