import { Box, Code } from '@mantine/core'
import classes from './Preview.module.css'
import { filled, marked } from './pieces'

/** A text as the bot would say it, with something in its places. */
export function Preview({ of, text, language }: { of: string; text: string; language: 'en' | 'fr' }) {
  const runs = marked(filled(of, text, language))
  return (
    <Box className={classes.said} lang={language}>
      {runs.map((run, n) => {
        const key = `${n}-${run.text}`
        if (run.bold) return <strong key={key}>{run.text}</strong>
        if (run.italic) return <em key={key}>{run.text}</em>
        if (run.code) return <Code key={key}>{run.text}</Code>
        return <span key={key}>{run.text}</span>
      })}
    </Box>
  )
}
