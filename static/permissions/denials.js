// What the rules refused lately, on all nodes, as it happens.

import { details, follow, gathered, snapshot, urls } from "../monitoring/live.js";
import { link, Table } from "../monitoring/table.js";
import { moment, nodeName, number } from "../monitoring/words.js";

const SHOWN = 200; // of all nodes together
const LONG = 200; // characters of a name

const who = (row) => row.user ?? "nobody";
const namesOf = (row) => (row.refusedNames.length ? row.refusedNames : row.names);

function names(row) {
  const shown = namesOf(row).map((name) => (name.length > LONG ? `${name.slice(0, LONG)}…` : name));
  return `${shown.join(", ")}${row.moreNames ? ` and ${number(row.moreNames)} more` : ""}`;
}

function explain(row) {
  const made = link("Explain", `${urls.rules_decision}?${new URLSearchParams({ node: row.node, number: row.number })}`);
  made.className = "ds-button ds-plain ds-small";
  return made;
}

const table = new Table(
  document.getElementById("list"),
  [
    { label: "Time", whole: true, text: (row) => moment(row.at), order: (row) => row.at },
    { label: "User", text: who },
    { label: "Action", text: (row) => `${details.topics[row.topic] ?? row.topic} ${row.action}` },
    { label: "Names", text: names },
    { label: "Verdict", whole: true, text: (row) => row.verdict },
    { label: "Times", number: true, text: (row) => row.count, order: (row) => row.count },
    { label: "Node", text: (row) => nodeName(row.node) },
    { label: "", action: true, text: () => "", node: explain, same: (row) => `${row.node} ${row.number}` },
  ],
  {
    key: (row) => `${row.node} ${row.number}`,
    empty: details.search ? "No denial is kept that this describes." : "Nothing was refused lately.",
    sort: "Time",
    descending: true,
  },
);

const wanted = details.search.toLowerCase();
const isWanted = (row) => [row.user ?? "", ...namesOf(row)].some((text) => text.toLowerCase().includes(wanted));

function show(answer) {
  const rows = gathered(answer, (value) => value.denials).filter(isWanted);
  const latest = rows.sort((a, b) => b.at - a.at).slice(0, SHOWN);
  const total = Object.values(answer.nodes).reduce((sum, value) => sum + value.total, 0);
  document.getElementById("found").textContent =
    `${number(latest.length)} shown; ${number(total)} ${total === 1 ? "message was" : "messages were"} refused since the nodes started. ` +
    "Each node keeps its latest, and equal ones once.";
  table.show(latest);
}

if (snapshot) show(snapshot);
follow("rules.denials", {}, show);
