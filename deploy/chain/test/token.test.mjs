// The committed code is what the committed source compiles to.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { compile } from '../compile.mjs';

test('token.json is what the source compiles to', () => {
  const committed = JSON.parse(readFileSync(new URL('../token.json', import.meta.url)));
  assert.deepEqual(compile(), committed);
});
