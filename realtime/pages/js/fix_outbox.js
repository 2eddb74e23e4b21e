// Positions that the hub has not acknowledged yet. They survive a closed page, and only an acknowledgement deletes them.

import { done, getKey, inStore, setKey } from "./idb.js";

const KEEP_MS = 72 * 3_600_000;

/** @typedef {{seq: number, at_ms: number, lat: number, lon: number, accuracy_m: number | null, speed_mps: number | null, heading_deg: number | null}} StoredFix */

export class FixOutbox {
  epoch = 0;
  #next = 0;
  count = 0;

  /** Read counters; a phone without any begins a new epoch, because its numbers start over. */
  async open() {
    const kept = await getKey("counter");
    this.epoch = kept?.epoch ?? 1 + Math.floor(Math.random() * (2 ** 31 - 2));
    this.count = await inStore("fixes", "readonly", (store) => done(store.count()));
    const last = await inStore("fixes", "readonly", (store) => done(store.openCursor(null, "prev")));
    // The counter is written ahead of use; a fix that is kept may still be newer than it.
    this.#next = Math.max(kept?.next ?? 1, (last ? Number(last.key) : 0) + 1);
    await setKey("counter", { epoch: this.epoch, next: this.#next });
    return this;
  }

  /** Keep a position; returns it with its number. @param {Omit<StoredFix, "seq">} fix */
  async put(fix) {
    const seq = this.#next++;
    await setKey("counter", { epoch: this.epoch, next: this.#next });
    await inStore("fixes", "readwrite", (store) => done(store.add({ ...fix, seq })));
    this.count += 1;
    return seq;
  }

  /**
   * Return up to `most` positions, newest first, leaving out those in `flying`.
   * @param {number} most
   * @param {Set<number>} flying
   * @returns {Promise<StoredFix[]>}
   */
  newest(most, flying) {
    return inStore("fixes", "readonly", (store) => new Promise((resolve, reject) => {
      /** @type {StoredFix[]} */
      const found = [];
      const request = store.openCursor(null, "prev");
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const cursor = request.result;
        if (!cursor || found.length >= most) return resolve(found);
        if (!flying.has(Number(cursor.key))) found.push(cursor.value);
        cursor.continue();
      };
    }));
  }

  /** Delete what the hub named: inclusive ranges of numbers of this epoch. @param {number[][]} ranges */
  async forget(ranges) {
    await inStore("fixes", "readwrite", async (store) => {
      for (const [from, to] of ranges) store.delete(IDBKeyRange.bound(from, to));
      this.count = await done(store.count());
    });
  }

  /** Delete what is too old for the hub to take (72 h). @param {number} nowMs */
  async expire(nowMs) {
    await inStore("fixes", "readwrite", async (store) => {
      for (const fix of await done(store.getAll())) {
        if (fix.at_ms > nowMs - KEEP_MS) break;
        store.delete(fix.seq);
      }
      this.count = await done(store.count());
    });
  }
}
