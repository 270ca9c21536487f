// One client: what is known of it, what it has here, and its messages as they come.

import { details, follow, showProblem, snapshot, urls } from "./live.js";
import { disconnectButton, mayDisconnect } from "./disconnect.js";
import { link } from "./table.js";
import { ago, bytes, clock, nodeName, span } from "./words.js";

const KEPT = 500;
const SETS = [
  ["Events", "events"],
  ["Records", "records"],
  ["Users watched", "presence"],
  ["Provided RPCs", "provides"],
  ["Event patterns", "eventPatterns"],
  ["Record patterns", "recordPatterns"],
];

document.getElementById("number").textContent = `${details.client} at ${nodeName(details.node)}`;
let latest = null;

function show(answer) {
  const client = answer.nodes[details.node];
  if (!client) {
    showProblem(answer.failed[details.node] ?? answer.failed[""] ?? "This client is gone.");
    return;
  }
  const isFirst = latest === null;
  latest = client;
  showFacts();
  showNames();
  if (isFirst) showActions();
}

function showFacts() {
  if (!latest) return;
  const facts = [
    ["User", latest.user ?? (latest.loggedIn ? "(no name)" : "(not logged in)")],
    ["Address", latest.address],
    ["Wire", latest.wire],
    ["SDK", latest.sdk || "–"],
    ["Connected", span(Date.now() - latest.since)],
    ["Last message", ago(latest.heard)],
    ["Login ends", latest.expires ? new Date(latest.expires).toLocaleString() : "never"],
    ["Bytes in, out", `${bytes(latest.received)}, ${bytes(latest.sent)}`],
    ["Outbox", bytes(latest.waiting)],
    ["Subscriptions", latest.subscriptions],
  ];
  const list = document.getElementById("facts");
  if (!list.children.length) {
    for (const [name] of facts) {
      const term = document.createElement("dt");
      term.textContent = name;
      list.append(term, document.createElement("dd"));
    }
  }
  facts.forEach(([, value], index) => {
    const shown = list.children[2 * index + 1];
    if (shown.textContent !== String(value)) shown.textContent = value;
  });
}

function showNames() {
  const place = document.getElementById("names");
  const text = JSON.stringify(SETS.map(([, key]) => latest[key]).concat(latest.everybody));
  if (place.dataset.shown === text) return;
  place.dataset.shown = text;
  const parts = [];
  for (const [title, key] of SETS) {
    const { total, names } = latest[key];
    if (!total) continue;
    const head = document.createElement("h3");
    head.textContent = total > names.length ? `${title}: ${total}, the first ${names.length}` : `${title}: ${total}`;
    const list = document.createElement("ul");
    list.className = "ds-names ds-name";
    for (const name of names) {
      const item = document.createElement("li");
      item.textContent = name;
      list.append(item);
    }
    parts.push(head, list);
  }
  if (latest.everybody) parts.push(Object.assign(document.createElement("p"), { textContent: "It watches who comes and goes." }));
  if (!parts.length) parts.push(Object.assign(document.createElement("p"), { className: "ds-faint", textContent: "Nothing." }));
  place.replaceChildren(...parts);
}

function showActions() {
  const place = document.getElementById("actions");
  if (latest.user !== null) {
    const others = link("All of this user", `${urls.clients}?${new URLSearchParams({ user: latest.user })}`);
    others.className = "ds-button ds-plain";
    place.append(others);
  }
  if (!mayDisconnect) return;
  const asked = (...how) => {
    const button = disconnectButton(...how);
    button.classList.remove("ds-small");
    place.append(button);
  };
  asked("Disconnect", details, `Client ${details.client} at ${nodeName(details.node)} will be closed. It may connect again.`);
  if (latest.user !== null) {
    asked(
      "Disconnect the user everywhere",
      { user: latest.user },
      `Every connection of ${latest.user} will be closed, on all nodes. The user may connect again.`,
    );
  }
}

if (snapshot) show(snapshot);
follow("clients.get", details, show);
setInterval(showFacts, 1000);

// The tail

const tail = document.getElementById("tail");
const tailState = document.getElementById("tail-state");
const payloads = document.getElementById("payloads");
const pause = document.getElementById("pause");
const body = buildTail();
let stop = null;
let isPaused = false;
let missed = 0;

function buildTail() {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const label of ["Time", "Way", "Message", "Name", "Size", "More"]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = label;
    head.append(cell);
  }
  tail.classList.add("ds-scroll");
  tail.append(table);
  return table.createTBody();
}

function listen() {
  stop?.();
  const withPayload = payloads.checked;
  stop = follow("clients.tail", { ...details, payload: withPayload }, (answer) => {
    const value = answer.nodes[details.node];
    if (!value) return;
    missed += value.missed;
    if (!isPaused) value.messages.forEach(append);
    while (body.rows.length > KEPT) body.lastChild.remove();
    sayHowItGoes();
  });
  sayHowItGoes();
}

function append(message) {
  const { number, at, way, size, topic, action, name, names, text, ...more } = message;
  if (body.firstChild && Number(body.firstChild.dataset.number) >= number) return;
  const line = body.insertRow(0);
  line.dataset.number = number;
  const told = name ?? names?.join(", ") ?? text ?? "";
  const rest = Object.entries(more).map(([key, value]) => `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
  const cells = [clock(at), way === "in" ? "→ server" : "← server", `${topic} ${action}`, told, size === null ? "" : bytes(size), rest.join("\n")];
  ["Time", "Way", "Message", "Name", "Size", "More"].forEach((label, index) => {
    const cell = line.insertCell();
    cell.dataset.label = label;
    const inner = document.createElement("span");
    inner.textContent = cells[index];
    if (index === 3 || index === 5) inner.className = "ds-name";
    if (index === 5) inner.style.whiteSpace = "pre-wrap";
    cell.append(inner);
  });
}

function sayHowItGoes() {
  const parts = [isPaused ? "Paused" : "Waiting for messages as they come"];
  parts.push(payloads.checked ? "with payloads" : "payloads are hidden");
  if (missed) parts.push(`${missed} came too fast to be shown`);
  tailState.textContent = `${parts.join("; ")}.`;
}

payloads.addEventListener("change", listen);
pause.addEventListener("click", () => {
  isPaused = !isPaused;
  pause.setAttribute("aria-pressed", String(isPaused));
  pause.textContent = isPaused ? "Go on" : "Pause";
  sayHowItGoes();
});
listen();
