// What the buyers here share: headers, and the signature of an authorization to take money (EIP-3009).
import { randomBytes } from 'node:crypto';
import { require } from './modules.mjs';

const { privateKeyToAccount } = require('viem/accounts');

/// The names by which version 1 calls networks.
const V1_NETWORKS = { base: 'eip155:8453', 'base-sepolia': 'eip155:84532' };

const TYPES = {
  TransferWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
  CancelAuthorization: [{ name: 'authorizer', type: 'address' }, { name: 'nonce', type: 'bytes32' }],
};

export const encode = value => Buffer.from(JSON.stringify(value)).toString('base64');
export const decode = header => JSON.parse(Buffer.from(header, 'base64').toString());

export function chainId(network) {
  const [, id] = /^eip155:(\d+)$/.exec(V1_NETWORKS[network] ?? network) ?? [];
  if (!id) throw new Error(`no chain is known by the name ${network}`);
  return Number(id);
}

/// Signs as the holder of `key` whatever it says, right or wrong.
export function sign(key, primaryType, message, { network, asset, extra }) {
  const domain = { name: extra.name, version: extra.version, chainId: chainId(network), verifyingContract: asset };
  const types = { [primaryType]: TYPES[primaryType] };
  return privateKeyToAccount(key).signTypedData({ domain, types, primaryType, message });
}

/// The authorization that an honest buyer gives for an offer of either version, with what `changes` has in its place.
export async function authorize(key, offer, changes = {}) {
  const { key: signingKey = key, ...others } = changes;
  const authorization = {
    from: privateKeyToAccount(key).address,
    to: offer.payTo,
    value: offer.amount ?? offer.maxAmountRequired,
    validAfter: '0',
    validBefore: String(Math.floor(Date.now() / 1000) + offer.maxTimeoutSeconds),
    nonce: `0x${randomBytes(32).toString('hex')}`,
    ...others,
  };
  return { signature: await sign(signingKey, 'TransferWithAuthorization', authorization, offer), authorization };
}

/// The message that carries a signed authorization: for version 1 when the 402 was of version 1.
export function message({ x402Version, resource, extensions }, offer, payload) {
  if (x402Version === 1) return { x402Version, scheme: offer.scheme, network: offer.network, payload };
  return { x402Version, payload, accepted: offer, ...(resource && { resource }), ...(extensions && { extensions }) };
}
