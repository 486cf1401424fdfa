import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import type { EdgeSettings } from '../../edge/edge.ts';
import { addEdge, settingsOf } from './edge.ts';

/** The settings of a command line with variables. */
async function settings(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<EdgeSettings> {
  const before = { ...process.env };
  Object.assign(process.env, variables);
  try {
    const program = new Command('oxbow').exitOverride();
    addEdge(program, () => {});
    const command = program.commands[0]!;
    command.action(() => {});
    await program.parseAsync(['edge', ...args], { from: 'user' });
    return settingsOf(command.opts());
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name];
    Object.assign(process.env, before);
  }
}

test('every option is also a variable, and the option wins', async () => {
  const variables = {
    OXBOW_EDGE_ORIGIN: 'https://tv.example',
    OXBOW_EDGE_MEMORY: '64M',
    OXBOW_EDGE_WATCH_SECRET: 'a secret of two servers',
    OXBOW_EDGE_TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.7',
    OXBOW_EDGE_ONLY_MEDIA: '1',
  };
  const found = await settings(['--memory', '32M', '--stale', '1h'], variables);
  assert.equal(found.origin.href, 'https://tv.example/');
  assert.equal(found.memoryBytes, 32 * 2 ** 20);
  assert.equal(found.watchSecret, 'a secret of two servers');
  assert.deepEqual(found.trustedProxies, ['10.0.0.0/8', '192.0.2.7']);
  assert.equal(found.onlyMedia, true);
  assert.equal(found.staleMs, 3_600_000);
});

test('an edge listens on this computer only by default', async () => {
  const { listen, folder } = await settings(['--origin', 'http://127.0.0.1:8080']);
  assert.deepEqual(listen, { address: '127.0.0.1', port: 8081 });
  assert.equal(folder, undefined);
});

for (const [args, reason] of [
  [[], /needs an origin/],
  [['--origin', 'tv.example'], /not the address of a server/],
  [['--origin', 'http://a', '--token', 'short'], /--token has fewer than 16/],
  [['--origin', 'http://a', '--tls-cert', 'a.pem'], /both/],
  [['--origin', 'http://a', '--disk', 'much'], /--disk/],
  [['--origin', 'http://a', '--prefetch', 'maybe'], /on or off/],
  [['--origin', 'http://a', '--trusted-proxies', 'proxy'], /not a network/],
  [['--origin', 'http://a', '--log-level', 'loud'], /level/],
  [['--origin', 'http://a', '--pathway', 'eu'], /--pathway needs --token/],
  [['--origin', 'http://a', '--drain', 'long'], /--drain/],
] as const) {
  test(`${args.join(' ') || 'no option'} is refused with the reason`, async () => {
    await assert.rejects(settings(args), reason);
  });
}
