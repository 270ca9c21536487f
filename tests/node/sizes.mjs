// Names and values of every alphabet, large ones and many (PROTOCOL.md sections 2 to 5).
import { Inbox, assert, connected, same, scenario, settled, until, within } from './kit.mjs'

const NAMES = ['日本語', 'ключ', 'مفتاح', 'größe', '🚀👩‍👩‍👧', 'with space', 'a,b;c:d|e', '"quoted\'', 'back\\slash', 'new\nline', 'tab\t', '%2F?&#']
const TEXT = NAMES.join(' ') + '\u2028\u0000\u001e\u001f e\u0301 \uffff'

scenario('records have names and values of every alphabet', async stage => {
  const [writer, reader] = [await stage.login(), await stage.login()]
  const names = NAMES.map(name => stage.name(name))
  for (const name of names) await within(writer.record.setDataWithAck(name, { [TEXT]: TEXT, list: NAMES }), name)
  for (const name of names) {
    const record = await within(reader.record.getRecord(name).whenReady(), name)
    same(record.get(), { [TEXT]: TEXT, list: NAMES })
    writer.record.setData(name, 'ключ.größe', '🚀')
    await until(() => record.get('ключ.größe') === '🚀', name)
  }
})

scenario('events and calls have names and values of every alphabet', async stage => {
  const [sender, receiver] = [await stage.login(), await stage.login()]
  const inbox = new Inbox()
  for (const name of NAMES) {
    receiver.event.subscribe(stage.name(name), data => inbox.receive([name, data]))
    receiver.rpc.provide(stage.name(name), (data, response) => response.send([name, data]))
  }
  await settled(receiver)
  for (const name of NAMES) sender.event.emit(stage.name(name), TEXT)
  await inbox.count(NAMES.length)
  same(inbox.values, NAMES.map(name => [name, TEXT]))
  for (const name of NAMES) same(await within(sender.rpc.make(stage.name(name), TEXT), name), [name, TEXT])
})

scenario('users have names of every alphabet', async stage => {
  const watcher = await stage.login({ username: stage.name('watcher') })
  const inbox = new Inbox()
  watcher.presence.subscribe(inbox.receive)
  await settled(watcher)
  const names = NAMES.map(name => stage.name(name))
  for (const username of names) await stage.login({ username })
  await inbox.count(names.length)
  same(inbox.values, names.map(name => [name, true]))
  same(await within(watcher.presence.getAll(names), 'the answer'), Object.fromEntries(names.map(name => [name, true])))
})

scenario('a record of 500 KB is written, read and patched', async stage => {
  const name = stage.name('large')
  const [writer, reader] = [await stage.login(), await stage.login()]
  const [mine, theirs] = [
    await within(writer.record.getRecord(name).whenReady(), 'ready'), await within(reader.record.getRecord(name).whenReady(), 'ready')
  ]
  const rows = Array.from({ length: 5000 }, (_, index) => ({ id: index, text: 'ä'.repeat(40) }))
  assert(Buffer.byteLength(JSON.stringify({ rows })) > 500_000)
  await within(mine.setWithAck({ rows }), 'the acknowledgement')
  await until(() => theirs.version === 1, 'the large write')
  same(theirs.get(), { rows })
  await within(theirs.setWithAck('rows[4999].text', 'patched'), 'the acknowledgement of the patch')
  await until(() => mine.get('rows[4999].text') === 'patched', 'the patch')
  const snapshot = await within((await stage.login()).record.snapshot(name), 'the snapshot')
  same(snapshot.rows[4999], { id: 4999, text: 'patched' })
  assert.equal(snapshot.rows.length, 5000)
})

scenario('an event of 500 KB arrives', async stage => {
  const event = stage.name('large')
  const [sender, receiver] = [await stage.login(), await stage.login()]
  const inbox = new Inbox()
  receiver.event.subscribe(event, inbox.receive)
  await settled(receiver)
  sender.event.emit(event, 'x'.repeat(500_000))
  sender.event.emit(event, 'small')
  await inbox.count(2)
  same(inbox.values.map(text => text.length), [500_000, 5])
})

scenario('a message beyond the limit costs its sender the socket and nobody else', async stage => {
  const event = stage.name('huge')
  const [sender, receiver] = [await stage.login(), await stage.login()]
  const [inbox, states] = [new Inbox(), new Inbox()]
  receiver.event.subscribe(event, inbox.receive)
  await settled(receiver)
  sender.on('connectionStateChanged', states.receive)
  stage.allow('CONNECTION_ERROR')
  sender.event.emit(event, 'x'.repeat(3_000_000))
  await states.contains('RECONNECTING')
  await connected(sender)
  sender.event.emit(event, 'small')
  await inbox.count(1)
  same(inbox.values, ['small'])
})

scenario('500 records are fetched at once', async stage => {
  const [client, other] = [await stage.login({}, { subscriptionInterval: 100 }), await stage.login()]
  const names = Array.from({ length: 500 }, (_, index) => stage.name(`many${index}`))
  const records = names.map(name => client.record.getRecord(name))
  await within(Promise.all(records.map(record => record.whenReady())), '500 records', 15_000)
  assert(records.every(({ version }) => version === 0))
  await Promise.all(records.map((record, index) => within(record.setWithAck('index', index), record.name, 15_000)))
  const theirs = names.map(name => other.record.getRecord(name))
  await within(Promise.all(theirs.map(record => record.whenReady())), '500 records by another', 15_000)
  same(theirs.map(record => record.get('index')), names.map((_, index) => index))
})

scenario('500 snapshots, heads and checks are answered', async stage => {
  const client = await stage.login()
  const names = Array.from({ length: 500 }, (_, index) => stage.name(`many${index}`))
  await within(Promise.all(names.map((name, index) => client.record.setDataWithAck(name, { index }))), 'the writes', 15_000)
  const snapshots = await within(Promise.all(names.map(name => client.record.snapshot(name))), 'the snapshots', 15_000)
  same(snapshots.map(({ index }) => index), names.map((_, index) => index))
  const checks = await within(Promise.all(names.map(name => client.record.has(name))), 'the checks', 15_000)
  assert(checks.every(has => has === true))
})
