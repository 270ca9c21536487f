// Runs scenarios on request. Started as `node main.mjs MODULE {"url": …, "wire": …}`, it speaks JSON lines:
//   in  {"run": sentence}   {"answer": value}
//   out {"passed": sentence}   {"failed": sentence, "error": text}   {"ask": what, "arguments": […]}
import { createInterface } from 'node:readline'
import { inspect } from 'node:util'

const SCENARIO_DEADLINE = 20_000

const say = line => process.stdout.write(JSON.stringify(line) + '\n')
console.log = console.error
console.warn = (...words) => { stage?.complain(words.join(' ')) }

const { Stage, scenarios } = await import('./kit.mjs')
const [module, settings] = process.argv.slice(2)
await import(`./${module}`)

let stage = null
let interrupt = () => {}
const questions = []

for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, error => interrupt(error))
}

function ask (what, ...args) {
  say({ ask: what, arguments: args })
  return new Promise(resolve => questions.push(resolve))
}

async function play (sentence) {
  stage = new Stage(JSON.parse(settings), ask)
  let timer
  const interrupted = new Promise((resolve, reject) => {
    interrupt = reject
    timer = setTimeout(() => reject(new Error(`not over after ${SCENARIO_DEADLINE} ms`)), SCENARIO_DEADLINE)
  })
  try {
    await Promise.race([act(sentence), interrupted])
  } finally {
    clearTimeout(timer)
    await stage.close()
  }
}

async function act (sentence) {
  await scenarios.get(sentence)(stage)
  await stage.finish()
  if (stage.failures.length > 0) throw new Error(stage.failures.join('\n'))
}

async function report (sentence) {
  try {
    await play(sentence)
    say({ passed: sentence })
  } catch (error) {
    const complaints = stage.failures.map(text => `\n  ${text}`).join('')
    say({ failed: sentence, error: `${error?.stack ?? inspect(error)}${complaints}` })
  }
}

const lines = createInterface({ input: process.stdin })
lines.on('line', line => {
  const message = JSON.parse(line)
  if ('answer' in message) questions.shift()(message.answer)
  else report(message.run)
})
lines.on('close', () => process.exit(0))
