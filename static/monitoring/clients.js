// The list of clients, and of those that left last.

import { details, follow, gathered, snapshot, urls } from "./live.js";
import { disconnectButton, mayDisconnect } from "./disconnect.js";
import { link, Table } from "./table.js";
import { ago, bytes, nodeName, number, span, whyClosed } from "./words.js";

const who = (row) => row.user ?? (row.loggedIn ? "(no name)" : "(not logged in)");
let isCluster = false;
const place = (row) => (isCluster ? `${row.id} at ${nodeName(row.node)}` : row.id);
const sdk = (row) => [row.sdk, row.wire].filter(Boolean).join("\n");
const address = (row) => `${urls.client}?${new URLSearchParams({ node: row.node, client: row.id })}`;

// As the nodes chose them, so is the table sorted until a heading is clicked.
const SORTS = {
  oldest: { sort: "Connected", descending: true },
  newest: { sort: "Connected", descending: false },
  outbox: { sort: "Outbox", descending: true },
  received: { sort: "In", descending: true },
  sent: { sort: "Out", descending: true },
  subscriptions: { sort: "Subscriptions", descending: true },
  silent: { sort: "Last message", descending: true },
};

const clients = new Table(
  document.getElementById("clients"),
  [
    { label: "User", text: who, node: (row) => link(who(row), address(row)), same: who },
    { label: "Address", whole: true, text: (row) => row.address },
    { label: "SDK, wire", whole: true, text: sdk },
    { label: "Connected", number: true, text: (row) => span(Date.now() - row.since), order: (row) => -row.since },
    { label: "Last message", number: true, text: (row) => ago(row.heard), order: (row) => -row.heard },
    { label: "Subscriptions", number: true, text: (row) => row.subscriptions },
    { label: "In", number: true, text: (row) => bytes(row.received), order: (row) => row.received },
    { label: "Out", number: true, text: (row) => bytes(row.sent), order: (row) => row.sent },
    { label: "Outbox", number: true, text: (row) => bytes(row.waiting), order: (row) => row.waiting },
    { label: "Number", whole: true, text: place, order: (row) => row.id },
    ...(mayDisconnect
      ? [{ label: "", action: true, text: () => "", node: button, same: (row) => `${row.id} ${row.user}` }]
      : []),
  ],
  { key: (row) => `${row.node} ${row.id}`, empty: "No client is connected.", ...SORTS[details.order] },
);

function button(row) {
  const made = disconnectButton(
    "Disconnect",
    { node: row.node, client: row.id },
    `Client ${row.id} of ${who(row)} at ${nodeName(row.node)} will be closed. It may connect again.`,
  );
  made.setAttribute("aria-label", `Disconnect client ${row.id} of ${who(row)}`);
  return made;
}

const closed = new Table(
  document.getElementById("closed"),
  [
    { label: "User", text: (row) => row.user ?? "(not logged in)" },
    { label: "Address", whole: true, text: (row) => row.address },
    { label: "SDK, wire", whole: true, text: sdk },
    { label: "Stayed", number: true, text: (row) => span(row.closed - row.since), order: (row) => row.closed - row.since },
    { label: "Left", number: true, text: (row) => ago(row.closed), order: (row) => -row.closed },
    { label: "Code", number: true, text: (row) => row.code },
    { label: "Reason", text: (row) => whyClosed(row.code, row.reason) },
    { label: "Number", whole: true, text: place, order: (row) => row.id },
  ],
  { key: (row) => `${row.node} ${row.id}`, empty: "Nobody has left yet." },
);

const found = document.getElementById("found");
let shown = { clients: [], closed: [] };

function showClients(answer) {
  isCluster = Object.keys(answer.nodes).length + Object.keys(answer.failed).length > 1;
  shown.clients = gathered(answer, (value) => value.clients);
  const values = Object.values(answer.nodes);
  const total = values.reduce((sum, value) => sum + value.total, 0);
  const parts = [`${number(total)} ${details.search || details.user ? "found" : "connected"}`];
  if (total > shown.clients.length) parts.push(`only ${number(shown.clients.length)} are shown, chosen by “begin with”`);
  if (values.some((value) => !value.complete)) parts.push("there are more than were looked through");
  found.textContent = `${parts.join("; ")}.`;
  clients.show(shown.clients);
}

function showClosed(answer) {
  shown.closed = gathered(answer, (value) => value).sort((a, b) => b.closed - a.closed);
  closed.show(shown.closed);
}

if (snapshot) {
  showClients(snapshot.clients);
  showClosed(snapshot.closed);
}
follow("clients.list", details, showClients);
follow("clients.closed", {}, showClosed);
// Times go on although nothing else changes.
setInterval(() => {
  clients.show(shown.clients);
  closed.show(shown.closed);
}, 1000);
