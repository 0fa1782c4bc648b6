import { subscribe } from 'node:diagnostics_channel'
import { Socket } from 'node:net'

/** An API whose answers stay in the process until it is killed, which is the moment it would push its first hint. */
subscribe('http.server.request.start', (message) => {
  if (typeof message === 'object' && message !== null && 'socket' in message && message.socket instanceof Socket) {
    message.socket.write = () => true
  }
})
await import('./api-killed-before-push.ts')
