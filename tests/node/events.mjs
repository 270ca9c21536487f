// Publishing and subscribing (PROTOCOL.md section 4).
import { C, Inbox, assert, same, scenario, settled, tap } from './kit.mjs'

const { EVENT_ACTION, TOPIC } = C
const isEmit = ({ topic, action }) => topic === TOPIC.EVENT && action === EVENT_ACTION.EMIT

async function subscribed (stage, event) {
  const client = await stage.login()
  const inbox = new Inbox()
  client.event.subscribe(event, inbox.receive)
  await settled(client)
  return { client, inbox }
}

scenario('an event reaches every subscriber', async stage => {
  const event = stage.name('event')
  const subscribers = [await subscribed(stage, event), await subscribed(stage, event), await subscribed(stage, event)]
  const publisher = await stage.login()
  publisher.event.emit(event, { price: 12.5 })
  for (const { inbox } of subscribers) await inbox.count(1)
  same(subscribers.map(({ inbox }) => inbox.values), [[{ price: 12.5 }], [{ price: 12.5 }], [{ price: 12.5 }]])
})

scenario('every kind of value arrives as it was sent', async stage => {
  const event = stage.name('event')
  const { inbox } = await subscribed(stage, event)
  const publisher = await stage.login()
  const values = ['text', '', 'O{"a":1}', 0, -1.5, 1e21, 12345678901, true, false, null, [], {}, [1, [null]], { a: { b: ['ü'] } }]
  for (const value of values) publisher.event.emit(event, value)
  await inbox.count(values.length)
  assert.deepEqual(inbox.values, values)
})

scenario('an event without data arrives without data', async stage => {
  const event = stage.name('event')
  const { inbox } = await subscribed(stage, event)
  const publisher = await stage.login()
  publisher.event.emit(event)
  publisher.event.emit(event, undefined)
  await inbox.count(2)
  assert.deepEqual(inbox.values, [undefined, undefined])
})

scenario('an emitter hears its own event once, from itself', async stage => {
  const event = stage.name('event')
  const [own, other] = [await subscribed(stage, event), await subscribed(stage, event)]
  const arrived = tap(own.client)
  own.client.event.emit(event, 'mine')
  await other.inbox.count(1)
  other.client.event.emit(event, 'yours')
  await own.inbox.count(2)
  same(own.inbox.values, ['mine', 'yours'])
  assert.equal(arrived.values.filter(isEmit).length, 1)
})

scenario('events of one emitter keep their order', async stage => {
  const event = stage.name('event')
  const { inbox } = await subscribed(stage, event)
  const publisher = await stage.login()
  const numbers = Array.from({ length: 500 }, (_, index) => index)
  for (const number of numbers) publisher.event.emit(event, number)
  await inbox.count(numbers.length)
  same(inbox.values, numbers)
})

scenario('an event without subscribers bothers nobody', async stage => {
  const { inbox } = await subscribed(stage, stage.name('event'))
  const publisher = await stage.login()
  publisher.event.emit(stage.name('other'), 1)
  publisher.event.emit(stage.name('event'), 2)
  await inbox.count(1)
  same(inbox.values, [2])
})

scenario('an unsubscribed client hears nothing more', async stage => {
  const [event, marker] = [stage.name('event'), stage.name('marker')]
  const { client, inbox } = await subscribed(stage, event)
  client.event.subscribe(marker, inbox.receive)
  await settled(client)
  const publisher = await stage.login()
  publisher.event.emit(event, 'before')
  await inbox.count(1)
  client.event.unsubscribe(event, inbox.receive)
  await settled(client)
  const arrived = tap(client)
  publisher.event.emit(event, 'after')
  publisher.event.emit(marker, 'marker')
  await inbox.contains('marker')
  same(arrived.values.filter(isEmit).map(({ name }) => name), [marker])
  same(inbox.values, ['before', 'marker'])
})

scenario('a client subscribes again after unsubscribing', async stage => {
  const event = stage.name('event')
  const { client, inbox } = await subscribed(stage, event)
  client.event.unsubscribe(event, inbox.receive)
  await settled(client)
  client.event.subscribe(event, inbox.receive)
  await settled(client)
  ;(await stage.login()).event.emit(event, 'again')
  await inbox.count(1)
  same(inbox.values, ['again'])
})

scenario('two callbacks of one client are one subscription', async stage => {
  const event = stage.name('event')
  const { client, inbox } = await subscribed(stage, event)
  const second = new Inbox()
  client.event.subscribe(event, second.receive)
  await settled(client)
  const publisher = await stage.login()
  publisher.event.emit(event, 1)
  await second.count(1)
  client.event.unsubscribe(event, second.receive)
  publisher.event.emit(event, 2)
  await inbox.count(2)
  same([inbox.values, second.values], [[1, 2], [1]])
})

scenario('many subscriptions go in one message and are acknowledged once', async stage => {
  const client = await stage.login({}, { subscriptionInterval: 100 })
  const arrived = tap(client)
  const inbox = new Inbox()
  const names = Array.from({ length: 50 }, (_, index) => stage.name(`event${index}`))
  for (const name of names) client.event.subscribe(name, data => inbox.receive({ name, data }))
  await settled(client)
  const publisher = await stage.login()
  for (const name of names) publisher.event.emit(name, 1)
  await inbox.count(names.length)
  same(inbox.values.map(({ name }) => name), names)
  assert.equal(arrived.values.filter(({ isAck }) => isAck).length, 1)
})

scenario('a client without a subscription interval subscribes at once', async stage => {
  const event = stage.name('event')
  const client = await stage.login({}, { subscriptionInterval: 0 })
  const inbox = new Inbox()
  client.event.subscribe(event, inbox.receive)
  client.event.subscribe(`${event}/b`, inbox.receive)
  await settled(client)
  const publisher = await stage.login()
  publisher.event.emit(event, 1)
  publisher.event.emit(`${event}/b`, 2)
  await inbox.count(2)
  same(inbox.values, [1, 2])
})

scenario('a subscriber whose socket is gone disturbs no other', async stage => {
  const event = stage.name('event')
  const [gone, stays] = [await subscribed(stage, event), await subscribed(stage, event)]
  gone.client.services.connection.endpoint.terminate()
  gone.client.close()
  const publisher = await stage.login()
  publisher.event.emit(event, 1)
  await stays.inbox.count(1)
  same(stays.inbox.values, [1])
})
