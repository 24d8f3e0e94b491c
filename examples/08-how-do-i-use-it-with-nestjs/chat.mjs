// @ts-check
/** The application's gateway and its controller, as Nest wants them. They know nothing of how a socket was admitted. */

import { Controller, Dependencies, HttpException, Post, Req, Res } from '@nestjs/common'
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets'

export class ChatGateway {
  /** @param {import('socket.io').Socket} socket @param {unknown} text */
  send(socket, text) {
    const message = `${socket.data.identity.claims.name}: ${text}`
    socket.nsp.emit('message', message)
    return message
  }

  clear() {
    return 'cleared'
  }
}
WebSocketGateway({ namespace: 'chat' })(ChatGateway)
onMethod(ChatGateway, 'send', SubscribeMessage('message:send'))
onMethod(ChatGateway, 'clear', SubscribeMessage('messages:clear'))

/** What the controller needs, made at the start. */
export const LOGIN = Symbol('login')

export class LoginController {
  /** @param {{ login(body: any): Promise<object | null>; logout(authorization: unknown): Promise<object | null> }} login */
  constructor(login) {
    this.its = login
  }

  /** @param {import('express').Request} request @param {import('express').Response} response */
  async login(request, response) {
    response.set('Cache-Control', 'no-store').status(200)
    return required(await this.its.login(request.body))
  }

  /** @param {import('express').Request} request @param {import('express').Response} response */
  async logout(request, response) {
    response.status(200)
    return required(await this.its.logout(request.get('authorization')))
  }
}
Controller()(LoginController)
Dependencies(LOGIN)(LoginController)
for (const name of /** @type {const} */ (['login', 'logout'])) {
  onMethod(LoginController, name, Post(name))
  Req()(LoginController.prototype, name, 0)
  Res({ passthrough: true })(LoginController.prototype, name, 1)
}

/** @param {object | null} answer */
function required(answer) {
  if (answer === null) throw new HttpException({ message: 'Wrong name, password or token' }, 401)
  return answer
}

/**
 * What TypeScript makes of `@decorate` before a method.
 *
 * @param {{ prototype: object }} type
 * @param {string} name
 * @param {MethodDecorator} decorate
 */
function onMethod({ prototype }, name, decorate) {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name)
  if (descriptor === undefined) throw new Error(`there is no method ${name}`)
  decorate(prototype, name, descriptor)
}
