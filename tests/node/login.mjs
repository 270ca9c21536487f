// Connecting, logging in on an open server, and coming back (PROTOCOL.md section 2).
import {
  C, Inbox, assert, breakSocket, connected, same, scenario, settled, state, tap, until
} from './kit.mjs'

const { AUTH_ACTION, CONNECTION_ACTION, EVENT_ACTION, TOPIC } = C

scenario('a client logs in without data and gets no client data', async stage => {
  const client = stage.client()
  assert.equal(await client.login(), null)
  assert.equal(state(client), 'OPEN')
})

scenario('a client logs in with data', async stage => {
  const client = stage.client()
  assert.equal(await client.login({ username: 'ann', shoes: [42, null], 'größe': 'ß' }), null)
  assert.equal(state(client), 'OPEN')
})

scenario('a client logs in with a callback', async stage => {
  const client = stage.client()
  const inbox = new Inbox()
  client.login({ username: 'bob' }, inbox.receive)
  await inbox.count(1)
  assert.deepEqual(inbox.values, [[true, null]])
})

scenario('the states of a connection follow one another', async stage => {
  const client = stage.client({ lazyConnect: true })
  const states = new Inbox()
  client.on('connectionStateChanged', states.receive)
  await client.login()
  assert.deepEqual(states.values,
    ['AWAITING_CONNECTION', 'CHALLENGING', 'AWAITING_AUTHENTICATION', 'AUTHENTICATING', 'OPEN'])
})

scenario('a query string in the address is accepted', async stage => {
  const client = await stage.login({}, { query: '?tenant=7&x=y' })
  assert.equal(state(client), 'OPEN')
})

scenario('what is done before the login happens after it', async stage => {
  const other = await stage.login()
  const [event, rpc, record] = ['event', 'rpc', 'record'].map(kind => stage.name(kind))
  const heard = new Inbox()
  other.event.subscribe(event, heard.receive)
  other.rpc.provide(rpc, (data, response) => response.send(data + 1))
  await settled(other)

  const early = stage.client()
  const own = new Inbox()
  early.event.subscribe(stage.name('own'), own.receive)
  early.event.emit(event, 'early')
  const answer = early.rpc.make(rpc, 41)
  const made = early.record.getRecord(record)
  made.set('made', 'early')
  assert.equal(heard.values.length, 0)
  await early.login()

  assert.equal(await answer, 42)
  await heard.contains('early')
  await settled(early)
  other.event.emit(stage.name('own'), 'late')
  await own.contains('late')
  await until(() => made.version !== null && made.get('made') === 'early', 'the record made before the login')
  const theirs = other.record.getRecord(record)
  await theirs.whenReady()
  await until(() => theirs.get('made') === 'early', 'the record on the other side')
})

scenario('a message before the login is refused and the login still works', async stage => {
  const watcher = await stage.login()
  const event = stage.name('event')
  const heard = new Inbox()
  watcher.event.subscribe(event, heard.receive)
  await settled(watcher)

  const client = stage.client()
  await until(() => state(client) === 'AWAITING_AUTHENTICATION', 'the challenge')
  const inbox = tap(client)
  client.services.connection.sendMessage({ topic: TOPIC.EVENT, action: EVENT_ACTION.EMIT, name: event, parsedData: 'too early' })
  await inbox.count(1)
  assert.equal(inbox.last.topic, TOPIC.AUTH)
  assert.equal(inbox.last.action, AUTH_ACTION.INVALID_MESSAGE)
  await client.login()
  client.event.emit(event, 'in time')
  await heard.count(1)
  assert.deepEqual(heard.values, ['in time'])
})

scenario('a message before the challenge is refused and the challenge still works', async stage => {
  const socket = await stage.socket()
  socket.send({ topic: TOPIC.AUTH, action: AUTH_ACTION.REQUEST, parsedData: {} })
  await socket.inbox.count(1)
  assert.equal(socket.inbox.last.topic, TOPIC.CONNECTION)
  assert.equal(socket.inbox.last.action, CONNECTION_ACTION.INVALID_MESSAGE)
  socket.send({ topic: TOPIC.CONNECTION, action: CONNECTION_ACTION.CHALLENGE, url: stage.endpoint(), protocolVersion: '0.1a' })
  await socket.inbox.count(2)
  assert.equal(socket.inbox.last.action, CONNECTION_ACTION.ACCEPT)
})

scenario('a ping is answered with a pong', async stage => {
  const client = await stage.login({}, { heartbeatInterval: 50 })
  const inbox = tap(client)
  await until(() => inbox.values.some(({ topic, action }) =>
    topic === TOPIC.CONNECTION && action === CONNECTION_ACTION.PONG), 'a pong')
})

scenario('login data that is no object is refused and the socket closed', async stage => {
  const socket = await stage.socket()
  socket.send({ topic: TOPIC.CONNECTION, action: CONNECTION_ACTION.CHALLENGE, url: stage.endpoint(), protocolVersion: '0.1a' })
  await socket.inbox.count(1)
  socket.send({ topic: TOPIC.AUTH, action: AUTH_ACTION.REQUEST, data: '"me"' })
  await socket.inbox.count(2)
  assert.equal(socket.inbox.last.topic, TOPIC.AUTH)
  assert.equal(socket.inbox.last.action, AUTH_ACTION.INVALID_MESSAGE_DATA)
  assert(await socket.closed)
})

scenario('a client whose socket broke comes back by itself and is subscribed again', async stage => {
  const [client, other] = [await stage.login({ username: 'carl' }), await stage.login()]
  const event = stage.name('event')
  const heard = new Inbox()
  client.event.subscribe(event, heard.receive)
  const record = client.record.getRecord(stage.name('record'))
  await record.whenReady()
  await record.setWithAck({ count: 1 })

  const states = new Inbox()
  client.on('connectionStateChanged', states.receive)
  breakSocket(client)
  await states.contains('RECONNECTING')
  other.record.setData(record.name, 'count', 2)
  await states.contains('OPEN')
  await settled(client)
  other.event.emit(event, 'still there?')
  await heard.contains('still there?')
  await until(() => record.get('count') === 2, 'the write that was made meanwhile')
})

scenario('a client pauses and resumes', async stage => {
  const [client, other] = [await stage.login(), await stage.login()]
  const event = stage.name('event')
  const heard = new Inbox()
  client.event.subscribe(event, heard.receive)
  await settled(client)
  client.pause()
  await until(() => state(client) === 'OFFLINE', 'the pause')
  other.event.emit(event, 'missed')
  await client.resume()
  await connected(client)
  await settled(client)
  other.event.emit(event, 'heard')
  await heard.count(1)
  same(heard.values, ['heard'])
})

scenario('a client that closes is closed', async stage => {
  const client = await stage.login()
  client.close()
  await until(() => state(client) === 'CLOSED', () => `CLOSED, but it is ${state(client)}`)
})
