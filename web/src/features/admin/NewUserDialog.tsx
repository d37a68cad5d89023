import { PasswordInput, Select, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { type Role, refetch } from '~/api'
import { createUser } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { useT } from '~/i18n'
import { atField } from '~/lib/problems'
import { roles } from './users'

/** Makes somebody an account at once, with a password to hand over. */
export function NewUserDialog({ onDone }: { onDone: () => void }) {
  const t = useT()
  const words = t.admin.users
  const form = useForm({
    initialValues: { name: '', email: '', password: '', role: 'user' as Role },
    validate: {
      name: (text) => (text.trim() ? null : t.common.required),
      email: (text) => (text.trim() ? null : t.common.required),
      password: (text) => (text ? null : t.common.required),
    },
  })
  const body = { ...form.values, name: form.values.name.trim(), email: form.values.email.trim() }
  return (
    <DialogForm
      about={words.newAbout}
      label={words.create}
      onCancel={onDone}
      hints={[{ path: '/api/v1/users', body: { ...body, password: 'PASSWORD' } }]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() =>
        !form.validate().hasErrors &&
        createUser({ body }).then(() => {
          void refetch('listUsers')
          onDone()
        })
      }
    >
      <TextInput data-autofocus label={t.common.name} {...form.getInputProps('name')} />
      <TextInput type="email" label={words.email} autoComplete="off" {...form.getInputProps('email')} />
      <PasswordInput
        label={words.password}
        description={words.passwordHint}
        inputWrapperOrder={['label', 'input', 'description', 'error']}
        autoComplete="new-password"
        {...form.getInputProps('password')}
      />
      <Select
        label={words.role}
        allowDeselect={false}
        data={roles.map((value) => ({ value, label: words.roles[value] }))}
        {...form.getInputProps('role')}
      />
    </DialogForm>
  )
}
