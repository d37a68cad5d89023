import { PasswordInput } from '@mantine/core'
import { modals } from '@mantine/modals'
import { type ReactNode, useState } from 'react'
import { DialogForm } from '~/components/DialogForm'
import { useT } from '~/i18n'

type Asked = {
  title: string
  label: string
  about?: ReactNode
  danger?: boolean
  children?: ReactNode
  act: (again: { password?: string }) => Promise<unknown>
}

/** Does something about one's own safety, after the password was given again. */
export function askAgain(asked: Asked) {
  modals.open({ title: asked.title, children: <Again {...asked} /> })
}

function Again({ label, about, danger, children, act }: Asked) {
  const t = useT()
  const words = t.account.security
  const [password, setPassword] = useState('')
  const [wrong, setWrong] = useState<string>()
  return (
    <DialogForm
      about={about}
      label={label}
      danger={danger}
      onCancel={() => modals.closeAll()}
      onRefused={(error, text) => {
        const at = (error as { field?: string; code?: string }) ?? {}
        if (at.field !== 'password' && at.code !== 'wrong_credentials' && at.code !== 'wrong_password') return false
        setWrong(text)
        return true
      }}
      submit={() => act(password ? { password } : {})}
    >
      {children}
      <PasswordInput
        data-autofocus
        label={words.again}
        description={words.againHint}
        autoComplete="current-password"
        value={password}
        error={wrong}
        onChange={(event) => {
          setPassword(event.currentTarget.value)
          setWrong(undefined)
        }}
      />
    </DialogForm>
  )
}
