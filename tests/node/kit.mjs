// What every scenario stands on: a stage with logged-in clients, inboxes to wait on, and a line to the test outside.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'

// Node 22 brings a browser-like WebSocket, for which the client has another code path; here it is judged on `ws`.
delete globalThis.WebSocket

const { DeepstreamClient, C } = await import('@deepstream/client')
const { socketFactory } = await import('@deepstream/client/dist/src/connection/socket-factory.js')
const { LOCAL_WINS, REMOTE_WINS } = await import('@deepstream/client/dist/src/record/merge-strategy.js')

export { assert, C, LOCAL_WINS, REMOTE_WINS }

const DEADLINE = 5000
const CLIENT_OPTIONS = {
  subscriptionInterval: 10,
  recordDiscardTimeout: 20,
  reconnectIntervalIncrement: 50,
  maxReconnectInterval: 100,
  maxReconnectAttempts: 1000
}

export const scenarios = new Map()

let agree = async () => {}

/** Wait until all nodes of a cluster know what was said until now; a server that is alone knows it. */
export function agreed () { return agree() }

/** Register `run(stage)` under a sentence that says what it shows. */
export function scenario (sentence, run) {
  assert(!scenarios.has(sentence), `two scenarios are called: ${sentence}`)
  scenarios.set(sentence, run)
}

/** Resolve once `condition()` is true; reject with what was awaited when the deadline passes. */
export async function until (condition, what, deadline = DEADLINE) {
  const end = Date.now() + deadline
  while (!condition()) {
    if (Date.now() > end) {
      throw new assert.AssertionError({ message: `not within ${deadline} ms: ${typeof what === 'function' ? what() : what}` })
    }
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}

/** The promise's value, or an error that says what was awaited when the deadline passes. */
export async function within (promise, what, deadline = DEADLINE) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new assert.AssertionError({ message: `not within ${deadline} ms: ${what}` })), deadline)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** The reason for which the promise is rejected; it must be. */
export async function refusal (promise, what = 'a refusal') {
  const nothing = Symbol('not refused')
  const reason = await within(promise.then(() => nothing, error => error), what)
  assert.notEqual(reason, nothing, `${what}, but it went well`)
  return reason
}

/** Collects what a callback is called with: the sole argument, or a list of several. */
export class Inbox {
  values = []
  receive = (...received) => { this.values.push(received.length > 1 ? received : received[0]) }

  get last () { return this.values.at(-1) }

  count (number, deadline = DEADLINE) {
    return until(() => this.values.length >= number, () => `${number} values, only ${JSON.stringify(this.values)}`, deadline)
  }

  /** Wait until something deeply equal to `expected` is here. */
  contains (expected) {
    return until(() => this.values.some(value => equal(value, expected)),
      () => `${JSON.stringify(expected)} among ${JSON.stringify(this.values)}`)
  }
}

function equal (left, right) {
  try {
    assert.deepEqual(plain(left), plain(right))
    return true
  } catch {
    return false
  }
}

/** The same value with ordinary prototypes: the client makes objects without any. */
function plain (value) {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}

export function same (actual, expected, message) {
  assert.deepEqual(plain(actual), plain(expected), message)
}

/** Every acknowledgement that this client waits for has come, and nothing waits to be sent. */
export async function settled (...clients) {
  for (const client of clients) {
    await until(() => waiting(client).length === 0, () => `the server answered ${waiting(client)}`, 5000)
  }
  await agreed()
}

/** Let the client forget what it waits for: after some refusals it waits for an acknowledgement all the same. */
export function forget (client) { client.services.timeoutRegistry.onConnectionLost() }

function waiting (client) {
  const bulk = [client.event, client.rpc, client.presence].map(handler => handler.bulkSubscription)
  return [
    ...bulk.flatMap(({ subscribeNames, unsubscribeNames }) => [...subscribeNames, ...unsubscribeNames]),
    ...client.services.timeoutRegistry.register.keys()
  ]
}

