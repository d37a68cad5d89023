import {
  type BadgeProps,
  type ButtonProps,
  type CardProps,
  type CSSVariablesResolver,
  createTheme,
  type DrawerProps,
  type MantineColorsTuple,
  type MenuProps,
  type ModalProps,
  type NotificationProps,
  type TableProps,
  type TooltipProps,
} from '@mantine/core'
import type { Messages } from '~/i18n/en'

const indigo: MantineColorsTuple = [
  '#eef0ff',
  '#dfe3ff',
  '#bcc4fe',
  '#98a4fb',
  '#7a88f7',
  '#6574f4',
  '#5563ee',
  '#4650d8',
  '#3c44bd',
  '#31389a',
]
const red: MantineColorsTuple = [
  '#fff0ee',
  '#ffdfdb',
  '#ffbcb4',
  '#ff9488',
  '#fb7265',
  '#f05246',
  '#d13327',
  '#c42d22',
  '#a8261d',
  '#8a1f18',
]
const dark: MantineColorsTuple = [
  '#e6e8ee',
  '#c3c8d4',
  '#9aa2b4',
  '#7d869b',
  '#333b4c',
  '#262d3b',
  '#1c222d',
  '#141923',
  '#10141c',
  '#0a0d13',
]
const gray: MantineColorsTuple = [
  '#f7f8fa',
  '#eff1f5',
  '#e3e6ec',
  '#d3d8e1',
  '#b3bac7',
  '#767f91',
  '#5d6678',
  '#475062',
  '#2b3342',
  '#171c27',
]

/** Defaults of a component, which is not loaded for their sake as it is by its own `extend`. */
const by = <Props>(defaultProps: Partial<Props>) => ({ defaultProps })

/** One place for looks and for the accessible defaults every component needs. */
export const makeTheme = (t: Messages) =>
  createTheme({
    primaryColor: 'indigo',
    primaryShade: { light: 7, dark: 6 },
    colors: { indigo, red, dark, gray },
    fontFamily: "'Inter Variable', system-ui, sans-serif",
    fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, monospace",
    headings: { fontWeight: '600' },
    defaultRadius: 'md',
    cursorType: 'pointer',
    autoContrast: true,
    luminanceThreshold: 0.35,
    respectReducedMotion: true,
    components: {
      Button: by<ButtonProps>({ size: 'sm' }),
      Card: by<CardProps>({ withBorder: true, radius: 'lg', padding: 'lg', shadow: 'none' }),
      Menu: by<MenuProps>({ withInitialFocusPlaceholder: false, shadow: 'md' }),
      Modal: by<ModalProps>({
        centered: true,
        radius: 'lg',
        overlayProps: { blur: 2, backgroundOpacity: 0.5 },
        closeButtonProps: { 'aria-label': t.common.close },
      }),
      Drawer: by<DrawerProps>({ closeButtonProps: { 'aria-label': t.common.close } }),
      ModalHeader: { defaultProps: { component: 'div' } },
      DrawerHeader: { defaultProps: { component: 'div' } },
      Notification: by<NotificationProps>({ closeButtonProps: { 'aria-label': t.common.close } }),
      Tooltip: by<TooltipProps>({ withArrow: true, openDelay: 300 }),
      Badge: by<BadgeProps>({ radius: 'sm', tt: 'none', fw: 500 }),
      Table: by<TableProps>({ verticalSpacing: 'sm', horizontalSpacing: 'md' }),
    },
  })

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#f6f7f9',
    '--app-surface': '#ffffff',
    '--app-border': '#e3e6ec',
    '--mantine-color-dimmed': '#5a6375',
    '--mantine-color-error': '#c42d22',
    '--mantine-color-red-text': '#c42d22',
    // Words on tinted grounds.
    '--mantine-color-teal-light-color': '#05573e',
    '--mantine-color-yellow-light-color': '#6f4a00',
    '--mantine-color-red-light-color': '#8a1f18',
    '--mantine-color-grape-light-color': '#6b1f83',
    '--mantine-color-default-border': '#d3d8e1',
  },
  dark: {
    '--mantine-color-body': '#0d1016',
    '--app-surface': '#141923',
    '--app-border': '#252c3b',
    '--mantine-color-dimmed': '#9aa2b4',
    '--mantine-color-error': '#ff8578',
    '--mantine-color-red-text': '#ff8578',
    '--mantine-color-default-border': '#333b4c',
    // Tinted grounds, so dark that words on them are read as easily as beside them.
    '--mantine-color-yellow-light': '#2b2416',
    '--mantine-color-yellow-light-color': '#f6c65b',
    '--mantine-color-teal-light': '#10271f',
    '--mantine-color-teal-light-color': '#5fdcac',
    '--mantine-color-red-light': '#301a1c',
    '--mantine-color-red-light-color': '#ff9a90',
    '--mantine-color-grape-light': '#2a1a33',
    '--mantine-color-grape-light-color': '#dba6f0',
    '--mantine-color-indigo-light': '#1d2244',
    '--mantine-color-indigo-light-color': '#aeb9ff',
    '--mantine-color-indigo-light-hover': '#252b57',
  },
})
