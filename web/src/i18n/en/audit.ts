export const audit = {
  title: 'Audit log',
  action: 'What',
  who: 'Who',
  by: 'By',
  from: 'From',
  outcome: 'Outcome',
  outcomes: { done: 'Done', refused: 'Refused' },
  means: {
    house: 'The house',
    session: 'A session',
    key: 'A key',
    impersonation: 'Somebody for them',
    public: 'Somebody unknown',
  },
  empty: 'Nothing is written down yet',
}
