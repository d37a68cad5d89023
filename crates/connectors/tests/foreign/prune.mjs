// Of the data of all Minecraft versions (half a gigabyte) keeps what the tests use.
//
//     prune.mjs NODE_MODULES
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

// As the tests name them; the last is the one that the library itself falls back to.
const versions = ['1.8', '1.16.5', '1.20.4', '1.21.1', '1.21.4', '26.1'];

const data = join(process.argv[2], 'minecraft-data/minecraft-data/data');
const paths = JSON.parse(readFileSync(join(data, 'dataPaths.json'), 'utf8')).pc;
const kept = new Set(['pc/common', 'bedrock/common', ...versions.flatMap((version) => Object.values(paths[version]))]);
for (const game of ['pc', 'bedrock']) {
  for (const folder of readdirSync(join(data, game))) {
    if (!kept.has(`${game}/${folder}`)) rmSync(join(data, game, folder), { recursive: true });
  }
}
// Only the types of one of them need it.
rmSync(join(process.argv[2], 'typescript'), { recursive: true, force: true });
