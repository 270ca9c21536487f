// The client of versions 1 to 3 on the text protocol, alone and together with the present one (PROTOCOL.md section 9).
import { Inbox, assert, same, scenario, settled, until, within } from './kit.mjs'
import { acknowledged, answer, login, pair, ready } from './old_kit.mjs'

scenario('an old client logs in without and with data', async stage => {
  const { client, data } = await login(stage)
  assert.equal(client.getConnectionState(), 'OPEN')
  assert(data === null || data === undefined || Object.keys(data).length === 0, JSON.stringify(data))
  await login(stage, { username: stage.name('ann'), nested: { ü: [1] } })
})

scenario('an old client reads what a new one writes', async stage => {
  const { theirs, mine } = await pair(stage)
  const changes = new Inbox()
  theirs.subscribe(changes.receive)
  mine.set({ name: 'John Doe', position: { x: 1 }, list: ['ü', null] })
  await changes.count(1)
  mine.set('position.x', 2)
  await changes.count(2)
  mine.set('name', undefined)
  await changes.count(3)
  mine.set('flag', true)
  mine.set('nothing', null)
  mine.set('text', 'Obig')
  await changes.count(6)
  same(theirs.get(), { position: { x: 2 }, list: ['ü', null], flag: true, nothing: null, text: 'Obig' })
  assert.equal(theirs.version, mine.version)
})

scenario('a new client reads what an old one writes', async stage => {
  const { theirs, mine } = await pair(stage)
  theirs.set({ name: 'John Doe', position: { x: 1 } })
  await until(() => mine.version === 1, 'the whole')
  for (const [path, value] of Object.entries({ 'position.x': 2.5, 'list[1]': 'b', yes: true, no: false, nothing: null, object: { ü: 1 } })) {
    theirs.set(path, value)
  }
  theirs.set('name', undefined)
  await until(() => mine.version === 8, 'all writes')
  same(mine.get(), { position: { x: 2.5 }, list: [null, 'b'], yes: true, no: false, nothing: null, object: { ü: 1 } })
})

scenario('an old client\'s writes are acknowledged', async stage => {
  const { before, name, theirs, mine } = await pair(stage)
  const inbox = new Inbox()
  theirs.set({ a: 1 }, inbox.receive)
  theirs.set('b', 2, inbox.receive)
  await inbox.count(2)
  same(inbox.values, [null, null])
  const results = new Inbox()
  before.record.setData(`${name}/2`, { a: 1 }, results.receive)
  await results.count(1)
  before.record.setData(`${name}/2`, 'b', 2, results.receive)
  await results.count(2)
  assert(results.values.every(error => error === null))
  same(await answer(callback => before.record.snapshot(`${name}/2`, callback)), { a: 1, b: 2 })
  await until(() => mine.version === 2, 'the writes')
})

scenario('an old client asks for snapshots and versions', async stage => {
  const { before, name, mine } = await pair(stage)
  await mine.setWithAck({ a: 1 })
  const { client } = await login(stage)
  same(await answer(callback => client.record.snapshot(name, callback)), { a: 1 })
  assert.equal(await answer(callback => client.record.head(name, callback)), 1)
  assert.equal(await answer(callback => client.record.head(`${name}/none`, callback)), -1)
  same(await answer(callback => before.record.snapshot(name, callback)), { a: 1 })
})

scenario('an old client is told of a snapshot of what does not exist', async stage => {
  const { client } = await login(stage)
  const errors = new Inbox()
  stage.allow('RECORD_NOT_FOUND')
  client.on('error', (message, event) => errors.receive(event))
  client.record.snapshot(stage.name('nowhere'), () => {})
  await errors.contains('RECORD_NOT_FOUND')
})

scenario('an old and a new client delete a record for each other', async stage => {
  const { name, before, today, theirs, mine } = await pair(stage)
  const deleted = new Inbox()
  theirs.on('delete', () => deleted.receive('theirs'))
  await within(mine.delete(), 'the deletion by the new client')
  await deleted.count(1)
  const [again, new_] = [await ready(before.record.getRecord(name)), await within(today.record.getRecord(name).whenReady(), 'ready')]
  new_.on('delete', () => deleted.receive('mine'))
  again.delete()
  await deleted.contains('mine')
  assert.equal(await within(today.record.has(name), 'the check'), false)
})

