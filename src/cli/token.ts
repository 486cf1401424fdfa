/**
 * `oxbow token link|add|list|remove`: links that sign a browser in, and tokens for programs.
 * In: a data folder here, or a running oxbow's address with its admin token. Out: the link, the token, a table.
 */
import type { Command } from 'commander';
import { SignInLinks, signInPath } from '../accounts/sign-in-links.ts';
import { OxbowClient, OxbowProblem } from '../client/client.ts';
import { printEndpoint } from '../config/address.ts';
import type { Config } from '../config/schema.ts';
import { OxbowError, type RefusalCode, refusals } from '../lib/errors.ts';
import { addSettingFlags, readSettings } from './setting-flags.ts';
import { type ExitCode, say, sayJson, table } from './terminal.ts';

interface Options {
  readonly server?: string;
  readonly json?: true;
  readonly scope?: 'admin' | 'view';
  readonly expires?: string;
}

/** Adds the verb with its own verbs. */
export function addToken(program: Command, exit: (code: ExitCode) => void): void {
  const token = program.command('token').summary('links to sign in, and tokens for programs');
  const add = (name: string, summary: string, work: (args: string[], given: Command) => Promise<void>) => {
    const verb = token.command(name).summary(summary).description(summary);
    verb.option('--server <URL>', 'The oxbow to ask; else the one of the settings, on this computer.');
    verb.option('--json', 'Print JSON.');
    addSettingFlags(verb);
    verb.action(async (...given: unknown[]) => {
      await work(given.slice(0, -2) as string[], verb);
      exit(0);
    });
    return verb;
  };
  add('link', 'Prints a link that signs a browser in, once, within 15 minutes.', (_, verb) => link(verb));
  add('add', 'Makes a token for a program; it is shown this once.', ([label], verb) => make(label!, verb))
    .argument('<LABEL>', 'what it is for')
    .option('--scope <SCOPE>', '`view` may watch and read, `admin` may do everything.', 'view')
    .option('--expires <WHEN>', 'How long from now, as 30d, or when.');
  add('list', 'Lists the tokens of programs.', (_, verb) => list(verb));
  add('remove', 'Takes a token back.', ([id], verb) => remove(id!, verb)).argument('<ID>', 'as `list` shows it');
}

/** With an admin token the server makes the link; without one whoever may write to the data folder makes it. */
async function link(verb: Command): Promise<void> {
  const { server, json } = verb.opts<Options>();
  const { config } = await readSettings(verb);
  if (server !== undefined || config.adminToken) {
    const made = await ask(config, server, (client) => client.createSignInLink());
    if (json) sayJson(made);
    else say(made.url);
    return;
  }
  const { code, expiresMs } = await new SignInLinks(config.data, () => Date.now()).make();
  const url = `${addressOf(config)}${signInPath(code)}`;
  if (json) sayJson({ url, expiresAt: new Date(expiresMs).toISOString() });
  else say(url);
}

async function make(label: string, verb: Command): Promise<void> {
  const { server, json, scope = 'view', expires } = verb.opts<Options>();
  const { config } = await readSettings(verb);
  const body = { label, scopes: [scope], ...(expires !== undefined && { expires }) };
  const made = await ask(config, server, (client) => client.createToken({ body }));
  if (json) sayJson(made);
  else say(made.token);
}

async function list(verb: Command): Promise<void> {
  const { server, json } = verb.opts<Options>();
  const { config } = await readSettings(verb);
  const { items } = await ask(config, server, (client) => client.listTokens());
  if (json) sayJson(items);
  else if (items.length === 0) say('There are no tokens.');
  else say(table(items.map((one) => [one.id, one.label, one.scopes.join(' '), one.expiresAt ?? 'never expires'])));
}

async function remove(id: string, verb: Command): Promise<void> {
  const { server } = verb.opts<Options>();
  const { config } = await readSettings(verb);
  await ask(config, server, (client) => client.deleteToken({ id }));
}

async function ask<T>(
  config: Config,
  server: string | undefined,
  work: (client: OxbowClient) => Promise<T>,
): Promise<T> {
  const url = (server ?? addressOf(config)).replace(/\/+$/, '');
  const client = new OxbowClient({ server: url, ...(config.adminToken && { token: config.adminToken }) });
  try {
    return await work(client);
  } catch (error) {
    if (!(error instanceof OxbowProblem)) throw error;
    const { code, detail, title } = error.problem;
    const known = code in refusals ? (code as RefusalCode) : 'source-failed';
    throw new OxbowError(known, detail ?? title, { cause: error });
  }
}

/** Where the oxbow of these settings is reached. */
function addressOf({ publicUrl, http, tls }: Config): string {
  if (publicUrl !== undefined) return publicUrl.replace(/\/+$/, '');
  const address = http.address === '0.0.0.0' ? '127.0.0.1' : http.address === '::' ? '::1' : http.address;
  return `${tls.cert === '' ? 'http' : 'https'}://${printEndpoint({ ...http, address })}`;
}
