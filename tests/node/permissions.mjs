// Denials as the client tells of them, one name at a time in a bulk (PROTOCOL.md section 3).
import { Inbox, assert, forget, refusal, same, scenario, settled, until, within } from './kit.mjs'

/** Error codes that the client tells of. */
function errors (stage, client) {
  const inbox = new Inbox()
  stage.allow('MESSAGE_DENIED', 'ACK_TIMEOUT')
  client.on('error', (message, event) => inbox.receive(event))
  return inbox
}

scenario('of three records fetched at once the denied one alone is dropped', async stage => {
  const client = await stage.login()
  const told = errors(stage, client)
  const records = [stage.name('a'), stage.name('secret'), stage.name('z')].map(name => client.record.getRecord(name))
  const denied = new Inbox()
  records[1].on('error', denied.receive)
  await within(Promise.all([records[0].whenReady(), records[2].whenReady()]), 'the records that are allowed')
  await denied.count(1)
  same(denied.values, [['MESSAGE_DENIED', 'SUBSCRIBECREATEANDREAD']])
  assert.equal(records[1].isReady, false)
  await told.contains('MESSAGE_DENIED')
  const writer = await stage.login()
  writer.record.setData(records[0].name, 'n', 1)
  writer.record.setData(records[2].name, 'n', 2)
  await until(() => records[0].get('n') === 1 && records[2].get('n') === 2, 'updates of both')
  forget(client)
})

scenario('of three events subscribed at once the denied one alone is dropped', async stage => {
  const client = await stage.login()
  const told = errors(stage, client)
  const heard = new Inbox()
  const names = [stage.name('a'), stage.name('secret'), stage.name('z')]
  for (const name of names) client.event.subscribe(name, heard.receive)
  await settled(client)
  await told.count(1)
  const sender = await stage.login()
  for (const name of names) sender.event.emit(name, name)
  await heard.count(2)
  same(heard.values, [names[0], names[2]])
  same(told.values, ['MESSAGE_DENIED'])
})

scenario('of three calls provided at once the denied one alone is dropped', async stage => {
  const client = await stage.login()
  const told = errors(stage, client)
  const names = [stage.name('a'), stage.name('secret'), stage.name('z')]
  for (const name of names) client.rpc.provide(name, (data, response) => response.send(name))
  await settled(client)
  await told.count(1)
  const caller = await stage.login()
  assert.equal(await within(caller.rpc.make(names[0]), 'the first'), names[0])
  assert.equal(await within(caller.rpc.make(names[2]), 'the third'), names[2])
  assert.equal(await refusal(caller.rpc.make(names[1])), 'NO_RPC_PROVIDER')
})

scenario('a denied write with acknowledgement is refused and changes nothing', async stage => {
  const client = await stage.login()
  errors(stage, client)
  const record = await within(client.record.getRecord(stage.name('frozen')).whenReady(), 'the record')
  assert.equal(await refusal(record.setWithAck('a', 1)), 'MESSAGE_DENIED')
  assert.equal(await refusal(client.record.setDataWithAck(stage.name('frozen/2'), { a: 1 })), 'MESSAGE_DENIED')
  same(await (await stage.login()).record.snapshot(record.name), {})
})

scenario('a denied snapshot, check, deletion and call are refused', async stage => {
  const client = await stage.login()
  errors(stage, client)
  const name = stage.name('secret')
  assert.equal(await refusal(client.record.snapshot(name)), 'MESSAGE_DENIED')
  assert.equal(await refusal(client.record.head(name)), 'MESSAGE_DENIED')
  assert.equal(await refusal(client.record.has(name)), 'MESSAGE_DENIED')
  assert.equal(await refusal(client.rpc.make(stage.name('forbidden'), 1)), 'MESSAGE_DENIED')
  const record = await within(client.record.getRecord(stage.name('frozen')).whenReady(), 'the record')
  assert.equal(await refusal(record.delete()), 'MESSAGE_DENIED')
  forget(client)
})

scenario('a denied event reaches nobody', async stage => {
  const [sender, receiver] = [await stage.login(), await stage.login()]
  const told = errors(stage, sender)
  const heard = new Inbox()
  receiver.event.subscribe(stage.name('mute'), heard.receive)
  receiver.event.subscribe(stage.name('loud'), heard.receive)
  await settled(receiver)
  sender.event.emit(stage.name('mute'), 1)
  sender.event.emit(stage.name('loud'), 2)
  await heard.count(1)
  same(heard.values, [2])
  await told.contains('MESSAGE_DENIED')
})

scenario('denied presence is refused', async stage => {
  const client = await stage.login({ username: stage.name('ann') })
  errors(stage, client)
  assert.equal(await refusal(client.presence.getAll()), 'MESSAGE_DENIED')
  assert.equal(await refusal(client.presence.getAll([stage.name('bob')])), 'MESSAGE_DENIED')
})
