// Runs scenarios on request. Started as `node main.mjs MODULE {"urls": […], "wire": …}`, it speaks JSON lines:
//   in  {"run": sentence}   {"answer": value}
//   out {"passed": sentence}   {"failed": sentence, "error": text}   {"ask": what, "arguments": […]}
import { createInterface } from 'node:readline'
import { inspect } from 'node:util'

const SCENARIO_DEADLINE = 30_000

const say = line => process.stdout.write(JSON.stringify(line) + '\n')
console.log = console.error
console.warn = (...words) => { stage?.complain(words.join(' ')) }

const { Stage, scenarios } = await import('./kit.mjs')
const [module, settings] = process.argv.slice(2)
await import(`./${module}`)

let stage = null
let interrupt = () => {}
let timer
const questions = []

for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, error => {
    stage?.complain(text(error))
    interrupt(error)
  })
}

function ask (what, ...args) {
  clearTimeout(timer) // what the test does meanwhile, as to restart a server, is not the scenario's time
  say({ ask: what, arguments: args })
  return new Promise(resolve => questions.push(resolve))
}

function answered (answer) {
  questions.shift()(answer)
  if (questions.length === 0) limit()
}

function limit () {
  clearTimeout(timer)
  timer = setTimeout(() => interrupt(new Error(`not over after ${SCENARIO_DEADLINE} ms`)), SCENARIO_DEADLINE)
}

/** Play the scenario and return what went wrong. */
async function play (sentence) {
  stage = new Stage(JSON.parse(settings), ask)
  const errors = []
  const interrupted = new Promise((resolve, reject) => { interrupt = reject })
  limit()
  await Promise.race([act(sentence), interrupted]).catch(error => errors.push(text(error)))
  clearTimeout(timer)
  await stage.close().catch(error => errors.push(text(error)))
  return [...new Set([...errors, ...stage.failures])]
}

async function act (sentence) {
  await scenarios.get(sentence)(stage)
  await stage.finish()
}

async function report (sentence) {
  const errors = await play(sentence)
  say(errors.length === 0 ? { passed: sentence } : { failed: sentence, error: errors.join('\n') })
}

function text (error) { return String(error?.stack ?? inspect(error)) }

const lines = createInterface({ input: process.stdin })
lines.on('line', line => {
  const message = JSON.parse(line)
  if ('answer' in message) answered(message.answer)
  else report(message.run)
})
lines.on('close', () => process.exit(0))
