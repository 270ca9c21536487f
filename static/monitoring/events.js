// Events that have subscribers.

import { details, follow, joined, may, snapshot } from "./live.js";
import { formColumn, nodesColumn, rowsOf, sayFound } from "./names.js";
import { Table } from "./table.js";

const table = new Table(
  document.getElementById("list"),
  [
    formColumn("Event", may("accounts.emit_events") && "Emit this event"),
    { label: "Subscribers", number: true, text: (row) => row.subscribers },
    { label: "Provider", text: (row) => (row.provided ? "yes" : "no") },
    nodesColumn,
  ],
  { key: (row) => row.name, empty: "No event has a subscriber.", sort: "Subscribers", descending: true },
);

function show(answer) {
  const rows = joined(rowsOf(answer), (first, more) => ({
    ...first,
    subscribers: first.subscribers + more.subscribers,
    provided: first.provided || more.provided,
  }));
  sayFound(Object.values(answer.nodes), rows.length, "Events");
  table.show(rows);
}

if (snapshot) show(snapshot);
follow("events.names", details, show);
