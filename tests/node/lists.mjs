// Lists and double-ended queues: records in the client's clothes (PROTOCOL.md section 5).
import { Inbox, agreed, assert, same, scenario, until, within } from './kit.mjs'

async function lists (stage, kind = 'getList') {
  const name = stage.name('list')
  const clients = [await stage.login(), await stage.login()]
  const [mine, theirs] = await Promise.all(clients.map(client => within(client.record[kind](name).whenReady(), 'the list')))
  await agreed()
  return { name, clients, mine, theirs }
}

function caughtUp (mine, theirs) {
  return until(() => theirs.version === mine.version, () => `version ${mine.version}, not ${theirs.version}`)
}

scenario('a new list is empty and entries set by one arrive at the other', async stage => {
  const { mine, theirs } = await lists(stage)
  same([mine.getEntries(), mine.isEmpty()], [[], true])
  const inbox = new Inbox()
  theirs.subscribe(inbox.receive)
  mine.setEntries(['a', 'b'])
  await inbox.count(1)
  same(inbox.values, [['a', 'b']])
  assert.equal(theirs.isEmpty(), false)
  await within(mine.setEntriesWithAck([]), 'the acknowledgement')
  await caughtUp(mine, theirs)
  same(theirs.getEntries(), [])
})

scenario('entries are added at the end and at an index', async stage => {
  const { mine, theirs } = await lists(stage)
  const added = new Inbox()
  theirs.on('entry-added', added.receive)
  mine.addEntry('b')
  mine.addEntry('d')
  mine.addEntry('a', 0)
  mine.addEntry('c', 2)
  await added.count(4)
  same(added.values, [['b', 0], ['d', 1], ['a', 0], ['c', 2]])
  same(theirs.getEntries(), ['a', 'b', 'c', 'd'])
})

scenario('entries are removed by value and at an index', async stage => {
  const { mine, theirs } = await lists(stage)
  await within(mine.setEntriesWithAck(['a', 'b', 'a', 'c']), 'the acknowledgement')
  await caughtUp(mine, theirs)
  const removed = new Inbox()
  theirs.on('entry-removed', removed.receive)
  mine.removeEntry('a', 2)
  await caughtUp(mine, theirs)
  same(theirs.getEntries(), ['a', 'b', 'c'])
  mine.removeEntry('b')
  await removed.contains(['b', 1])
  same(theirs.getEntries(), ['a', 'c'])
  same(removed.values, [['a', 2], ['b', 1]])
})

scenario('moved entries are told from added and removed ones', async stage => {
  const { mine, theirs } = await lists(stage)
  await within(mine.setEntriesWithAck(['a', 'b', 'c']), 'the acknowledgement')
  await caughtUp(mine, theirs)
  const changes = new Inbox()
  for (const change of ['added', 'removed', 'moved']) {
    theirs.on(`entry-${change}`, (entry, index) => changes.receive([change, entry, index]))
  }
  mine.setEntries(['c', 'a', 'd'])
  await changes.count(4)
  same(changes.values, [['removed', 'b', 1], ['moved', 'c', 0], ['moved', 'a', 1], ['added', 'd', 2]])
})

scenario('a list is discarded, deleted and made again', async stage => {
  const { name, clients, mine, theirs } = await lists(stage)
  await within(mine.setEntriesWithAck(['a']), 'the acknowledgement')
  await caughtUp(mine, theirs)
  const [deleted, discarded] = [new Inbox(), new Inbox()]
  mine.on('delete', deleted.receive)
  const third = await within((await stage.login()).record.getList(name).whenReady(), 'the list')
  third.on('discard', discarded.receive)
  same(third.getEntries(), ['a'])
  third.discard()
  await discarded.count(1)
  await within(theirs.delete(), 'the deletion')
  await deleted.count(1)
  const again = await within(clients[0].record.getList(name).whenReady(), 'the new list')
  same([again.getEntries(), again.version], [[], 0])
})

scenario('a list is an array to those who read it as a record', async stage => {
  const { name, mine } = await lists(stage)
  await within(mine.setEntriesWithAck(['x', 'y']), 'the acknowledgement')
  const reader = await stage.login()
  same(await reader.record.snapshot(name), ['x', 'y'])
  await within(reader.record.setDataWithAck(name, ['z']), 'the acknowledgement')
  await until(() => mine.getEntries()[0] === 'z', 'the entries set from outside')
})

scenario('a double-ended queue takes and gives at both ends', async stage => {
  const { mine, theirs } = await lists(stage, 'getDq')
  assert.equal(mine.isEmpty(), true)
  await within(mine.setEntriesWithAck(['b', 'c', 'd']), 'the acknowledgement')
  mine.push('e')
  mine.unshift('a')
  await caughtUp(mine, theirs)
  same(theirs.getEntries(), ['a', 'b', 'c', 'd', 'e'])
  same([theirs.getFirst(), theirs.getLast()], ['a', 'e'])
  assert.equal(theirs.pop(), 'e')
  assert.equal(theirs.shift(), 'a')
  await caughtUp(theirs, mine)
  same(mine.getEntries(), ['b', 'c', 'd'])
})

scenario('a double-ended queue takes and gives in its middle', async stage => {
  const { mine, theirs } = await lists(stage, 'getDq')
  await within(mine.setEntriesWithAck(['a', 'c', 'd']), 'the acknowledgement')
  mine.insertEntry('b', 1)
  await caughtUp(mine, theirs)
  same(theirs.getEntries(), ['a', 'b', 'c', 'd'])
  theirs.removeEntry('c')
  await caughtUp(theirs, mine)
  same(mine.getEntries(), ['a', 'b', 'd'])
  const again = await within((await stage.login()).record.getDq(mine.name).whenReady(), 'the queue')
  same(again.getEntries(), ['a', 'b', 'd'])
})