scenario('an old and a new client that write at once end with the same', async stage => {
  stage.allow('VERSION_EXISTS')
  const { today, name, theirs, mine } = await pair(stage)
  theirs.set('by', 'old')
  mine.set('by', 'new')
  await until(() => mine.get('by') === theirs.get('by') && mine.version === Number(theirs.version),
    () => `one winner: ${mine.version} ${mine.get('by')}, ${theirs.version} ${theirs.get('by')}`)
  const reader = await stage.login()
  await within(today.record.has(`${name}/marker`), 'a marker')
  same(await within(reader.record.snapshot(name), 'the snapshot'), mine.get())
})

scenario('an old client discards a record and fetches it anew', async stage => {
  const { name, before, theirs, mine } = await pair(stage)
  const discarded = new Inbox()
  theirs.on('discard', () => discarded.receive(1))
  theirs.discard()
  await discarded.count(1)
  await mine.setWithAck('n', 1)
  const again = await ready(before.record.getRecord(name))
  same(again.get(), { n: 1 })
})

scenario('old and new clients share a list', async stage => {
  const name = stage.name('list')
  const { client } = await login(stage)
  const [theirs, mine] = [await ready(client.record.getList(name)), await within((await stage.login()).record.getList(name).whenReady(), 'ready')]
  const added = new Inbox()
  mine.on('entry-added', added.receive)
  theirs.addEntry('a')
  theirs.addEntry('b')
  await added.count(2)
  same(mine.getEntries(), ['a', 'b'])
  mine.removeEntry('a')
  await until(() => theirs.getEntries().length === 1, 'the removal')
  same(theirs.getEntries(), ['b'])
})

scenario('old and new clients share events', async stage => {
  const event = stage.name('event')
  const { client } = await login(stage)
  const today = await stage.login()
  const [theirs, mine] = [new Inbox(), new Inbox()]
  client.event.subscribe(event, theirs.receive)
  today.event.subscribe(event, mine.receive)
  await acknowledged(client)
  await settled(today)
  const values = ['text', '', 'Stext', 0, -1.5, true, false, null, [1, 'ü'], { a: { b: null } }]
  for (const value of values) today.event.emit(event, value)
  await theirs.count(values.length)
  same(theirs.values, values)
  for (const value of values) client.event.emit(event, value)
  await mine.count(2 * values.length)
  same(mine.values.slice(values.length), values)
  client.event.unsubscribe(event, theirs.receive)
  await acknowledged(client)
})

scenario('old and new clients call each other', async stage => {
  const [of, on] = [stage.name('old'), stage.name('new')]
  const { client } = await login(stage)
  const today = await stage.login()
  client.rpc.provide(of, (data, response) => data === 'bad' ? response.error('old error') : response.send([data, 'old']))
  today.rpc.provide(on, (data, response) => data === 'bad' ? response.error('new error') : response.send([data, 'new']))
  await acknowledged(client)
  await settled(today)
  same(await within(today.rpc.make(of, { a: 1 }), 'the old answer'), [{ a: 1 }, 'old'])
  same(await answer(callback => client.rpc.make(on, 7, callback)), [7, 'new'])
  assert.equal(await today.rpc.make(of, 'bad').catch(error => error), 'old error')
  assert.equal(await answer(callback => client.rpc.make(on, 'bad', callback)).catch(error => error), 'new error')
  assert.equal(await answer(callback => client.rpc.make(stage.name('nobody'), 1, callback)).catch(error => error), 'NO_RPC_PROVIDER')
})

scenario('an old provider rejects and the call goes to a new one', async stage => {
  const name = stage.name('rpc')
  const { client } = await login(stage)
  const today = await stage.login()
  client.rpc.provide(name, (data, response) => response.reject())
  today.rpc.provide(name, (data, response) => response.send('new'))
  await acknowledged(client)
  await settled(today)
  const caller = await stage.login()
  for (let call = 0; call < 6; call++) assert.equal(await within(caller.rpc.make(name, call), 'the answer'), 'new')
})

