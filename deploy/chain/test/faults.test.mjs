// The facilitator pays, and fails in every way that can be ordered.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { caller } from '../anvil.mjs';
import { answers, balance, payment, post, startStack } from './support.mjs';

const PRICE = 10000n;
const THOUSAND_DOLLARS = 1_000_000_000n;

let stack;
before(async () => { stack = await startStack(); });
after(() => stack.child.stdin.end());

/// What the seller gets while `act` runs.
async function earned(act) {
  const earlier = await balance(stack, 'seller');
  await act();
  return await balance(stack, 'seller') - earlier;
}

const order = async wanted => assert.equal((await post(stack, 'fault', wanted)).status, 200);
const settle = async body => (await post(stack, 'settle', body)).json();
const verify = async body => (await post(stack, 'verify', body)).json();

test('the token has the domain of the real one on that network', async () => {
  const separator = await caller(stack.rpc)('eth_call', { to: stack.usdc, data: '0x3644e515' }, 'latest');
  assert.equal(separator, '0x71f17a3b2ff373b803d70a5a07c046c1a2bc8e89c09ef722fcb047abe94c9818');
});

test('it pays, without the buyer having ether', async () => {
  assert.equal(await balance(stack, 'alice'), THOUSAND_DOLLARS);
  const body = await payment(stack);
  const paid = await earned(async () => {
    const verdict = await verify(body);
    assert.equal(verdict.isValid, true);
    const receipt = await settle(body);
    assert.equal(receipt.success, true);
    assert.match(receipt.transaction, /^0x[0-9a-f]{64}$/);
  });
  assert.equal(paid, PRICE);
  assert.equal(await balance(stack, 'alice'), THOUSAND_DOLLARS - PRICE);
  assert.equal(await caller(stack.rpc)('eth_getBalance', stack.addresses.alice, 'latest'), '0x0');
  assert.equal((await settle(body)).success, false, 'a second time');
});

test('many at once all settle', async () => {
  const bodies = await Promise.all(Array.from({ length: 6 }, () => payment(stack)));
  const paid = await earned(async () => {
    const receipts = await Promise.all(bodies.map(settle));
    assert.ok(receipts.every(receipt => receipt.success), JSON.stringify(receipts));
  });
  assert.equal(paid, 6n * PRICE);
});

test('who has nothing cannot pay', async () => {
  assert.equal((await verify(await payment(stack, { from: 'poor' }))).isValid, false);
});

test('it can be reached at the one address only', async () => {
  for (const url of [stack.rpc, stack.facilitator]) {
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.ok(!await answers(url.replace('127.0.0.1', '127.0.0.2')), url);
  }
});

test('500, hang and garbage do nothing', async () => {
  const body = await payment(stack);
  const paid = await earned(async () => {
    await order({ settle: ['500', 'garbage', 'hang'] });
    assert.equal((await post(stack, 'settle', body)).status, 500);
    const garbage = await (await post(stack, 'settle', body)).text();
    assert.throws(() => JSON.parse(garbage));
    const hanging = post(stack, 'settle', body, { signal: AbortSignal.timeout(300) });
    await assert.rejects(hanging, { name: 'TimeoutError' });
  });
  assert.equal(paid, 0n);
});

test('drop-after and lie-no have done it', async () => {
  const [dropped, denied] = [await payment(stack), await payment(stack)];
  await order({ settle: ['drop-after', 'lie-no'], verify: ['lie-no'] });
  assert.equal(await earned(() => assert.rejects(post(stack, 'settle', dropped))), PRICE);
  const paid = await earned(async () => {
    assert.equal((await verify(denied)).isValid, false);
    const receipt = await settle(denied);
    assert.deepEqual(
      [receipt.success, receipt.errorReason, receipt.transaction, receipt.network],
      [false, 'unexpected_error', '', stack.network],
    );
  });
  assert.equal(paid, PRICE);
});

test('lie-yes has done nothing, and its transaction is invented', async () => {
  const body = await payment(stack, { from: 'poor' });
  const paid = await earned(async () => {
    await order({ settle: ['lie-yes'], verify: ['lie-yes'] });
    assert.equal((await verify(body)).isValid, true);
    const receipt = await settle(body);
    assert.equal(receipt.success, true);
    assert.equal(await caller(stack.rpc)('eth_getTransactionByHash', receipt.transaction), null);
  });
  assert.equal(paid, 0n);
});

test('slow is slow, and does it', async () => {
  const body = await payment(stack);
  await order({ settle: ['slow'] });
  const begun = Date.now();
  assert.equal(await earned(() => settle(body)), PRICE);
  assert.ok(Date.now() - begun >= 2900);
});

test('pending is pending until a block is made; asked again, the same transaction is the answer', async () => {
  const rpc = caller(stack.rpc);
  const body = await payment(stack);
  await rpc('evm_setAutomine', false);
  let pending;
  try {
    await order({ settle: ['pending'] });
    assert.equal(await earned(async () => { pending = await settle(body); }), 0n);
    assert.deepEqual([pending.success, pending.errorReason], [false, 'settlement_pending']);
    assert.equal(await earned(() => rpc('evm_mine')), PRICE);
  } finally {
    await rpc('evm_setAutomine', true);
  }
  const receipt = await settle(body);
  assert.deepEqual([receipt.success, receipt.transaction], [true, pending.transaction]);
});

test('calls are counted, and a fault that is none is refused', async () => {
  const count = async () => (await fetch(`${stack.facilitator}/stats`)).json();
  const earlier = await count();
  await order({ verify: ['500'] });
  await post(stack, 'verify', await payment(stack));
  assert.deepEqual(await count(), { verify: earlier.verify + 1, settle: earlier.settle });
  for (const wrong of [{ settle: ['explode'] }, { verify: ['pending'] }, { supported: ['500'] }]) {
    assert.equal((await post(stack, 'fault', wrong)).status, 400, JSON.stringify(wrong));
  }
});

test('the payee can be named', async () => {
  const payee = stack.addresses.poor;
  const other = await startStack({ PAYEE: payee });
  assert.equal(other.addresses.seller, payee);
  assert.equal(other.keys.seller, undefined);
  other.child.stdin.end();
});
