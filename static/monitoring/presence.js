// Who is online where.

import { details, follow, joined, snapshot, urls } from "./live.js";
import { disconnectButton, mayDisconnect } from "./disconnect.js";
import { nodesColumn, rowsOf, sayFound } from "./names.js";
import { nameColumn, Table } from "./table.js";

const table = new Table(
  document.getElementById("list"),
  [
    nameColumn("User", (row) => row.name, (row) => `${urls.clients}?${new URLSearchParams({ user: row.name })}`),
    { label: "Connections", number: true, text: (row) => row.connections },
    { label: "Watched by", number: true, text: (row) => row.watchers },
    nodesColumn,
    ...(mayDisconnect ? [{ label: "", action: true, text: () => "", node: button, same: (row) => row.name }] : []),
  ],
  { key: (row) => row.name, empty: "Nobody is online.", sort: "Connections", descending: true },
);

function button(row) {
  const made = disconnectButton(
    "Disconnect everywhere",
    { user: row.name },
    `Every connection of ${row.name} will be closed, on all nodes. The user may connect again.`,
  );
  made.setAttribute("aria-label", `Disconnect ${row.name} everywhere`);
  return made;
}

function show(answer) {
  const rows = joined(rowsOf(answer), (first, more) => ({
    ...first,
    connections: first.connections + more.connections,
    watchers: first.watchers + more.watchers,
  }));
  sayFound(Object.values(answer.nodes), rows.length, "Users online");
  table.show(rows);
}

if (snapshot) show(snapshot);
follow("presence.online", details, show);
