// Every rule type and every compound action, allowed and denied, as the official client tells of it.
// Under no-TYPE/… only the user root may do what the rule type TYPE is asked for.
import { C, Inbox, agreed, assert, forget, refusal, same, scenario, settled, tap, until, within } from './kit.mjs'

const DENIED = 'MESSAGE_DENIED'
const BROKEN = 'MESSAGE_PERMISSION_ERROR'
const UNKNOWN = 'UNSOLICITED_MESSAGE' // what the client makes of MESSAGE_PERMISSION_ERROR about an event

/** The users root, who may do everything, and guest, with the errors that guest's client tells of. */
async function people (stage) {
  stage.allow(DENIED, BROKEN, 'ACK_TIMEOUT')
  const [root, guest] = [await stage.login({ username: 'root' }), await stage.login({ username: 'guest' })]
  const told = new Inbox()
  guest.on('error', (message, event) => told.receive(event))
  return { root, guest, told }
}

function ready (client, name) { return within(client.record.getRecord(name).whenReady(), `the record ${name}`) }

/** What a record that cannot be had says; nothing else about it arrives. */
async function deniedRecord (client, name) {
  const record = client.record.getRecord(name)
  const errors = new Inbox()
  record.on('error', errors.receive)
  await errors.count(1)
  assert.equal(record.isReady, false)
  return errors.last
}

/** The record is refused as soon as the client's node, where that is another one, has read its own file of rules. */
async function refusedSoon (client, name) {
  const errors = new Inbox()
  client.record.getRecord(name).on('error', errors.receive)
  await errors.count(1, 10_000)
}

scenario('create: a missing record is made for who may, and then others have it too', async stage => {
  const { root, guest } = await people(stage)
  const name = stage.name('no-create')
  same(await deniedRecord(guest, name), [DENIED, 'SUBSCRIBECREATEANDREAD'])
  assert.equal(await within(root.record.has(name), 'the answer'), false)
  await ready(root, name)
  const late = await stage.login({ username: 'late' })
  await ready(late, name)
  forget(guest)
})

scenario('create and update: a missing record is not made by a write of who may not create', async stage => {
  const { root, guest } = await people(stage)
  const name = stage.name('no-create')
  assert.equal(await refusal(guest.record.setDataWithAck(name, { a: 1 })), DENIED)
  assert.equal(await within(root.record.has(name), 'the answer'), false)
  await within(root.record.setDataWithAck(name, { a: 1 }), 'the write of root')
  await agreed()
  await within(guest.record.setDataWithAck(name, { a: 2 }), 'the write of guest, who need not create it')
  same(await within(root.record.snapshot(name), 'the snapshot'), { a: 2 })
})

scenario('create and patch: a missing record is not made by a patch of who may not create', async stage => {
  const { root, guest } = await people(stage)
  const name = stage.name('no-create')
  assert.equal(await refusal(guest.record.setDataWithAck(name, 'a', 1)), DENIED)
  assert.equal(await within(root.record.has(name), 'the answer'), false)
  await within(root.record.setDataWithAck(name, 'a', 1), 'the patch of root')
  await agreed()
  await within(guest.record.setDataWithAck(name, 'b', 2), 'the patch of guest')
  same(await within(root.record.snapshot(name), 'the snapshot'), { a: 1, b: 2 })
})

scenario('create and update, create and patch: who may not write makes no record either', async stage => {
  const { root, guest, told } = await people(stage)
  const [updated, patched] = [stage.name('no-write/u'), stage.name('no-write/p')]
  assert.equal(await refusal(guest.record.setDataWithAck(updated, { a: 1 })), DENIED)
  assert.equal(await refusal(guest.record.setDataWithAck(patched, 'a', 1)), DENIED)
  guest.record.setData(updated, { a: 1 })
  guest.record.setData(patched, 'a', 1)
  await told.count(2)
  assert.equal(await within(root.record.has(updated), 'the answer'), false)
  assert.equal(await within(root.record.has(patched), 'the answer'), false)
  await within(root.record.setDataWithAck(updated, { a: 1 }), 'the write of root')
  await within(root.record.setDataWithAck(patched, 'a', 1), 'the patch of root')
})

scenario('read: every way of reading is denied to who may not, and works for who may', async stage => {
  const { root, guest } = await people(stage)
  const name = stage.name('no-read')
  await within(root.record.setDataWithAck(name, { a: 1 }), 'the write')
  assert.equal(await refusal(guest.record.snapshot(name)), DENIED)
  assert.equal(await refusal(guest.record.head(name)), DENIED)
  assert.equal(await refusal(guest.record.has(name)), DENIED)
  same(await deniedRecord(guest, name), [DENIED, 'SUBSCRIBECREATEANDREAD'])
  same(await within(root.record.snapshot(name), 'the snapshot'), { a: 1 })
  assert.equal(await within(root.record.head(name), 'the version'), 1)
  assert.equal(await within(root.record.has(name), 'the answer'), true)
  same((await ready(root, name)).get(), { a: 1 })
  forget(guest)
})

