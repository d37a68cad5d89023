// The official npm clients: official.mjs fetch|axios METHOD URL [BODY]
import { require } from './modules.mjs';
import { atomic, fail, key, limit, request, say } from './report.mjs';

const { privateKeyToAccount } = require('viem/accounts');
const { ExactEvmScheme } = require('@x402/evm/exact/client');

const [client, ...rest] = process.argv.slice(2);
const { url, init } = request(rest);
const scheme = new ExactEvmScheme(privateKeyToAccount(key));

const clients = {
  async fetch() {
    const { wrapFetchWithPayment, x402Client } = require('@x402/fetch');
    const wallet = new x402Client().register('eip155:*', scheme);
    if (limit) wallet.setSpendControls({ maxAmountPerPayment: `$${limit}` });
    const response = await wrapFetchWithPayment(fetch, wallet)(url, init);
    say(client, response.status, Object.fromEntries(response.headers), await response.text());
  },
  async axios() {
    const { wrapAxiosWithPayment, x402Client } = require('@x402/axios');
    const axios = require('axios');
    const wallet = new x402Client().register('eip155:*', scheme);
    // This version has no limit of its own.
    if (limit) wallet.registerPolicy((_, offers) => offers.filter(offer => BigInt(offer.amount) <= atomic(limit)));
    const { body: data, ...options } = init;
    const plain = axios.create({ validateStatus: status => status !== 402, responseType: 'text', proxy: false });
    const response = await wrapAxiosWithPayment(plain, wallet).request({ url, data, ...options });
    say(client, response.status, { ...response.headers }, response.data);
  },
};

await clients[client]().catch(error => {
  // A 402 after the payment is an answer as well, which axios throws.
  const { response } = error;
  if (response) say(client, response.status, { ...response.headers }, response.data);
  else fail(client, error);
});
