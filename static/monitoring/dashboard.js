// The dashboard: figures, nodes and charts, moved by what the nodes tell each second.

import { follow, gathered, snapshot } from "./live.js";
import { LineChart, onTheme } from "./charts.js";
import { meaning } from "./errors.js";
import { Series, sum } from "./series.js";
import { Table } from "./table.js";
import { bytes, milliseconds, nodeName, number, rate, span } from "./words.js";

const series = new Series();
const perSecond = (value) => `${rate(value)}/s`;
const duration = (value) => (value === null ? "–" : milliseconds(value));
const quantiles = (name) => ({
  p50: (step) => series.quantile(step[name], 0.5),
  p95: (step) => series.quantile(step[name], 0.95),
  p99: (step) => series.quantile(step[name], 0.99),
});
const ofTopic = (topic) => (step) => (step.received[topic] ?? 0) + (step.made[topic] ?? 0);

const place = document.getElementById("charts");
const charts = [
  new LineChart(place, "Messages per second", { in: (step) => sum(step.received), made: (step) => sum(step.made) }, rate),
  new LineChart(place, "Deliveries to clients per second", { deliveries: (step) => step.deliveries }, rate),
  new LineChart(
    place,
    "Messages per second by topic, in and made",
    { events: ofTopic("EVENT"), records: ofTopic("RECORD"), RPC: ofTopic("RPC"), presence: ofTopic("PRESENCE") },
    rate,
  ),
  new LineChart(place, "Latency: how long the event loop lets a message wait", quantiles("lag"), duration),
  new LineChart(place, "Latency of a commit to the store", quantiles("commits"), duration),
  new LineChart(place, "Writes that wait for the store", { backlog: (step) => step.backlog }, number, { precision: 0 }),
  new LineChart(place, "Connections", { connections: (step) => step.connections }, number, { precision: 0 }),
  new LineChart(
    place,
    "Logins, errors and slow clients per second",
    {
      accepted: (step) => step.accepted,
      refused: (step) => step.refused,
      errors: (step) => step.errors,
      "slow clients": (step) => step.slow,
    },
    rate,
  ),
];

const nodes = new Table(
  document.getElementById("nodes"),
  [
    { label: "Node", whole: true, text: (row) => nodeName(row.node) },
    { label: "State", text: (row) => row.why ?? (row.stopping ? "stopping" : "up") },
    { label: "Version", text: (row) => row.version ?? "" },
    { label: "Up", number: true, text: (row) => (row.why ? "" : span(row.at - row.started)), order: (row) => -row.started },
    { label: "Connections", number: true, text: (row) => row.connections ?? "" },
    { label: "Loop lag p99", number: true, text: (row) => (row.why ? "" : duration(series.quantile(row.lagNow, 0.99))) },
    { label: "Memory", number: true, text: (row) => (row.why ? "" : bytes(row.memory)), order: (row) => row.memory },
    { label: "CPU", number: true, text: (row) => (row.why ? "" : `${Math.round(row.load * 100)} %`) },
    { label: "Backlog", number: true, text: (row) => row.backlog ?? "" },
    { label: "Bus lag", number: true, text: (row) => (row.busLag == null ? "–" : milliseconds(row.busLag)) },
    { label: "Address", text: (row) => (row.why ? "" : `${row.host}, process ${row.pid}`) },
  ],
  { key: (row) => row.node, empty: "No node answered." },
);

const topics = new Table(
  document.getElementById("topics"),
  [
    { label: "Topic", text: (row) => row.topic },
    { label: "In, per second", number: true, text: (row) => rate(row.in), order: (row) => row.in },
    { label: "Made, per second", number: true, text: (row) => rate(row.made), order: (row) => row.made },
    { label: "In, since the start", number: true, text: (row) => number(row.inAll), order: (row) => row.inAll },
    { label: "Made, since the start", number: true, text: (row) => number(row.madeAll), order: (row) => row.madeAll },
  ],
  { key: (row) => row.topic, empty: "No messages yet.", caption: "“Made” counts a broadcast once for each wire format; deliveries are above." },
);

const errors = new Table(
  document.getElementById("errors"),
  [
    { label: "Error", whole: true, text: (row) => row.name },
    { label: "Since the start", number: true, text: (row) => number(row.count), order: (row) => row.count },
    { label: "Per second", number: true, text: (row) => rate(row.now), order: (row) => row.now },
    { label: "What it means", text: (row) => meaning(row.name) },
  ],
  { key: (row) => row.name, empty: "None since the nodes started.", sort: "Since the start", descending: true },
);

const tiles = new Map();

