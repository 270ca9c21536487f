// One client's and two clients' records (PROTOCOL.md section 5).
import { C, Inbox, agreed, assert, refusal, same, scenario, settled, tap, until, within } from './kit.mjs'

const { RECORD_ACTION, TOPIC } = C

/** A record of `client` that is ready. */
export function ready (client, name) {
  return within(client.record.getRecord(name).whenReady(), `the record ${name}`)
}

/** Two clients that both have the record. */
async function pair (stage, options = {}) {
  const name = stage.name('record')
  const [left, right] = [await stage.login({}, options), await stage.login({}, options)]
  const [mine, theirs] = [await ready(left, name), await ready(right, name)]
  await agreed()
  return { name, left, right, mine, theirs }
}

const sameState = (one, other) => until(
  () => one.version === other.version && JSON.stringify(one.get()) === JSON.stringify(other.get()),
  () => `both alike: ${one.version} ${JSON.stringify(one.get())}, ${other.version} ${JSON.stringify(other.get())}`)

scenario('a new record is empty and has version 0', async stage => {
  const client = await stage.login()
  const record = await ready(client, stage.name('record'))
  same(record.get(), {})
  assert.equal(record.version, 0)
})

scenario('whenReady calls back and answers as a promise, before and after the record is ready', async stage => {
  const client = await stage.login()
  const record = client.record.getRecord(stage.name('record'))
  assert.equal(record.isReady, false)
  const inbox = new Inbox()
  record.whenReady(inbox.receive)
  assert.equal(await within(record.whenReady(), 'ready'), record)
  record.whenReady(inbox.receive)
  assert.equal(inbox.values.length, 2)
  assert(inbox.values.every(value => value === record))
})

scenario('a record is set whole and read by another client', async stage => {
  const { mine, theirs } = await pair(stage)
  const data = { name: 'John Doe', position: { x: 4234, y: 2454.5 }, tags: ['a', 1, null, true, {}], none: null, '': 'empty key' }
  mine.set(data)
  same(mine.get(), data)
  await until(() => theirs.version === 1, 'version 1')
  same(theirs.get(), data)
})

scenario('a record is set by path, deep and through arrays', async stage => {
  const { left, mine, theirs } = await pair(stage)
  mine.set('position.x', 4234)
  mine.set('route[1].stop', 'b')
  mine.set('route[0]', { stop: 'a' })
  mine.set('grid[0][2]', 7)
  await mine.setWithAck(' spaced . key ', 'trimmed')
  await sameState(mine, theirs)
  same(theirs.get(), {
    position: { x: 4234 }, route: [{ stop: 'a' }, { stop: 'b' }], grid: [[null, null, 7]], spaced: { key: 'trimmed' }
  })
  same(theirs.get('route[1].stop'), 'b')
  same(await left.record.snapshot(mine.name), theirs.get())
  same(await within((await stage.login()).record.snapshot(mine.name), 'what the server has'), mine.get())
})

scenario('every kind of value survives a path', async stage => {
  const { mine, theirs } = await pair(stage)
  const values = {
    text: 'a', empty: '', zero: 0, negative: -1.5, large: 12345678901, small: 1e-7, yes: true, no: false, nothing: null,
    list: [], object: {}, nested: [[{ a: [null] }]]
  }
  for (const [key, value] of Object.entries(values)) mine.set(key, value)
  await until(() => theirs.version === Object.keys(values).length, 'all writes')
  same(theirs.get(), values)
  await sameState(mine, theirs)
})

scenario('a value is replaced by null and null by a value', async stage => {
  const { mine, theirs } = await pair(stage)
  const inbox = new Inbox()
  theirs.subscribe('owner', inbox.receive)
  mine.set('owner', 'ann')
  await inbox.count(1)
  mine.set('owner', null)
  await inbox.count(2)
  mine.set('owner.name', 'bob')
  await inbox.count(3)
  same(inbox.values, ['ann', null, { name: 'bob' }])
})

