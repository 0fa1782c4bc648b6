import process from 'node:process'

/** Ends the process when its parent is gone: a handler that holds the event loop would outlive it unnoticed. */
const checkEveryMs = 500
const parent = process.ppid

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
}, checkEveryMs)
