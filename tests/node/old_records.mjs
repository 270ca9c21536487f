// Records and lists of an old client: conflicts, acknowledgements, paths, and what it shares with a new one (PROTOCOL.md section 9).
import { Inbox, assert, same, scenario, settled, state, until, within } from './kit.mjs'
import { acknowledged, answer, deepstream, errors, failure, login, pair, ready } from './old_kit.mjs'

const { LOCAL_WINS, REMOTE_WINS } = deepstream('ws://127.0.0.1:1', { silentDeprecation: true, maxReconnectAttempts: 0 }).on('error', () => {}).MERGE_STRATEGIES

/** Let both write at once: the old client's version is taken while its write is under way. */
async function collide (stage, strategy, { acknowledge } = {}) {
  const { theirs, mine, before, today, name } = await pair(stage)
  if (strategy) theirs.setMergeStrategy(strategy)
  const acknowledged = new Inbox()
  await mine.setWithAck({ by: 'new' })
  await until(() => Number(theirs.version) === 1, 'the write of the new client')
  theirs.version = 0
  theirs.set({ by: 'old' }, ...(acknowledge ? [acknowledged.receive] : []))
  return { theirs, mine, before, today, name, acknowledged }
}

async function agreed (stage, { theirs, mine }, value) {
  await until(() => theirs.get('by') === value && mine.get('by') === value && Number(theirs.version) === mine.version,
    () => `${value}: ${theirs.version} ${theirs.get('by')}, ${mine.version} ${mine.get('by')}`)
}

scenario('in a conflict the remote state wins', async stage => {
  await agreed(stage, await collide(stage, REMOTE_WINS), 'new')
})

scenario('in a conflict the local state wins and is written again', async stage => {
  await agreed(stage, await collide(stage, LOCAL_WINS), 'old')
})

scenario('in a conflict what was merged is written again', async stage => {
  const asked = new Inbox()
  const scene = await collide(stage, (record, remote, version, callback) => {
    asked.receive([remote, Number(version)])
    callback(null, { by: `${record.get('by')} and ${remote.by}` })
  })
  await agreed(stage, scene, 'old and new')
  same(asked.values, [[{ by: 'new' }, 1]])
})

scenario('a merge that fails is told and leaves the record alone', async stage => {
  const scene = await collide(stage, (record, remote, version, callback) => callback('no way'))
  const told = errors(stage, scene.before, 'VERSION_EXISTS', 'UNSOLICITED')
  await told.count(1)
  assert.equal(told.values[0][0], 'VERSION_EXISTS')
  assert.equal(scene.mine.get('by'), 'new')
})

scenario('a write is acknowledged after the conflict that it was in', async stage => {
  const scene = await collide(stage, LOCAL_WINS, { acknowledge: true })
  await agreed(stage, scene, 'old')
  await scene.acknowledged.count(1)
  same(scene.acknowledged.values, [null])
})

scenario('writes are acknowledged by promise', async stage => {
  const { before, theirs, mine, name } = await pair(stage)
  await within(theirs.setWithAck({ a: 1 }), 'the whole')
  await within(theirs.setWithAck('b.c', { d: 2 }), 'a part')
  await within(before.record.setDataWithAck(`${name}/2`, { x: 1 }), 'the upsert')
  await until(() => mine.version === 2, 'the writes')
  same(mine.get(), { a: 1, b: { c: { d: 2 } } })
  same(await answer(callback => before.record.snapshot(`${name}/2`, callback)), { x: 1 })
})

scenario('of many writes at once each is acknowledged', async stage => {
  const { theirs, mine } = await pair(stage)
  const acknowledged = new Inbox()
  for (let number = 1; number <= 300; number++) theirs.set(`n${number}`, number, acknowledged.receive)
  await acknowledged.count(300)
  assert(acknowledged.values.every(error => error === null))
  await until(() => mine.version === 300, 'the last write')
})

scenario('what exists is told from what does not', async stage => {
  const { before, name, mine } = await pair(stage)
  await mine.setWithAck({ a: 1 })
  const { client } = await login(stage)
  assert.equal(await answer(callback => client.record.has(name, callback)), true)
  assert.equal(await answer(callback => client.record.has(`${name}/none`, callback)), false)
  assert.equal(await within(client.record.has(name), 'the promise'), true)
  assert.equal(await answer(callback => before.record.has(name, callback)), true)
  const [version, exists] = await Promise.all([within(client.record.head(name), 'head'), within(client.record.has(name), 'has')])
  same([version, exists], [1, true])
})

scenario('a snapshot of what does not exist calls back with the error', async stage => {
  const { client } = await login(stage)
  const told = errors(stage, client, 'RECORD_NOT_FOUND')
  assert.equal(await failure(callback => client.record.snapshot(stage.name('nowhere'), callback)), 'RECORD_NOT_FOUND')
  await told.count(1)
})

