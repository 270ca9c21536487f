// A tour of a deepstream server: a record, an event, a remote procedure call and who is online, between two clients.
//
//   npm install && node tour.mjs [ws://localhost:6020/deepstream]
import { DeepstreamClient } from '@deepstream/client'

const url = process.argv[2] ?? 'ws://localhost:6020/deepstream'

async function connect (username) {
  const client = new DeepstreamClient(url)
  client.on('error', (error, event, topic) => {
    console.error(`${event} (${topic}):`, error?.message ?? error)
    process.exit(1)
  })
  await client.login({ username })
  console.log(`${username} is logged in`)
  return client
}

/** A promise, and the callback that prints what it is called with and fulfils the promise. */
function heard (what) {
  let callback
  const promise = new Promise(resolve => {
    callback = data => {
      console.log(`${what}:`, JSON.stringify(data))
      resolve()
    }
  })
  return [promise, callback]
}

const dispatcher = await connect('dispatcher')
const driver = await connect('driver')

// Events and remote procedure calls: the driver hears news, and adds two numbers for whoever asks.
const [news, onNews] = heard('the driver hears news')
driver.event.subscribe('news', onNews)
driver.rpc.provide('add-two', ({ numA, numB }, response) => response.send(numA + numB))

// A record: a JSON document that everybody who holds it sees change. What the driver asked for above was sent before,
// so once its record is ready, its subscription and its RPC are in place too.
const theirs = await driver.record.getRecord('driver/14').whenReady()
await theirs.setWithAck({ name: 'John Doe', position: { x: 4234, y: 2454 }, speed: 22 })

const mine = await dispatcher.record.getRecord('driver/14').whenReady()
console.log('the dispatcher reads driver/14:', JSON.stringify(mine.get()))

const [change, onChange] = heard('driver/14 changed')
const [move, onMove] = heard('its position.x changed')
mine.subscribe(onChange)
mine.subscribe('position.x', onMove)
theirs.set('position.x', 4235)
await Promise.all([change, move])

dispatcher.event.emit('news', 'the bridge is open')
await news

console.log('add-two of 7 and 8 is', await dispatcher.rpc.make('add-two', { numA: 7, numB: 8 }))
console.log('online besides the dispatcher:', JSON.stringify(await dispatcher.presence.getAll()))

await mine.delete()
console.log('driver/14 is deleted')

dispatcher.close()
driver.close()
