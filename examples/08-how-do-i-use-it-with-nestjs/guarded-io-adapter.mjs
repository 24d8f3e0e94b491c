// @ts-check
/** Where a guard is put on Nest's Socket.IO server: as soon as there is one, and before any gateway listens to it. */

import { IoAdapter } from '@nestjs/platform-socket.io'

export class GuardedIoAdapter extends IoAdapter {
  #guard

  /**
   * @param {import('@nestjs/common').INestApplicationContext} app
   * @param {(io: import('socket.io').Server) => void} guard
   */
  constructor(app, guard) {
    super(app)
    this.#guard = guard
  }

  /** @override @param {number} port @param {object} [options] */
  createIOServer(port, options) {
    const io = super.createIOServer(port, options)
    this.#guard(io)
    return io
  }
}
