// A JSON value as a tree that opens with mouse and keyboard. Branches are made when they are first opened.

const FIRST = 200; // items of one level that are shown at once
const OPEN = 2; // levels that are open at the beginning

/** Show `value` in `place`; what was open there stays so. */
export function showTree(place, value) {
  const opened = new Set([...place.querySelectorAll("details[open]")].map((one) => one.dataset.path));
  const before = new Map([...place.querySelectorAll("[data-leaf]")].map((one) => [one.dataset.leaf, one.textContent]));
  const isFirst = !place.hasChildNodes();
  const isOpen = (path, depth) => (isFirst ? depth < OPEN : opened.has(path));
  place.replaceChildren(level(value, "", 0, { isOpen, before, isFirst }));
}

function level(value, path, depth, state) {
  const list = document.createElement("ul");
  const entries = Object.entries(value);
  const add = (from) => {
    for (const [key, inner] of entries.slice(from, from + FIRST)) list.append(item(key, inner, path, depth, state));
    if (from + FIRST < entries.length) list.append(more(entries.length - from - FIRST, () => add(from + FIRST)));
  };
  add(0);
  if (!entries.length) list.append(element("li", "ds-faint", Array.isArray(value) ? "[]" : "{}"));
  return list;
}

function more(count, add) {
  const line = document.createElement("li");
  const button = element("button", "ds-button ds-plain ds-small", `${count} more`);
  button.type = "button";
  button.addEventListener("click", () => {
    line.remove();
    add();
  });
  line.append(button);
  return line;
}

function item(key, value, above, depth, state) {
  const path = `${above}/${key}`;
  const line = document.createElement("li");
  if (value === null || typeof value !== "object") {
    const shown = element("span", typeof value === "string" ? "ds-text" : "", JSON.stringify(value));
    shown.dataset.leaf = path;
    if (!state.isFirst && state.before.get(path) !== shown.textContent) shown.classList.add("ds-changed");
    line.append(element("span", "ds-key", key), ": ", shown);
    return line;
  }
  const branch = document.createElement("details");
  branch.dataset.path = path;
  const size = Object.keys(value).length;
  const summary = document.createElement("summary");
  summary.append(element("span", "ds-key", key), element("span", "ds-faint", Array.isArray(value) ? ` [${size}]` : ` {${size}}`));
  branch.append(summary);
  const fill = () => branch.childElementCount > 1 || branch.append(level(value, path, depth + 1, state));
  branch.addEventListener("toggle", () => branch.open && fill());
  branch.open = state.isOpen(path, depth);
  if (branch.open) fill();
  line.append(branch);
  return line;
}

function element(kind, style, text) {
  const made = document.createElement(kind);
  if (style) made.className = style;
  made.textContent = text;
  return made;
}
