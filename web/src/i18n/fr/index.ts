import type { Messages } from '../en'
import { account } from './account'
import { actions } from './actions'
import { admin } from './admin'
import { announcements } from './announcements'
import { audit } from './audit'
import { auth } from './auth'
import { common } from './common'
import { create } from './create'
import { credits } from './credits'
import { dashboard } from './dashboard'
import { discord } from './discord'
import { hosts } from './hosts'
import { instances } from './instances'
import { keys } from './keys'
import { leases } from './leases'
import { operations } from './operations'
import { problems } from './problems'
import { projects } from './projects'
import { services } from './services'
import { shell } from './shell'
import { templates } from './templates'
import { webhooks } from './webhooks'

export const fr: Messages = {
  account,
  actions,
  admin,
  announcements,
  audit,
  auth,
  common,
  create,
  credits,
  dashboard,
  hosts,
  discord,
  instances,
  keys,
  leases,
  operations,
  problems,
  projects,
  services,
  shell,
  templates,
  webhooks,
}
