// A seller in a few lines, only to show that the buyers here buy: it knows nothing of what sellers must guard against.
//
// FACILITATOR, PAY_TO, NETWORK and USDC come from the test chain. `POST /lease {"hours": 3}` costs a cent an hour, and is
// offered in both versions of the protocol at once. Prints {"url"}; ends with its standard input.
import { createServer } from 'node:http';
import { decode, encode } from './wire.mjs';

const { FACILITATOR, PAY_TO, NETWORK, USDC } = process.env;
const CENT = 10_000n;

async function ask(call, paymentPayload, paymentRequirements) {
  const body = JSON.stringify({ x402Version: paymentPayload.x402Version, paymentPayload, paymentRequirements });
  const headers = { 'content-type': 'application/json' };
  return (await fetch(`${FACILITATOR}/${call}`, { method: 'POST', headers, body })).json();
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { hours } = JSON.parse(Buffer.concat(chunks).toString());

  const url = `http://${request.headers.host}${request.url}`;
  const amount = String(CENT * BigInt(hours));
  const common = {
    scheme: 'exact', asset: USDC, payTo: PAY_TO, maxTimeoutSeconds: 120, extra: { name: 'USDC', version: '2' },
  };
  const about = { description: 'A lease', mimeType: 'application/json' };
  const v1 = { ...common, network: 'base-sepolia', maxAmountRequired: amount, resource: url, ...about };
  const v2 = { ...common, network: NETWORK, amount };

  const send = (status, headers, body) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };
  const refuse = error => {
    const required = { x402Version: 2, error, resource: { url, ...about }, accepts: [v2] };
    const headers = { 'PAYMENT-REQUIRED': encode(required), 'cache-control': 'no-store' };
    send(402, headers, { x402Version: 1, error, accepts: [v1] });
  };

  const payment = request.headers['payment-signature'] ?? request.headers['x-payment'];
  if (!payment) return refuse('payment required');
  const payload = decode(payment);
  const offer = payload.x402Version === 1 ? v1 : v2;
  const verdict = await ask('verify', payload, offer);
  if (!verdict.isValid) return refuse(verdict.invalidReason);
  const receipt = await ask('settle', payload, offer);
  if (!receipt.success) return refuse(receipt.errorReason);
  const name = payload.x402Version === 1 ? 'X-PAYMENT-RESPONSE' : 'PAYMENT-RESPONSE';
  return send(201, { [name]: encode(receipt) }, { hours, payer: receipt.payer });
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/lease` })));
process.stdin.on('end', () => process.exit(0)).resume();
