import '@xterm/xterm/css/xterm.css'
import { FitAddon } from '@xterm/addon-fit'
import { Terminal } from '@xterm/xterm'
import { useEffect, useRef } from 'react'
import { useT } from '~/i18n'
import { type ConsoleProps, socketUrl } from './ConsolePanel'

/** The terminal of an instance: bytes both ways, and its size in a text message. */
export default function TextConsole({ offered, onOpen, onClose }: ConsoleProps) {
  const t = useT()
  const place = useRef<HTMLDivElement>(null)
  const label = t.instances.console.text
  useEffect(() => {
    if (!place.current) return
    const terminal = new Terminal({
      fontFamily: "'JetBrains Mono Variable', ui-monospace, monospace",
      fontSize: 13,
      cursorBlink: true,
      screenReaderMode: true,
      theme: { background: '#0a0d13', foreground: '#dfe3ea' },
    })
    const fit = new FitAddon()
    terminal.loadAddon(fit)
    terminal.open(place.current)
    fit.fit()
    terminal.textarea?.setAttribute('aria-label', label)

    const socket = new WebSocket(socketUrl(offered), [offered.protocol, offered.ticket])
    socket.binaryType = 'arraybuffer'
    const encoder = new TextEncoder()
    const send = (bytes: Uint8Array<ArrayBuffer>) => socket.readyState === WebSocket.OPEN && socket.send(bytes)
    const size = () => {
      if (socket.readyState === WebSocket.OPEN)
        socket.send(JSON.stringify({ resize: { columns: terminal.cols, rows: terminal.rows } }))
    }
    let over = false
    socket.onopen = () => {
      size()
      terminal.focus()
      onOpen()
    }
    socket.onmessage = ({ data }) =>
      terminal.write(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer))
    socket.onclose = ({ code, reason }) => {
      terminal.options.cursorBlink = false
      if (!over) onClose({ code, reason })
    }
    const typed = terminal.onData((text) => send(encoder.encode(text)))
    const raw = terminal.onBinary((text) => send(Uint8Array.from(text, (c) => c.charCodeAt(0))))
    const resized = terminal.onResize(size)
    const observer = new ResizeObserver(() => fit.fit())
    observer.observe(place.current)
    return () => {
      over = true
      observer.disconnect()
      for (const one of [typed, raw, resized]) one.dispose()
      socket.close()
      terminal.dispose()
    }
  }, [offered, onOpen, onClose, label])
  return <div ref={place} style={{ height: '100%', minHeight: 460, padding: 12 }} />
}
