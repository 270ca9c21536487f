// Active providers: listening for subscriptions to events and records alike (PROTOCOL.md section 8).
import { C, Inbox, assert, breakSocket, connected, forget, same, scenario, settled, tap, until, within } from './kit.mjs'

const events = {
  refusal: C.EVENT_ACTION.INVALID_LISTEN_REGEX,
  handler: client => client.event,
  subscribe: (client, name) => {
    const inbox = new Inbox()
    client.event.subscribe(name, inbox.receive)
    return { inbox, end: () => client.event.unsubscribe(name, inbox.receive) }
  },
  provide: (client, name, value) => client.event.emit(name, value),
  hears: ({ inbox }, value) => inbox.contains(value)
}

const records = {
  refusal: C.RECORD_ACTION.INVALID_LISTEN_REGEX,
  handler: client => client.record,
  subscribe: (client, name) => {
    const record = client.record.getRecord(name)
    return { record, end: () => record.discard() }
  },
  provide: (client, name, value) => client.record.setData(name, 'value', value),
  hears: ({ record }, value) => until(() => record.get('value') === value, `the value ${value}`)
}

/** A client that listens and answers each request with what `answer` returns: accept, reject or nothing. */
async function listener (stage, topic, pattern, answer = 'accept') {
  const client = await stage.login()
  const [asked, stopped] = [new Inbox(), new Inbox()]
  topic.handler(client).listen(pattern, (name, response) => {
    response.onStop(stopped.receive)
    if (answer) response[answer]()
    asked.receive(name)
  })
  await settled(client)
  return { client, asked, stopped }
}

const hasProvider = ({ record }, expected = true) => record && until(() => record.hasProvider === expected, `provider: ${expected}`)

async function accepts (stage, topic) {
  const [prefix, name] = [stage.name('feed'), `${stage.name('feed')}/1`]
  const provider = await listener(stage, topic, `^${prefix}/.*`)
  const client = await stage.login()
  const subscription = topic.subscribe(client, name)
  await provider.asked.count(1)
  await hasProvider(subscription)
  topic.provide(provider.client, name, 'fed')
  await topic.hears(subscription, 'fed')
  subscription.end()
  await provider.stopped.count(1)
  same([provider.asked.values, provider.stopped.values], [[name], [name]])
}

scenario('an event listener that accepts provides until the last subscriber is gone', stage => accepts(stage, events))
scenario('a record listener that accepts provides until the last subscriber is gone', stage => accepts(stage, records))

async function comesLate (stage, topic) {
  const name = stage.name('feed')
  const client = await stage.login()
  const subscription = topic.subscribe(client, name)
  await settled(client)
  if (subscription.record) await within(subscription.record.whenReady(), 'the record')
  const provider = await listener(stage, topic, `^${name}$`)
  await provider.asked.count(1)
  await hasProvider(subscription)
  topic.provide(provider.client, name, 'fed')
  await topic.hears(subscription, 'fed')
}

scenario('a listener is asked for event subscriptions that are there already', stage => comesLate(stage, events))
scenario('a listener is asked for record subscriptions that are there already', stage => comesLate(stage, records))

async function onlyFirstAndLast (stage, topic) {
  const name = stage.name('feed')
  const provider = await listener(stage, topic, `^${name}$`)
  const clients = [await stage.login(), await stage.login()]
  const subscriptions = []
  for (const client of clients) {
    subscriptions.push(topic.subscribe(client, name))
    await settled(client)
    await provider.asked.count(1)
    await hasProvider(subscriptions.at(-1))
  }
  subscriptions[0].end()
  await settled(clients[0])
  topic.provide(provider.client, name, 'still')
  await topic.hears(subscriptions[1], 'still')
  same([provider.asked.values, provider.stopped.values], [[name], []])
  subscriptions[1].end()
  await provider.stopped.count(1)
  const again = topic.subscribe(await stage.login(), name)
  await provider.asked.count(2)
  await hasProvider(again)
}

