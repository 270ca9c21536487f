// The server is killed under its old clients and started again (PROTOCOL.md section 9).
import { Inbox, assert, connected, same, scenario, settled, state, until, within } from './kit.mjs'
import { acknowledged, answer, login, ready } from './old_kit.mjs'

async function restarted (stage, olds, news = []) {
  stage.allow('CONNECTION_ERROR', 'connectionError', 'VERSION_EXISTS')
  await stage.ask('kill')
  for (const client of olds) await until(() => client.getConnectionState() !== 'OPEN', 'the loss')
  for (const client of news) await until(() => state(client) !== 'OPEN', 'the loss')
  await stage.ask('start')
  for (const client of olds) {
    await until(() => client.getConnectionState() === 'OPEN', 'an old client')
    await acknowledged(client)
  }
  for (const client of news) await connected(client)
  await settled(...news)
}

scenario('after a kill an old client\'s subscriptions, patterns and calls are there again', async stage => {
  const { client } = await login(stage, { username: stage.name('old') }, { path: '/deepstream' })
  const today = await stage.login({ username: stage.name('new') })
  const [heard, asked, joined] = [new Inbox(), new Inbox(), new Inbox()]
  client.event.subscribe(stage.name('event'), heard.receive)
  client.event.listen(`^${stage.name('feed')}/`, (name, isSubscribed, response) => {
    if (isSubscribed) {
      response.accept()
      asked.receive(name)
    }
  })
  client.rpc.provide(stage.name('rpc'), (data, response) => response.send(data + 1))
  client.presence.subscribe(joined.receive)
  today.event.subscribe(`${stage.name('feed')}/1`, () => {})
  await asked.count(1)
  await acknowledged(client)
  await restarted(stage, [client], [today])
  await asked.count(2)
  today.event.emit(stage.name('event'), 'again')
  await heard.contains('again')
  assert.equal(await within(today.rpc.make(stage.name('rpc'), 1), 'the answer'), 2)
  await stage.login({ username: stage.name('third') })
  await joined.contains([stage.name('third'), true])
})

scenario('after a kill an old client\'s records are as they were and go on', async stage => {
  const { client } = await login(stage)
  const today = await stage.login()
  const [theirs, mine] = [await ready(client.record.getRecord(stage.name('record'))), await within(today.record.getRecord(stage.name('record')).whenReady(), 'ready')]
  await answer(callback => theirs.set({ before: 'the kill' }, error => callback(error)))
  await until(() => mine.version === 1, 'the write')
  await within(client.record.setDataWithAck(stage.name('unheld'), { a: 1 }), 'a write to a record that nobody holds')
  await restarted(stage, [client], [today])
  same(await within((await stage.login()).record.snapshot(stage.name('unheld')), 'the record that nobody holds'), { a: 1 })
  same([theirs.get(), mine.get()], [{ before: 'the kill' }, { before: 'the kill' }])
  theirs.set('after', 'it')
  await until(() => mine.get('after') === 'it', 'the write after it')
  mine.set('answered', true)
  await until(() => theirs.get('answered') === true, 'the answer')
  same(theirs.get(), mine.get())
})

scenario('what others wrote while an old client was away reaches it when it is back', async stage => {
  stage.allow('CONNECTION_ERROR', 'connectionError', 'VERSION_EXISTS')
  const { client } = await login(stage)
  const theirs = await ready(client.record.getRecord(stage.name('record')))
  await answer(callback => theirs.set({ n: 1 }, error => callback(error)))
  await restarted(stage, [client])
  client._connection._endpoint.terminate()
  await until(() => client.getConnectionState() !== 'OPEN', 'the loss')
  await within((await stage.login()).record.setDataWithAck(stage.name('record'), 'n', 2), 'the write meanwhile')
  await until(() => theirs.get('n') === 2, 'the write')
})
