// Who is online (PROTOCOL.md section 7).
import { Inbox, assert, same, scenario, settled, until, within } from './kit.mjs'

/** A client that watches everybody and the inbox of what it is told of users of this scenario. */
async function watcher (stage) {
  const client = await stage.login({ username: stage.name('watcher') })
  const inbox = new Inbox()
  client.presence.subscribe(inbox.receive)
  await settled(client)
  return { client, inbox }
}

/** Close the client and wait until the server has closed its side. */
async function leave (client) {
  client.close()
  await until(() => client.getConnectionState() === 'CLOSED', 'the close')
}

scenario('a watcher of all hears who comes and who goes', async stage => {
  const { inbox } = await watcher(stage)
  const [ann, bob] = [stage.name('ann'), stage.name('bob')]
  const first = await stage.login({ username: ann })
  await inbox.count(1)
  const second = await stage.login({ username: bob })
  await inbox.count(2)
  await leave(first)
  await inbox.count(3)
  await leave(second)
  await inbox.count(4)
  same(inbox.values, [[ann, true], [bob, true], [ann, false], [bob, false]])
})

scenario('a watcher of one user hears of that user alone', async stage => {
  const [ann, bob] = [stage.name('ann'), stage.name('bob')]
  const client = await stage.login({ username: stage.name('watcher') })
  const inbox = new Inbox()
  client.presence.subscribe(ann, inbox.receive)
  await settled(client)
  await stage.login({ username: bob })
  const watched = await stage.login({ username: ann })
  await inbox.count(1)
  await leave(watched)
  await inbox.count(2)
  same(inbox.values, [[ann, true], [ann, false]])
})

scenario('a user with several sockets comes once and goes once', async stage => {
  const { client, inbox } = await watcher(stage)
  const ann = stage.name('ann')
  const single = new Inbox()
  client.presence.subscribe(ann, single.receive)
  await settled(client)
  const sockets = [await stage.login({ username: ann }), await stage.login({ username: ann }), await stage.login({ username: ann })]
  await leave(sockets[0])
  await leave(sockets[2])
  const marker = await stage.login({ username: stage.name('marker') })
  await inbox.contains([stage.name('marker'), true])
  same(inbox.values, [[ann, true], [stage.name('marker'), true]])
  assert.equal((await within(client.presence.getAll([ann]), 'the answer'))[ann], true)
  await leave(sockets[1])
  await inbox.count(3)
  same(inbox.last, [ann, false])
  await single.count(2)
  same(single.values, [[ann, true], [ann, false]])
  await leave(marker)
})

scenario('a user whose socket broke is gone', async stage => {
  const { inbox } = await watcher(stage)
  const ann = stage.name('ann')
  const client = await stage.login({ username: ann }, { reconnectIntervalIncrement: 60_000, maxReconnectInterval: 60_000 })
  await inbox.count(1)
  client.services.connection.endpoint.terminate()
  client.close()
  await inbox.count(2)
  same(inbox.values, [[ann, true], [ann, false]])
})

scenario('all who are online are told, without the one who asks', async stage => {
  const names = ['ann', 'bob', 'carl'].map(name => stage.name(name))
  const clients = []
  for (const username of [...names, names[0]]) clients.push(await stage.login({ username }))
  const asker = await stage.login({ username: stage.name('asker') })
  const online = await within(asker.presence.getAll(), 'the answer')
  same(online.filter(name => names.includes(name)).sort(), [...names].sort())
  assert(!online.includes(stage.name('asker')))
  const inbox = new Inbox()
  clients[1].presence.getAll((error, users) => inbox.receive(error ?? users))
  await inbox.count(1)
  assert(inbox.last.includes(names[0]) && !inbox.last.includes(names[1]) && inbox.last.includes(stage.name('asker')))
})

scenario('it is told of each user asked for whether it is online', async stage => {
  const [ann, bob] = [stage.name('ann'), stage.name('bob')]
  const client = await stage.login({ username: ann })
  const asker = await stage.login({ username: stage.name('asker') })
  same(await within(asker.presence.getAll([ann, bob]), 'the answer'), { [ann]: true, [bob]: false })
  await leave(client)
  await stage.login({ username: bob })
  const inbox = new Inbox()
  asker.presence.getAll([bob, ann], inbox.receive)
  await inbox.count(1)
  same(inbox.last, [null, { [ann]: false, [bob]: true }])
})

scenario('clients without a name are nobody', async stage => {
  const { client, inbox } = await watcher(stage)
  const nameless = await stage.login()
  await leave(await stage.login())
  const ann = stage.name('ann')
  await stage.login({ username: ann })
  await inbox.count(1)
  same(inbox.values, [[ann, true]])
  const online = await within(nameless.presence.getAll(), 'the answer')
  same(online.filter(name => /^open$/i.test(name)), [])
  same(await within(client.presence.getAll(), 'the answer'), online.filter(name => name !== stage.name('watcher')))
})

scenario('a watcher of all that unsubscribes hears nothing more', async stage => {
  const { client, inbox } = await watcher(stage)
  const marker = new Inbox()
  client.presence.subscribe(stage.name('marker'), marker.receive)
  client.presence.unsubscribe(inbox.receive)
  await settled(client)
  await stage.login({ username: stage.name('ann') })
  await stage.login({ username: stage.name('marker') })
  await marker.count(1)
  same(inbox.values, [])
})

scenario('a watcher of two users that unsubscribes from one hears of the other', async stage => {
  const client = await stage.login({ username: stage.name('watcher') })
  const [gone, stays] = [new Inbox(), new Inbox()]
  client.presence.subscribe(stage.name('ann'), gone.receive)
  client.presence.subscribe(stage.name('bob'), stays.receive)
  await settled(client)
  client.presence.unsubscribe(stage.name('ann'), gone.receive)
  await settled(client)
  await stage.login({ username: stage.name('ann') })
  await stage.login({ username: stage.name('bob') })
  await stays.count(1)
  same([gone.values, stays.values], [[], [[stage.name('bob'), true]]])
})

scenario('a user is online for an observer before its login is answered', async stage => {
  const asker = await stage.login({ username: stage.name('asker') })
  for (const name of ['ann', 'bob', 'carl']) {
    await stage.login({ username: stage.name(name) })
    same(await within(asker.presence.getAll([stage.name(name)]), 'the answer'), { [stage.name(name)]: true })
  }
})
