// Logging in where a password is needed, three times at most (PROTOCOL.md section 2).
import { Inbox, assert, C, refusal, same, scenario, state, until, within } from './kit.mjs'

const WRONG = { username: 'ann', password: 'wrong' }

scenario('the right password lets a user in with the client data', async stage => {
  const client = stage.client()
  same(await within(client.login({ username: 'ann', password: 'tiger' }), 'the login'), { themes: ['dark'], größe: 1 })
})

scenario('a client is told that its client data changed', async stage => {
  const client = stage.client()
  const changes = new Inbox()
  client.on('clientDataChanged', changes.receive)
  await within(client.login({ username: 'ann', password: 'tiger' }), 'the login')
  same(changes.values, [{ themes: ['dark'], größe: 1 }])
})

scenario('after a wrong password the right one is accepted on the same connection', async stage => {
  const client = stage.client()
  const reason = await refusal(client.login(WRONG))
  assert(reason.reason, JSON.stringify(reason))
  assert.equal(state(client), 'AWAITING_AUTHENTICATION')
  await within(client.login({ username: 'ann', password: 'tiger' }), 'the login')
  assert.equal(state(client), 'OPEN')
})

scenario('an unknown user is refused', async stage => {
  const client = stage.client()
  await refusal(client.login({ username: 'nobody', password: 'tiger' }))
  await refusal(client.login())
  assert.equal(state(client), 'AWAITING_AUTHENTICATION')
})

scenario('the third refusal ends the connection', async stage => {
  stage.allow('TOO_MANY_AUTH_ATTEMPTS', 'IS_CLOSED')
  const client = stage.client()
  const errors = new Inbox()
  client.on('error', (message, event) => errors.receive(event))
  for (let attempt = 1; attempt <= 3; attempt++) await refusal(client.login(WRONG))
  await errors.contains('TOO_MANY_AUTH_ATTEMPTS')
  assert.equal(state(client), 'TOO_MANY_AUTH_ATTEMPTS')
  const socket = client.services.connection.endpoint
  await until(() => socket.readyState === socket.CLOSED, 'the close')
})

scenario('the third refusal still says that the login failed', async stage => {
  const socket = await stage.socket()
  socket.send({ topic: C.TOPIC.CONNECTION, action: C.CONNECTION_ACTION.CHALLENGE, url: stage.endpoint(), protocolVersion: '0.1a' })
  for (let attempt = 1; attempt <= 3; attempt++) {
    socket.send({ topic: C.TOPIC.AUTH, action: C.AUTH_ACTION.REQUEST, parsedData: WRONG })
    await socket.inbox.count(1 + attempt)
  }
  await within(socket.closed, 'the close')
  const { AUTH_UNSUCCESSFUL, TOO_MANY_AUTH_ATTEMPTS } = C.AUTH_ACTION
  same(socket.inbox.values.slice(1).map(({ action }) => action),
    [AUTH_UNSUCCESSFUL, AUTH_UNSUCCESSFUL, AUTH_UNSUCCESSFUL, TOO_MANY_AUTH_ATTEMPTS])
})
