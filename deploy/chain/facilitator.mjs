// The official facilitator class behind HTTP, and faults that tests order from it.
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { require } from './modules.mjs';

const { createWalletClient, defineChain, http, publicActions } = require('viem');
const { privateKeyToAccount } = require('viem/accounts');
const { x402Facilitator } = require('@x402/core/facilitator');
const { toFacilitatorEvmSigner } = require('@x402/evm');
const { registerExactEvmScheme } = require('@x402/evm/exact/facilitator');

const CALLS = ['verify', 'settle'];
const SLOW_MS = 3000;
const FAULTS = {
  500: CALLS, // answers with an error, having done nothing
  hang: CALLS, // never answers, having done nothing
  'drop-after': CALLS, // does it, then drops the connection
  slow: CALLS, // does it, after a while
  'lie-yes': CALLS, // says yes, having done nothing
  'lie-no': CALLS, // does it, and says no
  pending: ['settle'], // sends the transaction, does not wait for it, says so
  garbage: CALLS, // answers with something that is not JSON, having done nothing
};

// True inside a settlement that must not wait for its transaction.
const impatient = new AsyncLocalStorage();

function makeFacilitator({ rpc, chainId, key, confirmMs }) {
  const chain = defineChain({
    id: chainId,
    name: 'test chain',
    nativeCurrency: { name: 'ETH', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [rpc] } },
  });
  const account = privateKeyToAccount(key);
  // Left alone, it would look for a receipt every four seconds, and believe a block number for as long.
  const timing = { pollingInterval: 50, cacheTime: 0 };
  const client = createWalletClient({ account, chain, transport: http(rpc), ...timing }).extend(publicActions);

  // One after the other: two at once would get the same transaction number.
  let sending = Promise.resolve();
  const inTurn = send => {
    const sent = sending.then(send);
    sending = sent.catch(() => {});
    return sent;
  };
  const signer = toFacilitatorEvmSigner({
    address: account.address,
    getCode: call => client.getCode(call),
    readContract: call => client.readContract({ ...call, args: call.args ?? [] }),
    verifyTypedData: call => client.verifyTypedData(call),
    writeContract: call => inTurn(() => client.writeContract({ ...call, args: call.args ?? [] })),
    sendTransaction: call => inTurn(() => client.sendTransaction(call)),
    waitForTransactionReceipt: async call => {
      if (impatient.getStore()) throw new Error('the receipt was not waited for');
      return client.waitForTransactionReceipt(call);
    },
  }, { confirmationTimeoutMs: confirmMs });
  const facilitator = new x402Facilitator();
  registerExactEvmScheme(facilitator, { signer, networks: `eip155:${chainId}` });
  return facilitator;
}

/// The yes that nothing is behind.
function invented(call, payload, requirements) {
  const payer = payload?.payload?.authorization?.from;
  if (call === 'verify') return { isValid: true, payer };
  return { success: true, transaction: `0x${randomBytes(32).toString('hex')}`, network: requirements?.network, payer };
}

/// The no to what was done.
function denied(call, { payer, network }) {
  if (call === 'verify') return { isValid: false, invalidReason: 'unexpected_verify_error', payer };
  return { success: false, errorReason: 'unexpected_error', transaction: '', network, payer };
}

/// Takes the faults that a test orders, or answers why not.
function order(faults, wanted) {
  for (const [call, list] of Object.entries(wanted)) {
    if (!CALLS.includes(call) || !Array.isArray(list)) return `${call}: give a list for verify or settle`;
    const unknown = list.find(fault => !FAULTS[fault]?.includes(call));
    if (unknown !== undefined) return `${unknown} is no fault of ${call}: one of ${Object.keys(FAULTS).join(', ')}`;
  }
  for (const [call, list] of Object.entries(wanted)) faults[call].push(...list);
  return null;
}

/// Serves the facilitator on a loopback port (0 takes any free one) and answers when it listens: `{ url, stop() }`.
export async function serveFacilitator({ port, ...settings }) {
  const facilitator = makeFacilitator(settings);
  const faults = { verify: [], settle: [] };
  const calls = { verify: 0, settle: 0 };

  async function answer(call, { paymentPayload, paymentRequirements }, send, response) {
    const act = () => facilitator[call](paymentPayload, paymentRequirements);
    calls[call] += 1;
    const fault = faults[call].shift();
    switch (fault) {
      case '500': return send(500, { error: 'ordered by a test' });
      case 'hang': return undefined;
      case 'garbage': return response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>It works!</h1>');
      case 'lie-yes': return send(200, invented(call, paymentPayload, paymentRequirements));
      case 'lie-no': return send(200, denied(call, { network: paymentRequirements?.network, ...await act() }));
      case 'pending': return send(200, await impatient.run(true, act));
      case 'drop-after':
        await act();
        return response.destroy();
      case 'slow':
        await pause(SLOW_MS);
        return send(200, await act());
      default: return send(200, await act());
    }
  }

  const server = createServer(async (request, response) => {
    const send = (status, body) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    try {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const read = () => JSON.parse(Buffer.concat(chunks).toString());
      switch (`${request.method} ${request.url}`) {
        case 'GET /supported': return send(200, facilitator.getSupported());
        case 'GET /stats': return send(200, calls);
        case 'POST /verify': return await answer('verify', read(), send, response);
        case 'POST /settle': return await answer('settle', read(), send, response);
        case 'POST /fault': {
          const refused = order(faults, read());
          return refused ? send(400, { error: refused }) : send(200, faults);
        }
        default: return send(404, { error: 'there is no such page' });
      }
    } catch (error) {
      return send(500, { error: String(error?.message ?? error) });
    }
  });
  await new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, stop };
}
