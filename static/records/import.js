// Sends a file in pieces of whole lines, one after the other, and shows how far it is. Only a piece of the
// file is ever in memory.

const PIECE = 1 << 20; // bytes of a piece, but for one long line
const LINES = 2000; // lines of a piece
const SHOWN = 1000; // errors that are listed

const at = (id) => document.getElementById(id);
const form = at("import");
const stop = at("stop");
const NEWLINE = 10;

let stopped = false;

async function* pieces(file) {
  let waiting = new Uint8Array();
  let first = 1;
  const reader = file.stream().getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (value) waiting = joined(waiting, value);
    while (waiting.length >= PIECE || (done && waiting.length)) {
      const [end, lines] = cut(waiting, done);
      if (!end) break;
      yield { blob: new Blob([waiting.slice(0, end)]), first, bytes: end };
      waiting = waiting.slice(end);
      first += lines;
    }
    if (done) return;
  }
}

/** Where to cut `bytes` behind a line, and how many lines are before that; 0 if there is no whole line. */
function cut(bytes, done) {
  let end = 0;
  let lines = 0;
  for (let place = 0; place < bytes.length && lines < LINES && (place < PIECE || !end); place += 1) {
    if (bytes[place] === NEWLINE) {
      end = place + 1;
      lines += 1;
    }
  }
  return end || !done ? [end, lines] : [bytes.length, 1];
}

function joined(one, other) {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

async function send({ blob, first }) {
  const body = new FormData(form);
  body.set("file", blob, "lines.jsonl");
  body.set("first", first);
  body.set("as", "json");
  const answer = await fetch(form.action, { method: "POST", body, credentials: "same-origin" });
  if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
  return answer.json();
}

function list(problems) {
  for (const { line, text } of problems) {
    if (at("problems").childElementCount >= SHOWN) return;
    const row = at("problems").insertRow();
    const number = row.insertCell();
    number.className = "ds-number";
    number.dataset.label = "Line";
    number.textContent = line;
    const why = row.insertCell();
    why.dataset.label = "Why";
    why.textContent = text;
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const file = at("file").files[0];
  const button = form.querySelector("button");
  let written = 0;
  let lines = 0;
  let sent = 0;
  let failed = 0;
  let end = "";
  stopped = false;
  at("problems").replaceChildren();
  at("report").hidden = stop.hidden = false;
  button.disabled = true;
  const say = () => {
    at("progress").value = file.size ? sent / file.size : 1;
    at("summary").textContent = `${written} records written of ${lines} lines; ${failed} lines were not.${end}`;
  };
  try {
    for await (const piece of pieces(file)) {
      if (stopped) break;
      const report = await send(piece);
      written += report.written;
      lines = report.lines;
      failed += report.problems.length;
      sent += piece.bytes;
      list(report.problems);
      say();
    }
    end = stopped ? " Stopped." : " Done.";
  } catch (error) {
    end = ` Ended before line ${lines + 1} or soon behind it: ${error.message}.`;
  }
  say();
  stop.hidden = true;
  button.disabled = false;
});
stop.addEventListener("click", () => {
  stopped = true;
});
