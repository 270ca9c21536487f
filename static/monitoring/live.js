// The page's line to the server: the official client on the operators' WebSocket. What there is to follow is
// said in gateway/live/feeds.py; an answer is {nodes: {node: value}, failed: {node: why not}}.

const { DeepstreamClient } = globalThis.DeepstreamClient.DeepstreamClient
  ? globalThis.DeepstreamClient
  : { DeepstreamClient: globalThis.DeepstreamClient };

const page = JSON.parse(document.getElementById("page-data").textContent);
const stateShown = document.getElementById("live-state");
const problemShown = document.getElementById("live-problem");

/** What there was when the page was made; null where it could not be asked for. */
export const snapshot = page.snapshot;

/** Whether the user has a permission, as in accounts/roles.py. */
export const may = (permission) => page.may.includes(permission);

/** Where things are posted to and linked to. */
export const urls = page.urls ?? {};

/** What the server told this page alone. */
export const details = page.details ?? {};

let client = null;

/** The client, logged in as the operator. */
export function connected() {
  if (client !== null) return client;
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  client = new DeepstreamClient(`${scheme}//${location.host}`, {
    path: page.live,
    maxReconnectAttempts: 1e9,
    maxReconnectInterval: 5000,
    nativeTimerRegistry: true,
  });
  client.on("connectionStateChanged", showState);
  client.on("reauthenticationFailure", refused);
  client.on("error", (error, event) => {
    if (event === "MESSAGE_DENIED") showProblem(`The server does not show this page that: ${error}`);
  });
  client.login({}, (success) => {
    if (!success) refused();
  });
  return client;
}

let isRefused = false;

function refused() {
  isRefused = true;
  showState();
}

function showState(state) {
  if (state === "OPEN") isRefused = false;
  const states = {
    OPEN: ["live", "Live"],
    CLOSED: ["lost", "Not live: the connection is closed"],
    ERROR: ["lost", "Not live: no connection"],
    RECONNECTING: ["lost", "Not live: connecting again…"],
    OFFLINE: ["lost", "Not live: no connection"],
  };
  const [name, text] = isRefused ? ["lost", "Not live: log in again"] : (states[state] ?? ["wait", "Connecting…"]);
  stateShown.dataset.state = name;
  stateShown.textContent = text;
}

/** Say on the page what is wrong; an empty text takes it away. */
export function showProblem(text) {
  problemShown.textContent = text;
}

/** Call `show(answer)` with what there is now and with every change; returns a function that ends it. */
export function follow(operation, question, show) {
  const asked = Object.keys(question).length ? `${operation}?${JSON.stringify(question)}` : operation;
  const listener = (answer) => {
    const failed = Object.entries(answer.failed).map(([node, why]) => (node ? `${node}: ${why}` : why));
    showProblem(failed.length ? `Not every node answered. ${failed.join(" ")}` : "");
    show(answer);
    document.documentElement.dataset.updates = Number(document.documentElement.dataset.updates ?? 0) + 1;
  };
  connected().event.subscribe(asked, listener);
  return () => connected().event.unsubscribe(asked, listener);
}

/** Rows of all nodes in one list: `rowsOf(value)` of each, with the node's name as `node`. */
export function gathered(answer, rowsOf) {
  return Object.entries(answer?.nodes ?? {}).flatMap(([node, value]) =>
    rowsOf(value).map((row) => ({ ...row, node })),
  );
}

/** Rows of one name in one row: `join(first, more)` adds a node's row to those before. */
export function joined(rows, join) {
  const byName = new Map();
  for (const row of rows) {
    const before = byName.get(row.name);
    byName.set(row.name, before ? join(before, row) : { ...row, nodes: [row.node] });
    if (before) byName.get(row.name).nodes = [...before.nodes, row.node];
  }
  return [...byName.values()];
}

if (!snapshot && page.problem) showProblem(page.problem);
