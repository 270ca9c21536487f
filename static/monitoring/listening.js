// Patterns that are listened to, and what comes of them.

import { details, follow, gathered, joined, snapshot } from "./live.js";
import { nodesColumn, peopleColumn, withNode } from "./names.js";
import { Table } from "./table.js";
import { nodeName } from "./words.js";

const KINDS = [
  ["events", "event"],
  ["records", "record"],
];
const kindColumn = { label: "Of", text: (row) => row.kind };

const patterns = new Table(
  document.getElementById("patterns"),
  [
    { label: "Pattern", text: (row) => row.pattern },
    kindColumn,
    { label: "Listeners", number: true, text: (row) => row.count },
    peopleColumn("Who", (row) => [row.clients, row.count]),
    nodesColumn,
  ],
  { key: (row) => row.name, empty: "Nobody listens." },
);

const provided = new Table(
  document.getElementById("provided"),
  [
    { label: "Name", text: (row) => row.name },
    kindColumn,
    peopleColumn("Provider", (row) => [row.client ? withNode([row.client], row.node) : [], 1]),
    { label: "Under the pattern", text: (row) => row.pattern ?? "" },
    { label: "Node", text: (row) => nodeName(row.node) },
  ],
  { key: (row) => `${row.node} ${row.kind} ${row.name}`, empty: "No name has a provider." },
);

const without = new Table(
  document.getElementById("without"),
  [{ label: "Name", text: (row) => row.name }, kindColumn, { label: "Node", text: (row) => nodeName(row.node) }],
  { key: (row) => `${row.node} ${row.kind} ${row.name}`, empty: "None: every name that a pattern matches has a provider." },
);

const all = (answer, list) =>
  KINDS.flatMap(([key, kind]) => gathered(answer, (value) => value[key][list].names).map((row) => ({ ...row, kind })));

function show(answer) {
  const listened = all(answer, "patterns").map((row) => ({
    ...row,
    pattern: row.name,
    name: `${row.kind} ${row.name}`,
    clients: withNode(row.clients, row.node),
  }));
  patterns.show(
    joined(listened, (first, more) => ({
      ...first,
      count: first.count + more.count,
      clients: [...first.clients, ...more.clients],
    })),
  );
  provided.show(all(answer, "provided"));
  without.show(all(answer, "without"));
}

if (snapshot) show(snapshot);
follow("listening.patterns", details, show);
