// Old clients where a password is needed, and who of them is online (PROTOCOL.md sections 2, 7 and 9).
import { Inbox, assert, same, scenario, settled, until, within } from './kit.mjs'
import { acknowledged, attempt, login, old } from './old_kit.mjs'

const ANN = { username: 'ann', password: 'tiger' }
const BOB = { username: 'bob', password: 'lion' }
const WRONG = { username: 'ann', password: 'wrong' }
const COMMON = { path: '/deepstream' }

scenario('the right password lets an old client in with its client data', async stage => {
  const { data } = await login(stage, ANN)
  same(data, { themes: ['dark'], größe: 1 })
  same((await login(stage, ANN, COMMON)).data, { themes: ['dark'], größe: 1 })
  assert.equal((await login(stage, BOB)).data, null)
})

scenario('after a wrong password the right one is accepted', async stage => {
  const client = old(stage, COMMON)
  same(await attempt(client, WRONG), [false, undefined])
  assert.equal(client.getConnectionState(), 'AWAITING_AUTHENTICATION')
  const [success] = await attempt(client, ANN)
  assert.equal(success, true)
  assert.equal(client.getConnectionState(), 'OPEN')
})

scenario('what is missing in the login data is told', async stage => {
  const [success, reason] = await attempt(old(stage), {})
  assert.equal(success, false)
  assert.match(JSON.stringify(reason), /username/)
})

scenario('the third refusal ends an old client\'s connection for good', async stage => {
  stage.allow('IS_CLOSED')
  const client = old(stage)
  for (let refusal = 1; refusal <= 2; refusal++) same((await attempt(client, WRONG))[0], false)
  const answers = new Inbox()
  client.login(WRONG, (...answer) => answers.receive(answer))
  await until(() => client.getConnectionState() === 'CLOSED', 'the close')
  assert(answers.values.every(([success]) => success === false))
  const told = new Inbox()
  client.on('error', (message, event) => told.receive(event))
  client.login(ANN, () => assert.fail('logged in'))
  await told.contains('IS_CLOSED')
})

scenario('old and new clients ask who is online', async stage => {
  const { client: ann } = await login(stage, ANN)
  const bob = await stage.login(BOB)
  same(await within(new Promise(resolve => ann.presence.getAll(resolve)), 'everybody'), ['bob'])
  same(await within(bob.presence.getAll(), 'everybody'), ['ann'])
  same(await within(new Promise(resolve => ann.presence.getAll(['ann', 'bob', 'carl'], resolve)), 'some'), { ann: true, bob: true, carl: false })
  same(await within(bob.presence.getAll(['ann', 'carl']), 'some'), { ann: true, carl: false })
})

scenario('old clients watch single users and everybody', async stage => {
  const { client } = await login(stage, ANN)
  const [one, all] = [new Inbox(), new Inbox()]
  client.presence.subscribe('bob', one.receive)
  await acknowledged(client)
  const bob = await stage.login(BOB)
  await one.count(1)
  bob.close()
  await one.count(2)
  same(one.values.map(([online, name]) => [name, online]), [['bob', true], ['bob', false]])
  client.presence.unsubscribe('bob', one.receive)
  client.presence.subscribe(all.receive)
  await acknowledged(client)
  const { client: again } = await login(stage, BOB)
  await all.contains(['bob', true])
  again.close()
  await all.contains(['bob', false])
  client.presence.unsubscribe(all.receive)
  await acknowledged(client)
  await login(stage, BOB)
  const { client: watcher } = await login(stage, ANN)
  same(await within(new Promise(resolve => watcher.presence.getAll(resolve)), 'everybody'), ['bob'])
  same([one.values.length, all.values.length], [2, 2])
  await settled()
})
