// Compiles the token. The chain itself never does: it reads the committed token.json.
//
//     node compile.mjs           writes token.json anew
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { require } from './modules.mjs';

const SOURCE = 'FiatTokenLike.sol';
const here = name => new URL(name, import.meta.url);

export function compile() {
  const solc = require('solc');
  const settings = {
    optimizer: { enabled: true, runs: 200 },
    // No hash of the source in the code: a comment changes nothing.
    metadata: { bytecodeHash: 'none' },
    outputSelection: { '*': { '*': ['evm.deployedBytecode.object'] } },
  };
  const content = readFileSync(here(`contracts/${SOURCE}`), 'utf8');
  const input = { language: 'Solidity', sources: { [SOURCE]: { content } }, settings };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  if (!output.contracts) throw new Error(JSON.stringify(output.errors));
  const { object } = output.contracts[SOURCE].FiatTokenLike.evm.deployedBytecode;
  const { optimizer, metadata } = settings;
  return { source: `contracts/${SOURCE}`, compiler: `solc ${solc.version()}`, optimizer, metadata, runtime: `0x${object}` };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(here('token.json'), `${JSON.stringify(compile(), null, 2)}\n`);
}
