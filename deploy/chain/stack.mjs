// A local chain with test dollars, and a facilitator that settles payments on it. README.md says how to use it.
//
// Prints one line of JSON with everything a caller needs, then serves until SIGTERM, SIGINT or the end of its standard
// input. Nothing of it can be reached from outside this machine, nothing is downloaded, nothing is kept.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { caller, startAnvil } from './anvil.mjs';
import { serveFacilitator } from './facilitator.mjs';
import { require } from './modules.mjs';

const { isAddress, keccak256, toHex } = require('viem');
const { privateKeyToAccount } = require('viem/accounts');
const { multicall3Bytecode } = require(join(dirname(require.resolve('viem')), 'constants/contracts.js'));

// The public test network that clients know by themselves, and the dollars they know there: limits, prices in dollars and
// the short names of protocol version 1 work unchanged.
const CHAIN_ID = 84532;
const USDC = '0x036CbD53842c5426634e7929541eC2318f3dCF7e';
const MULTICALL3 = '0xcA11bde05977b3631167028862bE2a173976CA11';

// Everybody's key follows from the name, so that runs are alike. They are public: never send anything of worth there.
const NAMES = ['facilitator', 'seller', 'alice', 'bob', 'poor', 'mallory'];
const WITH_ETH = ['facilitator', 'mallory'];
const WITH_USDC = ['alice', 'bob'];
const TEN_ETH = 10n ** 19n;
const THOUSAND_DOLLARS = 1_000_000_000n;

function number(name, otherwise) {
  const text = process.env[name] ?? String(otherwise);
  if (!/^\d{1,6}$/.test(text)) throw new Error(`${name}: give a whole number`);
  return Number(text);
}

/// Puts the token and the money where they belong. No transactions: what is written into the state cannot get stuck.
async function furnish(rpc, addresses) {
  const { runtime } = JSON.parse(readFileSync(new URL('token.json', import.meta.url)));
  await rpc('anvil_setCode', USDC, runtime);
  // Clients and facilitators ask several things at once of this contract. Calling its creation code answers its code.
  await rpc('anvil_setCode', MULTICALL3, await rpc('eth_call', { data: multicall3Bytecode }, 'latest'));
  for (const name of WITH_ETH) await rpc('anvil_setBalance', addresses[name], toHex(TEN_ETH));
  for (const name of WITH_USDC) await rpc('anvil_dealERC20', addresses[name], USDC, toHex(THOUSAND_DOLLARS));
}

async function main() {
  const payee = process.env.PAYEE || null;
  if (payee && !isAddress(payee)) throw new Error('PAYEE: give an address, 0x and 40 digits');
  const ports = { chain: number('RPC_PORT', 18545), facilitator: number('FAC_PORT', 18402) };
  const confirmMs = number('CONFIRM_MS', 5000);

  const keys = Object.fromEntries(NAMES.map(name => [name, keccak256(toHex(`x402-testnet:${name}`))]));
  const addresses = Object.fromEntries(NAMES.map(name => [name, privateKeyToAccount(keys[name]).address]));
  if (payee) {
    addresses.seller = payee;
    delete keys.seller;
  }

  const chain = await startAnvil({ port: ports.chain, chainId: CHAIN_ID });
  let facilitator;
  let ending = false;
  const end = async code => {
    if (ending) return;
    ending = true;
    facilitator?.stop();
    await chain.stop();
    process.exit(code);
  };
  process.on('SIGTERM', () => end(0));
  process.on('SIGINT', () => end(0));
  // Whoever started us may be killed without a word: then the system closes our standard input.
  process.stdin.on('end', () => end(0)).on('error', () => end(0)).resume();
  chain.ended.then(() => {
    if (!ending) console.error('anvil ended by itself');
    end(1);
  });

  try {
    await furnish(caller(chain.url), addresses);
    const settings = { rpc: chain.url, chainId: CHAIN_ID, key: keys.facilitator, confirmMs };
    facilitator = await serveFacilitator({ port: ports.facilitator, ...settings });
  } catch (error) {
    console.error(String(error?.message ?? error));
    await end(1);
  }
  const network = `eip155:${CHAIN_ID}`;
  console.log(JSON.stringify({ rpc: chain.url, facilitator: facilitator.url, network, usdc: USDC, keys, addresses }));
}

main().catch(error => {
  console.error(String(error?.message ?? error));
  process.exit(1);
});
