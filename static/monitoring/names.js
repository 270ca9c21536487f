// What the lists of live names have in common.

import { details, gathered, urls } from "./live.js";
import { link } from "./table.js";
import { nodeName, number } from "./words.js";

/** Say in #found how many of `what` there are, and whether all are shown. */
export function sayFound(lists, shown, what) {
  const total = lists.reduce((sum, list) => sum + list.total, 0);
  const parts = [`${what}${details.search ? ` with “${details.search}”` : ""}: ${number(shown)}`];
  if (lists.some((list) => list.total > list.names.length)) {
    parts.push(`of ${number(total)} at the nodes, those with most: search for others`);
  }
  if (lists.some((list) => !list.complete)) parts.push("there are more than were looked through");
  document.getElementById("found").textContent = `${parts.join("; ")}.`;
}

/** An answer's rows with the node in each. */
export const rowsOf = (answer) => gathered(answer, (value) => value.names);

const shown = (client) => client.user ?? `client ${client.id}`;

/** Clients of nodes as links: each {node, id, user}. */
export function people(clients, count) {
  const place = document.createElement("span");
  clients.forEach((client, index) => {
    if (index) place.append(", ");
    if (client.id === undefined) place.append(client.node ? `node ${nodeName(client.node)}` : "the server");
    else place.append(link(shown(client), `${urls.client}?${new URLSearchParams({ node: client.node, client: client.id })}`));
  });
  if (count > clients.length) place.append(` and ${count - clients.length} more`);
  return place;
}

/** A column of clients: `of(row)` gives [clients, count]. */
export function peopleColumn(label, of) {
  const words = (row) => {
    const [clients, count] = of(row);
    return `${clients.map((one) => `${one.node} ${one.id} ${one.user}`).join()} ${count}`;
  };
  return { label, text: words, node: (row) => people(...of(row)), same: words };
}

/** A column of names; with a `hint`, a click on one puts it into the page's form. */
export function formColumn(label, hint) {
  const column = { label, text: (row) => row.name };
  if (!hint) return column;
  const button = (row) => {
    const made = document.createElement("button");
    Object.assign(made, { type: "button", className: "ds-name ds-link", title: hint, textContent: row.name });
    made.addEventListener("click", () => {
      document.getElementById("send-name").value = row.name;
      document.getElementById("send-data").focus();
    });
    return made;
  };
  return { ...column, node: button, same: column.text };
}

export const nodesColumn = { label: "Nodes", text: (row) => row.nodes.map(nodeName).join(", ") };

export const withNode = (clients, node) => clients.map((client) => ({ ...client, node: client.node ?? node }));