scenario('write: updates and patches are denied with and without acknowledgement', async stage => {
  const { root, guest } = await people(stage)
  const name = stage.name('no-write')
  const own = await ready(root, name)
  await within(own.setWithAck({ a: 1, b: { c: 2 } }), 'the write of root')
  const record = await ready(guest, name)
  assert.equal(await refusal(record.setWithAck({ a: 9 })), DENIED)
  assert.equal(await refusal(record.setWithAck('b.c', 9)), DENIED)
  const errors = new Inbox()
  record.on('error', errors.receive)
  record.set({ a: 8 })
  record.set('b.c', 8)
  await errors.count(2)
  same(errors.values, [[DENIED, 'UPDATE'], [DENIED, 'PATCH']])
  same(await within(root.record.snapshot(name), 'the snapshot'), { a: 1, b: { c: 2 } })
  await within(own.setWithAck('b.c', 3), 'the patch of root')
  same(await within(root.record.snapshot(name), 'the snapshot'), { a: 1, b: { c: 3 } })
  forget(guest)
})

scenario('delete: nothing within a record is erased by who may not delete it', async stage => {
  const { root, guest } = await people(stage)
  const name = stage.name('no-delete')
  const own = await ready(root, name)
  await within(own.setWithAck({ a: 1, b: { c: 2 } }), 'the write')
  assert.equal(await refusal((await ready(guest, name)).eraseWithAck('b.c')), DENIED)
  same(await within(root.record.snapshot(name), 'the snapshot'), { a: 1, b: { c: 2 } })
  await within(own.eraseWithAck('b.c'), 'the erasure of root')
  same(await within(root.record.snapshot(name), 'the snapshot'), { a: 1, b: {} })
  forget(guest)
})

scenario('delete: a record stays for who may not delete it', async stage => {
  const { root, guest } = await people(stage)
  const name = stage.name('no-delete')
  await within(root.record.setDataWithAck(name, { a: 1 }), 'the write')
  assert.equal(await refusal((await ready(guest, name)).delete()), DENIED)
  assert.equal(await within(root.record.has(name), 'the answer'), true)
  const own = await ready(root, name)
  await within(own.delete(), 'the deletion of root')
  await until(() => own.isReady === false, 'the end of the record')
  forget(guest)
})

scenario('listen: a pattern of records or events is denied to who may not, and works for who may', async stage => {
  const { root, guest, told } = await people(stage)
  const found = new Inbox()
  for (const kind of ['record', 'event']) {
    guest[kind].listen('no-listen/.*', () => {})
    root[kind].listen('no-listen/.*', (name, response) => { found.receive(kind); response.accept() })
  }
  await told.count(2)
  same(told.values, [DENIED, DENIED])
  await settled(root)
  const other = await stage.login({ username: 'other' })
  other.event.subscribe(stage.name('no-listen'), () => {})
  other.record.getRecord(stage.name('no-listen'))
  await found.contains('event')
  await found.contains('record')
  forget(guest)
})

scenario('notify: denied to who may not, done for who may', async stage => {
  const { root, guest, told } = await people(stage)
  const name = stage.name('no-notify')
  const record = await ready(root, name)
  await within(record.setWithAck({ a: 1 }), 'the write')
  await stage.ask('sql', 'UPDATE records_record SET version = 7, data = ? WHERE name = ?', '{"a":2}', name)
  await within(guest.record.notify([name]), 'the acknowledgement') // of a bulk from which every name was dropped
  await told.count(1)
  same(told.values, [DENIED])
  assert.equal(record.get('a'), 1)
  await within((await stage.login({ username: 'root' })).record.notify([name]), 'the notification of root')
  await until(() => record.get('a') === 2, 'what it was about')
})

scenario('publish and subscribe: events are denied to who may not, and reach who may', async stage => {
  const { root, guest, told } = await people(stage)
  const heard = new Inbox()
  const names = [stage.name('no-publish'), stage.name('no-subscribe')]
  guest.event.subscribe(names[1], () => heard.receive('guest'))
  await told.count(1)
  for (const name of names) root.event.subscribe(name, data => heard.receive(data))
  await settled(root)
  guest.event.emit(names[0], 'never')
  await told.count(2)
  guest.event.emit(names[1], 'by guest')
  await heard.count(1)
  const other = await stage.login({ username: 'root' })
  other.event.emit(names[0], 'by root')
  await heard.count(2)
  same(heard.values, ['by guest', 'by root'])
  same(told.values, [DENIED, DENIED])
  forget(guest)
})

