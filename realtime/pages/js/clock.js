// What time is it at the hub? A phone's own clock may be hours off; ages must not be.

export class HubClock {
  #offsetMs = 0;
  #knows = false;

  /**
   * Learn from a frame or answer that carries the hub's clock. The fastest answer is the truest, so only a larger hub time counts:
   * a slow one would make everything look younger than it is.
   * @param {number | undefined | null} serverAtMs
   */
  learn(serverAtMs) {
    if (!serverAtMs) return;
    const offset = serverAtMs - Date.now();
    if (!this.#knows || offset > this.#offsetMs || offset < this.#offsetMs - 60_000) this.#offsetMs = offset;
    this.#knows = true;
  }

  /** Return the hub's present time, milliseconds since 1970. */
  now() {
    return Date.now() + this.#offsetMs;
  }
}
