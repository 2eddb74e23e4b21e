// A button that must be held: by finger, mouse, pen, space bar or Enter. What it does happens at the end of the hold, while it is still held.

export const HOLD_MS = 1_500;

/** Events: "held"; "short" when let go too early; "clicked" when something pressed it that cannot hold, such as a screen reader or a voice. */
export class Hold extends EventTarget {
  #timer = 0;
  #frame = 0;
  #startedAt = 0;
  #byHand = false;

  /** @param {HTMLElement} button @param {number} [lastsMs] */
  constructor(button, lastsMs = HOLD_MS) {
    super();
    this.button = button;
    this.lastsMs = lastsMs;
    button.addEventListener("pointerdown", (event) => this.#down(event));
    for (const name of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) button.addEventListener(name, () => this.#end());
    button.addEventListener("keydown", (event) => this.#key(event));
    button.addEventListener("keyup", (event) => [" ", "Enter"].includes(event.key) && this.#end());
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    button.addEventListener("click", (event) => this.#click(event));
    document.addEventListener("visibilitychange", () => document.hidden && this.#end());
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.button !== 0) return;
    // Keep the hold while the finger slides a little.
    this.button.setPointerCapture(event.pointerId);
    this.#begin();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) this.#begin();
  }

  #begin() {
    this.#byHand = true;
    if (this.#timer) return;
    this.#startedAt = performance.now();
    this.#timer = setTimeout(() => this.#held(), this.lastsMs);
    this.button.dataset.held = "true";
    this.#draw();
  }

  #held() {
    this.#stop();
    this.dispatchEvent(new Event("held"));
  }

  #end() {
    if (!this.#timer) return;
    this.#stop();
    this.dispatchEvent(new Event("short"));
  }

  #stop() {
    clearTimeout(this.#timer);
    cancelAnimationFrame(this.#frame);
    this.#timer = 0;
    delete this.button.dataset.held;
    this.button.style.setProperty("--held", "0");
  }

  #draw() {
    const part = Math.min(1, (performance.now() - this.#startedAt) / this.lastsMs);
    this.button.style.setProperty("--held", String(part));
    this.#frame = requestAnimationFrame(() => this.#timer && this.#draw());
  }

  /** @param {MouseEvent} event */
  #click(event) {
    event.preventDefault();
    if (!this.#byHand) this.dispatchEvent(new Event("clicked"));
    this.#byHand = false;
  }
}
