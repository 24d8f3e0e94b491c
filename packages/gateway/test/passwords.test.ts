import { getRounds } from 'bcryptjs'
import { describe, expect, it } from 'vitest'
import { hashPassword, verifyPassword } from '../src/demo/passwords.ts'

describe('passwords', () => {
  it('are kept as bcrypt hashes of cost 10 or more, each with its own salt', async () => {
    const [a, b] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')])
    expect(getRounds(a)).toBeGreaterThanOrEqual(10)
    expect(a).not.toBe(b)
    expect(await verifyPassword('correct horse', a)).toBe(true)
    expect(await verifyPassword('correct hors', a)).toBe(false)
  })

  it('of somebody who does not exist cost the same hash as a wrong one', async () => {
    await verifyPassword('warm up', null)
    const hash = await hashPassword('right')
    const cpuOf = async (work: () => Promise<boolean>) => {
      const before = process.cpuUsage()
      expect(await work()).toBe(false)
      return process.cpuUsage(before).user
    }
    const wrong = await cpuOf(() => verifyPassword('wrong', hash))
    const unknown = await cpuOf(() => verifyPassword('wrong', null))
    // No timing is asserted but this: without the dummy hash it would be thousands of times less.
    expect(unknown).toBeGreaterThan(wrong / 10)
  })

  it('are not guessed by the dummy’s own password', async () => {
    expect(await verifyPassword('no user has this password', null)).toBe(false)
  })

  it('over 72 bytes are neither hashed nor verified, since bcrypt ignores what follows', async () => {
    const longest = 'ü'.repeat(36)
    const hash = await hashPassword(longest)
    expect(await verifyPassword(longest, hash)).toBe(true)
    expect(await verifyPassword(`${longest}x`, hash)).toBe(false)
    await expect(hashPassword(`${longest}x`)).rejects.toThrow(TypeError)
  })

  it('that PHP hashed ($2y$) are verified', async () => {
    const hash = (await hashPassword('from PHP')).replace(/^\$2[ab]\$/, '$2y$')
    expect(await verifyPassword('from PHP', hash)).toBe(true)
  })
})