scenario('a record may be an array', async stage => {
  const { mine, theirs } = await pair(stage)
  await mine.setWithAck(['a', { b: [1, 2] }])
  mine.set('[1].b[1]', 3)
  await mine.setWithAck([])
  mine.set([1, 2, 3])
  await until(() => theirs.version === mine.version && theirs.get().length === 3, 'the array')
  same(theirs.get(), [1, 2, 3])
})

scenario('a path is erased by setting it to undefined', async stage => {
  const { mine, theirs } = await pair(stage)
  const inbox = new Inbox()
  await mine.setWithAck({ keep: 1, drop: { inner: 2, rest: 3 } })
  await until(() => theirs.version === 1, 'the first write')
  theirs.subscribe('drop.inner', inbox.receive)
  mine.set('drop.inner', undefined)
  await until(() => theirs.version === 2, 'the erase')
  same(theirs.get(), { keep: 1, drop: { rest: 3 } })
  assert.deepEqual(inbox.values, [undefined])
  mine.erase('drop')
  await until(() => theirs.version === 3, 'the second erase')
  same(theirs.get(), { keep: 1 })
  await mine.eraseWithAck('keep')
  await until(() => theirs.version === 4, 'the third erase')
  same(theirs.get(), {})
})

scenario('an acknowledged write is stored when the acknowledgement comes', async stage => {
  const { mine } = await pair(stage)
  const reader = await stage.login()
  await mine.setWithAck({ a: 1 })
  same(await reader.record.snapshot(mine.name), { a: 1 })
  await mine.setWithAck('b.c', 2)
  same(await reader.record.snapshot(mine.name), { a: 1, b: { c: 2 } })
  const inbox = new Inbox()
  mine.set('d', 3, inbox.receive)
  mine.set({ all: 'new' }, inbox.receive)
  mine.setWithAck('e', 4, inbox.receive)
  await inbox.count(3)
  assert.deepEqual(inbox.values, [[null, mine.name], [null, mine.name], [null, mine.name]])
})

scenario('writing what is there already is acknowledged without a write', async stage => {
  const { mine } = await pair(stage)
  await mine.setWithAck({ a: 1 })
  await mine.setWithAck({ a: 1 })
  await mine.setWithAck('a', 1)
  assert.equal(mine.version, 1)
})

scenario('writes before the record is ready are applied once it is', async stage => {
  const client = await stage.login()
  const record = client.record.getRecord(stage.name('record'))
  record.set('early', 1)
  await record.setWithAck('also', 2)
  same(await (await stage.login()).record.snapshot(record.name), { early: 1, also: 2 })
})

scenario('a whole subscription hears every change, at once with triggerNow', async stage => {
  const { mine, theirs } = await pair(stage)
  await mine.setWithAck({ count: 0 })
  await until(() => theirs.version === 1, 'the first write')
  const [later, now] = [new Inbox(), new Inbox()]
  theirs.subscribe(later.receive)
  theirs.subscribe(now.receive, true)
  same(now.values, [{ count: 0 }])
  for (const count of [1, 2, 3]) mine.set('count', count)
  await later.count(3)
  same(later.values, [{ count: 1 }, { count: 2 }, { count: 3 }])
  same(now.values, [{ count: 0 }, ...later.values])
})

scenario('a path subscription hears its path alone, at once with triggerNow', async stage => {
  const { mine, theirs } = await pair(stage)
  await mine.setWithAck({ position: { x: 1, y: 1 }, speed: 0 })
  await until(() => theirs.version === 1, 'the first write')
  const [x, position, speed] = [new Inbox(), new Inbox(), new Inbox()]
  theirs.subscribe('position.x', x.receive)
  theirs.subscribe('position', position.receive, true)
  theirs.subscribe('speed', speed.receive)
  mine.set('position.y', 2)
  mine.set('position.x', 2)
  mine.set({ position: { x: 3, y: 2 }, speed: 22 })
  await speed.count(1)
  same(x.values, [2, 3])
  same(position.values, [{ x: 1, y: 1 }, { x: 1, y: 2 }, { x: 2, y: 2 }, { x: 3, y: 2 }])
  same(speed.values, [22])
})

