// A stranger who has nothing but the address of a text and a wallet: stranger.mjs URL-OF-LLMS.TXT, the key in KEY.
//
// It takes every address from the text, rents, runs `uname -a`, renews and destroys, and checks each step. Nothing but viem
// signs, by what the text says. Prints one line of JSON: {steps}, or {steps, error} and an exit code of 1.
import { randomBytes } from 'node:crypto';
import { require } from './modules.mjs';

const { privateKeyToAccount } = require('viem/accounts');
const account = privateKeyToAccount(process.env.KEY);
const steps = [];

function check(step, right, seen) {
  if (!right) throw new Error(`${step}: ${JSON.stringify(seen)}`);
  steps.push(step);
  return seen;
}

const [source] = process.argv.slice(2);
let text = '';

/// The address that the text gives for this method, and ends so.
function address(method, ending, id = '') {
  const found = [...text.matchAll(/(GET|POST|DELETE) (https?:\/\/[^\s`]+)/g)];
  const [, , url] = found.find(([, verb, url]) => verb === method && url.endsWith(ending)) ?? [];
  if (!url) throw new Error(`the text gives no address for ${method} …${ending}`);
  return url.replace('{id}', id);
}

async function ask(method, url, { body, token, payment } = {}) {
  const headers = {
    ...(body && { 'content-type': 'application/json' }),
    ...(token && { authorization: `Bearer ${token}` }),
    ...(payment && { 'PAYMENT-SIGNATURE': payment }),
  };
  const response = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
  const answer = await response.text();
  let json = null;
  try {
    json = JSON.parse(answer);
  } catch { /* Not everything is JSON. */ }
  return { status: response.status, headers: response.headers, json, answer };
}

/// Pays a 402 by what the text says, and sends the same request again.
async function pay(step, method, url, options) {
  const asked = await ask(method, url, options);
  check(`${step}: 402`, asked.status === 402, asked);
  const required = JSON.parse(Buffer.from(asked.headers.get('PAYMENT-REQUIRED'), 'base64'));
  check(`${step}: version 2`, required.x402Version === 2, required);
  const [chosen] = required.accepts;
  const authorization = {
    from: account.address,
    to: chosen.payTo,
    value: chosen.amount,
    validAfter: '0',
    validBefore: String(Math.floor(Date.now() / 1000) + chosen.maxTimeoutSeconds),
    nonce: `0x${randomBytes(32).toString('hex')}`,
  };
  const field = type => name => ({ name, type });
  const signature = await account.signTypedData({
    domain: {
      name: chosen.extra.name,
      version: chosen.extra.version,
      chainId: Number(chosen.network.split(':')[1]),
      verifyingContract: chosen.asset,
    },
    types: {
      TransferWithAuthorization: [
        ...['from', 'to'].map(field('address')),
        ...['value', 'validAfter', 'validBefore'].map(field('uint256')),
        field('bytes32')('nonce'),
      ],
    },
    primaryType: 'TransferWithAuthorization',
    message: authorization,
  });
  const { resource } = required;
  const message = { x402Version: 2, accepted: chosen, resource, payload: { signature, authorization } };
  const payment = Buffer.from(JSON.stringify(message)).toString('base64');
  const paid = await ask(method, url, { ...options, payment });
  check(`${step}: paid`, [200, 201, 202].includes(paid.status), paid);
  const receipt = JSON.parse(Buffer.from(paid.headers.get('PAYMENT-RESPONSE'), 'base64'));
  if (paid.status !== 202) check(`${step}: receipt`, receipt.success && receipt.transaction, receipt);
  return paid;
}

/// Waits as the text says until an order is over.
async function delivered(step, paid) {
  let { order } = paid.json;
  const url = new URL(paid.headers.get('location'), source);
  url.searchParams.set('wait', '30s');
  for (let look = 0; !['delivered', 'credited', 'lapsed'].includes(order.state) && look < 10; look += 1) {
    ({ order } = (await ask('GET', url)).json);
  }
  check(`${step}: delivered`, order.state === 'delivered', order);
  return order;
}

async function main() {
  const read = await ask('GET', source);
  check('the text', read.status === 200 && read.headers.get('content-type').startsWith('text/plain'), read);
  text = read.answer;
  const catalogue = await ask('GET', address('GET', '/catalogue'));
  check('the catalogue', catalogue.json?.pay?.length > 0 && catalogue.json.templates.length > 0, catalogue);

  // The text's own example, without its key, which is nobody's.
  const [, example] = /`(\{"minutes".*?\})`\n/.exec(text);
  const { ssh_keys: _, ...wanted } = JSON.parse(example);
  const rent = address('POST', '/leases');
  const quoted = await ask('POST', address('POST', '/leases/quote'), { body: wanted });
  check('the quote', quoted.json?.price_micros > 0, quoted);
  const bought = await pay('rent', 'POST', rent, { body: wanted });
  const { token } = bought.json;
  check('a token', /^ikl_/.test(token), bought.json);
  const { lease_id: id, price_micros: price } = await delivered('rent', bought);
  check('as quoted', price === quoted.json.price_micros, { price, quoted: quoted.json });

  const lease = address('GET', '/leases/{id}', id);
  const seen = await ask('GET', lease, { token });
  check('it runs', seen.json?.state === 'active' && seen.json.instance_state === 'running', seen.json);
  const nobody = await ask('GET', lease);
  check('closed to others', nobody.status === 401, nobody);
  const list = await ask('GET', address('GET', '/leases'), { token });
  check('it is listed', list.json?.items?.length === 1 && list.json.items[0].id === id, list.json);

  const exec = address('POST', '/exec', id);
  const ran = await ask('POST', exec, { token, body: { command: ['uname', '-a'] } });
  check('uname', ran.json?.exit_code === 0 && /Linux/.test(ran.json.stdout), ran.json ?? ran);
  const script = await ask('POST', exec, { token, body: { command: { script: 'echo $((6*7)); exit 3' } } });
  check('a script', script.json?.exit_code === 3 && script.json.stdout === '42\n', script.json ?? script);

  const more = { minutes: 60 };
  const dearer = await ask('POST', address('POST', '/{id}/quote', id), { body: more });
  check('the quote of more', dearer.json?.price_micros > 0, dearer);
  const renewed = await pay('renew', 'POST', address('POST', '/renew', id), { body: more });
  await delivered('renew', renewed);
  const later = await ask('GET', lease, { token });
  const longer = Date.parse(later.json.expires_at) - Date.parse(seen.json.expires_at);
  check('an hour longer', longer === 3_600_000, { longer });
  const log = await ask('GET', address('GET', '/log', id), { token });
  check('two orders in the log', log.json?.orders?.length === 2, log.json);

  const gone = await ask('DELETE', address('DELETE', '/leases/{id}', id), { token });
  check('given up', gone.status === 202, gone);
  let state = gone.json.state;
  for (let look = 0; state === 'ending' && look < 120; look += 1) {
    await new Promise(resolve => setTimeout(resolve, 500));
    ({ state } = (await ask('GET', lease, { token })).json);
  }
  check('gone', state === 'ended', { state });
  const over = await ask('POST', exec, { token, body: { command: ['true'] } });
  check('nothing runs any more', over.status === 409, over);
}

try {
  await main();
  console.log(JSON.stringify({ steps }));
} catch (error) {
  console.log(JSON.stringify({ steps, error: String(error?.message ?? error) }));
  process.exitCode = 1;
}
