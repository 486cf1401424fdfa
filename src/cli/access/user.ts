/**
 * `oxbow user list|add|remove|ban|approve|role|password|invite|invitations|uninvite`: the accounts of a
 * running oxbow.
 * In: the data folder of a running oxbow, or its address and admin token. Out: a table, a password that is
 * shown once, the link of an invitation.
 */
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { createSecret } from '../../accounts/random-secret.ts';
import { nameKeyOf } from '../../accounts/users/user-name.ts';
import type { OxbowClient } from '../../client/client.ts';
import type { UserView } from '../../client/made/shapes.ts';
import { OxbowError } from '../../lib/errors.ts';
import { printable } from '../../lib/text/printable.ts';
import { askServer } from '../running-server.ts';
import { addSettingFlags, readSettings } from '../setting-flags.ts';
import { type ExitCode, say, sayJson, table } from '../terminal.ts';

interface Options {
  readonly server?: string;
  readonly json?: true;
  readonly role?: string;
  readonly stdin?: true;
  readonly uses?: string;
  readonly expires?: string;
}

type Work = (args: readonly string[], options: Options, verb: Command) => Promise<void>;

/** Adds the verb with its subcommands. */
export function addUser(program: Command, exit: (code: ExitCode) => void): void {
  const user = program.command('user').summary('accounts: list, add, ban, invite');
  const add = (name: string, summary: string, work: Work) => {
    const verb = user.command(name).summary(summary).description(summary);
    verb.option('--server <URL>', 'Address of the oxbow to ask; else the one that runs on the data folder here.');
    verb.option('--json', 'Print JSON.');
    addSettingFlags(verb, ['data', 'adminToken']);
    verb.action(async (...args: unknown[]) => {
      await work(args.slice(0, -2) as string[], verb.opts<Options>(), verb);
      exit(0);
    });
    return verb;
  };
  const WHO = 'name or id, as `list` shows it';
  const STDIN = 'Read the password from standard input, instead of making one up.';
  add('list', 'Lists users and guests.', (_, options, verb) => list(options, verb));
  add('add', 'Creates an account and prints its password, this once.', ([name], options, verb) =>
    create(name!, options, verb),
  )
    .argument('<NAME>', 'of the user')
    .option('--role <ROLE>', '`user`, or `admin` for an administrator.', 'user')
    .option('--stdin', STDIN);
  add('remove', 'Deletes an account: what it wrote in rooms has no author any more.', ([who], options, verb) =>
    ask(options, verb, async (client) => client.deleteUser({ id: (await find(client, who!)).id })),
  ).argument('<USER>', WHO);
  add('ban', 'Bans a user: sessions and tokens end at once.', ([who], options, verb) =>
    change(who!, { state: 'banned' }, options, verb),
  ).argument('<USER>', WHO);
  add('approve', 'Approves a user who waits, or ends a ban.', ([who], options, verb) =>
    change(who!, { state: 'active' }, options, verb),
  ).argument('<USER>', WHO);
  add('role', 'Makes a user an administrator, or no longer.', ([who, role], options, verb) =>
    change(who!, { role: roleOf(role!) }, options, verb),
  )
    .argument('<USER>', WHO)
    .argument('<ROLE>', '`user` or `admin`');
  add(
    'password',
    'Sets a password and prints it, this once; the user is signed out everywhere.',
    ([who], options, verb) => setPassword(who!, options, verb),
  )
    .argument('<USER>', WHO)
    .option('--stdin', STDIN);
  add('invite', 'Prints the link of an invitation to create an account, this once.', ([label], options, verb) =>
    invite(label, options, verb),
  )
    .argument('[LABEL]', 'what it is for')
    .option('--role <ROLE>', 'Role of the accounts: `user` or `admin`.', 'user')
    .option('--uses <COUNT>', 'How many accounts it creates.', '1')
    .option('--expires <WHEN>', 'How long from now, as 30d, or when. Default: in a week.');
  add('invitations', 'Lists the invitations that can be used.', (_, options, verb) => listInvitations(options, verb));
  add('uninvite', 'Revokes an invitation.', ([id], options, verb) =>
    ask(options, verb, (client) => client.deleteInvitation({ id: id! })),
  ).argument('<ID>', 'as `invitations` shows it');
}

async function ask<T>({ server }: Options, verb: Command, work: (client: OxbowClient) => Promise<T>): Promise<T> {
  const { config } = await readSettings(verb);
  return askServer(config, server, work);
}

