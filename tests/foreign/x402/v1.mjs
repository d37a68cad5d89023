// A buyer that knows version 1 of the protocol only, made of viem: v1.mjs METHOD URL [BODY]
//
// It reads the offer in the body of the 402, and pays with X-PAYMENT.
import { atomic, fail, key, limit, request, say } from './report.mjs';
import { authorize, encode, message } from './wire.mjs';

async function buy({ url, init }) {
  const asked = await fetch(url, init);
  const text = await asked.text();
  if (asked.status !== 402) return say('v1', asked.status, Object.fromEntries(asked.headers), text);

  const required = JSON.parse(text);
  if (required.x402Version !== 1) throw new Error('the 402 has no offer of version 1 in its body');
  const allowed = offer => BigInt(offer.maxAmountRequired) <= atomic(limit ?? '1');
  const offer = required.accepts.find(each => each.scheme === 'exact' && allowed(each));
  if (!offer) throw new Error('none of the offers is within the limit');

  const payment = encode(message(required, offer, await authorize(key, offer)));
  const paid = await fetch(url, { ...init, headers: { ...init.headers, 'X-PAYMENT': payment } });
  return say('v1', paid.status, Object.fromEntries(paid.headers), await paid.text());
}

await buy(request(process.argv.slice(2))).catch(error => fail('v1', error));