function tile(name, text, remark = "") {
  if (!tiles.has(name)) {
    const box = document.createElement("div");
    box.className = "ds-tile";
    box.innerHTML = "<dt></dt><dd><span></span><small></small></dd>";
    box.firstChild.textContent = name;
    document.getElementById("tiles").append(box);
    tiles.set(name, [box.querySelector("span"), box.querySelector("small")]);
  }
  const [value, small] = tiles.get(name);
  value.textContent = text;
  small.textContent = remark;
}

let before = new Map();

function show(answer) {
  const rows = gathered(answer, (value) => [value]);
  for (const row of rows) {
    series.bounds = row.bounds;
    series.add(row.node, row);
    const last = before.get(row.node);
    const isSame = last && last.started === row.started && last.at < row.at;
    row.lagNow = isSame ? row.lag.map((count, index) => count - last.lag[index]) : row.lag;
    row.errorsNow = Object.fromEntries(
      Object.entries(row.errorsByName).map(([name, count]) => [
        name,
        isSame ? (count - (last.errorsByName[name] ?? 0)) / ((row.at - last.at) / 1000) : 0,
      ]),
    );
    row.load = isSame ? (row.cpu - last.cpu) / ((row.at - last.at) / 1000) : 0;
  }
  before = new Map(rows.map((row) => [row.node, row]));
  const steps = series.steps();
  showTiles(rows, steps);
  nodes.show([...rows, ...Object.entries(answer.failed).map(([node, why]) => ({ node, why, lagNow: [] }))]);
  showTopics(rows, steps.at(-1));
  showErrors(rows);
  const now = Math.max(...rows.map((row) => row.at), 0);
  for (const chart of charts) chart.show(steps, now);
}

function showTiles(rows, steps) {
  const total = (value) => rows.reduce((all, row) => all + value(row), 0);
  const last = steps.at(-1) ?? { received: {}, made: {}, deliveries: 0, errors: 0, accepted: 0, refused: 0, lag: [], commits: [] };
  const recent = steps.slice(-30);
  const merged = (name) => recent.reduce((all, step) => step[name].map((count, index) => count + (all[index] ?? 0)), []);
  tile("Connections", number(total((row) => row.connections)), `${number(total((row) => row.names.users))} users online`);
  tile("Messages in", perSecond(sum(last.received)), `${number(total((row) => sum(row.received)))} since the start`);
  tile("Messages made", perSecond(sum(last.made)), `${number(total((row) => sum(row.made)))} since the start`);
  tile("Deliveries", perSecond(last.deliveries), `${number(total((row) => row.deliveries))} since the start`);
  tile("Logins", number(total((row) => row.accepted)), `${number(total((row) => row.refused))} refused`);
  tile("Errors", perSecond(last.errors), `${number(total((row) => row.errors))} since the start`);
  const lag = merged("lag");
  tile("Latency p99", duration(series.quantile(lag, 0.99)), `p50 ${duration(series.quantile(lag, 0.5))}, p95 ${duration(series.quantile(lag, 0.95))}, last minute`);
  const commits = merged("commits");
  tile("Commit p99", duration(series.quantile(commits, 0.99)), `p50 ${duration(series.quantile(commits, 0.5))}, ${number(total((row) => row.backlog))} waiting`);
  tile("Slow clients", number(total((row) => row.slow)), "closed since the start");
  tile("Live names", number(total((row) => row.names.events + row.names.records + row.names.rpcs)), `${number(total((row) => row.calls))} calls under way`);
}

function showTopics(rows, last) {
  const names = new Set(rows.flatMap((row) => [...Object.keys(row.received), ...Object.keys(row.made)]));
  const all = (way, topic) => rows.reduce((count, row) => count + (row[way][topic] ?? 0), 0);
  topics.show(
    [...names].map((topic) => ({
      topic,
      in: last?.received[topic] ?? 0,
      made: last?.made[topic] ?? 0,
      inAll: all("received", topic),
      madeAll: all("made", topic),
    })),
  );
}

function showErrors(rows) {
  const all = (what, name) => rows.reduce((sum, row) => sum + (row[what][name] ?? 0), 0);
  const names = new Set(rows.flatMap((row) => Object.keys(row.errorsByName)));
  errors.show([...names].map((name) => ({ name, count: all("errorsByName", name), now: all("errorsNow", name) })));
}

onTheme(() => charts.forEach((chart) => {
  chart.paint();
  chart.chart.update("none");
}));
if (snapshot) {
  for (const [node, { points }] of Object.entries(snapshot.history.nodes)) {
    for (const point of points) series.add(node, point);
  }
  show(snapshot.status);
}
follow("nodes.status", {}, show);
