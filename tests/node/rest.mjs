// What the REST API does reaches official clients, and the other way round.
import { Inbox, assert, same, scenario, settled, until, within } from './kit.mjs'

// For SQLite and for PostgreSQL.
const USER = `INSERT INTO auth_user
  (username, password, is_superuser, is_staff, is_active, first_name, last_name, email, date_joined)
  VALUES ('rest', '!', true, true, true, '', '', '', '2026-01-01') ON CONFLICT DO NOTHING`
const TOKEN = `INSERT INTO authtoken_token (key, created, user_id)
  SELECT 'rest', '2026-01-01', id FROM auth_user WHERE username = 'rest' ON CONFLICT DO NOTHING`

/** A function that asks the REST API of a node: `(method, collection, name, body, headers)`. */
async function rest (stage) {
  await stage.ask('sql', USER)
  await stage.ask('sql', TOKEN)
  return async (method, collection, name, body, headers = {}) => {
    const url = `${stage.url.replace(/^ws/, 'http')}/rest/v1/${collection}/${encodeURIComponent(name)}`
    const answer = await within(fetch(url, {
      method,
      headers: { authorization: 'Token rest', 'content-type': 'application/json', ...headers },
      body: body === undefined ? undefined : JSON.stringify(body)
    }), `${method} ${url}`)
    const text = await answer.text()
    return { status: answer.status, etag: answer.headers.get('etag'), value: text && JSON.parse(text) }
  }
}

scenario('a record that is put, patched and deleted changes at who has it', async stage => {
  const ask = await rest(stage)
  const name = stage.name('<put> "ü/100%')
  const client = await stage.login()
  const record = await within(client.record.getRecord(name).whenReady(), 'ready')
  const deleted = new Inbox()
  record.on('delete', () => deleted.receive('deleted'))
  const put = await ask('PUT', 'records', name, { from: 'rest' })
  same([put.status, put.etag], [204, '"1"'])
  await until(() => record.get('from') === 'rest', 'the record that was put')
  await ask('PATCH', 'records', name, { path: 'a.b[1]', value: true })
  await until(() => record.version === 2, 'the patch')
  same(record.get(), { from: 'rest', a: { b: [null, true] } })
  await ask('PATCH', 'records', name, { from: null }, { 'content-type': 'application/merge-patch+json' })
  await until(() => record.version === 3, 'the merge patch')
  same(record.get(), { a: { b: [null, true] } })
  await ask('DELETE', 'records', name)
  await deleted.count(1)
})

scenario('a write with an old version is refused with what a client wrote meanwhile', async stage => {
  const ask = await rest(stage)
  const name = stage.name('conflict')
  await ask('PUT', 'records', name, { from: 'rest' })
  const client = await stage.login()
  const record = await within(client.record.getRecord(name).whenReady(), 'ready')
  await within(record.setWithAck({ from: 'client' }), 'the write')
  const late = await ask('PUT', 'records', name, { from: 'late' }, { 'if-match': '"1"' })
  same([late.status, late.etag, late.value.version, late.value.data], [412, '"2"', 2, { from: 'client' }])
  same([record.version, record.get()], [2, { from: 'client' }])
  const again = await ask('PUT', 'records', name, { from: 'rest' }, { 'if-match': late.etag })
  assert.equal(again.status, 204)
  await until(() => record.get('from') === 'rest', 'the second try')
})

scenario('an event reaches its subscribers and a call its provider', async stage => {
  const ask = await rest(stage)
  const name = stage.name('news')
  const client = await stage.login()
  const heard = new Inbox()
  client.event.subscribe(name, heard.receive)
  client.rpc.provide(name, (data, response) => response.send(data.a + data.b))
  await settled(client)
  assert.equal((await ask('POST', 'events', name, { title: 'Hello' })).status, 204)
  await heard.contains({ title: 'Hello' })
  same((await ask('POST', 'rpc', name, { a: 7, b: 8 })).value, 15)
})
