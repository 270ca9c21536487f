// An official client that does what it is told on standard input, a JSON array [what, ...arguments] in each line, and
// says what happens to it in the same form.
import { createInterface } from 'node:readline'

// Node 22 brings a browser-like WebSocket, for which the client has another code path; here it works on `ws`.
delete globalThis.WebSocket

const { DeepstreamClient } = await import('@deepstream/client')
const [url, username] = process.argv.slice(2)
const say = (...what) => process.stdout.write(JSON.stringify(what) + '\n')
const client = new DeepstreamClient(url)
const records = new Map()

client.on('error', (text, event, topic) => say('error', String(text), event, topic))
client.on('connectionStateChanged', state => say('state', state))

const does = {
  async watch (name) {
    const record = await client.record.getRecord(name).whenReady()
    records.set(name, record)
    record.subscribe(data => say('record', name, data), true)
  },
  async set (name, path, value) {
    await records.get(name).setWithAck(path, value)
    say('stored', name)
  },
  subscribe (name) {
    client.event.subscribe(name, data => say('event', name, data))
  },
  provide (name) {
    client.rpc.provide(name, (data, response) => {
      say('call', name, data)
      response.send({ got: data })
    })
  }
}

await client.login({ username })
for await (const line of createInterface({ input: process.stdin })) {
  const [what, ...rest] = JSON.parse(line)
  await does[what](...rest)
}
client.close()
