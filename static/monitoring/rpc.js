// RPCs that are provided, calls under way, and what became of those before.

import { details, follow, gathered, joined, may, snapshot } from "./live.js";
import { formColumn, nodesColumn, people, peopleColumn, rowsOf, sayFound, withNode } from "./names.js";
import { Table } from "./table.js";
import { nodeName, number } from "./words.js";

const table = new Table(
  document.getElementById("list"),
  [
    formColumn("RPC", may("accounts.make_calls") && "Call this procedure"),
    { label: "Providers", number: true, text: (row) => row.count },
    peopleColumn("Who", (row) => [row.clients, row.count]),
    { label: "Calls under way", number: true, text: (row) => row.inFlight },
    nodesColumn,
  ],
  { key: (row) => row.name, empty: "No RPC is provided.", sort: "Providers", descending: true },
);

const calls = new Table(
  document.getElementById("calls"),
  [
    { label: "RPC", text: (row) => row.name },
    endColumn("Asked by", (row) => row.requestor),
    endColumn("Asked of", (row) => row.provider),
    { label: "State", text: (row) => (row.accepted ? "accepted" : "not accepted yet") },
    { label: "Node", text: (row) => nodeName(row.node) },
  ],
  { key: (row) => row.key, empty: "No call waits for an answer." },
);

function endColumn(label, end) {
  const whole = (row) => withNode([end(row)], row.node);
  return { label, text: () => "", node: (row) => people(whole(row), 1), same: (row) => JSON.stringify(whole(row)) };
}

const NAMES = {
  inFlight: "Under way",
  requests: "Requests",
  rejects: "Rejects",
  noProvider: "Without provider",
  acceptTimeouts: "Not accepted in time",
  responseTimeouts: "Not answered in time",
};

function showCounts(values) {
  const place = document.getElementById("counts");
  const tiles = Object.entries(NAMES).map(([key, name]) => {
    const box = document.createElement("div");
    box.className = "ds-tile";
    const [term, value] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    value.append(number(values.reduce((sum, one) => sum + (key === "inFlight" ? one.inFlight : one.counts[key]), 0)));
    value.append(Object.assign(document.createElement("small"), { textContent: key === "inFlight" ? "now" : "since the start" }));
    box.append(term, value);
    return box;
  });
  place.replaceChildren(...tiles);
}

function show(answer) {
  const rows = joined(
    rowsOf(answer).map((row) => ({ ...row, clients: withNode(row.clients, row.node) })),
    (first, more) => ({
      ...first,
      count: first.count + more.count,
      clients: [...first.clients, ...more.clients],
      inFlight: first.inFlight + more.inFlight,
    }),
  );
  sayFound(Object.values(answer.nodes), rows.length, "RPCs");
  showCounts(Object.values(answer.nodes));
  table.show(rows);
  calls.show(gathered(answer, (value) => value.calls).map((row, index) => ({ ...row, key: `${row.node} ${index}` })));
}

if (snapshot) show(snapshot);
follow("rpc.names", details, show);
