// However it ends, and however whoever started it ends, nothing of it stays.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { ANY_PORTS, STACK, answers, firstLine, startStack, until } from './support.mjs';

const gone = async ({ rpc, facilitator }) => {
  await until('the chain to be gone', async () => !await answers(rpc));
  await until('the facilitator to be gone', async () => !await answers(facilitator));
};

for (const signal of ['SIGTERM', 'SIGINT']) {
  test(`${signal} ends it in order`, async () => {
    const stack = await startStack();
    assert.ok(await answers(stack.rpc));
    stack.child.kill(signal);
    const [code] = await once(stack.child, 'exit');
    assert.equal(code, 0);
    assert.ok(!await answers(stack.rpc), 'the chain must be gone before it');
  });
}

test('the end of its standard input ends it', async () => {
  const stack = await startStack();
  stack.child.stdin.end();
  const [code] = await once(stack.child, 'exit');
  assert.equal(code, 0);
  await gone(stack);
});

test('killed, it takes the chain along', async () => {
  const stack = await startStack();
  stack.child.kill('SIGKILL');
  await gone(stack);
});

test('when whoever started it is killed, all of it ends', async () => {
  const starter = `
    const { spawn } = require('node:child_process');
    spawn(process.execPath, [${JSON.stringify(STACK)}], { stdio: ['pipe', 'inherit', 'inherit'] });`;
  const parent = spawn(process.execPath, ['-e', starter], { env: ANY_PORTS, stdio: ['pipe', 'pipe', 'inherit'] });
  const stack = await firstLine(parent);
  assert.ok(await answers(stack.rpc));
  parent.kill('SIGKILL');
  await gone(stack);
});

test('a port that is taken is an error, and leaves nothing behind', async () => {
  const first = await startStack();
  const taken = { FAC_PORT: new URL(first.facilitator).port };
  const second = spawn(process.execPath, [STACK], { env: { ...ANY_PORTS, ...taken }, stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  second.stderr.on('data', data => { complaint += data; });
  const [code] = await once(second, 'close');
  assert.equal(code, 1);
  assert.match(complaint, /EADDRINUSE/);
  first.child.stdin.end();
  await once(first.child, 'exit');
});
