// The phone's position while it may be taken: only on shift, only with the switch on, only while the page is visible.

/** @typedef {"off" | "wait" | "on" | "denied" | "unavailable"} LocatorState */

/** Events: "fix" (detail: the position as the outbox keeps it), "change". */
export class Locator extends EventTarget {
  /** @type {LocatorState} */
  state = "off";
  /** @type {any} */
  last = null;
  #watch = 0;
  /** @type {any} */
  #awake = null;

  /** @param {() => {interval_s: number, displacement_m: number}} cadence how often the hub wants to hear */
  constructor(cadence) {
    super();
    this.cadence = cadence;
    document.addEventListener("visibilitychange", () => this.#watch && this.#stayAwake());
  }

  get isOn() {
    return this.#watch !== 0;
  }

  start() {
    if (this.#watch) return;
    if (!navigator.geolocation) {
      this.#say("unavailable");
      return;
    }
    this.#say("wait");
    this.#watch = navigator.geolocation.watchPosition((position) => this.#take(position), (error) => this.#fail(error), {
      enableHighAccuracy: true, maximumAge: 0, timeout: 30_000,
    });
    this.#stayAwake();
  }

  stop() {
    if (this.#watch) navigator.geolocation.clearWatch(this.#watch);
    this.#watch = 0;
    this.last = null;
    this.#awake?.release();
    this.#awake = null;
    this.#say("off");
  }

  /** @param {GeolocationPosition} position */
  #take(position) {
    const { coords, timestamp } = position;
    const fix = {
      at_ms: Math.round(timestamp), lat: coords.latitude, lon: coords.longitude, accuracy_m: finite(coords.accuracy),
      speed_mps: finite(coords.speed), heading_deg: finite(coords.heading),
    };
    const wanted = this.cadence();
    const isDue = !this.last || isWanted(this.last, fix, wanted);
    this.#say("on");
    if (!isDue || fix.at_ms === this.last?.at_ms) return;
    this.last = fix;
    this.dispatchEvent(new CustomEvent("fix", { detail: fix }));
  }

  /** @param {GeolocationPositionError} error */
  #fail(error) {
    if (error.code === error.PERMISSION_DENIED) {
      this.stop();
      this.#say("denied");
    } else if (!this.last || Date.now() - this.last.at_ms > 60_000) this.#say("unavailable");
  }

  async #stayAwake() {
    if (document.visibilityState !== "visible") return;
    try {
      this.#awake = await /** @type {any} */ (navigator).wakeLock?.request("screen");
    } catch {
      this.#awake = null;
    }
  }

  /** @param {LocatorState} state */
  #say(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * Whether a fix should be reported now: its time has come, or she has moved far; at most once a second.
 * @param {any} last @param {any} fix @param {{interval_s: number, displacement_m: number}} wanted
 */
function isWanted(last, fix, wanted) {
  const passedMs = fix.at_ms - last.at_ms;
  return passedMs >= wanted.interval_s * 900 || (passedMs >= 900 && metresBetween(last, fix) >= wanted.displacement_m);
}

/** Good enough over a few hundred metres. @param {any} a @param {any} b */
function metresBetween(a, b) {
  const metresPerDegree = 111_195;
  const east = (b.lon - a.lon) * Math.cos((a.lat * Math.PI) / 180);
  return Math.hypot(b.lat - a.lat, east) * metresPerDegree;
}

/** @param {number | null} value */
const finite = (value) => (value === null || !Number.isFinite(value) ? null : value);
