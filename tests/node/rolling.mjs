// The nodes of a cluster are restarted one after the other while clients work: nobody has to do anything about it.
import { Inbox, assert, connected, same, scenario, settled, until, within } from './kit.mjs'

// Milliseconds in which a node that is restarted must take its clients back, on a machine that has much else to do.
const RESTART = 20_000

scenario('clients count, call and listen on while all nodes are restarted, and lose nothing', async stage => {
  stage.allow('CONNECTION_ERROR', 'VERSION_EXISTS', 'IS_CLOSED', 'MULTIPLE_SUBSCRIPTIONS')
  const clients = [await stage.login(), await stage.login(), await stage.login()]
  const names = clients.map((_, index) => stage.name(`own${index}`))
  const [heard, event, rpc] = [new Inbox(), stage.name('event'), stage.name('rpc')]
  clients[0].event.subscribe(event, heard.receive)
  clients[0].rpc.provide(rpc, (data, response) => response.send(data + 1))
  const watched = await Promise.all(names.map((name, index) =>
    within(clients[(index + 1) % 3].record.getRecord(name).whenReady(), 'ready')))
  await settled(...clients)

  let isOver = false
  const counted = clients.map(() => 0)
  const counting = clients.map(async (client, index) => {
    let record = null
    for (let number = 1; !isOver; number++) {
      await connected(client, RESTART)
      record ??= await taken(client, names[index], () => { record = null })
      // The client may never say what became of a write that was under way when its socket went.
      await within(record.setWithAck('n', number), 'the answer', 2000).then(() => { counted[index] = number }, () => {})
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  })
  const everyoneCounts = async () => {
    const before = [...counted]
    await until(() => counted.every((number, index) => number > before[index]), () => `${counted} to grow`)
  }
  await everyoneCounts()
  await stage.ask('roll')
  await everyoneCounts()
  isOver = true
  await within(Promise.all(counting), 'the last writes')
  await settled(...clients)

  for (const [index, name] of names.entries()) {
    const stored = await within(clients[(index + 2) % 3].record.snapshot(name), 'the record')
    assert(stored.n >= counted[index], `${counted[index]} was acknowledged, ${stored.n} is stored`)
    await until(() => watched[index].get('n') === stored.n, () => `${watched[index].get('n')} to be ${stored.n}`)
  }
  clients[1].event.emit(event, 'again')
  await heard.contains('again')
  same(await within(clients[2].rpc.make(rpc, 41), 'the answer'), 42)
})

/** The record, once it is ready; `gone` is called should this client come to take it for deleted.
 *
 * It does that by itself to a record which it writes after a reconnect while its question for the version is on its way:
 * the answer is older than its write, and `handleHeadResponse` in its record-core takes any older version for a deletion.
 * An application that writes all the time gets the record again, as here; the server then hears of a second subscription.
 */
async function taken (client, name, gone) {
  const record = await within(client.record.getRecord(name).whenReady(), 'ready')
  record.on('delete', gone)
  return record
}
