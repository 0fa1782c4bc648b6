import { readFileSync } from 'node:fs'
import { z } from 'zod'

const manifest = z.object({ scripts: z.object({ start: z.string() }) })

/** The flags that `npm start` gives to Node: here every contender's processes get them. */
export const nodeFlags: readonly string[] = manifest
  .parse(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')))
  .scripts.start.split(' ')
  .filter((word) => word.startsWith('--'))
