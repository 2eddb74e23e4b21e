// Small helpers around elements. Text goes in as text, never as markup.

/**
 * Return the element with this id; a missing one is a mistake in the template, so it throws.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element #${id}.`);
  return found;
}

/**
 * Make an element: `h("p", {class: "note"}, "text", child)`. Properties starting with "on" are listeners; null and false leave out.
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node | string | number | null | undefined | false)} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/**
 * Return an icon of the page's sprite.
 * @param {string} name
 * @param {string} [extra] further class
 * @returns {SVGSVGElement}
 */
export function icon(name, extra = "") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", `icon ${extra}`.trim());
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/**
 * Set an element's text only where it differs, so that screen readers and selections are left in peace.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Show or hide.
 * @param {HTMLElement} element
 * @param {boolean} isShown
 */
export function show(element, isShown) {
  if (element.hidden === isShown) element.hidden = !isShown;
}

/**
 * Make `wanted` the children of `box`, in this order, without ever moving the one that has the focus: what is moved in the document
 * loses it, and with it the keyboard and what an input method has begun.
 * @param {Element} box
 * @param {Element[]} wanted
 * @returns {number} where the child stood that had the focus and had to go; -1: none
 */
export function place(box, wanted) {
  const before = [...box.children];
  const heldAt = before.findIndex((each) => each.contains(document.activeElement));
  const kept = new Set(wanted);
  for (const child of before) if (!kept.has(child)) child.remove();
  let next = /** @type {Element | null} */ (null);
  for (const each of [...wanted].reverse()) {
    if (each !== before[heldAt] && (each.parentElement !== box || each.nextElementSibling !== next)) box.insertBefore(each, next);
    next = each;
  }
  return heldAt >= 0 && !kept.has(before[heldAt]) ? heldAt : -1;
}

/** Whether nobody has the focus: who used the keyboard has lost her place. */
export const isFocusLost = () => document.activeElement === null || document.activeElement === document.body;

/** Whether the reader asked for little motion. */
export const prefersStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * Return the facts that the server put into the page.
 * @returns {any}
 */
export function pageState() {
  return JSON.parse(byId("page-state").textContent ?? "{}");
}