scenario('an unsubscribed callback hears nothing more', async stage => {
  const { mine, theirs } = await pair(stage)
  const [gone, stays] = [new Inbox(), new Inbox()]
  theirs.subscribe('a', gone.receive)
  theirs.subscribe('a', stays.receive)
  mine.set('a', 1)
  await stays.count(1)
  theirs.unsubscribe('a', gone.receive)
  mine.set('a', 2)
  await stays.count(2)
  same(gone.values, [1])
})

scenario('a writer hears its own write once and from itself', async stage => {
  const { left, mine, theirs } = await pair(stage)
  const arrived = tap(left)
  const inbox = new Inbox()
  mine.subscribe('a', inbox.receive)
  mine.set('a', 1)
  await until(() => theirs.version === 1, 'the write')
  theirs.set('b', 1)
  await until(() => mine.version === 2, 'the answer')
  same(inbox.values, [1])
  const updates = arrived.values.filter(({ topic, action }) => topic === TOPIC.RECORD && action === RECORD_ACTION.PATCH)
  same(updates.map(({ path }) => path), ['b'])
})

scenario('two clients write by turns and agree', async stage => {
  const { mine, theirs } = await pair(stage)
  for (let turn = 1; turn <= 10; turn += 2) {
    mine.set('turn', turn)
    await until(() => theirs.version === turn, `turn ${turn}`)
    theirs.set('turn', turn + 1)
    await until(() => mine.version === turn + 1, `turn ${turn + 1}`)
  }
  await sameState(mine, theirs)
  same(mine.get(), { turn: 10 })
})

scenario('writes sent without waiting arrive in their order', async stage => {
  const { mine, theirs } = await pair(stage)
  const inbox = new Inbox()
  theirs.subscribe('n', inbox.receive)
  const numbers = Array.from({ length: 300 }, (_, index) => index + 1)
  for (const number of numbers) mine.set('n', number)
  await inbox.count(numbers.length)
  same(inbox.values, numbers)
  assert.equal(theirs.version, numbers.length)
})

scenario('a discarded record hears nothing and is fetched anew', async stage => {
  const { name, right, mine, theirs } = await pair(stage)
  await mine.setWithAck('n', 1)
  await until(() => theirs.get('n') === 1, 'the first write')
  const discarded = new Inbox()
  theirs.on('discard', discarded.receive)
  theirs.discard()
  await discarded.count(1)
  await within(right.record.has(stage.name('other')), 'an answer after the unsubscription')
  const arrived = tap(right)
  await mine.setWithAck('n', 2)
  await within(right.record.has(name), 'a marker on the same way')
  same(arrived.values.filter(message => message.action === RECORD_ACTION.PATCH), [])
  const again = await ready(right, name)
  same(again.get(), { n: 2 })
  mine.set('n', 3)
  await until(() => again.get('n') === 3, 'the third write')
})

scenario('a record discarded by one of two holders stays', async stage => {
  const { name, right, mine, theirs } = await pair(stage)
  const second = await ready(right, name)
  theirs.discard()
  mine.set('n', 1)
  await until(() => second.get('n') === 1, 'the write')
})