scenario('an event provider hears of the first and of the last subscriber', stage => onlyFirstAndLast(stage, events))
scenario('a record provider hears of the first and of the last subscriber', stage => onlyFirstAndLast(stage, records))

async function rejects (stage, topic) {
  const name = stage.name('feed')
  const unwilling = [await listener(stage, topic, `^${name}$`, 'reject'), await listener(stage, topic, `^${name}.*`, 'reject')]
  const willing = await listener(stage, topic, `^${name}`)
  const subscription = topic.subscribe(await stage.login(), name)
  await willing.asked.count(1)
  await hasProvider(subscription)
  topic.provide(willing.client, name, 'fed')
  await topic.hears(subscription, 'fed')
  assert(unwilling.every(({ asked }) => asked.values.length <= 1))
  same([willing.asked.values, ...unwilling.flatMap(({ stopped }) => stopped.values)], [[name]])
}

scenario('of three event listeners the one that accepts provides', stage => rejects(stage, events))
scenario('of three record listeners the one that accepts provides', stage => rejects(stage, records))

async function onlyOne (stage, topic) {
  const name = stage.name('feed')
  const listeners = [
    await listener(stage, topic, `^${name}$`), await listener(stage, topic, `^${name}$`), await listener(stage, topic, `^${name}`)
  ]
  const subscription = topic.subscribe(await stage.login(), name)
  const asked = () => listeners.filter(listener => listener.asked.values.length > 0)
  await until(() => asked().length > 0, 'a provider')
  await hasProvider(subscription)
  topic.provide(asked()[0].client, name, 'fed')
  await topic.hears(subscription, 'fed')
  assert.equal(asked().length, 1)
  subscription.end()
  await asked()[0].stopped.count(1)
  assert.equal(listeners.flatMap(({ stopped }) => stopped.values).length, 1)
}

scenario('of three willing event listeners one alone is asked', stage => onlyOne(stage, events))
scenario('of three willing record listeners one alone is asked', stage => onlyOne(stage, records))

async function nobody (stage, topic) {
  const name = stage.name('feed')
  const unwilling = [await listener(stage, topic, `^${name}$`, 'reject'), await listener(stage, topic, `^${name}`, 'reject')]
  const subscription = topic.subscribe(await stage.login(), name)
  for (const { asked } of unwilling) await asked.count(1)
  const writer = await stage.login()
  if (subscription.record) await within(subscription.record.whenReady(), 'the record')
  topic.provide(writer, name, 'fed without')
  await topic.hears(subscription, 'fed without')
  if (subscription.record) assert.equal(subscription.record.hasProvider, false)
}

scenario('an event that all listeners reject works without a provider', stage => nobody(stage, events))
scenario('a record that all listeners reject works without a provider', stage => nobody(stage, records))

/** Two willing listeners, one of which provides. */
async function provided (stage, topic) {
  const name = stage.name('feed')
  const listeners = [await listener(stage, topic, `^${name}$`), await listener(stage, topic, `^${name}`)]
  const subscription = topic.subscribe(await stage.login(), name)
  await until(() => listeners.some(({ asked }) => asked.values.length > 0), 'a provider')
  await hasProvider(subscription)
  const [first, second] = listeners[0].asked.values.length > 0 ? listeners : [...listeners].reverse()
  const pattern = first === listeners[0] ? `^${name}$` : `^${name}`
  return { name, subscription, first, second, pattern }
}

async function handsOver (stage, topic) {
  const { name, subscription, first, second, pattern } = await provided(stage, topic)
  topic.handler(first.client).unlisten(pattern)
  await second.asked.count(1)
  await settled(first.client)
  await hasProvider(subscription)
  topic.provide(second.client, name, 'from the second')
  await topic.hears(subscription, 'from the second')
}

scenario('when an event provider unlistens another takes over', stage => handsOver(stage, events))
scenario('when a record provider unlistens another takes over', stage => handsOver(stage, records))

