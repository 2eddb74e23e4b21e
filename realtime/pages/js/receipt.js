// The receipt's page: printing, and on the technician's phone fetching it with her token.

import { byId, setText, show } from "./dom.js";
import { getKey } from "./idb.js";
import { loadWords } from "./words.js";

/** @param {string} source */
async function fetchHers(source) {
  const words = await loadWords();
  const token = await getKey("device_token");
  const answer = await fetch(source, { headers: { Authorization: `Bearer ${token ?? ""}` }, cache: "no-store" }).catch(() => null);
  if (!answer?.ok) return setText(byId("receipt-none"), words.say(answer ? "receipt-not-yours" : "enrol-failed"));
  const body = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".receipt-body");
  if (body) byId("receipt").replaceChildren(document.adoptNode(body));
}

const button = byId("print");
button.addEventListener("click", () => print());
show(button, true);
const source = byId("receipt").dataset.source;
if (source) fetchHers(source);
