import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Somebody on the network who is not there: listens on this machine, and answers as who it stands for would. */
export abstract class Double {
  readonly #server: Server

  constructor() {
    this.#server = createServer(async (request, response) => {
      try {
        const chunks: Buffer[] = []
        for await (const chunk of request) chunks.push(chunk)
        await this.answer(request, Buffer.concat(chunks), response)
      } catch (error) {
        response.writeHead(500).end(String(error))
      }
    })
  }

  protected abstract answer(request: IncomingMessage, body: Buffer, response: ServerResponse): unknown

  async listen() {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  get url() {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  end() {
    this.#server.closeAllConnections()
    return new Promise((resolve) => this.#server.close(resolve))
  }
}