scenario('a deleted record is gone for everybody and may be made again', async stage => {
  const { name, left, right, mine, theirs } = await pair(stage)
  await mine.setWithAck({ old: true })
  await until(() => theirs.version === 1, 'the write')
  const deleted = new Inbox()
  theirs.on('delete', () => deleted.receive('theirs'))
  mine.on('delete', () => deleted.receive('mine'))
  await within(mine.delete(), 'the deletion')
  await deleted.count(2)
  assert.equal(await (await stage.login()).record.has(name), false)
  const [fresh, theirFresh] = [await ready(left, name), await ready(right, name)]
  same([fresh.get(), fresh.version], [{}, 0])
  fresh.set('new', true)
  await until(() => theirFresh.get('new') === true, 'a write to the new record')
  assert.equal(theirFresh.version, 1)
})

scenario('a deletion calls back', async stage => {
  const { mine } = await pair(stage)
  const inbox = new Inbox()
  mine.delete(inbox.receive)
  await inbox.count(1)
  same(inbox.values, [null])
})

scenario('a snapshot reads without subscribing', async stage => {
  const { mine } = await pair(stage)
  const reader = await stage.login()
  const arrived = tap(reader)
  await mine.setWithAck({ a: [1] })
  same(await within(reader.record.snapshot(mine.name), 'the snapshot'), { a: [1] })
  await mine.setWithAck('a[0]', 2)
  same(await within(reader.record.snapshot(mine.name), 'the second snapshot'), { a: [2] })
  same(arrived.values.filter(({ action }) => action === RECORD_ACTION.PATCH), [])
  const inbox = new Inbox()
  reader.record.snapshot(mine.name, inbox.receive)
  await inbox.count(1)
  same(inbox.last, [null, { a: [2] }])
})

scenario('a snapshot of what does not exist is refused and makes nothing', async stage => {
  const client = await stage.login()
  const name = stage.name('nowhere')
  assert.equal(await refusal(client.record.snapshot(name)), 'RECORD_NOT_FOUND')
  assert.equal(await client.record.has(name), false)
})

scenario('has and head tell of a record without fetching it', async stage => {
  const { mine } = await pair(stage)
  const client = await stage.login()
  assert.equal(await client.record.has(stage.name('nowhere')), false)
  assert.equal(await client.record.head(stage.name('nowhere')), -1)
  assert.equal(await client.record.head(mine.name), 0)
  await mine.setWithAck('a', 1)
  assert.equal(await client.record.has(mine.name), true)
  assert.equal(await client.record.head(mine.name), 1)
  const inbox = new Inbox()
  client.record.has(mine.name, inbox.receive)
  client.record.head(mine.name, inbox.receive)
  await inbox.count(2)
  same(inbox.values, [[null, true], [null, 1]])
})

scenario('several snapshots of one record are answered together', async stage => {
  const { mine } = await pair(stage)
  await mine.setWithAck({ a: 1 })
  const client = await stage.login()
  const answers = await within(Promise.all([1, 2, 3].map(() => client.record.snapshot(mine.name))), 'the snapshots')
  same(answers, [{ a: 1 }, { a: 1 }, { a: 1 }])
})

scenario('setData makes a record without subscribing to it', async stage => {
  const client = await stage.login()
  const [whole, path] = [stage.name('whole'), stage.name('path')]
  await within(client.record.setDataWithAck(whole, { a: 1 }), 'the acknowledgement')
  await within(client.record.setDataWithAck(path, 'b.c[1]', 2), 'the acknowledgement')
  const reader = await stage.login()
  same(await reader.record.snapshot(whole), { a: 1 })
  same(await reader.record.snapshot(path), { b: { c: [null, 2] } })
})

