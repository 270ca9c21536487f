/* The rules' editor: what is written is checked while it is written, and a problem leads to its line. */

const form = document.getElementById("draft");
const text = form.elements.source;
const preview = document.getElementById("preview");
const PAUSE = 400;
const LONGEST = 50000; // characters; longer rules take the server seconds, so those are checked by the button
let timer = 0;
let asked = 0;

async function check() {
  const mine = ++asked;
  const body = new FormData();
  body.set("source", text.value);
  body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  try {
    const answer = await fetch(form.dataset.check, { method: "POST", body, credentials: "same-origin" });
    const shown = await answer.text();
    if (mine === asked && answer.ok && !answer.redirected) preview.innerHTML = shown;
  } catch {
    // the server is away; saving will say so
  }
}

function goTo(line) {
  const lines = text.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  text.focus();
  text.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
  text.scrollTop = (line - 3) * (text.scrollHeight / lines.length);
}

text.addEventListener("input", () => {
  clearTimeout(timer);
  asked++; // an answer that is still on its way is about another text
  if (text.value.length <= LONGEST) timer = setTimeout(check, PAUSE);
});
preview.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-line]");
  if (!link) return;
  event.preventDefault();
  goTo(Number(link.dataset.line));
});
