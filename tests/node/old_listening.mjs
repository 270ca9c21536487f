// Old clients as providers and as those who are provided for (PROTOCOL.md sections 8 and 9).
import { Inbox, assert, same, scenario, settled, until, within } from './kit.mjs'
import { acknowledged, login, ready } from './old_kit.mjs'

/** Listen as an old client to the scenario's feed, and answer each offer with `answer`. */
async function listener (stage, topic, answer) {
  const { client } = await login(stage)
  const [found, gone] = [new Inbox(), new Inbox()]
  client[topic].listen(`^${stage.name('feed')}/`, (name, isSubscribed, response) => {
    if (isSubscribed) {
      found.receive(name)
      answer(response)
    } else gone.receive(name)
  })
  await acknowledged(client)
  return { client, found, gone }
}

const accept = response => response.accept()
const reject = response => response.reject()
const feed = stage => `${stage.name('feed')}/1`

scenario('an old listener that rejects an event hears no more of it and another provides', async stage => {
  const first = await listener(stage, 'event', reject)
  const second = await listener(stage, 'event', accept)
  const { client } = await login(stage)
  const heard = new Inbox()
  client.event.subscribe(feed(stage), heard.receive)
  await second.found.count(1)
  await acknowledged(client)
  second.client.event.emit(feed(stage), 'fed')
  await heard.contains('fed')
  client.event.unsubscribe(feed(stage), heard.receive)
  await second.gone.count(1)
  same([first.gone.values, second.gone.values], [[], [feed(stage)]])
})

scenario('when an old provider is gone another old one takes over the record', async stage => {
  const first = await listener(stage, 'record', accept)
  const today = await stage.login()
  const record = today.record.getRecord(feed(stage))
  await first.found.count(1)
  await until(() => record.hasProvider, 'the first provider')
  const second = await listener(stage, 'record', accept)
  same(second.found.values, [])
  first.client.close()
  await second.found.count(1)
  await until(() => record.hasProvider, 'the second provider')
  second.client.record.setData(feed(stage), 'fed', 'again')
  await until(() => record.get('fed') === 'again', 'the data')
})

scenario('an old subscriber hears of its provider coming and going', async stage => {
  const { client } = await login(stage)
  const record = await ready(client.record.getRecord(feed(stage)))
  const changes = new Inbox()
  record.on('hasProviderChanged', changes.receive)
  const provider = await listener(stage, 'record', accept)
  await changes.contains(true)
  provider.client.record.unlisten(`^${stage.name('feed')}/`)
  await changes.contains(false)
  same(changes.values, [true, false])
  await acknowledged(provider.client)
})

scenario('an old provider hands over to a new one and back', async stage => {
  const before = await listener(stage, 'record', accept)
  const today = await stage.login()
  const { client } = await login(stage)
  const record = await ready(client.record.getRecord(feed(stage)))
  await until(() => record.hasProvider === true, 'the old provider')
  const [found, stopped] = [new Inbox(), new Inbox()]
  today.record.listen(`^${stage.name('feed')}/`, (name, response) => {
    response.onStop(stopped.receive)
    response.accept()
    found.receive(name)
  })
  await settled(today)
  before.client.record.unlisten(`^${stage.name('feed')}/`)
  await found.count(1)
  await until(() => record.hasProvider === true, 'the new provider')
  const again = await listener(stage, 'record', accept)
  today.record.unlisten(`^${stage.name('feed')}/`)
  await again.found.count(1)
  await until(() => record.hasProvider === true, 'the old provider again')
  record.discard()
  await again.gone.count(1)
})

scenario('an old listener that says nothing is passed over', async stage => {
  const silent = await listener(stage, 'event', () => {})
  const today = await stage.login()
  today.event.subscribe(feed(stage), () => {})
  await silent.found.count(1)
  const second = await listener(stage, 'event', accept)
  await within(second.found.count(1), 'the next listener')
  assert.equal(silent.gone.values.length, 0)
})

scenario('a pattern that is no regular expression is refused', async stage => {
  stage.allow('INVALID_LISTEN_REGEX', 'ACK_TIMEOUT')
  const { client } = await login(stage)
  const told = new Inbox()
  client.on('error', (message, event) => told.receive(event))
  client.record.listen('(', () => {})
  await told.contains('INVALID_LISTEN_REGEX')
})
