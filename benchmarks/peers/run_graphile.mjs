// graphile-worker: `run_graphile.mjs install | work SETTINGS | plan FILE | enqueue COUNT`
import fs from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(process.env.BENCH_NODE + '/package.json')
const { run, makeWorkerUtils, Logger } = require('graphile-worker')
const [action, argument] = process.argv.slice(2)
const logger = new Logger(() => () => {})
const connectionString = process.env.BENCH_URL
const now = () => (performance.timeOrigin + performance.now()) / 1000

if (action === 'work') {
  const settings = JSON.parse(argument)
  const told = { first: 0, last: 0, count: 0, lateness: [] }
  let written = 0
  const ran = due => {
    const at = now()
    if (!told.count) told.first = at
    told.last = at
    told.count += 1
    if (due) told.lateness.push(at - due)
  }
  setInterval(() => {
    if (told.count === written) return
    const path = `${process.env.BENCH_RECORD}.${process.pid}`
    fs.writeFileSync(path + '.draft', JSON.stringify(told))
    fs.renameSync(path + '.draft', path + '.json')
    written = told.count
  }, 200)
  const preset = settings.localQueue
    ? { worker: { localQueue: { size: settings.localQueue }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } }
    : undefined
  await run({ connectionString, concurrency: settings.concurrency, pollInterval: settings.pollInterval,
    maxPoolSize: settings.concurrency + 2, logger, noHandleSignals: true, preset,
    taskList: { noop: () => { ran() }, late: payload => { ran(payload.due) } } })
  process.on('SIGTERM', () => process.exit(0))
} else {
  const utils = await makeWorkerUtils({ connectionString, logger })
  await utils.migrate()
  if (action === 'plan') {
    for (const due of JSON.parse(fs.readFileSync(argument))) await utils.addJob('late', { due }, { runAt: new Date(due * 1000) })
  } else if (action === 'enqueue') {
    const count = +argument, runAt = new Date(Date.now() + 86400e3)
    const rate = (n, began) => n / ((performance.now() - began) / 1000)
    let began = performance.now()
    for (let i = 0; i < count / 5; i++) await utils.addJob('noop', {}, { runAt })
    const one = rate(count / 5, began)
    began = performance.now()
    for (let k = 0; k < count; k += 1000)
      await utils.addJobs(Array.from({ length: 1000 }, () => ({ identifier: 'noop', payload: {}, runAt })))
    console.log(JSON.stringify({ one, bulk: rate(count, began) }))
  }
  await utils.release()
}
