// Remote procedure calls (PROTOCOL.md section 6).
import { C, Inbox, assert, breakSocket, connected, refusal, same, scenario, settled, tap, until, within } from './kit.mjs'

const { RPC_ACTION, TOPIC } = C

/** A logged-in client that provides `name` with `answer(data, response, requestor)`. */
async function provider (stage, name, answer) {
  const client = await stage.login()
  const asked = new Inbox()
  client.rpc.provide(name, (data, response, requestor) => {
    asked.receive(data)
    answer(data, response, requestor)
  })
  await settled(client)
  return { client, asked }
}

/** Take the request and neither accept nor answer it. */
function ignore (data, response) { response.autoAccept = false }

function make (client, name, data) { return within(client.rpc.make(name, data), `an answer of ${name}`) }

scenario('a call is answered by its provider', async stage => {
  const name = stage.name('add-two')
  const { asked } = await provider(stage, name, ({ a, b }, response) => response.send(a + b))
  const client = await stage.login()
  assert.equal(await make(client, name, { a: 7, b: 8 }), 15)
  same(asked.values, [{ a: 7, b: 8 }])
})

scenario('every kind of value goes there and back', async stage => {
  const name = stage.name('echo')
  const { asked } = await provider(stage, name, (data, response) => response.send(data))
  const client = await stage.login()
  const values = ['text', '', 0, -1.5, true, false, null, undefined, [], {}, [1, [null]], { a: { ü: '🚀' } }]
  for (const value of values) assert.deepEqual(await make(client, name, value), value)
  assert.deepEqual(asked.values, values)
})

scenario('a call with a callback is answered', async stage => {
  const name = stage.name('rpc')
  await provider(stage, name, (data, response) => data === 'bad' ? response.error('no good') : response.send('good'))
  const client = await stage.login()
  const inbox = new Inbox()
  client.rpc.make(name, 'fine', inbox.receive)
  await inbox.count(1)
  client.rpc.make(name, 'bad', inbox.receive)
  await inbox.count(2)
  same(inbox.values, [[null, 'good'], 'no good'])
})

scenario('a provider may call itself', async stage => {
  const name = stage.name('self')
  const { client } = await provider(stage, name, (data, response) => response.send(data * 2))
  assert.equal(await make(client, name, 21), 42)
})

scenario('an error of the provider reaches the caller', async stage => {
  const name = stage.name('rpc')
  await provider(stage, name, (data, response) => response.error(data))
  const client = await stage.login()
  assert.equal(await refusal(client.rpc.make(name, 'out of stock')), 'out of stock')
  same(await refusal(client.rpc.make(name, { code: 7 })), { code: 7 })
})

scenario('a call that nobody provides fails at once', async stage => {
  const client = await stage.login()
  assert.equal(await refusal(client.rpc.make(stage.name('nobody'), 1)), 'NO_RPC_PROVIDER')
})

scenario('a rejected call goes to another provider', async stage => {
  const name = stage.name('rpc')
  const reject = (data, response) => response.reject()
  const unwilling = [await provider(stage, name, reject), await provider(stage, name, reject)]
  const willing = await provider(stage, name, (data, response) => response.send(data + 1))
  const client = await stage.login()
  for (let call = 0; call < 10; call++) assert.equal(await make(client, name, call), call + 1)
  assert.equal(willing.asked.values.length, 10)
  assert(unwilling.every(({ asked }) => new Set(asked.values).size === asked.values.length))
})

scenario('a call that every provider rejects fails after each was asked once', async stage => {
  const name = stage.name('rpc')
  const reject = (data, response) => response.reject()
  const providers = [await provider(stage, name, reject), await provider(stage, name, reject), await provider(stage, name, reject)]
  const client = await stage.login()
  assert.equal(await refusal(client.rpc.make(name, 'please')), 'NO_RPC_PROVIDER')
  same(providers.map(({ asked }) => asked.values), [['please'], ['please'], ['please']])
})

scenario('a call that is not accepted in time fails', async stage => {
  const name = stage.name('rpc')
  const { asked } = await provider(stage, name, ignore)
  const client = await stage.login()
  assert.equal(await refusal(client.rpc.make(name, 1)), 'ACCEPT_TIMEOUT')
  assert.equal(asked.values.length, 1)
})

scenario('a call that is accepted and not answered in time fails', async stage => {
  const name = stage.name('rpc')
  await provider(stage, name, (data, response) => response.accept())
  const client = await stage.login()
  assert.equal(await refusal(client.rpc.make(name, 1)), 'RESPONSE_TIMEOUT')
})

scenario('an answer that comes after the timeout is refused to the provider and kept from the caller', async stage => {
  const name = stage.name('rpc')
  const held = []
  const { client } = await provider(stage, name, (data, response) => {
    ignore(data, response)
    held.push(response)
  })
  const caller = await stage.login()
  assert.equal(await refusal(caller.rpc.make(name, 1)), 'ACCEPT_TIMEOUT')
  const [toProvider, toCaller] = [tap(client), tap(caller)]
  stage.allow('UNKNOWN_CORRELATION_ID')
  held[0].send('too late')
  const refused = () => toProvider.values.filter(({ action }) => action === RPC_ACTION.INVALID_RPC_CORRELATION_ID)
  await until(() => refused().length > 0, 'the refusal')
  await refusal(caller.rpc.make(stage.name('nobody'), 1))
  same(toCaller.values.filter(({ topic }) => topic === TOPIC.RPC).map(({ action }) => action), [RPC_ACTION.NO_RPC_PROVIDER])
})

