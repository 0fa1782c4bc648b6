/** What of it is used here: it brings no types. */
declare module 'autocannon' {
  interface Options {
    readonly url: string
    readonly method: 'POST'
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
    readonly connections: number
    /** In seconds. */
    readonly duration: number
  }
  interface Result {
    readonly '2xx': number
    readonly non2xx: number
    readonly errors: number
    /** In seconds. */
    readonly duration: number
  }
  export default function autocannon(options: Options): Promise<Result>
}
