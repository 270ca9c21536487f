// What scenarios with clients of versions 1 to 3 stand on.
import { createRequire } from 'node:module'
import { Inbox, agreed, assert, until, within } from './kit.mjs'

export const deepstream = createRequire(import.meta.url)('deepstream.io-client-js')

const OPTIONS = { reconnectIntervalIncrement: 50, maxReconnectInterval: 100, maxReconnectAttempts: 1000, silentDeprecation: true }

/** An old client at `path` that has not logged in; its errors belong to the scenario only if it allows them. */
export function old (stage, { path = '/deepstream-v3', ...options } = {}) {
  return watched(stage, deepstream(`${stage.url}${path}`, { ...OPTIONS, ...options }))
}

/** Make `client` one of the scenario's. */
export function watched (stage, client) {
  client.on('error', (error, event, topic) => stage.complain(`error of the old client: ${event} ${topic} ${error}`))
  stage.clients.push({ close: () => client.close() })
  return client
}

/** Whether this login was accepted, and the data that came with the answer. */
export function attempt (client, details = {}) {
  return within(new Promise(resolve => client.login(details, (...answer) => resolve(answer))), 'the login of an old client')
}

/** An old client that has logged in and the client data that it got. */
export async function login (stage, details = {}, options = {}) {
  const client = old(stage, options)
  const [success, data] = await attempt(client, details)
  assert.equal(success, true)
  await agreed()
  return { client, data }
}

/** Every acknowledgement that this old client waits for has come. */
export async function acknowledged (client) {
  // What was just asked for is sent with the next package of its queue.
  await within(new Promise(resolve => client.record.head('anything', resolve)), 'an answer')
  const waiting = () => Object.keys(client._$getAckTimeoutRegistry()._register)
  await until(() => waiting().length === 0, () => `answers to ${waiting()}`)
  await agreed()
}

export const ready = record => within(new Promise(resolve => record.whenReady(resolve)), `the record ${record.name}`)

/** What `call(callback)` calls back with, its error first. */
export const answer = call => within(new Promise((resolve, reject) =>
  call((error, value) => error ? reject(error) : resolve(value))), 'an answer')

/** The error that `call(callback)` calls back with. */
export const failure = call => answer(call).then(value => assert.fail(`no error, but ${JSON.stringify(value)}`), error => error)

/** The names of the errors that this client tells of, which are allowed. */
export function errors (stage, client, ...allowed) {
  stage.allow(...allowed)
  const inbox = new Inbox()
  client.on('error', (message, event) => inbox.receive([event, message]))
  return inbox
}

/** An old and a present client that hold the same record. */
export async function pair (stage) {
  const name = stage.name('record')
  const [{ client: before }, today] = [await login(stage), await stage.login()]
  const [theirs, mine] = [await ready(before.record.getRecord(name)), await within(today.record.getRecord(name).whenReady(), 'ready')]
  await agreed()
  return { name, before, today, theirs, mine }
}
