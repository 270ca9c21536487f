// A field for JSON that says what is wrong while one types, and keeps it from being sent.

const text = document.getElementById("data");
const mistake = document.getElementById("mistake");
const save = document.getElementById("save");

/** What is wrong with `given` as the data of a record, "" if nothing is. */
export function problemIn(given) {
  let value;
  try {
    value = JSON.parse(given);
  } catch (error) {
    return place(error.message, given);
  }
  return value !== null && typeof value === "object" ? "" : "A record is a JSON object or array.";
}

/** A browser's message, with the line and column of the position that it names. */
function place(message, given) {
  const position = /position (\d+)/.exec(message);
  if (!position || /line \d+/.test(message)) return message;
  const before = given.slice(0, Number(position[1])).split("\n");
  return `${message} (line ${before.length}, column ${before.at(-1).length + 1})`;
}

export function check() {
  const problem = problemIn(text.value);
  mistake.textContent = problem;
  text.setAttribute("aria-invalid", String(problem !== ""));
  if (save) save.disabled = problem !== "";
  return problem === "";
}

text.addEventListener("input", check);
check();
