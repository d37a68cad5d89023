// A toolbox for buyers who mean harm. Every tool prints one line of JSON, and ends with 1 and {"error"} when it cannot.
//
//     attack.mjs sign OFFER [--NAME VALUE …]    a payment for the offer in a file (the 402's JSON, of either version), by
//                                               KEY; --value --to --from --validAfter --validBefore --nonce say otherwise,
//                                               --key signs with another key, --offer takes another of the offers
//     attack.mjs broadcast HEADER [--no-wait]   sends what a payment authorizes to the chain, before anybody settles it
//     attack.mjs from-chain TX OFFER            the payment again, from a settled transaction, as a stranger reads it there
//     attack.mjs cancel NONCE                   KEY takes back what it authorized under that nonce
//     attack.mjs empty [ADDRESS]                moves all dollars of KEY's wallet away
//     attack.mjs balance ADDRESS
//     attack.mjs used ADDRESS NONCE             whether an authorization was used or taken back
//
// RPC is the chain. RICH_KEY sends the transactions that anybody may send; the test chain's mallory when nobody says.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { require } from './modules.mjs';
import { authorize, decode, encode, message, sign } from './wire.mjs';

const { createWalletClient, decodeFunctionData, defineChain, http, keccak256, parseAbi, publicActions,
  serializeSignature, toHex } = require('viem');
const { privateKeyToAccount } = require('viem/accounts');

const { KEY, RPC, RICH_KEY = keccak256(toHex('x402-testnet:mallory')) } = process.env;
const { USDC = '0x036CbD53842c5426634e7929541eC2318f3dCF7e' } = process.env;
const DOMAIN = { network: 'eip155:84532', asset: USDC, extra: { name: 'USDC', version: '2' } };
const CHANGES = ['from', 'to', 'value', 'validAfter', 'validBefore', 'nonce', 'key'];

const TOKEN = parseAbi([
  'function balanceOf(address) view returns (uint256)',
  'function authorizationState(address, bytes32) view returns (bool)',
  'function transfer(address, uint256) returns (bool)',
  'function cancelAuthorization(address, bytes32, bytes)',
  'function transferWithAuthorization(address, address, uint256, uint256, uint256, bytes32, bytes)',
  'function transferWithAuthorization(address, address, uint256, uint256, uint256, bytes32, uint8, bytes32, bytes32)',
]);

/// A wallet on the chain that `key` opens.
function wallet(key) {
  const chain = defineChain({
    id: 84532,
    name: 'test chain',
    nativeCurrency: { name: 'ETH', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [RPC] } },
  });
  const timing = { pollingInterval: 50, cacheTime: 0 };
  const account = privateKeyToAccount(key);
  return createWalletClient({ account, chain, transport: http(RPC), ...timing }).extend(publicActions);
}

const read = (functionName, ...args) => wallet(RICH_KEY).readContract({ address: USDC, abi: TOKEN, functionName, args });

/// Sends a call of the token. `gas` is given so that one that fails is sent, too.
async function send(key, functionName, args, { wait = true } = {}) {
  const client = wallet(key);
  const transaction = await client.writeContract({ address: USDC, abi: TOKEN, functionName, args, gas: 300_000n });
  if (!wait) return { transaction };
  const { status } = await client.waitForTransactionReceipt({ hash: transaction });
  return { transaction, status };
}

function offered(file, index = 0) {
  const required = JSON.parse(readFileSync(file === '-' ? 0 : file, 'utf8'));
  return { required, offer: required.accepts[index] };
}

function payment(required, offer, payload) {
  const whole = message(required, offer, payload);
  const name = required.x402Version === 1 ? 'X-PAYMENT' : 'PAYMENT-SIGNATURE';
  return { name, header: encode(whole), message: whole };
}

const tools = {
  async sign([file], { offer: index, 'no-wait': _, ...changes }) {
    const { required, offer } = offered(file, index);
    return payment(required, offer, await authorize(KEY, offer, changes));
  },

  async broadcast([header], options) {
    const { signature, authorization: a } = decode(header).payload;
    const args = [a.from, a.to, BigInt(a.value), BigInt(a.validAfter), BigInt(a.validBefore), a.nonce, signature];
    return send(RICH_KEY, 'transferWithAuthorization', args, { wait: !options['no-wait'] });
  },

  async 'from-chain'([hash, file], { offer: index }) {
    const { required, offer } = offered(file, index);
    const { input } = await wallet(RICH_KEY).getTransaction({ hash });
    const { functionName, args } = decodeFunctionData({ abi: TOKEN, data: input });
    if (functionName !== 'transferWithAuthorization') throw new Error(`the transaction is a ${functionName}`);
    const [from, to, value, validAfter, validBefore, nonce, first, r, s] = args;
    // The signature is there as bytes, or in its three parts.
    const signature = args.length === 7 ? first : serializeSignature({ v: BigInt(first), r, s });
    const numbers = { value: String(value), validAfter: String(validAfter), validBefore: String(validBefore) };
    return payment(required, offer, { signature, authorization: { from, to, ...numbers, nonce } });
  },

  async cancel([nonce]) {
    const authorizer = privateKeyToAccount(KEY).address;
    const signature = await sign(KEY, 'CancelAuthorization', { authorizer, nonce }, DOMAIN);
    return send(RICH_KEY, 'cancelAuthorization', [authorizer, nonce, signature]);
  },

  async empty([to = privateKeyToAccount(RICH_KEY).address]) {
    const from = wallet(KEY);
    // Buyers have no ether, which this transaction costs.
    await from.request({ method: 'anvil_setBalance', params: [from.account.address, toHex(10n ** 18n)] });
    const moved = await read('balanceOf', from.account.address);
    return { moved: String(moved), ...await send(KEY, 'transfer', [to, moved]) };
  },

  async balance([address]) {
    return { address, usdc: String(await read('balanceOf', address)) };
  },

  async used([address, nonce]) {
    return { used: await read('authorizationState', address, nonce) };
  },
};

async function main() {
  const text = { type: 'string' };
  const options = { offer: text, 'no-wait': { type: 'boolean' } };
  for (const name of CHANGES) options[name] = text;
  const { values, positionals: [tool, ...rest] } = parseArgs({ options, allowPositionals: true });
  if (!tools[tool]) throw new Error(`one of ${Object.keys(tools).join(', ')}`);
  return tools[tool](rest, values);
}

try {
  console.log(JSON.stringify(await main()));
} catch (error) {
  console.log(JSON.stringify({ error: String(error?.shortMessage ?? error?.message ?? error) }));
  process.exitCode = 1;
}
