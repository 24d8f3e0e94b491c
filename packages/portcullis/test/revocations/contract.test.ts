import { memory } from 'portcullis/revocations/memory'
import { type ContractStore, revocationLogContract } from 'portcullis/testing'
import { describe, test } from 'vitest'
import { onCleanup } from '../harness.ts'
import { postgresStore, redisStore, SECRET } from './log-fixtures.ts'

const stores: Readonly<Record<string, () => ContractStore | Promise<ContractStore>>> = {
  memory() {
    const log = memory()
    return { log: () => log }
  },
  'redis (node-redis)': async () => (await redisStore('node-redis')).store,
  'redis (ioredis)': async () => (await redisStore('ioredis')).store,
  'redis (ioredis with a prefix of its own for keys)': async () => (await redisStore('ioredis', 'application:')).store,
  async 'redis (ioredis, with a subscriber of the application)'() {
    const { store, client, log } = await redisStore('ioredis')
    const subscribers: { disconnect(): void }[] = []
    onCleanup(() => {
      for (const each of subscribers) each.disconnect()
    })
    return {
      ...store,
      log(secret = SECRET) {
        const subscriber = (client as import('ioredis').Redis).duplicate({ enableOfflineQueue: true })
        subscribers.push(subscriber)
        return log(secret, { subscriber })
      },
    }
  },
  postgres: async () => (await postgresStore()).store,
}

for (const [name, store] of Object.entries(stores)) {
  describe(name, () => {
    for (const each of revocationLogContract({ store })) test(each.name, each.run)
  })
}
