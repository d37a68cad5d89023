// The chain's process: Foundry's anvil on a loopback port, and calls to it.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { require } from './modules.mjs';

// Anvil does not notice that whoever started it was killed. This shell does: it waits at the end of a pipe that only we
// hold (file descriptor 3), which the system closes however we end.
const GUARD = `
"$@" </dev/null 3<&- &
anvil=$!
(while read -r _; do :; done; kill -9 "$anvil" 2>/dev/null) <&3 &
wait "$anvil"`;

function program() {
  if (process.env.ANVIL_BIN) return process.env.ANVIL_BIN;
  try {
    return require.resolve('@foundry-rs/anvil-linux-amd64/bin/anvil');
  } catch {
    throw new Error('anvil is not installed: run `npm ci` here, or name an anvil of your own in ANVIL_BIN');
  }
}

/// Starts anvil; port 0 takes any free one. Answers when it listens: its address, `stop()`, and `ended`, a promise that
/// is kept when it has ended.
export async function startAnvil({ port, chainId }) {
  const flags = ['--host', '127.0.0.1', '--port', String(port), '--chain-id', String(chainId)];
  const child = spawn('sh', ['-c', GUARD, 'anvil', program(), ...flags], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const ended = new Promise(resolve => child.on('exit', resolve));
  const stop = async () => {
    child.stdio[3].destroy();
    await ended;
  };

  let complaint = '';
  child.stderr.on('data', data => { complaint = (complaint + data).slice(-2000); });
  const listening = new Promise(resolve => {
    // It is read to the end, or anvil would one day wait for room in the pipe.
    createInterface({ input: child.stdout }).on('line', line => {
      const address = /^Listening on (\S+)$/.exec(line);
      if (address) resolve(`http://${address[1]}`);
    });
  });
  const url = await Promise.race([listening, ended.then(() => null)]);
  if (!url) throw new Error(`anvil did not start: ${complaint.trim()}`);
  return { url, stop, ended };
}

/// JSON-RPC calls to `url`: `rpc('eth_chainId')`.
export function caller(url) {
  return async (method, ...params) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    const { result, error } = await response.json();
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  };
}