scenario('provide and request: calls are denied to who may not, and answered for who may', async stage => {
  const { root, guest, told } = await people(stage)
  const [provided, requested] = [stage.name('no-provide'), stage.name('no-request')]
  guest.rpc.provide(provided, (data, response) => response.send('guest'))
  await told.count(1)
  for (const name of [provided, requested]) root.rpc.provide(name, (data, response) => response.send('root'))
  await settled(root)
  assert.equal(await within(guest.rpc.make(provided), 'the answer'), 'root')
  assert.equal(await refusal(guest.rpc.make(requested)), DENIED)
  const other = await stage.login({ username: 'root' })
  assert.equal(await within(other.rpc.make(requested), 'the answer'), 'root')
  same(told.values, [DENIED])
  forget(guest)
})

scenario('allow: who is online is told to who may know', async stage => {
  const { root, guest, told } = await people(stage)
  assert.equal(await refusal(guest.presence.getAll()), DENIED)
  assert.equal(await refusal(guest.presence.getAll(['hidden'])), DENIED)
  same(await within(guest.presence.getAll(['root']), 'the answer'), { root: true })
  guest.presence.subscribe(() => {})
  guest.presence.subscribe('hidden', () => {})
  await told.count(2)
  const seen = new Inbox()
  root.presence.subscribe('hidden', seen.receive)
  await settled(root)
  await stage.login({ username: 'hidden' })
  await seen.count(1)
  assert((await within(root.presence.getAll(), 'the answer')).includes('guest'))
  assert(told.values.every(event => event === DENIED), JSON.stringify(told.values))
  forget(guest)
})

/** Three names for one bulk, of which the one at the position `denied` is under `no`. */
function three (stage, no, denied) {
  return ['a', 'b', 'c'].map((part, index) => stage.name(`${index === denied ? no : 'yes'}/${part}`))
}

async function threeEvents (stage, denied) {
  const { root, guest, told } = await people(stage)
  const heard = new Inbox()
  const names = three(stage, 'no-subscribe', denied)
  for (const name of names) guest.event.subscribe(name, heard.receive)
  await settled(guest)
  await told.count(1)
  for (const name of names) root.event.emit(name, name)
  await heard.count(2)
  same(heard.values, names.filter((name, index) => index !== denied))
  same(told.values, [DENIED])
}

async function threeRecords (stage, denied) {
  const { root, guest } = await people(stage)
  const names = three(stage, 'no-read', denied)
  for (const name of names) await within(root.record.setDataWithAck(name, { n: 0 }), 'the record')
  const records = names.map(name => guest.record.getRecord(name))
  const errors = new Inbox()
  records[denied].on('error', errors.receive)
  const others = records.filter((record, index) => index !== denied)
  await within(Promise.all(others.map(record => record.whenReady())), 'the others')
  await errors.count(1)
  same(errors.values, [[DENIED, 'SUBSCRIBECREATEANDREAD']])
  for (const name of names) await within(root.record.setDataWithAck(name, 'n', 1), 'the update')
  await until(() => others.every(record => record.get('n') === 1), 'the updates of the others')
  assert.equal(records[denied].isReady, false)
  forget(guest)
}

async function threeCalls (stage, denied) {
  const { root, guest, told } = await people(stage)
  const names = three(stage, 'no-provide', denied)
  for (const name of names) guest.rpc.provide(name, (data, response) => response.send(name))
  await settled(guest)
  await told.count(1)
  for (const [index, name] of names.entries()) {
    const asked = root.rpc.make(name)
    if (index === denied) assert.equal(await refusal(asked), 'NO_RPC_PROVIDER')
    else assert.equal(await within(asked, 'the answer'), name)
  }
  same(told.values, [DENIED])
}

async function threeUsers (stage, denied) {
  const { guest, told } = await people(stage)
  const names = ['a', 'b', 'c'].map((part, index) => stage.name(`${index === denied ? 'hidden' : 'shown'}-${part}`))
  const seen = new Inbox()
  for (const name of names) guest.presence.subscribe(name, (user, isOnline) => { if (isOnline) seen.receive(user) })
  await settled(guest)
  await told.count(1)
  for (const name of names) await stage.login({ username: name })
  await seen.count(2)
  same(seen.values, names.filter((name, index) => index !== denied))
  same(told.values, [DENIED])
}

