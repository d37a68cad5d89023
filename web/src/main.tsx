import '@mantine/core/styles.layer.css'
import '@mantine/notifications/styles.layer.css'
import './app/global.css'
import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode, useMemo } from 'react'
import { createRoot } from 'react-dom/client'
import { queryClient, setUpApi } from './api'
import { ahead, router } from './app/router'
import { cssVariables, makeTheme } from './app/theme'
import { I18nProvider, loadMessages, preferredLocale, useT } from './i18n'

const colorScheme = localStorageColorSchemeManager({ key: 'color-scheme' })

function App() {
  const t = useT()
  const theme = useMemo(() => makeTheme(t), [t])
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      colorSchemeManager={colorScheme}
      defaultColorScheme="auto"
    >
      <QueryClientProvider client={queryClient}>
        <Notifications position="bottom-right" />
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  )
}

// After an update of the house, a page that is still open asks for parts that are gone: it is loaded anew, once.
addEventListener('vite:preloadError', (event) => {
  const last = Number(sessionStorage.getItem('reloaded-at') ?? 0)
  if (Date.now() - last < 10_000) return
  event.preventDefault()
  sessionStorage.setItem('reloaded-at', String(Date.now()))
  location.reload()
})

setUpApi()
ahead()
const locale = preferredLocale()
document.documentElement.lang = locale
const t = await loadMessages(locale)
const root = document.getElementById('root')
if (root)
  createRoot(root).render(
    <StrictMode>
      <I18nProvider first={{ locale, t }}>
        <App />
      </I18nProvider>
    </StrictMode>,
  )
if (import.meta.env.PROD) void navigator.serviceWorker?.register('/sw.js').catch(() => undefined)
