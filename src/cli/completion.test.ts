import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { Argument, Command, Option } from 'commander';
import { printCompletion } from './completion-scripts.ts';
import { completionTable } from './completion-table.ts';
import { addSettingFlags } from './setting-flags.ts';

const program = new Command('oxbow').option('--version', 'Print the version.');
addSettingFlags(program.command('serve', { isDefault: true }).summary('the server; each URL is a stream'));
const config = program.command('config').summary('settings');
config.command('print').description('Every setting.').option('--json', 'Print JSON.');
config.command('check').description("Says whether the user's settings are right.");
program.command('completion').addArgument(new Argument('<SHELL>').choices(['bash', 'zsh', 'fish']));
program.command('hush').addOption(new Option('--old <VALUE>', 'An old name.').hideHelp());

const table = completionTable(program);
const script = printCompletion('bash', table);

/** What bash offers behind a line whose last word is being typed. */
function offered(...words: string[]): readonly string[] {
  const typed = ['oxbow', ...words].map((word) => `'${word}'`).join(' ');
  const ask = `${script}\nCOMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _oxbow; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync('bash', ['-u', '-c', ask], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.split('\n').filter((line) => line !== '');
}

const hasBash = spawnSync('bash', ['--version']).status === 0;

test('bash completes verbs, the verbs below them, flags, choices and words', { skip: !hasBash && 'no bash' }, () => {
  assert.deepEqual(offered('co'), ['config', 'completion']);
  assert.deepEqual(offered('config', ''), ['print', 'check']);
  assert.deepEqual(offered('config', 'print', '--'), ['--json', '--help']);
  assert.deepEqual(offered('--max'), ['--max-disk'], 'a verb that runs by default gives its flags to the program');
  assert.deepEqual(offered('serve', '--keep', '7d', '--log-l'), ['--log-level']);
  assert.deepEqual(offered('serve', '--log-level', 'w'), ['warn']);
  assert.deepEqual(offered('serve', '--config', 'ox'), [], 'bash offers files itself');
  assert.deepEqual(offered('completion', 'z'), ['zsh']);
});

test('flags that help does not show are not offered', () => {
  assert.deepEqual(
    table.find(({ path }) => path[0] === 'hush')!.flags.map(({ flag }) => flag),
    ['--help'],
  );
});

test('zsh and fish get every verb and flag, and no quote of a sentence ends theirs', () => {
  const zsh = printCompletion('zsh', table);
  assert.match(zsh, /^#compdef oxbow$/m);
  assert.match(zsh, /'\*--log-level\[Lowest level that is logged\]:value:\(debug info warn error fatal\)'/);
  assert.match(zsh, /check\) _oxbow_config_check ;;/);
  const fish = printCompletion('fish', table);
  assert.match(
    fish,
    /^complete -c oxbow -n '__fish_seen_subcommand_from serve' -l config -d 'Settings in YAML' -r -F$/m,
  );
  assert.match(fish, /-l log-level -d 'Lowest level that is logged' -x -a 'debug info warn error fatal'$/m);
  for (const line of [...zsh.split('\n'), ...fish.split('\n')]) {
    if (!line.startsWith('#')) assert.equal(line.split("'").length % 2, 1, line);
  }
});
