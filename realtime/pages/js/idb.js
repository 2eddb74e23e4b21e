// A phone's own memory: four small stores in IndexedDB, behind promises.
//
// "keys": the device's token and counters. "fixes": positions that the hub has not acknowledged. "acts": pressed buttons it has not.
// "taps": calls for help without a receipt; each carries its own credential and outlives everything else here.

/** @type {Promise<IDBDatabase> | null} */
let opened = null;

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

/** @returns {Promise<IDBDatabase>} */
function database() {
  opened ??= (() => {
    const request = indexedDB.open("porchlight", 2);
    request.onupgradeneeded = () => {
      const db = request.result;
      if (!db.objectStoreNames.contains("keys")) {
        db.createObjectStore("keys");
        db.createObjectStore("fixes", { keyPath: "seq" });
        db.createObjectStore("acts", { keyPath: "id" });
      }
      db.createObjectStore("taps", { keyPath: "tap_id" });
    };
    return done(request).then((db) => {
      // A page of a later version must not wait for this one.
      db.onversionchange = () => db.close();
      return db;
    });
  })();
  return opened;
}

/**
 * Run `work` on one store and wait until it is written.
 * @template T
 * @param {"keys" | "fixes" | "acts" | "taps"} name
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => Promise<T> | T} work
 * @returns {Promise<T>}
 */
export async function inStore(name, mode, work) {
  const db = await database();
  // Durability "strict": a phone that is switched off right after must still have it.
  const transaction = db.transaction(name, mode, { durability: mode === "readwrite" ? "strict" : "default" });
  const finished = new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(undefined);
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
  const result = await work(transaction.objectStore(name));
  await finished;
  return result;
}

/** @param {string} key @returns {Promise<any>} */
export const getKey = (key) => inStore("keys", "readonly", (store) => done(store.get(key)));
/** @param {string} key @param {any} value */
export const setKey = (key, value) => inStore("keys", "readwrite", (store) => done(store.put(value, key)));
/** Forget everything but calls for help without a receipt: another device will begin here. */
export async function forgetAll() {
  for (const name of /** @type {const} */ (["keys", "fixes", "acts"])) await inStore(name, "readwrite", (store) => done(store.clear()));
}

export { done };
