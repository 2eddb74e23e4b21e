// Asking the hub over HTTP. Failures come as problems with a sentence (RFC 9457).

export class Problem extends Error {
  /** @param {number} status 0 where the hub did not answer @param {string} code @param {string} detail @param {any} body */
  constructor(status, code, detail, body = {}) {
    super(detail);
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.body = body;
    this.retryAfterS = 0;
  }

  /** Whether the same request may succeed later: no answer, too many, busy. */
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

const DEADLINE_MS = 15_000;

/**
 * Ask the hub; returns the decoded answer, null for an empty one. Throws `Problem`.
 * @param {string} method
 * @param {string} path
 * @param {object | null} [body]
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>}
 */
export async function ask(method, path, body = null, headers = {}) {
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(path, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      headers: { Accept: "application/json", ...(body ? { "Content-Type": "application/json" } : {}), ...headers },
      body: body ? JSON.stringify(body) : undefined,
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
  } catch (error) {
    throw new Problem(0, "no_answer", String(error));
  }
  const decoded = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (answer.ok) return decoded;
  const problem = new Problem(answer.status, decoded?.code ?? "", decoded?.detail ?? `HTTP ${answer.status}`, decoded ?? {});
  problem.retryAfterS = Number(answer.headers.get("retry-after") ?? 0);
  throw problem;
}