scenario('old and new clients see each other come and go', async stage => {
  const [ann, bob] = [stage.name('ann'), stage.name('bob')]
  const { client } = await login(stage, { username: stage.name('old') })
  const today = await stage.login({ username: stage.name('new') })
  const [theirs, mine] = [new Inbox(), new Inbox()]
  client.presence.subscribe((user, online) => theirs.receive(user, online))
  today.presence.subscribe(mine.receive)
  await acknowledged(client)
  await settled(today)
  const newcomer = await stage.login({ username: ann })
  await theirs.count(1)
  const { client: oldcomer } = await login(stage, { username: bob })
  await mine.count(2)
  newcomer.close()
  await mine.count(3)
  await theirs.count(3)
  const online = await within(new Promise(resolve => client.presence.getAll(resolve)), 'the users')
  assert(online.includes(bob) && online.includes(stage.name('new')) && !online.includes(ann) && !online.includes(stage.name('old')))
  oldcomer.close()
  await mine.count(4)
  await theirs.count(4)
  const expected = [[ann, true], [bob, true], [ann, false], [bob, false]]
  same([theirs.values, mine.values], [expected, expected])
})

scenario('an old client provides for new subscribers of events and records', async stage => {
  const prefix = stage.name('feed')
  const { client } = await login(stage)
  const [asked, gone] = [new Inbox(), new Inbox()]
  for (const topic of [client.event, client.record]) {
    topic.listen(`^${prefix}/`, (name, isSubscribed, response) => {
      if (isSubscribed) {
        response.accept()
        asked.receive(name)
      } else gone.receive(name)
    })
  }
  await acknowledged(client)
  const today = await stage.login()
  const heard = new Inbox()
  today.event.subscribe(`${prefix}/event`, heard.receive)
  const record = today.record.getRecord(`${prefix}/record`)
  await asked.count(2)
  await until(() => record.hasProvider, 'the provider')
  client.event.emit(`${prefix}/event`, 'fed')
  client.record.setData(`${prefix}/record`, 'value', 'fed')
  await heard.contains('fed')
  await until(() => record.get('value') === 'fed', 'the data')
  today.event.unsubscribe(`${prefix}/event`, heard.receive)
  record.discard()
  await gone.count(2)
})

scenario('a new client provides for an old subscriber', async stage => {
  const name = stage.name('feed')
  const today = await stage.login()
  today.record.listen(`^${name}$`, (subscription, response) => response.accept())
  await settled(today)
  const { client } = await login(stage)
  const record = await ready(client.record.getRecord(name))
  await until(() => record.hasProvider === true, 'the provider')
  today.record.unlisten(`^${name}$`)
  await until(() => record.hasProvider === false, 'no provider')
})

scenario('an old client whose socket broke comes back', async stage => {
  stage.allow('CONNECTION_ERROR')
  const { theirs, mine, before } = await pair(stage)
  const event = stage.name('event')
  const heard = new Inbox()
  before.event.subscribe(event, heard.receive)
  await acknowledged(before)
  before._connection._endpoint.terminate()
  await until(() => before.getConnectionState() !== 'OPEN', 'the loss')
  mine.set('meanwhile', true)
  await until(() => before.getConnectionState() === 'OPEN', 'the connection')
  await acknowledged(before)
  await until(() => theirs.get('meanwhile') === true, 'the write')
  ;(await stage.login()).event.emit(event, 'again')
  await heard.contains('again')
})

scenario('an old client sends and receives large and many messages', async stage => {
  const { theirs, mine } = await pair(stage)
  theirs.set('large', 'ä'.repeat(250_000))
  await until(() => mine.get('large')?.length === 250_000, 'the large write')
  for (let number = 1; number <= 500; number++) mine.set('n', number)
  await until(() => theirs.get('n') === 500, 'the last of 500')
  for (let number = 501; number <= 1000; number++) theirs.set('n', number)
  await until(() => mine.get('n') === 1000, 'the last of 1000')
})
