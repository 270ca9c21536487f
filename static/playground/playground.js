/* Two clients side by side, on the official client: what one does, the other sees. */

const { C, DeepstreamClient } = window.DeepstreamClient;
const options = JSON.parse(document.getElementById("playground-options").textContent);
const state = document.getElementById("state");
const start = document.getElementById("start");
const HEARD = 20;

/* Strangers do not meet: each page has a room of its own, unless somebody passes its address on. */
const room = /^#[a-z0-9]{8,32}$/.test(location.hash) ? location.hash.slice(1) : newRoom();
const place = `playground/${room}`;
const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${options.path}`;

function newRoom() {
  const bytes = crypto.getRandomValues(new Uint8Array(10));
  const name = Array.from(bytes, (byte) => (byte % 36).toString(36)).join("");
  history.replaceState(null, "", `#${name}`);
  return name;
}

class Side {
  constructor(name, other) {
    this.name = name;
    this.other = other;
    this.client = this.shared = this.username = this.watched = null;
    this.element = document.getElementById("side").content.firstElementChild.cloneNode(true);
    this.element.setAttribute("aria-label", name);
    this.find("name").textContent = name;
    this.find("question").textContent = `Ask ${other} to turn this round`;
    for (const part of this.element.querySelectorAll("[data-feature]")) {
      part.hidden = !options.features.includes(part.dataset.feature);
    }
    this.listen();
  }

  uses = {
    record() {
      const box = this.find("text");
      const shared = (this.shared = this.client.record.getRecord(place));
      const show = (value) => {
        if (box.value !== (value ?? "")) box.value = value ?? "";
        queueMicrotask(() => (this.find("version").textContent = `Version ${shared.version} of ${place}`));
      };
      shared.on("error", (code) => this.problem(`Record: ${text(code)}`));
      shared.subscribe("text", show, true);
    },
    event() {
      this.client.event.subscribe(`${place}/said`, ({ from, text }) => {
        const line = document.createElement("li");
        line.textContent = `${from}: ${text}`;
        const list = this.find("heard");
        list.append(line);
        while (list.children.length > HEARD) list.firstElementChild.remove();
        list.scrollTop = list.scrollHeight;
      });
    },
    rpc() {
      const reversed = (data) => [...String(data)].reverse().join("");
      this.client.rpc.provide(`${place}/${this.name}`, (data, response) => response.send(reversed(data)));
    },
    presence() {
      this.watch();
    },
  };

  find(name) {
    return this.element.querySelector(`[data-${name}]`);
  }

  listen() {
    this.find("leave").addEventListener("click", () => (this.client ? this.leave() : this.begin()));
    this.on("login", (form) => this.connect({ username: form.username.value, password: form.password.value }));
    this.on("emit", (form) => {
      this.client.event.emit(`${place}/said`, { from: this.name, text: form.text.value });
      form.text.value = "";
    });
    this.on("call", (form) => this.call(form.text.value));
    this.find("text").addEventListener("input", (event) => this.write(event.target.value));
  }

  on(name, act) {
    this.find(name).addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.client || name === "login") act(event.target.elements);
    });
  }

  /** With an open login the first try succeeds; else who it is must be asked. */
  begin() {
    if (options.isOpen) return this.connect({ username: this.user(this.name) });
    this.find("login").hidden = false;
    this.show("wants a login", "");
    return this.find("login").elements.username.focus();
  }

  user(name) {
    return `${name.toLowerCase()}-${room}`;
  }

  async connect(credentials) {
    this.problem("");
    this.show("connecting", "");
    const client = new DeepstreamClient(address, { maxReconnectAttempts: 10 });
    client.on("error", (error, event) => this.problem(`${event ?? "Error"}: ${text(error)}`));
    client.on("connectionStateChanged", (now) => {
      if (client !== this.client) return;
      this.show(now === "OPEN" ? "connected" : now.toLowerCase().replaceAll("_", " "), now === "OPEN" ? "open" : "lost");
    });
    try {
      await client.login(credentials);
    } catch (refused) {
      client.close();
      this.show("login refused", "lost");
      this.find("login").hidden = false;
      return this.problem(`The login was refused${refused ? `: ${text(refused)}` : ""}.`);
    }
    this.client = client;
    this.username = credentials.username;
    this.find("login").hidden = true;
    this.find("parts").hidden = false;
    this.find("leave").hidden = false;
    this.find("leave").textContent = "Disconnect";
    this.show("connected", "open");
    for (const feature of options.features) this.uses[feature].call(this);
    sides.forEach((side) => side.watch());
  }

  write(value) {
    this.shared?.set("text", value, (error) => this.problem(error ? `Record: ${text(error)}` : ""));
  }

  async call(data) {
    const answer = this.find("answer");
    answer.textContent = "…";
    try {
      answer.textContent = `${this.other} answered: ${await this.client.rpc.make(`${place}/${this.other}`, data)}`;
    } catch (error) {
      answer.textContent = `No answer: ${text(error)}`;
    }
  }

  /** Looks for the other one alone: who else is online is nobody's business. */
  async watch() {
    const name = sides.find((side) => side !== this)?.username;
    if (!this.client || !options.features.includes("presence") || !name || this.watched === name) return;
    this.watched = name;
    const say = (online) => (this.find("presence").textContent = `${this.other} (${name}) is ${online ? "online" : "offline"}.`);
    this.client.presence.subscribe(name, (_, online) => say(online));
    try {
      say((await this.client.presence.getAll([name]))[name]);
    } catch (error) {
      this.problem(text(error));
    }
  }

  leave() {
    this.client.close();
    this.client = this.watched = null;
    this.shared = null;
    this.find("parts").hidden = true;
    this.find("leave").textContent = "Connect again";
    this.show("disconnected", "lost");
  }

  show(words, kind) {
    this.find("state").textContent = words;
    this.find("state").dataset.is = kind;
  }

  problem(words) {
    this.find("problem").textContent = words;
  }
}

function text(error) {
  return typeof error === "string" ? error : (error?.error ?? error?.message ?? JSON.stringify(error));
}

const sides = [new Side("Ann", "Ben"), new Side("Ben", "Ann")];
const frame = document.querySelector(".sides");
frame.append(...sides.map((side) => side.element));
start.addEventListener("click", () => {
  start.hidden = true;
  frame.hidden = false;
  state.textContent = `Room ${room}. Open this page's address elsewhere to meet there.`;
  sides.forEach((side) => side.begin());
});

/* What was typed is not kept, as far as a page that closes can see to it. The record's own delete() sends nothing
   before the browser is idle, which is too late; so this hands the message to the connection of the bundled client. */
addEventListener("pagehide", () => {
  const side = sides.find((one) => one.shared);
  if (!side) return;
  side.client.services.connection.sendMessage({ topic: C.TOPIC.RECORD, action: C.RECORD_ACTION.DELETE, name: place });
});