scenario('paths and values of every kind arrive the same on both sides', async stage => {
  const { theirs, mine } = await pair(stage)
  const writes = [
    ['a', { b: [1, { c: null }] }], ['a.b[1].c', 'deep'], ['a.b[0]', -1.5e-7], ['list', []], ['list[0]', 'x'], ['list[1]', { y: true }],
    ['text', ''], ['nothing', null], ['yes', true], ['no', false], ['zero', 0], ['big', 1e21], ['unicode', 'ü\u2028🚀'], ['quote', '"\\'], ['typed', 'T'],
    ['a.b[1].c', undefined], ['text', undefined], ['list[1].y', undefined]
  ]
  for (const [index, [path, value]] of writes.entries()) {
    const [writer, reader] = index % 2 ? [mine, theirs] : [theirs, mine]
    writer.set(path, value)
    await until(() => Number(reader.version) === index + 1, () => `write ${index + 1} of ${path}`)
    same(reader.get(), writer.get(), path)
  }
  same(mine.get(), {
    a: { b: [-1.5e-7, {}] }, list: ['x', {}], nothing: null, yes: true, no: false, zero: 0, big: 1e21, unicode: 'ü\u2028🚀', quote: '"\\', typed: 'T'
  })
})

scenario('null stays null and undefined is gone for a third that comes later', async stage => {
  const { theirs, mine, name } = await pair(stage)
  theirs.set({ null: null, gone: 1, kept: { gone: 2, null: null } })
  await until(() => mine.version === 1, 'the whole')
  mine.erase('gone')
  await until(() => Number(theirs.version) === 2, 'the first removal')
  theirs.set('kept.gone', undefined)
  await until(() => mine.version === 3, 'the second removal')
  const expected = { null: null, kept: { null: null } }
  same([theirs.get(), mine.get()], [expected, expected])
  assert(!('gone' in mine.get()) && !('gone' in mine.get('kept')))
  const { client } = await login(stage)
  const third = await ready(client.record.getRecord(name))
  same(third.get(), expected)
  assert(!('gone' in third.get()))
})

scenario('subscribers of a path hear of its changes alone', async stage => {
  const { theirs, mine } = await pair(stage)
  const heard = new Inbox()
  theirs.subscribe('a.b', heard.receive)
  mine.set({ a: { b: 1 }, c: 1 })
  await heard.count(1)
  mine.set('c', 2)
  mine.set('a.b', [2])
  await heard.count(2)
  same(heard.values, [1, [2]])
})

scenario('an anonymous record shows one record after the other', async stage => {
  const { before, name, mine } = await pair(stage)
  const anonymous = before.record.getAnonymousRecord()
  const heard = new Inbox()
  anonymous.subscribe('n', heard.receive)
  anonymous.setName(name)
  await mine.setWithAck('n', 1)
  await heard.contains(1)
  ;(await stage.login()).record.setData(`${name}/2`, { n: 2 })
  anonymous.setName(`${name}/2`)
  await heard.contains(2)
})

scenario('a record that was deleted can be made again by either', async stage => {
  const { before, today, name, theirs, mine } = await pair(stage)
  theirs.set('a', 1)
  await until(() => mine.version === 1, 'the write')
  const deleted = new Inbox()
  theirs.on('delete', deleted.receive)
  mine.on('delete', deleted.receive)
  theirs.delete()
  await deleted.count(2)
  const [again, anew] = [await ready(before.record.getRecord(name)), await within(today.record.getRecord(name).whenReady(), 'ready')]
  same([again.get(), anew.get()], [{}, {}])
  anew.set('b', 1)
  await until(() => again.get('b') === 1, 'the write')
})

scenario('lists are changed on both sides with acknowledgements', async stage => {
  const name = stage.name('list')
  const { client } = await login(stage)
  const today = await stage.login()
  const [theirs, mine] = [await ready(client.record.getList(name)), await within(today.record.getList(name).whenReady(), 'ready')]
  await within(theirs.setEntriesWithAck(['a', 'b', 'c']), 'the entries')
  await until(() => mine.getEntries().length === 3, 'the entries')
  const moved = new Inbox()
  theirs.on('entry-moved', moved.receive)
  mine.setEntries(['c', 'a', 'b'])
  await moved.count(3)
  await within(theirs.removeEntryWithAck('a'), 'the removal')
  await within(theirs.addEntryWithAck('d', 0), 'the addition')
  await until(() => mine.version === 4, 'all of it')
  same([theirs.getEntries(), mine.getEntries()], [['d', 'c', 'b'], ['d', 'c', 'b']])
})

scenario('a batch of a new client reaches an old one whole', async stage => {
  const { theirs, mine, today } = await pair(stage)
  await mine.setWithAck({ a: 1, b: 2 })
  today.services.connection.sendMessage({
    topic: 5, action: 35, name: mine.name, version: 2, data: JSON.stringify([{ path: 'a', data: { c: 3 } }, { path: 'b' }])
  })
  await until(() => Number(theirs.version) === 2, 'the batch')
  same(theirs.get(), { a: { c: 3 } })
  assert.equal(state(today), 'OPEN')
  await settled(today)
  await acknowledged((await login(stage)).client)
})