async function list(options: Options, verb: Command): Promise<void> {
  const users = await ask(options, verb, allUsers);
  if (options.json) sayJson(users);
  else if (users.length === 0) say('There are no users.');
  else {
    const rows = users
      .toSorted((a, b) => a.name.localeCompare(b.name))
      .map(({ id, name, role, state, seenAt, email }) => [id, name, role, state, toMinute(seenAt), email ?? '']);
    say(table([['id', 'name', 'role', 'state', 'seen', 'e-mail'], ...rows]));
  }
}

async function create(name: string, options: Options, verb: Command): Promise<void> {
  const { json, stdin, role } = options;
  const password = await choosePassword(stdin);
  const body = { name, password, role: roleOf(role ?? 'user') };
  const user = await ask(options, verb, (client) => client.createUser({ body }));
  show(user, stdin ? undefined : password, json);
}

async function setPassword(who: string, options: Options, verb: Command): Promise<void> {
  const password = await choosePassword(options.stdin);
  const user = await ask(options, verb, async (client) =>
    client.updateUser({ id: (await find(client, who)).id, body: { password } }),
  );
  show(user, options.stdin ? undefined : password, options.json);
}

async function change(
  who: string,
  body: { readonly state?: 'active' | 'banned'; readonly role?: 'user' | 'admin' },
  options: Options,
  verb: Command,
): Promise<void> {
  const user = await ask(options, verb, async (client) =>
    client.updateUser({ id: (await find(client, who)).id, body }),
  );
  if (options.json) sayJson(user);
  else say(`${printable(user.name)} (${user.id}): ${user.role}, ${user.state}`);
}

async function listInvitations(options: Options, verb: Command): Promise<void> {
  const { items } = await ask(options, verb, (client) => client.listInvitations());
  if (options.json) return sayJson(items);
  if (items.length === 0) return say('There are no invitations.');
  const rows = items.map(({ id, label, role, usesLeft, expiresAt }) => [
    ...[id, label === '' ? '-' : label, role, String(usesLeft)],
    expiresAt === null ? 'never' : toMinute(expiresAt),
  ]);
  say(table([['id', 'label', 'role', 'uses left', 'expires'], ...rows]));
}

/** `2026-11-23 02:21Z`. */
function toMinute(instant: string): string {
  return `${instant.slice(0, 16).replace('T', ' ')}Z`;
}

async function invite(label: string | undefined, options: Options, verb: Command): Promise<void> {
  const { json, role, uses, expires } = options;
  const settings = { role: roleOf(role ?? 'user'), uses: usesOf(uses ?? '1') };
  const body = { ...settings, ...(label !== undefined && { label }), ...(expires !== undefined && { expires }) };
  const made = await ask(options, verb, (client) => client.createInvitation({ body }));
  if (json) sayJson(made);
  else say(made.url);
}

/** The new or changed user; a generated password is printed. */
function show(user: UserView, password: string | undefined, json: true | undefined): void {
  if (json) sayJson({ ...user, ...(password !== undefined && { password }) });
  else if (password !== undefined) say(password);
}

async function allUsers(client: OxbowClient): Promise<UserView[]> {
  const users: UserView[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.listUsers(cursor === undefined ? {} : { cursor });
    users.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return users;
}

/** The user of an id or a name. Several guests may have one name: their id says which. */
async function find(client: OxbowClient, who: string): Promise<UserView> {
  const users = await allUsers(client);
  const byId = users.find(({ id }) => id === who);
  if (byId) return byId;
  const named = users.filter(({ name }) => nameKeyOf(name) === nameKeyOf(who));
  const user = named.find(({ role }) => role !== 'guest') ?? (named.length === 1 ? named[0] : undefined);
  if (user) return user;
  throw new OxbowError(
    'user-unknown',
    named.length > 1 ? `${named.length} guests are called "${who}".` : `There is no user "${who}".`,
  );
}

/** The password of the first line of stdin, or a new one of 20 characters. */
async function choosePassword(stdin: true | undefined): Promise<string> {
  return stdin ? (await text(process.stdin)).split(/\r?\n/)[0]! : createSecret(15);
}

function usesOf(uses: string): number {
  if (/^[1-9]\d{0,4}$/.test(uses) && Number(uses) <= 10_000) return Number(uses);
  throw new OxbowError('bad-request', `"${uses}" is not a number of accounts: use 1 to 10000.`);
}

function roleOf(role: string): 'user' | 'admin' {
  if (role === 'user' || role === 'admin') return role;
  throw new OxbowError('bad-request', `"${role}" is not a role: use user or admin.`);
}
