// Two clients that write the same version of a record, and how each merge strategy ends (PROTOCOL.md section 5).
import { Inbox, LOCAL_WINS, REMOTE_WINS, assert, refusal, same, scenario, until, within } from './kit.mjs'

/** Two clients with the record at one version, each with the merge strategy. */
async function rivals (stage, mergeStrategy) {
  stage.allow('VERSION_EXISTS')
  const name = stage.name('record')
  const clients = [await stage.login({}, { mergeStrategy }), await stage.login({}, { mergeStrategy })]
  const records = await Promise.all(clients.map(client => within(client.record.getRecord(name).whenReady(), 'ready')))
  await records[0].setWithAck({ start: true })
  await until(() => records[1].version === 1, 'the same version')
  return { name, clients, records, watcher: await stage.login() }
}

/** Both records and the server hold the same, and it is what `holds` says. */
async function agreed ({ name, records, watcher }, holds) {
  let stored
  const text = record => JSON.stringify(record.get())
  const end = Date.now() + 5000
  do {
    stored = await within(watcher.record.snapshot(name), 'what the server has')
    if (records.every(record => text(record) === JSON.stringify(stored)) && holds(stored)) return stored
  } while (Date.now() < end)
  assert.fail(`no agreement: server ${JSON.stringify(stored)}, clients ${records.map(text).join(' and ')}`)
}

scenario('with REMOTE_WINS one of two simultaneous whole writes wins for both', async stage => {
  const rivalry = await rivals(stage, REMOTE_WINS)
  rivalry.records[0].set({ by: 'left' })
  rivalry.records[1].set({ by: 'right' })
  await agreed(rivalry, ({ by }) => by === 'left' || by === 'right')
  assert.equal(await rivalry.watcher.record.head(rivalry.name), 2)
})

scenario('with REMOTE_WINS one of two simultaneous path writes wins for both', async stage => {
  const rivalry = await rivals(stage, REMOTE_WINS)
  rivalry.records[0].set('by', 'left')
  rivalry.records[1].set('by', 'right')
  await agreed(rivalry, ({ by, start }) => start === true && (by === 'left' || by === 'right'))
  assert.equal(await rivalry.watcher.record.head(rivalry.name), 2)
})

scenario('with LOCAL_WINS the loser writes again and both hold the same', async stage => {
  const rivalry = await rivals(stage, LOCAL_WINS)
  rivalry.records[0].set({ by: 'left' })
  rivalry.records[1].set({ by: 'right' })
  await until(() => rivalry.records.every(record => record.version >= 2), 'the conflict')
  await agreed(rivalry, ({ by }) => by === 'left' || by === 'right')
  assert((await rivalry.watcher.record.head(rivalry.name)) >= 3)
})

scenario('a strategy of one\'s own merges both writes', async stage => {
  const merge = (local, localVersion, remote, remoteVersion, callback) => callback(null, { ...remote, ...local })
  const rivalry = await rivals(stage, merge)
  rivalry.records[0].set({ start: true, left: 1 })
  rivalry.records[1].set({ start: true, right: 2 })
  same(await agreed(rivalry, data => 'left' in data && 'right' in data), { start: true, left: 1, right: 2 })
})

scenario('a merge strategy is told both versions and both values', async stage => {
  const told = new Inbox()
  const rivalry = await rivals(stage, (local, localVersion, remote, remoteVersion, callback) => {
    told.receive({ local, localVersion, remote, remoteVersion })
    callback(null, remote)
  })
  rivalry.records[0].set({ by: 'left' })
  rivalry.records[1].set({ by: 'right' })
  const { by } = await agreed(rivalry, data => 'by' in data)
  const other = by === 'left' ? 'right' : 'left'
  same(told.values[0], { local: { by: other }, localVersion: 2, remote: { by }, remoteVersion: 2 })
})

scenario('a strategy for one record and one for a pattern come before the default', async stage => {
  const rivalry = await rivals(stage, () => assert.fail('the default was asked'))
  const asked = new Inbox()
  const remote = label => (local, localVersion, data, version, callback) => { asked.receive(label); callback(null, data) }
  rivalry.records[0].setMergeStrategy(remote('record'))
  rivalry.clients[1].record.setMergeStrategyRegExp(/^record\//, remote('pattern'))
  rivalry.records[0].set({ by: 'left' })
  rivalry.records[1].set({ by: 'right' })
  await agreed(rivalry, data => 'by' in data)
  assert(['record', 'pattern'].includes(asked.values[0]))
})

scenario('a strategy that gives up rejects the acknowledged write', async stage => {
  stage.allow('RECORD {"topic":5}')
  const rivalry = await rivals(stage, (local, localVersion, remote, version, callback) => callback('no way to merge'))
  const outcomes = await Promise.race([0, 1].map(index => {
    const writing = rivalry.records[index].setWithAck({ by: index })
    return refusal(writing).catch(() => new Promise(() => {}))
  }).concat(within(new Promise(() => {}), 'a rejected write')))
  assert.equal(outcomes, 'no way to merge')
})

scenario('of many simultaneous writers exactly one wins', async stage => {
  stage.allow('VERSION_EXISTS')
  const name = stage.name('record')
  const clients = await Promise.all(Array.from({ length: 6 }, () => stage.login()))
  const records = await Promise.all(clients.map(client => within(client.record.getRecord(name).whenReady(), 'ready')))
  records.forEach((record, index) => record.set(`w${index}`, index))
  const watcher = await stage.login()
  const winner = await agreed({ name, records, watcher }, data => Object.keys(data).length > 0)
  assert.equal(Object.keys(winner).length, 1)
  assert.equal(await watcher.record.head(name), 1)
  await until(() => records.every(({ version }) => version === 1), 'the version everywhere')
})