scenario('an unprovided call is provided no longer', async stage => {
  const name = stage.name('rpc')
  const { client: first } = await provider(stage, name, (data, response) => response.send('first'))
  const client = await stage.login()
  assert.equal(await make(client, name), 'first')
  first.rpc.unprovide(name)
  await settled(first)
  assert.equal(await refusal(client.rpc.make(name)), 'NO_RPC_PROVIDER')
  first.rpc.provide(name, (data, response) => response.send('again'))
  await settled(first)
  assert.equal(await make(client, name), 'again')
})

scenario('when one provider unprovides the other goes on', async stage => {
  const name = stage.name('rpc')
  const { client: first } = await provider(stage, name, (data, response) => response.send('first'))
  await provider(stage, name, (data, response) => response.send('second'))
  first.rpc.unprovide(name)
  await settled(first)
  const client = await stage.login()
  for (let call = 0; call < 5; call++) assert.equal(await make(client, name), 'second')
})

scenario('calls are spread over the providers', async stage => {
  const name = stage.name('rpc')
  const answer = (data, response) => response.send(data)
  const providers = [await provider(stage, name, answer), await provider(stage, name, answer)]
  const client = await stage.login()
  for (let call = 0; call < 40; call++) await make(client, name, call)
  assert(providers.every(({ asked }) => asked.values.length > 0))
  assert.equal(providers.flatMap(({ asked }) => asked.values).length, 40)
})

scenario('many calls at once each get their own answer', async stage => {
  const name = stage.name('rpc')
  await provider(stage, name, (data, response) => setImmediate(() => response.send(data * 2)))
  const clients = [await stage.login(), await stage.login()]
  const numbers = Array.from({ length: 100 }, (_, index) => index)
  const answers = await Promise.all(numbers.map(number => make(clients[number % 2], name, number)))
  same(answers, numbers.map(number => number * 2))
})

scenario('a provider that is gone before it accepts counts as a rejection', async stage => {
  const name = stage.name('rpc')
  const dying = await provider(stage, name, (data, response) => {
    ignore(data, response)
    dying.client.close()
  })
  const client = await stage.login()
  assert.equal(await refusal(client.rpc.make(name, 1)), 'NO_RPC_PROVIDER')
})

scenario('when a provider is gone before it accepts another one is asked', async stage => {
  const name = stage.name('rpc')
  const taken = new Inbox()
  const providers = [1, 2].map(() => async () => {
    const { client } = await provider(stage, name, (data, response) => {
      taken.receive(data)
      if (taken.values.length > 1) return response.send('by another')
      ignore(data, response)
      breakSocket(client)
      client.close()
    })
  })
  for (const start of providers) await start()
  const client = await stage.login()
  assert.equal(await make(client, name, 'who?'), 'by another')
  same(taken.values, ['who?', 'who?'])
})

scenario('a provider that is gone after it accepted is a response timeout at once', async stage => {
  const name = stage.name('rpc')
  const dying = await provider(stage, name, (data, response) => {
    response.accept()
    dying.client.close()
  })
  const client = await stage.login()
  const start = Date.now()
  assert.equal(await refusal(client.rpc.make(name, 1)), 'RESPONSE_TIMEOUT')
  assert(Date.now() - start < 1500, 'the timeout of 2000 ms was waited for')
})

scenario('a caller that is gone disturbs no other call', async stage => {
  const name = stage.name('rpc')
  const held = []
  const { asked } = await provider(stage, name, (data, response) => {
    if (data === 'gone') held.push(response)
    else response.send('here')
  })
  const gone = await stage.login()
  gone.rpc.make(name, 'gone', () => {})
  await asked.count(1)
  gone.close()
  const client = await stage.login()
  stage.allow('UNKNOWN_CORRELATION_ID')
  held[0].send('too late')
  assert.equal(await make(client, name, 'stays'), 'here')
})

scenario('a provider whose socket broke provides again when it is back', async stage => {
  const name = stage.name('rpc')
  const { client: first } = await provider(stage, name, (data, response) => response.send('back'))
  breakSocket(first)
  await until(() => first.getConnectionState() !== 'OPEN', 'the loss')
  await connected(first)
  await settled(first)
  const client = await stage.login()
  assert.equal(await make(client, name), 'back')
})

scenario('a provider hears nothing of its requestor unless the server is told to say', async stage => {
  const name = stage.name('rpc')
  const requestors = []
  await provider(stage, name, (data, response, requestor) => {
    requestors.push(requestor)
    response.send(1)
  })
  await make(await stage.login({ username: 'ann' }), name)
  assert.deepEqual(requestors, [undefined])
})
