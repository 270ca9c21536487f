// What the rules refuse an old client, and what goes wrong with calls (PROTOCOL.md sections 6 and 9).
import { Inbox, assert, same, scenario, settled, until, within } from './kit.mjs'
import { acknowledged, errors, failure, login, ready } from './old_kit.mjs'

async function scene (stage, ...allowed) {
  const { client } = await login(stage)
  return { client, told: errors(stage, client, 'MESSAGE_DENIED', ...allowed) }
}

scenario('a denied subscription is told and not waited for', async stage => {
  const { client, told } = await scene(stage)
  client.event.subscribe(stage.name('secret'), () => {})
  await told.contains(['MESSAGE_DENIED', stage.name('secret')])
  await acknowledged(client)
})

scenario('a denied event reaches nobody', async stage => {
  const { client, told } = await scene(stage)
  const heard = new Inbox()
  const other = await stage.login()
  other.event.subscribe(stage.name('mute'), heard.receive)
  await settled(other)
  client.event.emit(stage.name('mute'), 1)
  await told.contains(['MESSAGE_DENIED', stage.name('mute')])
  same(heard.values, [])
})

scenario('a denied record is never ready', async stage => {
  const { client, told } = await scene(stage)
  const record = client.record.getRecord(stage.name('secret'))
  await told.contains(['MESSAGE_DENIED', stage.name('secret')])
  assert.equal(record.isReady, false)
})

scenario('denied reads call back with the error', async stage => {
  const { client } = await scene(stage)
  const { record } = client
  const name = stage.name('secret')
  assert.equal(await failure(callback => record.snapshot(name, callback)), 'MESSAGE_DENIED')
  assert.equal(await failure(callback => record.has(name, callback)), 'MESSAGE_DENIED')
  assert.equal(await failure(callback => record.head(name, callback)), 'MESSAGE_DENIED')
})

scenario('denied writes call back with the error', async stage => {
  const { client, told } = await scene(stage)
  const record = await ready(client.record.getRecord(stage.name('frozen')))
  assert.equal(await failure(callback => record.set('a', 1, callback)), 'MESSAGE_DENIED')
  assert.equal(await failure(callback => client.record.setData(stage.name('frozen/2'), { a: 1 }, callback)), 'MESSAGE_DENIED')
  record.set('b', 1)
  await told.count(3)
})

scenario('a denied provider is told and a denied call fails', async stage => {
  const { client, told } = await scene(stage)
  client.rpc.provide(stage.name('secret'), () => {})
  await told.contains(['MESSAGE_DENIED', ['MESSAGE_DENIED', stage.name('secret'), 'S']])
  assert.equal(await failure(callback => client.rpc.make(stage.name('forbidden'), 1, callback)), 'MESSAGE_DENIED')
  assert.equal(Object.keys(client._$getAckTimeoutRegistry()._register).length, 0)
})

scenario('denied presence is told', async stage => {
  const { client, told } = await scene(stage, 'ACK_TIMEOUT')
  client.presence.subscribe(stage.name('somebody'), () => {})
  await told.count(1)
  assert.equal(told.values[0][0], 'MESSAGE_DENIED')
})

scenario('a call that nobody provides, accepts or answers fails as such', async stage => {
  const { client } = await scene(stage)
  const today = await stage.login()
  assert.equal(await failure(callback => client.rpc.make(stage.name('nobody'), 1, callback)), 'NO_RPC_PROVIDER')
  const [deaf, mute] = [stage.name('deaf'), stage.name('mute')]
  today.rpc.provide(deaf, (data, response) => { response.autoAccept = false })
  today.rpc.provide(mute, (data, response) => response.accept())
  await settled(today)
  assert.equal(await failure(callback => client.rpc.make(deaf, 1, callback)), 'ACCEPT_TIMEOUT')
  assert.equal(await failure(callback => client.rpc.make(mute, 1, callback)), 'RESPONSE_TIMEOUT')
})

scenario('an old provider that rejects, fails or says nothing is told of to a new caller', async stage => {
  const { client } = await scene(stage, 'INVALID_RPC_CORRELATION_ID', 'UNSOLICITED_MESSAGE')
  const today = await stage.login()
  const [rejects, fails, mute] = [stage.name('rejects'), stage.name('fails'), stage.name('mute')]
  client.rpc.provide(rejects, (data, response) => response.reject())
  client.rpc.provide(fails, (data, response) => response.error('for a reason'))
  client.rpc.provide(mute, () => {})
  await acknowledged(client)
  const reason = name => within(today.rpc.make(name, 1).then(() => 'went well', error => error), name)
  assert.equal(await reason(rejects), 'NO_RPC_PROVIDER')
  assert.equal(await reason(fails), 'for a reason')
  assert.equal(await reason(mute), 'RESPONSE_TIMEOUT')
})

scenario('a call takes and gives values of every kind between old and new', async stage => {
  const { client } = await scene(stage)
  const today = await stage.login()
  // In a list, as the old client does not escape the separators of a text, only those in JSON.
  client.rpc.provide(stage.name('old'), (data, response) => response.send([data]))
  today.rpc.provide(stage.name('new'), (data, response) => response.send(data))
  await acknowledged(client)
  await settled(today)
  for (const value of ['', 'text', 'T', 0, -1.5, true, false, null, [], { a: [null, { ü: '\u001f\u001e' }] }, 'a\u001fb\u001ec']) {
    same(await within(today.rpc.make(stage.name('old'), value), 'the old answer'), [value])
    if (typeof value !== 'string' || !value.includes('\u001f')) {
      same(await within(client.rpc.make(stage.name('new'), value), 'the new answer'), value)
    }
  }
  assert.equal(await within(client.rpc.make(stage.name('new'), undefined), 'the new answer'), undefined)
  await until(() => Object.keys(client._$getAckTimeoutRegistry()._register).length === 0, 'no timers')
})
