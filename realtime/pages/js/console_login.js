// Signing in and out of the desk.

import { byId, setText, show } from "./dom.js";
import { ask, Problem } from "./http.js";

/**
 * Wire the log-in form; `onSignedIn` is called after the hub accepted.
 * @param {import("./words.js").Words} words
 * @param {() => void} onSignedIn
 */
export function wireLogin(words, onSignedIn) {
  const form = /** @type {HTMLFormElement} */ (byId("login-form"));
  const fault = byId("login-fault");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
    button.disabled = true;
    show(fault, false);
    try {
      await ask("POST", "/v1/sessions", credentials(new FormData(form)));
      form.reset();
      onSignedIn();
    } catch (problem) {
      setText(fault, faultText(words, /** @type {Problem} */ (problem)));
      show(fault, true);
    } finally {
      button.disabled = false;
    }
  });
  byId("logout").addEventListener("click", async () => {
    await ask("DELETE", "/v1/sessions/current").catch(() => null);
    location.reload();
  });
}

/** @param {FormData} form */
function credentials(form) {
  const totp = String(form.get("totp") ?? "").replace(/\s/g, "");
  return { user: String(form.get("user")).trim(), password: String(form.get("password")), ...(totp ? { totp } : {}) };
}

/** @param {import("./words.js").Words} words @param {Problem} problem */
function faultText(words, problem) {
  if (problem.status === 429) return words.say("login-many", { n: problem.retryAfterS || 60 });
  return words.say(problem.isPassing ? "login-failed" : "login-wrong");
}
