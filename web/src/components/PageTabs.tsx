import { Link, type LinkProps } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import classes from './PageTabs.module.css'

export type PageTab = Pick<LinkProps, 'to' | 'params'> & { label: string }

/** The parts of a page, each with an address of its own; on phones they are pushed sideways. */
export function PageTabs({ tabs, label }: { tabs: PageTab[]; label: string }) {
  const list = useRef<HTMLElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is shown has changed with the address
  useEffect(() => {
    const active = list.current?.querySelector<HTMLElement>('[aria-current=page]')
    if (active && list.current)
      list.current.scrollLeft = active.offsetLeft - list.current.clientWidth / 2 + active.clientWidth / 2
  }, [location.pathname])
  return (
    <nav ref={list} aria-label={label} className={classes.tabs}>
      {tabs.map((tab) => (
        <Link
          key={tab.label}
          to={tab.to as '/'}
          params={tab.params as never}
          className={classes.tab}
          activeOptions={{ exact: true, includeSearch: false }}
          resetScroll={false}
        >
          {tab.label}
        </Link>
      ))}
    </nav>
  )
}
