/* After an activation: looks again until all nodes have followed, as they do within seconds. */

const PAUSE = 700;
let tries = 12;

async function look() {
  const shown = document.getElementById("in-force");
  if (!shown?.querySelector("[data-behind]") || !tries--) return;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = page.getElementById("in-force");
    if (now && answer.ok) shown.innerHTML = now.innerHTML;
  } catch {
    // the server is away for a moment
  }
  setTimeout(look, PAUSE);
}

setTimeout(look, PAUSE);
