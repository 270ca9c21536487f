// Sockets that fall silent: heartbeats and the timeout of a login (PROTOCOL.md section 2).
// The server's heartbeatInterval is 700 ms here, unauthenticatedClientTimeout 1200 ms.
import { C, Inbox, assert, connected, same, scenario, settled, state, tap, until, within } from './kit.mjs'
import { Link } from './link.mjs'

const { CONNECTION_ACTION, TOPIC } = C
const isPong = ({ topic, action }) => topic === TOPIC.CONNECTION && action === CONNECTION_ACTION.PONG

scenario('a client notices a silent server and comes back', async stage => {
  stage.allow('HEARTBEAT_TIMEOUT')
  const link = await Link.to(stage)
  const client = await stage.login({}, { url: link.url, heartbeatInterval: 200 })
  const [heard, errors, event] = [new Inbox(), new Inbox(), stage.name('event')]
  client.event.subscribe(event, heard.receive)
  client.on('error', (message, code) => errors.receive(code))
  await settled(client)
  link.freeze()
  await errors.contains('HEARTBEAT_TIMEOUT')
  link.mend()
  await until(() => state(client) === 'RECONNECTING', 'the loss')
  await connected(client)
  await settled(client)
  const other = await stage.login({}, { heartbeatInterval: 200 })
  other.event.emit(event, 'again')
  await heard.contains('again')
})

scenario('the server closes a socket that fell silent', async stage => {
  const watcher = await stage.login({ username: stage.name('watcher') }, { heartbeatInterval: 200 })
  const changes = new Inbox()
  watcher.presence.subscribe(changes.receive)
  await settled(watcher)
  const link = await Link.to(stage)
  const ann = stage.name('ann')
  await stage.login({ username: ann }, { url: link.url })
  await changes.count(1)
  link.freeze()
  // Two silent heartbeats, and the time a server may give the closing handshake that nobody answers.
  await changes.count(2, 10_000)
  same(changes.values, [[ann, true], [ann, false]])
  await until(() => link.lost === 1, 'the close of the socket itself')
})

scenario('a client that only pings stays', async stage => {
  const client = await stage.login({}, { heartbeatInterval: 200 })
  const states = new Inbox()
  client.on('connectionStateChanged', states.receive)
  const arrived = tap(client)
  await until(() => arrived.values.filter(isPong).length >= 10, 'ten pongs')
  same(states.values, [])
  assert.equal(state(client), 'OPEN')
})

scenario('a client that does not log in is shut out', async stage => {
  stage.allow('AUTHENTICATION_TIMEOUT')
  const client = stage.client()
  await until(() => state(client) === 'AUTHENTICATION_TIMEOUT', () => `AUTHENTICATION_TIMEOUT, but it is ${state(client)}`)
  const socket = client.services.connection.endpoint
  await until(() => socket.readyState === socket.CLOSED, 'the close')
})

scenario('a socket that does not even send a challenge is shut out', async stage => {
  const socket = await stage.socket()
  await within(socket.closed, 'the close')
  // The question to clients that wait for the server comes before it; to this one it is nothing but a parser's error.
  same(socket.inbox.values.filter(({ topic }) => topic !== TOPIC.PARSER).map(({ topic, action }) => [topic, action]),
    [[TOPIC.CONNECTION, CONNECTION_ACTION.AUTHENTICATION_TIMEOUT]])
})
