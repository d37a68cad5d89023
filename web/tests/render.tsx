import { MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { render } from '@testing-library/react'
import type { ReactNode } from 'react'
import { queryClient } from '~/api'
import { makeTheme } from '~/app/theme'
import { I18nProvider } from '~/i18n'
import { en } from '~/i18n/en'

/** Shows a part of a page with everything around it that it needs, in English. */
export const show = (part: ReactNode) =>
  render(
    <I18nProvider first={{ locale: 'en', t: en }}>
      <MantineProvider theme={makeTheme(en)} env="test">
        <QueryClientProvider client={queryClient}>{part}</QueryClientProvider>
      </MantineProvider>
    </I18nProvider>,
  )