scenario('of three events the first is denied and the others are heard', stage => threeEvents(stage, 0))
scenario('of three events the second is denied and the others are heard', stage => threeEvents(stage, 1))
scenario('of three events the third is denied and the others are heard', stage => threeEvents(stage, 2))
scenario('of three records the first is denied and the others are kept up to date', stage => threeRecords(stage, 0))
scenario('of three records the second is denied and the others are kept up to date', stage => threeRecords(stage, 1))
scenario('of three records the third is denied and the others are kept up to date', stage => threeRecords(stage, 2))
scenario('of three calls the first is not provided and the others are answered', stage => threeCalls(stage, 0))
scenario('of three calls the second is not provided and the others are answered', stage => threeCalls(stage, 1))
scenario('of three calls the third is not provided and the others are answered', stage => threeCalls(stage, 2))
scenario('of three users the first is not shown and the others are', stage => threeUsers(stage, 0))
scenario('of three users the second is not shown and the others are', stage => threeUsers(stage, 1))
scenario('of three users the third is not shown and the others are', stage => threeUsers(stage, 2))

scenario('a rule that throws denies everything with its own error', async stage => {
  const { guest, told } = await people(stage)
  stage.allow(UNKNOWN)
  const name = stage.name('throws')
  const record = await ready(guest, name)
  assert.equal(await refusal(record.setWithAck({ a: 1 })), BROKEN)
  assert.equal(await refusal(guest.record.setDataWithAck(stage.name('throws/new'), { a: 1 })), BROKEN)
  assert.equal(await refusal(guest.rpc.make(name, {})), BROKEN)
  const messages = tap(guest)
  guest.event.emit(name, {})
  await told.contains(UNKNOWN)
  assert.equal(messages.last.action, C.EVENT_ACTION.MESSAGE_PERMISSION_ERROR)
  same(await within((await stage.login()).record.snapshot(name), 'the snapshot'), {})
  forget(guest)
})

scenario('a rule may refer to three records one behind the other, and not to a fourth', async stage => {
  const { root, guest, told } = await people(stage)
  const heard = new Inbox()
  const run = stage.name('').slice(1)
  for (const kind of ['three', 'four']) {
    for (const level of [1, 2, 3, 4]) {
      const data = { next: `chain/${kind}${run}/${level + 1}`, open: true }
      await stage.ask('sql', `INSERT INTO records_record (name, version, data, created_at, updated_at)
        VALUES (?, 1, ?, '2026-01-01', '2026-01-01')`, `chain/${kind}${run}/${level}`, JSON.stringify(data))
    }
    root.event.subscribe(`${kind}/${run}`, heard.receive)
  }
  await settled(root)
  stage.allow(UNKNOWN)
  const messages = tap(guest)
  guest.event.emit(`four/${run}`, 'four')
  await told.contains(UNKNOWN)
  assert.equal(messages.last.action, C.EVENT_ACTION.MESSAGE_PERMISSION_ERROR)
  guest.event.emit(`three/${run}`, 'three')
  await heard.count(1)
  same(heard.values, ['three'])
})

scenario('of a thousand subscriptions a change of the rules ends those that it refuses and no other', async stage => {
  const { root, guest, told } = await people(stage)
  const heard = new Inbox()
  const names = kind => Array.from({ length: 250 }, (_, index) => stage.name(`${kind}/${index}`))
  const [kept, lost] = [names('yes'), names('changing')]
  for (const name of [...kept, ...lost]) guest.event.subscribe(name, heard.receive)
  const records = [...kept, ...lost].map(name => guest.record.getRecord(name))
  for (const record of records) record.on('error', event => told.receive(event))
  await within(Promise.all(records.map(record => record.whenReady())), 'the records', 15_000)
  await settled(guest)
  const rules = JSON.parse(await stage.ask('read', 'permissions.json'))
  try {
    rules.event['changing/*'] = { subscribe: "user.id === 'root'" }
    rules.record['changing/*'] = { read: "user.id === 'root'" }
    await stage.ask('write', 'permissions.json', JSON.stringify(rules))
    await told.count(500, 10_000)
    same([...new Set(told.values)], [DENIED])
    for (const name of [...lost, ...kept]) root.event.emit(name, name)
    for (const name of [...lost, ...kept]) root.record.setData(name, 'n', 1)
    await heard.count(kept.length)
    await until(() => records.slice(0, kept.length).every(record => record.get('n') === 1), 'the updates')
    same(heard.values, kept)
    assert(records.slice(kept.length).every(record => record.get('n') === undefined), 'an update came all the same')
    assert.equal(told.values.length, 500)
    assert.equal(guest.getConnectionState(), 'OPEN')
    await refusedSoon(await stage.login({ username: 'other' }), lost[0])
  } finally {
    for (const part of ['event', 'record']) delete rules[part]['changing/*']
    await stage.ask('write', 'permissions.json', JSON.stringify(rules))
  }
  forget(guest)
})
