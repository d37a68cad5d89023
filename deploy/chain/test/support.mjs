// What the tests share: a stack of their own, a payment signed for it, and waiting that ends.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { caller } from '../anvil.mjs';
import { require } from '../modules.mjs';

const { privateKeyToAccount } = require('viem/accounts');

export const STACK = fileURLToPath(new URL('../stack.mjs', import.meta.url));
export const ANY_PORTS = { ...process.env, RPC_PORT: '0', FAC_PORT: '0' };

export async function firstLine(child) {
  const lines = createInterface({ input: child.stdout });
  const [line] = await once(lines, 'line');
  return JSON.parse(line);
}

export async function startStack(environment = {}) {
  const env = { ...ANY_PORTS, ...environment };
  const child = spawn(process.execPath, [STACK], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  return { child, ...await firstLine(child) };
}

/// Looks until it is so. Says what was waited for when it never is.
export async function until(what, look) {
  const deadline = Date.now() + 20_000;
  while (!await look()) {
    if (Date.now() > deadline) throw new Error(`never came: ${what}`);
    await pause(20);
  }
}

export async function answers(url) {
  try {
    await fetch(url, { method: 'POST', signal: AbortSignal.timeout(2000) });
    return true;
  } catch (error) {
    return error.name === 'TimeoutError';
  }
}

export async function balance(stack, name) {
  const data = `0x70a08231${stack.addresses[name].slice(2).toLowerCase().padStart(64, '0')}`;
  return BigInt(await caller(stack.rpc)('eth_call', { to: stack.usdc, data }, 'latest'));
}

/// What a seller sends to the facilitator: a payment by `from`, signed, and the offer it is for.
export async function payment(stack, { from = 'alice', amount = '10000' } = {}) {
  const requirements = {
    scheme: 'exact',
    network: stack.network,
    amount,
    asset: stack.usdc,
    payTo: stack.addresses.seller,
    maxTimeoutSeconds: 120,
    extra: { name: 'USDC', version: '2' },
  };
  const authorization = {
    from: stack.addresses[from],
    to: requirements.payTo,
    value: amount,
    validAfter: '0',
    validBefore: String(Math.floor(Date.now() / 1000) + 120),
    nonce: `0x${randomBytes(32).toString('hex')}`,
  };
  const signature = await privateKeyToAccount(stack.keys[from]).signTypedData({
    domain: { ...requirements.extra, chainId: Number(stack.network.split(':')[1]), verifyingContract: stack.usdc },
    types: {
      TransferWithAuthorization: [
        { name: 'from', type: 'address' }, { name: 'to', type: 'address' }, { name: 'value', type: 'uint256' },
        { name: 'validAfter', type: 'uint256' }, { name: 'validBefore', type: 'uint256' },
        { name: 'nonce', type: 'bytes32' },
      ],
    },
    primaryType: 'TransferWithAuthorization',
    message: authorization,
  });
  const paymentPayload = { x402Version: 2, accepted: requirements, payload: { signature, authorization } };
  return { x402Version: 2, paymentPayload, paymentRequirements: requirements };
}

export async function post(stack, call, body, options = {}) {
  const headers = { 'content-type': 'application/json' };
  return fetch(`${stack.facilitator}/${call}`, { method: 'POST', headers, body: JSON.stringify(body), ...options });
}
