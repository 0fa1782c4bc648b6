import { connect, type Socket } from 'node:net'

/** Connections that say what they were told and read nothing unless asked to. */
export interface Attackers {
  /** Opens a connection and sends the texts, one after the other as they are taken. */
  send(...texts: readonly (string | Buffer)[]): Socket
  /** The same from another address of this machine. */
  sendFrom(localAddress: string, ...texts: readonly (string | Buffer)[]): Socket
  close(): void
}

export const createAttackers = (url: string): Attackers => {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  const sendFrom: Attackers['sendFrom'] = (localAddress, ...texts) => {
    const socket = connect({ host: hostname, port: Number(port), localAddress })
    sockets.add(socket)
    // The server may end what it likes.
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    for (const text of texts) socket.write(text)
    return socket
  }
  return {
    sendFrom,
    send: (...texts) => sendFrom('127.0.0.1', ...texts),
    close: () => {
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** A request with a body as bytes; `announced` where that is not what follows. */
export const toPost = (path: string, body: string, announced = Buffer.byteLength(body)): Buffer =>
  Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${announced}\r\n\r\n${body}`,
  )

export const toGet = (path: string, accept = 'application/json'): Buffer =>
  Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: ${accept}\r\n\r\n`)
