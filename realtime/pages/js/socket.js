// A socket to the hub that comes back by itself and never claims to be live when it is not.
//
// A phone in a lift keeps its socket "open" while nothing passes: so a socket counts as live only while frames arrive. After a few seconds
// of silence the hub is asked whether it is there; without an answer the socket is no longer live, and after longer silence it is given up.
// Waits between tries grow and are random, so that a restarted hub is not stormed.

export const SUBPROTOCOL = "porchlight.v1";
const SILENCE_MS = 40_000;
const HEARTBEAT_MS = 15_000;
const ASK_MS = 6_000;
const ANSWER_MS = 4_000;
const TEND_MS = 2_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 20_000;

/** @typedef {"connecting" | "live" | "lost" | "offline" | "ended"} LinkState */

/**
 * Tell whether a close code allows coming back: 4100-4199, 1008 and 1009 do not.
 * @param {number} code
 */
export function mayReturn(code) {
  return !((code >= 4100 && code < 4200) || code === 1008 || code === 1009);
}

/**
 * Return the wait before try number `tries` (from 0): random between a tenth and the whole of a doubling bound.
 * @param {number} tries
 * @param {() => number} [chance]
 */
export function waitMs(tries, chance = Math.random) {
  const bound = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(tries, 10));
  return bound * (0.1 + 0.9 * chance());
}

/**
 * Events: "state" (detail: LinkState; "lost" may be a silence that ends on the same connection), "gone" (a connection is no more), "frame"
 * (detail: the decoded frame), "ended" (detail: {code, reason}).
 */
export class LiveSocket extends EventTarget {
  /**
   * @param {string} path such as /v1/ws/visit
   * @param {() => Promise<object> | object} firstFrame asked anew at every connection; a throw counts as a failed try
   */
  constructor(path, firstFrame) {
    super();
    this.url = new URL(path, location.href.replace(/^http/, "ws")).href;
    this.firstFrame = firstFrame;
    /** @type {LinkState} */
    this.state = "connecting";
    this.lastFrameAt = 0;
    this.lostSince = 0;
    this.saidAt = 0;
    this.askedAt = 0;
    this.tries = 0;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.isOpen = false;
    this.timer = 0;
    this.watch = 0;
    this.onWake = () => this.#wake();
  }

  /** Connect and stay connected until `stop`. */
  start() {
    addEventListener("online", this.onWake);
    addEventListener("offline", this.onWake);
    document.addEventListener("visibilitychange", this.onWake);
    this.watch = setInterval(() => this.#tend(), TEND_MS);
    this.#connect();
    return this;
  }

  /** Close for good. */
  stop() {
    this.#end(1000, "");
  }

  /**
   * Send a frame; false when there is no open socket. True only means "handed to the browser": trust acknowledgements, never this.
   * @param {object} frame
   */
  send(frame) {
    if (!this.isOpen || !this.socket || this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  /** Drop the present connection and make a new one at once. */
  again() {
    this.tries = 0;
    this.#drop();
    this.#retry(true);
  }

  async #connect() {
    clearTimeout(this.timer);
    if (this.state === "ended" || this.socket) return;
    const socket = new WebSocket(this.url, SUBPROTOCOL);
    this.socket = socket;
    this.openedAt = Date.now();
    socket.onopen = () => this.#hello(socket);
    socket.onmessage = (event) => this.#receive(socket, event.data);
    socket.onclose = (event) => this.#closed(socket, event);
  }

  /** @param {WebSocket} socket */
  async #hello(socket) {
    try {
      const frame = await this.firstFrame();
      if (socket !== this.socket || socket.readyState !== WebSocket.OPEN) return;
      socket.send(JSON.stringify(frame));
      this.isOpen = true;
      this.dispatchEvent(new Event("open"));
    } catch (error) {
      if (socket !== this.socket) return;
      if (/** @type {any} */ (error)?.isFinal) this.#end(4101, "not signed in");
      else {
        this.#drop();
        this.#retry(false);
      }
    }
  }

  /** @param {WebSocket} socket @param {unknown} data */
  #receive(socket, data) {
    if (socket !== this.socket || typeof data !== "string") return;
    this.lastFrameAt = Date.now();
    this.tries = 0;
    this.#say("live");
    this.dispatchEvent(new CustomEvent("frame", { detail: JSON.parse(data) }));
  }

  /** @param {WebSocket} socket @param {CloseEvent} event */
  #closed(socket, event) {
    if (socket !== this.socket) return;
    this.socket = null;
    this.isOpen = false;
    this.dispatchEvent(new Event("gone"));
    if (mayReturn(event.code)) this.#retry(false);
    else this.#end(event.code, event.reason);
  }

  #drop() {
    const old = this.socket;
    this.socket = null;
    this.isOpen = false;
    if (old) {
      old.onopen = old.onmessage = old.onclose = null;
      old.close(1000);
      this.dispatchEvent(new Event("gone"));
    }
  }

  /** @param {boolean} isSoon */
  #retry(isSoon) {
    if (this.state === "ended") return;
    this.#say(navigator.onLine ? "lost" : "offline");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#connect(), isSoon && this.tries === 0 ? 50 : waitMs(this.tries));
    this.tries += 1;
  }

  #wake() {
    if (this.state === "ended") return;
    if (!navigator.onLine) {
      this.#drop();
      this.#say("offline");
      return;
    }
    if (document.visibilityState !== "visible") return;
    if (this.socket) {
      this.#tend();
      return;
    }
    this.tries = 0;
    clearTimeout(this.timer);
    this.#connect();
  }

  #tend() {
    if (this.state === "ended" || !this.socket) return;
    const nowMs = Date.now();
    const heardAt = Math.max(this.lastFrameAt, this.openedAt ?? 0);
    if (nowMs - heardAt > SILENCE_MS) return this.again();
    if (!this.isOpen) return;
    const isAsked = this.askedAt > heardAt;
    if (isAsked && nowMs - this.askedAt >= ANSWER_MS && this.state === "live") this.#say("lost");
    // Who does not look asks nothing: a phone in a pocket keeps its radio quiet.
    const asks = !isAsked && nowMs - heardAt >= ASK_MS && document.visibilityState === "visible";
    if (asks) this.askedAt = nowMs;
    if (asks || nowMs - this.saidAt > HEARTBEAT_MS) {
      this.saidAt = nowMs;
      this.send(asks ? { type: "heartbeat", asks } : { type: "heartbeat" });
    }
  }

  /** @param {number} code @param {string} reason */
  #end(code, reason) {
    clearTimeout(this.timer);
    clearInterval(this.watch);
    removeEventListener("online", this.onWake);
    removeEventListener("offline", this.onWake);
    document.removeEventListener("visibilitychange", this.onWake);
    this.#drop();
    this.#say("ended");
    this.dispatchEvent(new CustomEvent("ended", { detail: { code, reason } }));
  }

  /** @param {LinkState} state */
  #say(state) {
    if (state === this.state) return;
    if (this.state === "live") this.lostSince = Date.now();
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}
