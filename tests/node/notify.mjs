// Records that somebody changed in the database behind the server's back (PROTOCOL.md section 5, NOTIFY).
import { Inbox, assert, same, scenario, until, within } from './kit.mjs'

const UPDATE = 'UPDATE records_record SET data = ?, version = version + 1 WHERE name = ?'
const DELETE = 'DELETE FROM records_record WHERE name = ?'
const INSERT = 'INSERT INTO records_record (name, version, data) VALUES (?, ?, ?)'

async function held (stage) {
  const name = stage.name('record')
  const [client, other] = [await stage.login(), await stage.login()]
  const record = await within(client.record.getRecord(name).whenReady(), 'ready')
  await record.setWithAck({ from: 'client' })
  return { name, client, other, record }
}

scenario('what an acknowledged write says is in the database', async stage => {
  const { name } = await held(stage)
  const rows = await stage.ask('sql', 'SELECT version, data FROM records_record WHERE name = ?', name)
  same(rows.map(([version, data]) => [version, JSON.parse(data)]), [[1, { from: 'client' }]])
})

scenario('a row changed by SQL reaches the subscribers when the server is notified', async stage => {
  const { name, other, record } = await held(stage)
  const changes = new Inbox()
  record.subscribe(changes.receive)
  await stage.ask('sql', UPDATE, JSON.stringify({ from: 'sql', ü: [1] }), name)
  await within(other.record.notify([name]), 'the acknowledgement')
  await changes.count(1)
  same([record.get(), record.version], [{ from: 'sql', ü: [1] }, 2])
  same(await within(other.record.snapshot(name), 'the snapshot'), { from: 'sql', ü: [1] })
  await within(record.setWithAck('then', 'client'), 'a write after it')
  same(await within(other.record.snapshot(name), 'the snapshot'), { from: 'sql', ü: [1], then: 'client' })
})

scenario('a notification reaches the one who sends it as well', async stage => {
  const { name, client, record } = await held(stage)
  await stage.ask('sql', UPDATE, JSON.stringify({ from: 'sql' }), name)
  await within(client.record.notify([name]), 'the acknowledgement')
  await until(() => record.get('from') === 'sql', 'the change')
})

scenario('several rows are notified at once, with a callback', async stage => {
  const [first, second] = [await held(stage), await held(stage)]
  const names = [`${first.name}/2`, `${first.name}/3`]
  const records = await Promise.all(names.map(name => within(second.client.record.getRecord(name).whenReady(), 'ready')))
  for (const name of names) await stage.ask('sql', UPDATE, JSON.stringify({ from: name }), name)
  const inbox = new Inbox()
  first.client.record.notify(names, inbox.receive)
  await inbox.count(1)
  same(inbox.values, [null])
  await until(() => records.every(record => record.get('from') === record.name), 'both changes')
})

scenario('a row deleted by SQL is deleted for the subscribers', async stage => {
  const { name, other, record } = await held(stage)
  const deleted = new Inbox()
  record.on('delete', () => deleted.receive('deleted'))
  await stage.ask('sql', DELETE, name)
  await within(other.record.notify([name]), 'the acknowledgement')
  await deleted.count(1)
  assert.equal(await within(other.record.has(name), 'the check'), false)
})

scenario('a row inserted by SQL is there', async stage => {
  const client = await stage.login()
  const name = stage.name('inserted')
  assert.equal(await within(client.record.has(name), 'the check'), false)
  await stage.ask('sql', INSERT, name, 5, JSON.stringify({ from: 'sql' }))
  await within(client.record.notify([name]), 'the acknowledgement')
  const record = await within(client.record.getRecord(name).whenReady(), 'ready')
  same([record.get(), record.version], [{ from: 'sql' }, 5])
})
