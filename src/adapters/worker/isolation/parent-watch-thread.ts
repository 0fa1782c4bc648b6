import process from 'node:process'

/** Ends the process when its parent is gone: a handler that holds the event loop would outlive it unnoticed. */
const checkEveryMs = 500
/** The process that this one was made for; not the parent it has now, which is another once that one is gone. */
const parent = Number(process.argv[2])

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
}, checkEveryMs)