async function dies (stage, topic) {
  const { name, subscription, first, second } = await provided(stage, topic)
  first.client.close()
  await second.asked.count(1)
  await hasProvider(subscription)
  topic.provide(second.client, name, 'from the second')
  await topic.hears(subscription, 'from the second')
}

scenario('when an event provider\'s socket closes another takes over', stage => dies(stage, events))
scenario('when a record provider\'s socket closes another takes over', stage => dies(stage, records))

async function leavesAlone (stage, topic, leave) {
  const name = stage.name('feed')
  const provider = await listener(stage, topic, `^${name}$`)
  const subscription = topic.subscribe(await stage.login(), name)
  await provider.asked.count(1)
  await hasProvider(subscription)
  leave(provider.client, `^${name}$`)
  await hasProvider(subscription, false)
}

scenario('a record subscriber is told that its only provider unlistened', stage =>
  leavesAlone(stage, records, (client, pattern) => client.record.unlisten(pattern)))
scenario('a record subscriber is told that its only provider\'s socket closed', stage =>
  leavesAlone(stage, records, client => client.close()))

scenario('a later record subscriber is told that there is a provider', async stage => {
  const { name, subscription } = await provided(stage, records)
  const later = records.subscribe(await stage.login(), name)
  await hasProvider(later)
  assert.equal(subscription.record.hasProvider, true)
})

async function silent (stage, topic) {
  stage.allow('LISTEN_RESPONSE_TIMEOUT', 'UNSOLICITED_MESSAGE')
  const name = stage.name('feed')
  const mute = await listener(stage, topic, `^${name}$`, null)
  const subscription = topic.subscribe(await stage.login(), name)
  await mute.asked.count(1)
  const willing = await listener(stage, topic, `^${name}`)
  await willing.asked.count(1)
  await hasProvider(subscription)
  topic.provide(willing.client, name, 'fed')
  await topic.hears(subscription, 'fed')
}

scenario('an event listener that stays silent is passed over', stage => silent(stage, events))
scenario('a record listener that stays silent is passed over', stage => silent(stage, records))

async function refusesPattern (stage, topic) {
  const client = await stage.login()
  const arrived = tap(client)
  stage.allow('INVALID_LISTEN_REGEX', 'UNSOLICITED_MESSAGE')
  topic.handler(client).listen('[a-', () => assert.fail('asked for a pattern that is none'))
  await until(() => arrived.values.some(({ action }) => action === topic.refusal), 'the refusal')
  forget(client)
}

scenario('an event pattern that is no regular expression is refused', stage => refusesPattern(stage, events))
scenario('a record pattern that is no regular expression is refused', stage => refusesPattern(stage, records))

async function listensAgain (stage, topic) {
  const name = stage.name('feed')
  const provider = await listener(stage, topic, `^${name}`)
  const subscription = topic.subscribe(await stage.login(), `${name}/1`)
  await provider.asked.count(1)
  breakSocket(provider.client)
  await provider.stopped.count(1)
  await connected(provider.client)
  await provider.asked.count(2)
  await hasProvider(subscription)
  topic.provide(provider.client, `${name}/1`, 'fed again')
  await topic.hears(subscription, 'fed again')
}

scenario('an event provider whose socket broke provides again when it is back', stage => listensAgain(stage, events))
scenario('a record provider whose socket broke provides again when it is back', stage => listensAgain(stage, records))

async function many (stage, topic) {
  const prefix = stage.name('feed')
  const provider = await listener(stage, topic, `^${prefix}/`)
  const client = await stage.login()
  const names = Array.from({ length: 40 }, (_, index) => `${prefix}/${index}`)
  const subscriptions = names.map(name => topic.subscribe(client, name))
  await provider.asked.count(names.length)
  same([...provider.asked.values].sort(), [...names].sort())
  names.forEach((name, index) => topic.provide(provider.client, name, `value ${index}`))
  for (const [index, subscription] of subscriptions.entries()) await topic.hears(subscription, `value ${index}`)
}

scenario('a listener is asked for each of many events', stage => many(stage, events))
scenario('a listener is asked for each of many records', stage => many(stage, records))
