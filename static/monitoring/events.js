// Events that have subscribers.

import { details, follow, joined, may, snapshot } from "./live.js";
import { nodesColumn, rowsOf, sayFound } from "./names.js";
import { Table } from "./table.js";

const table = new Table(
  document.getElementById("list"),
  [
    may("accounts.emit_events")
      ? { label: "Event", text: (row) => row.name, node: fillButton, same: (row) => row.name }
      : { label: "Event", text: (row) => row.name },
    { label: "Subscribers", number: true, text: (row) => row.subscribers },
    { label: "Provider", text: (row) => (row.provided ? "yes" : "no") },
    nodesColumn,
  ],
  { key: (row) => row.name, empty: "No event has a subscriber.", sort: "Subscribers", descending: true },
);

// A click on a name puts it into the form.
function fillButton(row) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "ds-name";
  button.style.cssText = "color: var(--ds-accent); cursor: pointer; text-align: left";
  button.title = "Emit this event";
  button.textContent = row.name;
  button.addEventListener("click", () => {
    document.getElementById("send-name").value = row.name;
    document.getElementById("send-data").focus();
  });
  return button;
}

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
