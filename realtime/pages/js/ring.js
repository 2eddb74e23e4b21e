// The sounds of the desk: an incident's, repeating until someone takes it, and a deeper one for a dead line.
//
// Browsers allow sound only after a press, so it is turned on by hand. The repeating sound is one looped buffer: a hidden page's timers
// slow down, its sound does not.

const REPEAT_S = 2.6;
const LOST_REPEAT_S = 5;
/** [start s, length s, Hz] */
const CALL = /** @type {[number, number, number][]} */ ([[0, 0.2, 880], [0.22, 0.2, 660], [0.44, 0.2, 880], [0.66, 0.2, 660]]);
const LOST = /** @type {[number, number, number][]} */ ([[0, 0.5, 196], [0.55, 0.7, 147]]);
const TEST_GAP_S = 1.4;

/** @param {AudioContext} audio @param {[number, number, number][]} tones @param {number} lengthS */
function recorded(audio, tones, lengthS) {
  const buffer = audio.createBuffer(1, Math.ceil(lengthS * audio.sampleRate), audio.sampleRate);
  const wave = buffer.getChannelData(0);
  for (const [from, lasts, pitch] of tones) {
    const [first, count] = [Math.floor(from * audio.sampleRate), Math.floor(lasts * audio.sampleRate)];
    for (let i = 0; i < count && first + i < wave.length; i += 1) {
      const phase = ((i / audio.sampleRate) * pitch) % 1;
      const edge = Math.min(1, i / 400, (count - i) / 1200);
      wave[first + i] = (4 * Math.abs(phase - 0.5) - 1) * 0.5 * edge;
    }
  }
  return buffer;
}

export class Ring {
  /** @type {AudioContext | null} */
  #audio = null;
  /** @type {Map<"call" | "lost", AudioBufferSourceNode>} */
  #playing = new Map();
  /** @type {Set<"call" | "lost">} */
  #wanted = new Set();

  /** Whether sound can be heard, as far as the browser tells. */
  get isOn() {
    return this.#audio?.state === "running";
  }

  /** Whether an incident rings now. */
  get isRinging() {
    return this.#playing.has("call");
  }

  /** Turn sound on, from a press; what should be heard by now begins. */
  async turnOn() {
    this.#audio ??= new AudioContext();
    await this.#audio.resume();
    this.#follow();
    return this.isOn;
  }

  /** Play the incident's sound so many times and wait until it is over; from a press. @param {number} times */
  async test(times) {
    await this.turnOn();
    const audio = this.#audio;
    if (!audio || audio.state !== "running") return false;
    const source = audio.createBufferSource();
    const tones = Array.from({ length: times }, (_, n) => CALL.map(([from, lasts, pitch]) => /** @type {[number, number, number]} */ ([from + n * TEST_GAP_S, lasts, pitch])));
    source.buffer = recorded(audio, tones.flat(), times * TEST_GAP_S);
    source.connect(audio.destination);
    await new Promise((resolve) => {
      source.onended = resolve;
      source.start();
    });
    return true;
  }

  /** Ring until `stop`. Nothing is audible while sound is off: the page shows the same in words and shapes. */
  start() {
    this.#want("call", true);
  }

  stop() {
    this.#want("call", false);
  }

  /** Sound, or stop, the dead line's own sound. @param {boolean} isLost */
  lost(isLost) {
    this.#want("lost", isLost);
  }

  /** @param {"call" | "lost"} name @param {boolean} isWanted */
  #want(name, isWanted) {
    if (this.#wanted.has(name) === isWanted) return;
    if (isWanted) this.#wanted.add(name);
    else this.#wanted.delete(name);
    this.#follow();
  }

  #follow() {
    const audio = this.#audio;
    for (const [name, source] of this.#playing) {
      if (this.#wanted.has(name)) continue;
      source.stop();
      this.#playing.delete(name);
    }
    if (!audio || audio.state !== "running") return;
    for (const name of this.#wanted) {
      if (this.#playing.has(name)) continue;
      const source = audio.createBufferSource();
      source.buffer = name === "call" ? recorded(audio, CALL, REPEAT_S) : recorded(audio, LOST, LOST_REPEAT_S);
      source.loop = true;
      source.connect(audio.destination);
      source.start();
      this.#playing.set(name, source);
    }
  }
}
