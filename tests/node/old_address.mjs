// One address for clients of every version, quick or slow (PROTOCOL.md section 1).
import { parse } from '@deepstream/protobuf/dist/src/message-parser.js'
import { Inbox, assert, same, scenario, settled, state, until, within } from './kit.mjs'
import { acknowledged, attempt, deepstream, login, old, ready, watched } from './old_kit.mjs'

const OPENING = 'C\x1fCH\x1e'
const COMMON = { path: '/deepstream' }

scenario('an old client without any options is let in', async stage => {
  const client = watched(stage, deepstream(stage.url.replace('ws://', '')))
  await within(new Promise(resolve => client.login(resolve)), 'the login')
  assert.equal(client.getConnectionState(), 'OPEN')
  const record = await ready(client.record.getRecord(stage.name('record')))
  record.set('a', 1)
  await until(() => record.version === 1, 'the write')
})

scenario('an old client that logs in later is let in', async stage => {
  const client = old(stage, COMMON)
  await until(() => client.getConnectionState() === 'AWAITING_AUTHENTICATION', 'the dialogue')
  const [success] = await attempt(client, { username: stage.name('ann') })
  assert.equal(success, true)
})

scenario('a new client that is slow is let in as what it is', async stage => {
  const client = stage.client()
  const endpoint = client.services.connection.endpoint
  const texts = new Inbox()
  const hear = endpoint.onmessage
  endpoint.onmessage = raw => {
    if (typeof raw.data === 'string') texts.receive(raw.data)
    hear(raw)
  }
  const opened = endpoint.onopened
  endpoint.onopened = () => setTimeout(opened, 2000)
  await within(client.login({}), 'the login')
  same(texts.values, [OPENING])
  assert.equal(state(client), 'OPEN')
  await within(client.record.setDataWithAck(stage.name('record'), { slow: true }), 'a write')
  same(await within(client.record.snapshot(stage.name('record')), 'the snapshot'), { slow: true })
})

scenario('the dialogue with old clients is nothing to a new one, in a browser neither', async stage => {
  const nothing = [{ topic: 1, action: 6 }]
  // The client reads what `ws` gives it, and in a browser what a typed array makes of that.
  same(parse(OPENING), nothing)
  same(parse(Buffer.from(new Uint8Array(OPENING))), nothing)
})

scenario('old and new clients meet at one address', async stage => {
  const [{ client: before }, today] = [await login(stage, {}, COMMON), await stage.login()]
  const [theirs, mine] = [new Inbox(), new Inbox()]
  before.event.subscribe(stage.name('event'), theirs.receive)
  today.event.subscribe(stage.name('event'), mine.receive)
  await acknowledged(before)
  await settled(today)
  today.event.emit(stage.name('event'), { from: 'new' })
  await theirs.contains({ from: 'new' })
  before.event.emit(stage.name('event'), { from: 'old' })
  await mine.contains({ from: 'old' })
})

scenario('an old client comes back to the common address after its socket broke', async stage => {
  stage.allow('connectionError')
  const { client } = await login(stage, {}, COMMON)
  const heard = new Inbox()
  client.event.subscribe(stage.name('event'), heard.receive)
  await acknowledged(client)
  client._connection._endpoint.terminate()
  await until(() => client.getConnectionState() !== 'OPEN', 'the loss')
  await until(() => client.getConnectionState() === 'OPEN', 'the connection')
  await acknowledged(client)
  ;(await stage.login()).event.emit(stage.name('event'), 'again')
  await heard.contains('again')
})

scenario('an old client that is pinged stays', async stage => {
  const { client } = await login(stage, {}, { ...COMMON, heartbeatInterval: 600 })
  const pings = new Inbox()
  const endpoint = client._connection._endpoint
  const hear = endpoint.onmessage
  endpoint.onmessage = message => {
    if (message.data === 'C\x1fPI\x1e') pings.receive(Date.now())
    hear(message)
  }
  await pings.count(6)
  assert.equal(client.getConnectionState(), 'OPEN')
  assert.equal(client._connection._endpoint, endpoint)
})
