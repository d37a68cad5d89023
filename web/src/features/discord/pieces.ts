/** A part of a text: words, a place that something is put into, or a brace that stands alone. */
export type Piece = { words: string } | { place: string } | { lonely: true }

/** Takes a text apart as the bot does: `{name}` is a place, `{{` and `}}` are braces. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = []
  let words = ''
  const said = () => {
    if (words) found.push({ words })
    words = ''
  }
  for (let at = 0; at < text.length; ) {
    const two = text.slice(at, at + 2)
    if (two === '{{' || two === '}}') {
      words += two[0]
      at += 2
    } else if (text[at] === '{' || text[at] === '}') {
      const place = /^\{([^{}]*)\}/.exec(text.slice(at))
      said()
      found.push(place ? { place: place[1] ?? '' } : { lonely: true })
      at += place ? place[0].length : 1
    } else {
      words += text[at++]
    }
  }
  said()
  return found
}

export type Run = { text: string; bold?: boolean; italic?: boolean; code?: boolean }

/** The little of Discord's markup that our texts use: bold, italic and code. */
export function marked(text: string): Run[] {
  const runs: Run[] = []
  for (const found of text.matchAll(/\*\*(.+?)\*\*|\*(.+?)\*|`(.+?)`|((?:(?!\*\*.+?\*\*|\*.+?\*|`.+?`)[\s\S])+)/g)) {
    const [, bold, italic, code, plain] = found
    if (bold) runs.push({ text: bold, bold: true })
    else if (italic) runs.push({ text: italic, italic: true })
    else if (code) runs.push({ text: code, code: true })
    else if (plain) runs.push({ text: plain })
  }
  return runs
}

/** What might be put into a place, to see how a text looks. */
const samples: Record<'en' | 'fr', Record<string, string>> = {
  en: {
    mark: '🟢',
    name: 'cube',
    state: 'ready',
    detail: 'somebody plays',
    when: 'in 8 minutes',
    players: ' · 3/20 playing',
    names: 'ada, linus, grace',
    service: 'survival',
    address: 'play.inn.example',
    amount: '42.50',
    credits: '42.50 credits',
    lasts: '3 d 4 h',
    from: '20 Nov',
    to: '21 Nov',
    url: 'https://inn.example/discord/link#ikt_Yk3…',
    code: 'ikt_Yk3…',
    until: '18:10',
    account: 'ada@inn.example',
    question: 'Wake **cube**?',
    step: 'the players are told',
    message: 'The host sleeps: wake it first.',
    channels: '#bots',
    subject: 'cube',
  },
  fr: {
    mark: '🟢',
    name: 'cube',
    state: 'prêt',
    detail: 'quelqu’un joue',
    when: 'dans 8 minutes',
    players: ' · 3/20 en jeu',
    names: 'ada, linus, grace',
    service: 'survie',
    address: 'jeu.auberge.example',
    amount: '42,50',
    credits: '42,50 crédits',
    lasts: '3 j 4 h',
    from: '20 nov.',
    to: '21 nov.',
    url: 'https://auberge.example/discord/link#ikt_Yk3…',
    code: 'ikt_Yk3…',
    until: '18:10',
    account: 'ada@auberge.example',
    question: 'Réveiller **cube** ?',
    step: 'les joueurs sont prévenus',
    message: 'L’hôte dort : réveillez-le d’abord.',
    channels: '#bots',
    subject: 'cube',
  },
}
/** Parts that are put together from other texts. */
const joined: Record<string, Record<'en' | 'fr', Record<string, string>>> = {
  'status.host': { en: { detail: ' (somebody plays)' }, fr: { detail: ' (quelqu’un joue)' } },
  'status.service': {
    en: { name: 'survival', state: 'up', address: ' · `play.inn.example`' },
    fr: { name: 'survie', state: 'en ligne', address: ' · `jeu.auberge.example`' },
  },
}
const numbers: Record<string, string> = {
  online: '3',
  max: '20',
  wakes: '4',
  hours: '11',
  restarts: '2',
  players: '7',
  failures: '0',
  seconds: '48',
  minutes: '6',
  days: '3',
  number: '2',
  count: '5',
}

/** The text with something in its places. A report counts players; elsewhere they are named. */
export const filled = (key: string, text: string, language: 'en' | 'fr') =>
  pieces(text)
    .map((piece) => {
      if ('words' in piece) return piece.words
      if ('lonely' in piece) return ''
      const counted = key.startsWith('report.') ? numbers[piece.place] : undefined
      return (
        joined[key]?.[language][piece.place] ??
        counted ??
        samples[language][piece.place] ??
        numbers[piece.place] ??
        `{${piece.place}}`
      )
    })
    .join('')

export type Wrong = { place: string } | 'lonely' | 'long' | undefined

/** What the house would refuse about a text. */
export function wrong(text: string, places: string[]): Wrong {
  if ([...text].length > 2000) return 'long'
  for (const piece of pieces(text)) {
    if ('lonely' in piece) return 'lonely'
    if ('place' in piece && !places.includes(piece.place)) return piece
  }
  return undefined
}
