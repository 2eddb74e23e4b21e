// The small badge that says whether the page is live: a dot, a shape and words.

import { setText, show } from "./dom.js";

/**
 * Show a socket's state in `badge` (class "link", with a .dot and an element for the words).
 * @param {import("./socket.js").LiveSocket} socket
 * @param {HTMLElement} badge
 * @param {HTMLElement} text
 * @param {import("./words.js").Words} words
 */
export function showLink(socket, badge, text, words) {
  const draw = () => {
    badge.dataset.state = socket.state;
    setText(text, words.say(`link-${socket.state}`));
    show(badge, true);
  };
  socket.addEventListener("state", draw);
  draw();
}
