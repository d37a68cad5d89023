import { Button, Group } from '@mantine/core'
import RFB from '@novnc/novnc'
import { useEffect, useRef } from 'react'
import { useT } from '~/i18n'
import { type ConsoleProps, socketUrl } from './ConsolePanel'

/** The screen of an instance. noVNC keeps the reason of a close to itself, so that the socket is ours. */
export default function GraphicsConsole({ offered, onOpen, onClose }: ConsoleProps) {
  const t = useT()
  const place = useRef<HTMLDivElement>(null)
  const screen = useRef<RFB>(null)
  useEffect(() => {
    if (!place.current) return
    const socket = new WebSocket(socketUrl(offered), [offered.protocol, offered.ticket])
    let over = false
    socket.addEventListener('close', ({ code, reason }) => {
      if (!over) onClose({ code, reason })
    })
    const rfb = new RFB(place.current, socket, { shared: true })
    rfb.scaleViewport = true
    rfb.addEventListener('connect', () => onOpen())
    screen.current = rfb
    return () => {
      over = true
      try {
        rfb.disconnect()
      } catch {
        // it was closed already
      }
      socket.close()
      screen.current = null
    }
  }, [offered, onOpen, onClose])
  return (
    <div style={{ display: 'flex', flexDirection: 'column', height: '100%' }}>
      <Group gap="xs" p={8} style={{ borderBottom: '1px solid #252c3b' }}>
        <Button size="compact-xs" variant="default" onClick={() => screen.current?.sendCtrlAltDel()}>
          {t.instances.console.keys}
        </Button>
      </Group>
      {/* The screen is fitted into its place, which therefore has a size of its own. */}
      <div style={{ flex: 1, minHeight: 420, position: 'relative', background: '#000' }}>
        <div ref={place} style={{ position: 'absolute', inset: 0 }} />
      </div>
    </div>
  )
}
