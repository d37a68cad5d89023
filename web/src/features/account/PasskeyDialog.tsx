import { PasswordInput, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { modals } from '@mantine/modals'
import { notifications } from '@mantine/notifications'
import { hasCode, refetch } from '~/api'
import { addPasskey, beginPasskey } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { makePasskey } from '~/features/auth/webauthn'
import { useT } from '~/i18n'
import { showRecoveryCodes } from './TotpDialog'

/** Adds a passkey: the house asks, the browser makes it, the house keeps its public half. */
export function PasskeyDialog() {
  const t = useT()
  const words = t.account.security
  const form = useForm({
    initialValues: { name: '', password: '' },
    validate: { name: (name) => (name.trim() ? null : t.common.required) },
  })
  const { name, password } = form.values
  const add = async () => {
    const { data: begun } = await beginPasskey({ body: password ? { password } : {} })
    const credential = await makePasskey(begun.options)
    const { data } = await addPasskey({ body: { ticket: begun.ticket, name: name.trim(), credential } })
    void refetch('listPasskeys', 'getFactors')
    modals.closeAll()
    notifications.show({ color: 'teal', message: words.passkeyAdded })
    showRecoveryCodes(words.recoveryTitle, data.recovery_codes, t.common.savedIt)
  }
  return (
    <DialogForm
      about={words.passkeysAbout}
      label={words.passkeyAdd}
      onCancel={() => modals.closeAll()}
      onRefused={(error, text) => {
        if (error instanceof DOMException) form.setFieldError('name', t.auth.passkeyCancelled)
        else if (hasCode(error, 'wrong_password', 'wrong_credentials')) form.setFieldError('password', text)
        else return false
        return true
      }}
      submit={() => !form.validate().hasErrors && add()}
    >
      <TextInput data-autofocus label={words.passkeyName} {...form.getInputProps('name')} />
      <PasswordInput
        label={words.again}
        description={words.againHint}
        autoComplete="current-password"
        {...form.getInputProps('password')}
      />
    </DialogForm>
  )
}
