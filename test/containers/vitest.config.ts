import { defineConfig } from 'vitest/config'
/** Apart from the rest: it builds images, wants Docker with Compose, and takes minutes. */
export default defineConfig({
  test: {
    name: 'containers',
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 900_000,
  },
})
