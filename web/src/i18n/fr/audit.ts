import type { Messages } from '../en'

export const audit: Messages['audit'] = {
  title: 'Journal d’audit',
  action: 'Quoi',
  who: 'Qui',
  by: 'Par',
  from: 'De',
  outcome: 'Issue',
  outcomes: { done: 'Fait', refused: 'Refusé' },
  means: {
    house: 'La maison',
    session: 'Une session',
    key: 'Une clé',
    impersonation: 'Quelqu’un à sa place',
    public: 'Quelqu’un d’inconnu',
  },
  empty: 'Rien n’est encore consigné',
}
