import { useEffect, useState } from 'react'

/** The time, once a second while something is counted down. */
export function useNow(ticking = true) {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    if (!ticking) return
    const timer = setInterval(() => setNow(Date.now()), 1000)
    setNow(Date.now())
    return () => clearInterval(timer)
  }, [ticking])
  return now
}
