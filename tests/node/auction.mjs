// An auction: who may bid bids, and only more than before; only who sells an item takes it down.
import { Inbox, agreed, assert, forget, refusal, same, scenario, until, within } from './kit.mjs'

const DENIED = 'MESSAGE_DENIED'

/** The seller ann, the bidders bob and cleo, and dan, who may not bid; each looks at the item that ann sells. */
async function auction (stage) {
  stage.allow(DENIED, 'ACK_TIMEOUT')
  const name = stage.name('auction/item/ann')
  const people = {}
  for (const username of ['ann', 'bob', 'cleo', 'dan']) {
    const details = { username, password: `secret of ${username}` }
    // Who bids by name has no copy of the item, which would only ask the server about what is new to it.
    const [looking, bidding] = [await stage.login(details), await stage.login(details)]
    people[username] = { item: looking.record.getRecord(name), looking, client: bidding }
    await within(people[username].item.whenReady(), 'the item')
  }
  await within(people.bob.item.setWithAck({ price: 10, by: 'bob' }), 'the first bid')
  await shown(people, 10)
  return { name, ...people }
}

function shown ({ ann, bob, cleo, dan }, price) {
  return until(() => [ann, bob, cleo, dan].every(({ item }) => item.get('price') === price), `the price ${price} everywhere`)
}

scenario('a higher bid of who may bid is the price for everybody', async stage => {
  const people = await auction(stage)
  await within(people.cleo.item.setWithAck('price', 11), 'a patch')
  await shown(people, 11)
  await within(people.bob.item.setWithAck({ price: 12, by: 'bob' }), 'an update')
  await shown(people, 12)
  await within(people.cleo.client.record.setDataWithAck(people.name, { price: 13, by: 'cleo' }), 'an upsert')
  await shown(people, 13)
  await within(people.bob.client.record.setDataWithAck(people.name, 'price', 14), 'an upsert of a path')
  await shown(people, 14)
})

scenario('a bid that is no higher is refused and changes nothing', async stage => {
  const people = await auction(stage)
  for (const price of [10, 9, -1, null, 'a lot', undefined]) {
    assert.equal(await refusal(people.cleo.client.record.setDataWithAck(people.name, { price, by: 'cleo' })), DENIED)
  }
  assert.equal(await refusal(people.cleo.client.record.setDataWithAck(people.name, 'price', 10)), DENIED)
  same(await within(people.ann.client.record.snapshot(people.name), 'the item'), { price: 10, by: 'bob' })
})

scenario('who may not bid is refused, whatever the price', async stage => {
  const people = await auction(stage)
  for (const who of [people.dan, people.ann]) {
    assert.equal(await refusal(who.client.record.setDataWithAck(people.name, { price: 1000 })), DENIED)
    assert.equal(await refusal(who.client.record.setDataWithAck(people.name, 'price', 1000)), DENIED)
  }
  same(await within(people.ann.client.record.snapshot(people.name), 'the item'), { price: 10, by: 'bob' })
})

scenario('a refused bid is taken back on the screen of who made it', async stage => {
  const people = await auction(stage)
  assert.equal(await refusal(people.dan.item.setWithAck('price', 1000)), DENIED)
  await within(people.bob.item.setWithAck('price', 20), 'the next bid')
  await shown(people, 20)
})

scenario('of two bids at the same time the price is the higher one in the end', async stage => {
  const people = await auction(stage)
  const bids = [15, 16].map((price, index) => [people.bob, people.cleo][index].client.record
    .setDataWithAck(people.name, 'price', price).catch(reason => reason)) // 15 may come behind 16
  await within(Promise.all(bids), 'the answers')
  await agreed() // a node reads what it knows, and hears of the others' bids a moment later
  same((await within(people.ann.client.record.snapshot(people.name), 'the item')).price, 16)
})

scenario('nobody but the seller takes an item down', async stage => {
  const people = await auction(stage)
  for (const who of [people.bob, people.dan]) {
    assert.equal(await refusal(who.item.delete()), DENIED)
    forget(who.looking)
  }
  assert.equal(await within(people.cleo.client.record.has(people.name), 'the answer'), true)
  const gone = new Inbox()
  people.cleo.item.on('delete', () => gone.receive('gone'))
  await within(people.ann.item.delete(), 'the deletion by the seller')
  await gone.count(1)
  assert.equal(await within(people.cleo.client.record.has(people.name), 'the answer'), false)
})
