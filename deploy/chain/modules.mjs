// Where the npm packages are: beside this file (`npm ci` here), or in the folder that CHAIN_MODULES names, so that tests
// of several checkouts can share one installation.
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = process.env.CHAIN_MODULES ?? fileURLToPath(new URL('.', import.meta.url));
export const require = createRequire(resolve(folder, 'package.json'));

try {
  require.resolve('viem');
} catch {
  console.error(`the packages are not in ${resolve(folder)}: run \`npm ci\` there, or name another folder in CHAIN_MODULES`);
  process.exit(1);
}
