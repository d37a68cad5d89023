export { Stat } from '~/components/Stat'
