// Signs in with a wallet: siwx.mjs URL CHALLENGE [--by-hand], the key in KEY. Prints {header, proof}: the value of the
// SIGN-IN-WITH-X header, and the JSON in it.
//
// CHALLENGE is what a 402 has at `extensions["sign-in-with-x"]`: {info, supportedChains}. The official client signs it, and
// refuses a challenge that was made for another origin than URL's; --by-hand signs whatever is there, by viem alone.
import { require } from './modules.mjs';
import { encode } from './wire.mjs';

const { privateKeyToAccount } = require('viem/accounts');
const account = privateKeyToAccount(process.env.KEY);

/// The message of EIP-4361, which viem writes as well, but only for what it finds right.
function written({ domain, statement, uri, version, chainId, nonce, issuedAt, ...more }) {
  const lines = [`${domain} wants you to sign in with your Ethereum account:`, account.address, ''];
  if (statement) lines.push(statement, '');
  lines.push(`URI: ${uri}`, `Version: ${version}`, `Chain ID: ${chainId.split(':')[1]}`);
  lines.push(`Nonce: ${nonce}`, `Issued At: ${issuedAt}`);
  if (more.expirationTime) lines.push(`Expiration Time: ${more.expirationTime}`);
  if (more.notBefore) lines.push(`Not Before: ${more.notBefore}`);
  if (more.requestId) lines.push(`Request ID: ${more.requestId}`);
  if (more.resources) lines.push('Resources:', ...more.resources.map(resource => `- ${resource}`));
  return lines.join('\n');
}

async function byHand(challenge) {
  const signature = await account.signMessage({ message: written(challenge) });
  const proof = { ...challenge, address: account.address, signature };
  return { header: encode(proof), proof };
}

async function official(challenge, url) {
  const { createSIWxPayload, encodeSIWxHeader } = require('@x402/extensions/sign-in-with-x');
  const proof = await createSIWxPayload(challenge, account, url);
  return { header: encodeSIWxHeader(proof), proof };
}

try {
  const [url, text, how] = process.argv.slice(2);
  const { info, supportedChains } = JSON.parse(text);
  const chain = supportedChains.find(each => each.type === 'eip191');
  const challenge = { ...info, ...chain };
  console.log(JSON.stringify(await (how === '--by-hand' ? byHand(challenge) : official(challenge, url))));
} catch (error) {
  console.log(JSON.stringify({ error: String(error?.message ?? error) }));
  process.exitCode = 1;
}
