// What every client here gets from the environment, and says at the end, as one line of JSON.
import { decode } from './wire.mjs';

const { KEY, MAX_USD, HEADERS } = process.env;

export const key = KEY;
/// In dollars; none means the client's own limit.
export const limit = MAX_USD || null;
/// In millionths of a dollar.
export const atomic = dollars => BigInt(Math.round(Number(dollars) * 1e6));

export function request([method, url, body]) {
  const headers = { ...(body && { 'content-type': 'application/json' }), ...JSON.parse(HEADERS || '{}') };
  return { url, init: { method, headers, ...(body && { body }) } };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function say(client, status, headers, text) {
  const receipt = headers['payment-response'] ?? headers['x-payment-response'];
  const payment_response = receipt ? decode(receipt) : null;
  console.log(JSON.stringify({ client, status, headers, body: parsed(text), payment_response }));
}

export function fail(client, error) {
  console.log(JSON.stringify({ client, error: String(error?.message ?? error) }));
  process.exitCode = 1;
}
