/**
 * `oxbow token link|add|list|remove`: links that sign a browser in, and tokens for programs.
 * In: the data folder of a running oxbow, or its address and admin token. Out: the link, the token, a table.
 */
import type { Command } from 'commander';
import { SignInLinks, signInPath } from '../../accounts/sign-in-links.ts';
import { askServer, runningInstance } from '../running-server.ts';
import { addSettingFlags, readSettings } from '../setting-flags.ts';
import { type ExitCode, say, sayJson, table } from '../terminal.ts';

interface Options {
  readonly server?: string;
  readonly json?: true;
  readonly scope?: 'admin' | 'view' | 'worker' | 'upload';
  readonly expires?: string;
}

/** Adds the verb with its subcommands. */
export function addToken(program: Command, exit: (code: ExitCode) => void): void {
  const token = program.command('token').summary('links to sign in, and tokens for programs');
  const add = (name: string, summary: string, work: (args: string[], command: Command) => Promise<void>) => {
    const verb = token.command(name).summary(summary).description(summary);
    verb.option('--server <URL>', 'Address of the oxbow to ask; else the one that runs on the data folder here.');
    verb.option('--json', 'Print JSON.');
    addSettingFlags(verb, ['data', 'adminToken']);
    verb.action(async (...args: unknown[]) => {
      await work(args.slice(0, -2) as string[], verb);
      exit(0);
    });
    return verb;
  };
  add('link', 'Prints a link that signs a browser in, once, within 15 minutes.', (_, verb) => link(verb));
  add('add', 'Makes a token for a program; it is shown this once.', ([label], verb) => make(label!, verb))
    .argument('<LABEL>', 'what it is for')
    .option(
      '--scope <SCOPE>',
      '`view` may watch and read, `upload` may upload, `worker` may run jobs, `admin` may do everything.',
      'view',
    )
    .option('--expires <WHEN>', 'How long from now, as 30d, or when.');
  add('list', 'Lists the tokens of programs.', (_, verb) => list(verb));
  add('remove', 'Takes a token back.', ([id], verb) => remove(id!, verb)).argument('<ID>', 'as `list` shows it');
}

/** Write access to the data folder is sufficient to create the link. */
async function link(verb: Command): Promise<void> {
  const { server, json } = verb.opts<Options>();
  const { config } = await readSettings(verb);
  const made =
    server === undefined
      ? await makeLink(config.data)
      : await askServer(config, server, (client) => client.createSignInLink());
  if (json) sayJson(made);
  else say(made.url);
}

async function makeLink(folder: string): Promise<{ url: string; expiresAt: string }> {
  const { publicUrl, http } = runningInstance(folder);
  const { code, expiresMs } = await new SignInLinks(folder, () => Date.now()).make();
  return { url: `${publicUrl ?? http}${signInPath(code)}`, expiresAt: new Date(expiresMs).toISOString() };
}

async function make(label: string, verb: Command): Promise<void> {
  const { server, json, scope = 'view', expires } = verb.opts<Options>();
  const { config } = await readSettings(verb);
  const body = { label, scopes: [scope], ...(expires !== undefined && { expires }) };
  const made = await askServer(config, server, (client) => client.createToken({ body }));
  if (json) sayJson(made);
  else say(made.token);
}

async function list(verb: Command): Promise<void> {
  const { server, json } = verb.opts<Options>();
  const { config } = await readSettings(verb);
  const { items } = await askServer(config, server, (client) => client.listTokens());
  if (json) sayJson(items);
  else if (items.length === 0) say('There are no tokens.');
  else
    say(
      table(items.map((token) => [token.id, token.label, token.scopes.join(' '), token.expiresAt ?? 'never expires'])),
    );
}

async function remove(id: string, verb: Command): Promise<void> {
  const { server } = verb.opts<Options>();
  const { config } = await readSettings(verb);
  await askServer(config, server, (client) => client.deleteToken({ id }));
}