/** An inbox with every message that arrives on this client's present socket. */
export function tap (client) {
  const endpoint = client.services.connection.endpoint
  const inbox = new Inbox()
  const handle = endpoint.onparsedmessages
  endpoint.onparsedmessages = messages => {
    messages.forEach(message => inbox.receive({ ...message }))
    handle(messages)
  }
  return inbox
}

export function state (client) { return client.getConnectionState() }

export function connected (client, deadline = DEADLINE) {
  return until(() => state(client) === 'OPEN', () => `a connection, but it is ${state(client)}`, deadline)
}

/** Break the client's socket as a network would: no close frame, no goodbye. */
export function breakSocket (client) { client.services.connection.endpoint.terminate() }

/** One scenario's clients, names and doings; what it leaves open is closed and checked at its end. */
export class Stage {
  clients = []
  links = []
  failures = []
  #allowed = []
  #run = randomUUID().slice(0, 8)
  #urls
  #turn = 0

  /** `urls`: the nodes of one cluster, or a server that is alone. */
  constructor ({ urls, wire }, ask) {
    this.#urls = urls
    this.wire = wire
    this.ask = ask
    if (urls.length > 1) agree = () => ask('settle')
  }

  /** The address of a node; of another one each time, so that parties are spread over all. */
  get url () { return this.#urls[this.#turn++ % this.#urls.length] }

  /** A name that no other scenario and no other run uses. */
  name (prefix) { return `${prefix}/${this.#run}` }

  endpoint (url = this.url) { return `${url}/deepstream${this.wire === 'json' ? '-json' : ''}` }

  get socketOptions () { return { jsonTransportMode: this.wire === 'json' } }

  /** A client that has not logged in. */
  client ({ url, query = '', ...options } = {}) {
    const client = new DeepstreamClient(this.endpoint(url) + query, {
      ...CLIENT_OPTIONS, socketOptions: this.socketOptions, ...options
    })
    client.on('error', (error, event, topic) => {
      this.complain(`error of the client: ${event} ${topic} ${describe(error)}`)
    })
    this.clients.push(client)
    return client
  }

  /** A client that has logged in, by default without a user name. */
  async login (details = {}, options = {}) {
    const client = this.client(options)
    await within(client.login(details), 'the login')
    await agreed()
    return client
  }

  /** A bare socket that speaks the client's own wire format and does nothing by itself. */
  async socket (url = this.endpoint()) {
    const socket = socketFactory(url, this.socketOptions, 60_000)
    const inbox = new Inbox()
    const closed = new Promise(resolve => { socket.onclosed = () => resolve(true) })
    socket.onparsedmessages = messages => messages.forEach(message => inbox.receive({ ...message }))
    socket.onerror = error => this.complain(`error of the socket: ${error.message}`)
    await new Promise(resolve => { socket.onopened = resolve })
    this.clients.push({ close: () => socket.close() })
    return { inbox, closed, send: message => socket.sendParsedMessage(message), sendRaw: data => socket.send(data) }
  }

  /** Errors and warnings that contain `text` belong to the scenario. */
  allow (...texts) { this.#allowed.push(...texts) }

  complain (text) {
    const isExpected = this.#allowed.some(allowed => text.includes(allowed))
    if (!isExpected && !this.failures.includes(text)) this.failures.push(text)
  }

  async finish () {
    for (const client of this.clients) {
      if (client.services && state(client) === 'OPEN') await settled(client)
    }
  }

  async close () {
    // What still arrives at a client that is closing finds it unable to answer.
    this.allow('IS_CLOSED')
    for (const client of this.clients) {
      if (!client.services || !state(client).startsWith('CLOS')) client.close()
    }
    for (const link of this.links) await link.close()
    const open = () => this.clients.filter(client => client.services && !isOver(client))
    await until(() => open().length === 0, () => `closed: ${open().map(state)}`)
  }
}

function describe (error) {
  return String(error?.message ?? JSON.stringify(error)).slice(0, 300)
}

function isOver (client) {
  const socket = client.services.connection.endpoint
  return socket === null || socket.readyState === socket.CLOSED
}
