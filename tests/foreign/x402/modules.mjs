// Where install.sh put the npm packages: FOREIGN_MODULES, or where it puts them when nobody says otherwise.
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../../../target', import.meta.url));
const folder = process.env.FOREIGN_MODULES ?? join(target, 'foreign/x402/node');
export const require = createRequire(resolve(folder, 'package.json'));
