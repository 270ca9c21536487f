// A TCP proxy between a client and the server that can fall silent, be cut and be mended.
import net from 'node:net'

export class Link {
  #pairs = new Set()
  #server
  #frozen = false
  #cut = false
  lost = 0

  /** Listen on a free port and forward to the server at `url` (ws://host:port). */
  static async to (stage, url = stage.url) {
    const link = new Link()
    const { hostname, port } = new URL(url)
    link.#server = net.createServer(near => link.#join(near, net.connect(Number(port), hostname)))
    await new Promise(resolve => link.#server.listen(0, '127.0.0.1', resolve))
    link.url = `ws://127.0.0.1:${link.#server.address().port}`
    stage.links.push(link)
    return link
  }

  #join (near, far) {
    if (this.#cut) {
      near.destroy()
      far.destroy()
      return
    }
    const pair = { near, far }
    this.#pairs.add(pair)
    this.#forward(near, far)
    this.#forward(far, near)
    far.on('close', () => { this.lost += 1 })
    this.#closeTogether(pair, near, far)
    this.#closeTogether(pair, far, near)
  }

  #closeTogether (pair, socket, other) {
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.#frozen) return
      this.#pairs.delete(pair)
      other.destroy()
    })
  }

  #forward (from, to) {
    from.on('data', data => { if (!this.#frozen) to.write(data) })
    from.on('end', () => { if (!this.#frozen) to.end() })
  }

  /** Stop forwarding, in both directions, without closing anything. */
  freeze () { this.#frozen = true }

  /** Close every connection and refuse new ones. */
  cut () {
    this.#cut = true
    for (const { near, far } of this.#pairs) {
      near.destroy()
      far.destroy()
    }
  }

  /** Let new connections through; those that were frozen lost bytes and are closed. */
  mend () {
    if (this.#frozen) this.cut()
    this.#frozen = false
    this.#cut = false
  }

  close () {
    this.cut()
    return new Promise(resolve => this.#server.close(resolve))
  }
}
