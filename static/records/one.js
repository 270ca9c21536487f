// The page of a record. It is a subscriber of the record; what is shown is asked from the server as text,
// because numbers of JavaScript would not keep all that JSON can hold.

import { connected, details, follow, gathered, showProblem, snapshot } from "../monitoring/live.js";
import { bytes } from "../monitoring/words.js";
import { check, problemIn } from "./form.js";
import { showTree } from "./tree.js";

const REST = 250; // milliseconds between two questions, however fast the record changes

const at = (id) => document.getElementById(id);
const text = at("data");
const save = at("save");
const news = at("news");
const clean = at("error") === null && document.querySelector(".ds-conflict") === null;

let shown = Number(at("version").textContent);
let untouched = clean ? text.value : null;

function showData(given) {
  if (problemIn(given) === "") showTree(at("tree"), JSON.parse(given));
  else at("tree").replaceChildren();
}

/** Take over what the record is now, but never what is being typed. */
function show(record) {
  if (record.version === shown) return;
  shown = record.version;
  at("version").textContent = record.version < 0 ? "deleted" : record.version;
  at("size").textContent = bytes(record.size);
  const updated = at("updated");
  if (updated) updated.textContent = "just now";
  showData(record.text || "{}");
  if (record.version < 0) {
    news.textContent = "The record is deleted.";
  } else if (text.value === untouched) {
    text.value = untouched = record.text;
    if (save) save.value = record.version;
    news.textContent = "";
    check();
  } else {
    news.textContent = `Version ${record.version} came while you were editing. Saving will show you both.`;
  }
  document.documentElement.dataset.version = record.version;
}

let asking = false;
let again = false;

/** Ask for the record now, or soon after the last question; the last change is never left out. */
async function ask() {
  again = true;
  if (asking) return;
  asking = true;
  while (again) {
    again = false;
    try {
      const answer = await fetch(`${details.one}&as=json`, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
      show(await answer.json());
    } catch (error) {
      showProblem(`The record could not be read: ${error.message}`);
    }
    await new Promise((resolve) => setTimeout(resolve, REST));
  }
  asking = false;
}

function showWatchers(answer) {
  const values = Object.values(answer?.nodes ?? {});
  if (!values.length) return;
  const clients = gathered(answer, (value) => value.clients);
  const count = values.reduce((sum, value) => sum + value.subscribers, 0);
  const names = clients.slice(0, 20).map((one) => `${one.user || "nobody in particular"} (${one.address})`);
  at("subscribers").textContent = count ? `${count}: ${names.join(", ")}${count > names.length ? ", …" : ""}` : "none";
  const providers = gathered(answer, (value) => (value.provider ? [value.provider] : []));
  at("provider").textContent =
    providers.map((one) => `${one.user || "a client without a name"} (${one.address}), for ${one.pattern}`).join("; ") || "none";
  at("kept").textContent = values.some((value) => value.history) ? "is kept" : "is not kept";
}

showData(text.value);
text.addEventListener("input", () => showData(text.value));
if (snapshot) showWatchers(snapshot);
follow("records.watchers", { name: details.name }, showWatchers);

const record = connected().record.getRecord(details.name);
record.subscribe(() => ask());
record.on("delete", () => ask());
connected().on("connectionStateChanged", (state) => state === "OPEN" && ask());
let leaving = false;
at("edit").addEventListener("submit", () => {
  leaving = true;
});
addEventListener("beforeunload", (event) => {
  if (untouched !== null && text.value !== untouched && !leaving) event.preventDefault();
});
