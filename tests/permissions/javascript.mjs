// Evaluates expressions as JavaScript does, for the tests to compare: one JSON line in, one out.
// First line: {names: {…}, records: {…}}; every other one: an expression, as a JSON string.
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })
let names
let values

for await (const line of lines) {
  const message = JSON.parse(line)
  if (values === undefined) {
    const lookup = (name) => {
      if (typeof name !== 'string' || name === '') throw new TypeError('no name of a record')
      return Object.hasOwn(message.records, name) ? message.records[name] : null
    }
    names = [...Object.keys(message.names), '_']
    values = [...Object.values(message.names), lookup]
  } else {
    process.stdout.write(JSON.stringify(evaluate(message)) + '\n')
  }
}

function evaluate (expression) {
  let rule
  try {
    rule = new Function(...names, `"use strict"; return (${expression}\n)`)
  } catch {
    return ['refused']
  }
  try {
    return ['value', told(rule(...values))]
  } catch {
    return ['threw']
  }
}

function told (value) {
  if (value === null || value === undefined) return [String(value)]
  if (typeof value === 'number') return ['number', Object.is(value, -0) ? '-0' : String(value)]
  if (typeof value === 'bigint') return ['bigint', String(value)]
  if (typeof value !== 'object') return [typeof value, value]
  if (value instanceof RegExp) return ['pattern', String(value)]
  if (Array.isArray(value)) return ['array', value.map(told)]
  return ['object', Object.keys(value).sort().map((key) => [key, told(value[key])])]
}
