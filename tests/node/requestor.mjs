// What a provider is told of its requestor, on a server that tells (PROTOCOL.md section 6).
import { Inbox, assert, same, scenario, settled, within } from './kit.mjs'

async function told (stage, details) {
  const name = stage.name('rpc')
  const provider = await stage.login({ username: 'provider', password: 'secret' })
  const inbox = new Inbox()
  provider.rpc.provide(name, (data, response, requestor) => {
    inbox.receive(requestor)
    response.send('done')
  })
  await settled(provider)
  const client = await stage.login(details)
  assert.equal(await within(client.rpc.make(name, 1), 'the answer'), 'done')
  return inbox.last
}

scenario('a provider is told the requestor\'s name and client data', async stage => {
  same(await told(stage, { username: 'ann', password: 'tiger' }),
    { requestorName: 'ann', requestorData: { themes: ['dark'], größe: 1 } })
})

scenario('a provider is told the name of a requestor without client data', async stage => {
  const { requestorName } = await told(stage, { username: 'bob', password: 'lion' })
  assert.equal(requestorName, 'bob')
})
