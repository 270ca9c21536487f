// Clients that write while there is no connection, and how that is merged (PROTOCOL.md section 5, Versions).
import { Inbox, assert, connected, same, scenario, settled, state, until, within } from './kit.mjs'
import { Link } from './link.mjs'

/** A store that outlives a client, as a browser's does. */
class Store {
  #records = new Map()
  get (name, callback) {
    const { version, data } = this.#records.get(name) ?? { version: -1, data: null }
    setImmediate(() => callback(name, version, data && structuredClone(data)))
  }

  set (name, version, data, callback) {
    this.#records.set(name, { version, data: JSON.parse(JSON.stringify(data)) })
    setImmediate(() => callback(null, name))
  }

  delete (name, callback) {
    this.#records.delete(name)
    setImmediate(() => callback(null, name))
  }

  reset (callback) {
    this.#records.clear()
    callback(null)
  }
}

const stored = storage => ({ offlineEnabled: true, storageName: 'own', storage })

/** A record held through a link, by a client with the options, and another client that is not behind the link. */
async function linked (stage, options = {}) {
  stage.allow('CONNECTION_ERROR', 'VERSION_EXISTS')
  const name = stage.name('record')
  const link = await Link.to(stage)
  const client = await stage.login({}, { url: link.url, ...options })
  const other = await stage.login()
  const record = await within(client.record.getRecord(name).whenReady(), 'ready')
  await record.setWithAck({ count: 1 })
  return { name, link, client, other, record }
}

async function cut (link, client) {
  link.cut()
  await until(() => state(client) === 'RECONNECTING', 'the loss')
}

async function mend (link, client) {
  link.mend()
  await connected(client)
  await settled(client)
}

scenario('a record made without a connection is created when there is one', async stage => {
  stage.allow('CONNECTION_ERROR')
  const link = await Link.to(stage)
  link.cut()
  const client = stage.client({ url: link.url, ...stored(new Store()) })
  const record = client.record.getRecord(stage.name('record'))
  await within(record.whenReady(), 'ready without a connection')
  record.set('made', 'offline')
  link.mend()
  await within(client.login(), 'the login')
  const other = await stage.login()
  const theirs = await within(other.record.getRecord(record.name).whenReady(), 'ready')
  await until(() => theirs.get('made') === 'offline', 'the record')
  theirs.set('then', 'online')
  await until(() => record.get('then') === 'online', 'the answer')
})

scenario('a write to a stored record without a connection is sent when there is one', async stage => {
  const storage = new Store()
  const { name, link, client, other } = await linked(stage, { ...stored(storage), saveUpdatesOffline: true })
  await until(() => client.record.getRecord(name).version === 1, 'the version')
  client.record.saveToOfflineStorage()
  client.record.dirtyService.save()
  client.close()

  link.cut()
  const next = stage.client({ url: link.url, ...stored(storage) })
  const record = next.record.getRecord(name)
  await within(record.whenReady(), 'ready without a connection')
  same([record.get(), record.version], [{ count: 1 }, 1])
  record.set('offline', true)
  link.mend()
  await within(next.login(), 'the login')
  const theirs = await within(other.record.getRecord(name).whenReady(), 'ready')
  await until(() => theirs.get('offline') === true, 'the write')
  same([theirs.get(), theirs.version], [{ count: 1, offline: true }, 2])
})

scenario('what others wrote meanwhile arrives when the connection is back', async stage => {
  const { name, link, client, other, record } = await linked(stage)
  const changes = new Inbox()
  record.subscribe('count', changes.receive)
  await cut(link, client)
  await within(other.record.setDataWithAck(name, 'count', 2), 'the write')
  await within(other.record.setDataWithAck(name, 'count', 3), 'the write')
  await mend(link, client)
  await until(() => record.version === 3, 'the version')
  same([record.get(), changes.last], [{ count: 3 }, 3])
  await within(record.setWithAck('count', 4), 'a write after it')
})

scenario('with REMOTE_WINS a write without a connection yields to what others wrote meanwhile', async stage => {
  const { name, link, client, other, record } = await linked(stage)
  await cut(link, client)
  record.set('count', 100)
  await within(other.record.setDataWithAck(name, 'count', 2), 'the write')
  await mend(link, client)
  await until(() => record.get('count') === 2, 'the write of the other')
  await until(() => record.version === 2, 'the version')
  await within(record.setWithAck('count', 3), 'a write after it')
  same(await within(other.record.snapshot(name), 'the snapshot'), { count: 3 })
})

scenario('a merge strategy is asked about a write without a connection', async stage => {
  const asked = new Inbox()
  const { name, link, client, other, record } = await linked(stage, {
    mergeStrategy: (local, localVersion, remote, remoteVersion, callback) => {
      asked.receive({ local, remote, remoteVersion })
      callback(null, { ...remote, ...local })
    }
  })
  await cut(link, client)
  record.set('mine', 1)
  await within(other.record.setDataWithAck(name, 'theirs', 2), 'the write')
  await mend(link, client)
  await asked.count(1)
  same(asked.values[0], { local: { count: 1, mine: 1 }, remote: { count: 1, theirs: 2 }, remoteVersion: 2 })
})

scenario('a record first asked for without a connection is made when it is back', async stage => {
  const { link, client, other, name } = await linked(stage)
  await cut(link, client)
  const record = client.record.getRecord(`${name}/late`)
  record.set('made', 'offline')
  await mend(link, client)
  const theirs = await within(other.record.getRecord(record.name).whenReady(), 'ready')
  await until(() => theirs.get('made') === 'offline', 'the record')
})

scenario('a record deleted meanwhile is gone when the connection is back', async stage => {
  const { name, link, client, other, record } = await linked(stage)
  const deleted = new Inbox()
  record.on('delete', () => deleted.receive('deleted'))
  await record.setWithAck('count', 2)
  await cut(link, client)
  const theirs = await within(other.record.getRecord(name).whenReady(), 'ready')
  await within(theirs.delete(), 'the deletion')
  await mend(link, client)
  await deleted.count(1)
  assert.equal(await within(client.record.has(name), 'the check'), false)
})

scenario('a write with acknowledgement without a connection is refused', async stage => {
  const { link, client, record } = await linked(stage)
  await cut(link, client)
  const inbox = new Inbox()
  record.set('count', 2, inbox.receive)
  await inbox.count(1)
  same(inbox.values, [['client offline', record.name]])
  await mend(link, client)
})
