// The question before somebody is disconnected: a dialogue, so that the keyboard stays in it.

import { may } from "./live.js";

const dialog = document.getElementById("disconnect");

export const mayDisconnect = may("accounts.disconnect_clients") && dialog !== null;

/** A button that asks before it disconnects `whom`: {node, client} or {user}. */
export function disconnectButton(text, whom, sentence) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "ds-button ds-danger ds-small";
  button.textContent = text;
  button.addEventListener("click", () => {
    for (const name of ["node", "client", "user"]) dialog.querySelector(`[name=${name}]`).value = whom[name] ?? "";
    document.getElementById("disconnect-whom").textContent = sentence;
    dialog.showModal();
  });
  return button;
}

dialog?.querySelector("[value=cancel]").addEventListener("click", () => dialog.close());
