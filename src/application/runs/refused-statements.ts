/** Of savepoints are only those that go back to one within the transaction. */
const allowedRollback = /^rollback( work| transaction)? to$/

/**
 * The statement in `text` that an effect in mode `tx` must not send, in upper case; undefined when it may. Those that begin or end
 * a transaction, because the ledger does; COPY, because its rows would need a stream.
 *
 * It looks at the first words, past comments and empty statements: a second statement in one text is refused by the protocol,
 * and a procedure that commits by the server.
 */
export const findRefusedStatement = (text: string): string | undefined => {
  const words = readWords(text, 3)
  const [first = '', second = ''] = words
  switch (first) {
    case 'begin':
    case 'start':
    case 'commit':
    case 'end':
    case 'abort':
    case 'copy':
      return first.toUpperCase()
    case 'prepare':
      return second === 'transaction' ? 'PREPARE TRANSACTION' : undefined
    case 'rollback':
      return [words.slice(0, 2), words].some((start) => allowedRollback.test(start.join(' '))) ? undefined : 'ROLLBACK'
    default:
      return undefined
  }
}

/** The first words of a statement, at most `max`, in lower case; none after the first that is no word. */
const readWords = (text: string, max: number): readonly string[] => {
  const words: string[] = []
  let at = 0
  while (words.length < max) {
    at = skipBlanks(text, at, words.length === 0 ? /[\s;\uFEFF]/u : /\s/u)
    const word = /^[A-Za-z_]+/.exec(text.slice(at, at + wordLengthMax))?.[0]
    if (word === undefined) break
    words.push(word.toLowerCase())
    at += word.length
  }
  return words
}

/** Longer than any word that matters here. */
const wordLengthMax = 16

/** Skips what `blank` matches, and comments; those between `/*` and `*\/` nest. */
const skipBlanks = (text: string, from: number, blank: RegExp): number => {
  let at = from
  for (;;) {
    while (at < text.length && blank.test(text.charAt(at))) at += 1
    if (text.startsWith('--', at)) at = skipLine(text, at)
    else if (text.startsWith('/*', at)) at = skipComment(text, at)
    else return at
  }
}

const skipLine = (text: string, from: number): number => {
  const end = text.slice(from).search(/[\r\n]/)
  return end === -1 ? text.length : from + end
}

const skipComment = (text: string, from: number): number => {
  let depth = 0
  for (let at = from; at < text.length; at += 1) {
    const pair = text.slice(at, at + 2)
    if (pair !== '/*' && pair !== '*/') continue
    depth += pair === '/*' ? 1 : -1
    at += 1
    if (depth === 0) return at + 1
  }
  return text.length
}
