import { describe, expect, test } from 'vitest'
import { createHostJudge, isSameOrigin } from '#adapters/http/access/hosts.ts'

describe('a process on loopback', () => {
  const judge = createHostJudge({ listensOn: '127.0.0.1', allowed: ['tasks.test'] })

  test.each([
    'localhost',
    'LOCALHOST:3000',
    'localhost.:3000',
    'app.localhost:3000',
    '127.0.0.1:3000',
    '127.1.2.3',
    '[::1]:3000',
    'tasks.test:8080',
  ])('goes by %s', (host) => {
    expect(judge.isOurs(host)).toBe(true)
  })

  test.each([
    '',
    'evil.example',
    'localhost.evil.example',
    'evil-localhost',
    '127.0.0.1.evil.example',
    '127.0.0.256',
    '10.0.0.7:3000',
    'localhost:3000,evil.example',
    'user@localhost',
    'localhost:port',
    '[::1',
    '[::2]:3000',
  ])('does not go by %s', (host) => {
    expect(judge.isOurs(host)).toBe(false)
  })
})

describe('a process on any other address', () => {
  test('goes by any name that is one, until names are allowed', () => {
    const judge = createHostJudge({ listensOn: '0.0.0.0', allowed: [] })
    expect(judge.isOurs('tasks.example:8080')).toBe(true)
    expect(judge.isOurs('10.0.0.7')).toBe(true)
    expect(judge.isOurs('no name')).toBe(false)
  })

  test('then goes by those alone', () => {
    const judge = createHostJudge({ listensOn: '0.0.0.0', allowed: ['tasks.example'] })
    expect(judge.isOurs('Tasks.example:8080')).toBe(true)
    expect(judge.isOurs('localhost:8080')).toBe(false)
    expect(judge.isOurs('other.example')).toBe(false)
  })
})

describe('an origin', () => {
  test.each([
    ['http://localhost:3000', 'localhost:3000'],
    ['http://LOCALHOST:3000', 'Localhost:3000'],
    ['http://tasks.example', 'tasks.example'],
    ['http://tasks.example', 'tasks.example:80'],
    ['https://tasks.example', 'tasks.example:443'],
    ['http://[::1]:3000', '[::1]:3000'],
  ])('%s is that of %s', (origin, host) => {
    expect(isSameOrigin(origin, host)).toBe(true)
  })

  test.each([
    ['null', 'localhost:3000'],
    ['http://evil.example', 'localhost:3000'],
    ['http://localhost:8080', 'localhost:3000'],
    ['http://localhost', 'localhost:3000'],
    ['file://localhost:3000', 'localhost:3000'],
    ['', 'localhost:3000'],
  ])('%s is not that of %s', (origin, host) => {
    expect(isSameOrigin(origin, host)).toBe(false)
  })
})
