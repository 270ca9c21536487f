// The server is killed under its clients and started again: they go on as if nothing had been.
import { Inbox, assert, connected, same, scenario, settled, state, until, within } from './kit.mjs'

async function killed (stage, ...clients) {
  stage.allow('CONNECTION_ERROR', 'VERSION_EXISTS')
  await stage.ask('kill')
  for (const client of clients) await until(() => state(client) !== 'OPEN', 'the loss')
}

async function started (stage, ...clients) {
  await stage.ask('start')
  for (const client of clients) await connected(client)
  await settled(...clients)
}

scenario('after a kill event subscriptions and listeners are there again', async stage => {
  const [publisher, subscriber, provider] = [await stage.login(), await stage.login(), await stage.login()]
  const [event, pattern] = [stage.name('event'), `^${stage.name('feed')}/`]
  const [heard, fed, asked, stopped] = [new Inbox(), new Inbox(), new Inbox(), new Inbox()]
  subscriber.event.subscribe(event, heard.receive)
  subscriber.event.subscribe(`${stage.name('feed')}/1`, fed.receive)
  provider.event.listen(pattern, (name, response) => {
    response.onStop(stopped.receive)
    response.accept()
    asked.receive(name)
  })
  await settled(subscriber, provider)
  await asked.count(1)

  await killed(stage, publisher, subscriber, provider)
  await stopped.count(1)
  await started(stage, publisher, subscriber, provider)
  publisher.event.emit(event, 'again')
  await heard.contains('again')
  await asked.count(2)
  provider.event.emit(`${stage.name('feed')}/1`, 'fed again')
  await fed.contains('fed again')
})

scenario('after a kill records are as they were and go on', async stage => {
  const [left, right] = [await stage.login(), await stage.login()]
  const names = ['a', 'b', 'c'].map(name => stage.name(name))
  const [mine, theirs] = await Promise.all([left, right].map(client =>
    Promise.all(names.map(name => within(client.record.getRecord(name).whenReady(), 'ready')))))
  for (const [index, record] of mine.entries()) {
    await record.setWithAck({ index })
    await record.setWithAck('before', true)
  }
  await until(() => theirs.every(record => record.version === 2), 'the writes')
  const deleted = new Inbox()
  for (const record of [...mine, ...theirs]) record.on('delete', deleted.receive)

  await killed(stage, left, right)
  await started(stage, left, right)
  const fresh = await stage.login()
  for (const [index, name] of names.entries()) {
    same(await within(fresh.record.snapshot(name), 'the snapshot'), { index, before: true })
  }
  for (const record of mine) record.set('after', record.name)
  await until(() => theirs.every(record => record.get('after') === record.name), 'the writes after it')
  for (const record of theirs) await within(record.setWithAck('answered', true), 'the acknowledgement')
  await until(() => mine.every(record => record.get('answered')), 'the answers')
  same(deleted.values, [])
})

scenario('after a kill record providers are there again', async stage => {
  const [subscriber, provider] = [await stage.login(), await stage.login()]
  const asked = new Inbox()
  provider.record.listen(`^${stage.name('feed')}/`, (name, response) => {
    response.accept()
    asked.receive(name)
  })
  await settled(provider)
  const record = subscriber.record.getRecord(`${stage.name('feed')}/1`)
  await until(() => record.hasProvider, 'the provider')
  await killed(stage, subscriber, provider)
  await started(stage, subscriber, provider)
  await asked.count(2)
  provider.record.setData(record.name, 'fed', 'again')
  await until(() => record.get('fed') === 'again', 'the data')
})

scenario('after a kill calls are provided and users present again', async stage => {
  const [ann, watcher] = [await stage.login({ username: stage.name('ann') }), await stage.login({ username: stage.name('watcher') })]
  const [all, one] = [new Inbox(), new Inbox()]
  ann.rpc.provide(stage.name('rpc'), (data, response) => response.send(data + 1))
  watcher.presence.subscribe(all.receive)
  watcher.presence.subscribe(stage.name('bob'), one.receive)
  await settled(ann, watcher)

  await killed(stage, ann, watcher)
  const pending = watcher.rpc.make(stage.name('rpc'), 1).then(String, String)
  await started(stage, ann, watcher)
  assert.equal(await within(watcher.rpc.make(stage.name('rpc'), 41), 'the answer'), 42)
  assert.match(await within(pending, 'the call made meanwhile'), /^(2|client offline|NO_RPC_PROVIDER)$/)
  same(await within(watcher.presence.getAll([stage.name('ann'), stage.name('bob')]), 'the answer'),
    { [stage.name('ann')]: true, [stage.name('bob')]: false })
  await stage.login({ username: stage.name('bob') })
  await one.contains([stage.name('bob'), true])
  await all.contains([stage.name('bob'), true])
})

scenario('what was acknowledged or seen before a kill is there after it', async stage => {
  stage.allow('CONNECTION_ERROR', 'VERSION_EXISTS')
  const [writer, watcher] = [await stage.login(), await stage.login()]
  const [mine, theirs] = await Promise.all([writer, watcher].map(client =>
    within(client.record.getRecord(stage.name('record')).whenReady(), 'ready')))
  let acknowledged = 0
  for (let number = 1; number <= 2000; number++) {
    mine.set(`n${number}`, number, error => { if (error === null) acknowledged = number })
  }
  await until(() => acknowledged >= 20, 'some acknowledgements')
  await stage.ask('kill')
  await until(() => state(writer) !== 'OPEN' && state(watcher) !== 'OPEN', 'the loss')
  const seen = theirs.version
  const seenKeys = Object.keys(theirs.get()).length
  writer.close()
  watcher.close()
  await stage.ask('start')
  const reader = await stage.login()
  const stored = await within(reader.record.snapshot(stage.name('record')), 'the record')
  const version = await within(reader.record.head(stage.name('record')), 'its version')
  assert(version >= seen, `version ${version} is stored, ${seen} was seen`)
  assert.equal(stored[`n${acknowledged}`], acknowledged)
  assert(Object.keys(stored).length >= Math.max(seenKeys, acknowledged))
})

scenario('writes made while the server was down are merged when it is back', async stage => {
  const asked = new Inbox()
  const [client, other] = [await stage.login(), await stage.login()]
  const record = await within(client.record.getRecord(stage.name('record')).whenReady(), 'ready')
  record.setMergeStrategy((local, localVersion, remote, remoteVersion, callback) => {
    asked.receive({ local, remote, remoteVersion })
    callback(null, remote)
  })
  await record.setWithAck({ count: 1 })
  await killed(stage, client, other)
  record.set('offline', true)
  const late = client.record.getRecord(stage.name('late'))
  late.set('made', 'offline')
  await started(stage, client, other)
  await asked.count(1)
  same(asked.values[0], { local: { count: 1, offline: true }, remote: { count: 1 }, remoteVersion: 1 })
  const theirs = await within(other.record.getRecord(late.name).whenReady(), 'ready')
  await until(() => theirs.get('made') === 'offline', 'the record made while the server was down')
  await within(record.setWithAck('after', true), 'a write after it')
  same(await within(other.record.snapshot(record.name), 'the snapshot'), { count: 1, after: true })
})

scenario('clients that the server sends away at its end come back', async stage => {
  stage.allow('CONNECTION_ERROR')
  const client = await stage.login()
  const heard = new Inbox()
  client.event.subscribe(stage.name('event'), heard.receive)
  await settled(client)
  await stage.ask('stop')
  await until(() => state(client) !== 'OPEN', 'the loss')
  await started(stage, client)
  ;(await stage.login()).event.emit(stage.name('event'), 'again')
  await heard.contains('again')
})
