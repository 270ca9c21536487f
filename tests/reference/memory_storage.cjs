/** Storage in memory for the reference server, which by itself stores nothing: its documented connector interface. */
'use strict'

class MemoryStorage {
  constructor () {
    this.description = 'memory storage'
    this.records = new Map()
  }

  init () {}

  async whenReady () {}

  async close () {}

  set (name, version, data, callback) {
    this.records.set(name, { version, text: JSON.stringify(data) })
    setImmediate(callback, null)
  }

  get (name, callback) {
    const record = this.records.get(name)
    if (record === undefined) setImmediate(callback, null, -1, null)
    else setImmediate(callback, null, record.version, JSON.parse(record.text))
  }

  delete (name, callback) {
    this.records.delete(name)
    setImmediate(callback, null)
  }

  deleteBulk (names, callback) {
    names.forEach((name) => this.records.delete(name))
    setImmediate(callback, null)
  }
}

module.exports = { default: MemoryStorage }