scenario('setData changes a record that others hold', async stage => {
  const { mine, theirs } = await pair(stage)
  const writer = await stage.login()
  writer.record.setData(mine.name, { a: 1, b: 2 })
  await until(() => mine.version === 1 && theirs.version === 1, 'the whole')
  writer.record.setData(mine.name, 'a', [3])
  await until(() => mine.version === 2 && theirs.version === 2, 'the path')
  same(mine.get(), { a: [3], b: 2 })
  await within(writer.record.setDataWithAck(mine.name, 'b', undefined), 'the acknowledgement of the erase')
  await until(() => mine.version === 3 && theirs.version === 3, 'the erase')
  same([mine.get(), theirs.get()], [{ a: [3] }, { a: [3] }])
  const inbox = new Inbox()
  writer.record.setData(mine.name, 'c', 4, inbox.receive)
  writer.record.setDataWithAck(mine.name, 'd', 5, inbox.receive)
  await inbox.count(2)
  assert.deepEqual(inbox.values, [[null, mine.name], [null, mine.name]])
  same((await writer.record.snapshot(mine.name)), { a: [3], c: 4, d: 5 })
  await until(() => mine.version === 5, 'both writes')
  await sameState(mine, theirs)
})

scenario('setData on a record that the client holds goes through the record', async stage => {
  const { name, left, mine, theirs } = await pair(stage)
  await within(left.record.setDataWithAck(name, 'a', 1), 'the acknowledgement')
  same(mine.get(), { a: 1 })
  assert.equal(mine.version, 1)
  await sameState(mine, theirs)
})

scenario('setData by many writers at once loses none', async stage => {
  const { mine, theirs } = await pair(stage)
  const writers = [await stage.login(), await stage.login(), await stage.login()]
  await Promise.all(writers.flatMap((writer, who) => Array.from({ length: 20 }, (_, turn) =>
    writer.record.setDataWithAck(mine.name, `w${who}.t${turn}`, turn))))
  await until(() => mine.version === 60 && theirs.version === 60, () => `version 60, not ${mine.version}`)
  assert.equal(Object.values(mine.get()).flatMap(Object.values).length, 60)
  await sameState(mine, theirs)
})

scenario('a read-only client reads, hears and does not write', async stage => {
  const { mine } = await pair(stage)
  await mine.setWithAck({ a: 1 })
  const reader = await stage.login({}, { recordReadOnlyMode: true })
  const record = await ready(reader, mine.name)
  same(record.get(), { a: 1 })
  mine.set('a', 2)
  await until(() => record.get('a') === 2, 'the write')
  stage.allow('RECORD_READ_ONLY_MODE')
  record.set('a', 3)
  await settled(reader)
  same(await (await stage.login()).record.snapshot(mine.name), { a: 2 })
})

scenario('a read-only client makes no record but hears when somebody does', async stage => {
  const name = stage.name('record')
  const [reader, other] = [await stage.login({}, { recordReadOnlyMode: true }), await stage.login()]
  const record = await ready(reader, name)
  same([record.get(), record.version], [{}, -1])
  assert.equal(await other.record.has(name), false)
  await other.record.setDataWithAck(name, { made: 'later' })
  await until(() => record.get('made') === 'later', 'the record')
})

scenario('an anonymous record follows the name that it is given', async stage => {
  const client = await stage.login()
  const [ann, bob] = [stage.name('ann'), stage.name('bob')]
  await client.record.setDataWithAck(ann, { name: 'Ann', age: 30 })
  await client.record.setDataWithAck(bob, { name: 'Bob', age: 40 })
  const anonymous = client.record.getAnonymousRecord()
  const [whole, age, renamed] = [new Inbox(), new Inbox(), new Inbox()]
  anonymous.subscribe(whole.receive)
  anonymous.subscribe('age', age.receive)
  anonymous.on('nameChanged', renamed.receive)
  await within(anonymous.setName(ann), 'the first record')
  same(anonymous.get(), { name: 'Ann', age: 30 })
  await within(anonymous.setName(bob), 'the second record')
  same(anonymous.get('name'), 'Bob')
  const other = await stage.login()
  await other.record.setDataWithAck(bob, 'age', 41)
  await age.contains(41)
  same(age.values, [30, 40, 41])
  same(renamed.values, [ann, bob])
  await anonymous.setWithAck('age', 42)
  same(await other.record.snapshot(bob), { name: 'Bob', age: 42 })
})
