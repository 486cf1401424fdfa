/**
 * `oxbow stream key NAME`: creates a key and prints the fields for encoders; lists, rotates and revokes keys.
 * In: a running oxbow. Out: addresses, a table or JSON.
 */
import type { Command } from 'commander';
import type { CreatedPublishKey, PublishKeyView } from '../client/made/shapes.ts';
import { askServer } from './running-server.ts';
import { addSettingFlags, readSettings } from './setting-flags.ts';
import { type ExitCode, say, sayJson, table } from './terminal.ts';

interface Options {
  readonly server?: string;
  readonly json?: true;
  readonly label?: string;
  readonly expires?: string;
  readonly allow?: string;
  readonly list?: true;
  readonly rotate?: string;
  readonly overlap?: string;
  readonly remove?: string;
}

/** Adds the subcommand. */
export function addStreamKey(stream: Command, exit: (code: ExitCode) => void): void {
  const verb = stream
    .command('key')
    .summary('Creates a key to publish to a stream with.')
    .description(
      'Creates a key to publish to a stream with, and prints what to enter in the encoder. It is shown only once.',
    )
    .argument('<NAME>', 'name of the stream')
    .option('--label <TEXT>', 'Purpose of the key.')
    .option('--expires <WHEN>', 'How long from now, such as 30d, or an instant; default never.')
    .option('--allow <CIDR,…>', 'Addresses and ranges that may use it; default all.')
    .option('--list', 'Print the keys of the stream instead.')
    .option('--rotate <ID>', 'Create a key that replaces this one.')
    .option('--overlap <DURATION>', 'How long the replaced key stays valid; default 10m.')
    .option('--remove <ID>', 'Revoke this key instead.')
    .option('--server <URL>', 'Address of a running oxbow; default the one that runs on the data folder.')
    .option('--json', 'Print JSON.');
  addSettingFlags(verb, ['data', 'adminToken']);
  verb.action(async (name: string) => {
    await run(name, verb);
    exit(0);
  });
}

async function run(name: string, verb: Command): Promise<void> {
  const { server, json, list, remove, rotate, overlap, expires, label, allow } = verb.opts<Options>();
  const { config } = await readSettings(verb);
  if (remove !== undefined) {
    await askServer(config, server, (client) => client.deleteStreamKey({ name, id: remove }));
    return;
  }
  if (list) {
    const { items } = await askServer(config, server, (client) => client.listStreamKeys({ name }));
    if (json) sayJson(items);
    else if (items.length === 0) say(`${name} has no keys.`);
    else say(table([['id', 'label', 'created', 'expires', 'last used'], ...items.map(rowOf)]));
    return;
  }
  const until = expires !== undefined && { expires };
  const created = await askServer(config, server, (client) =>
    rotate === undefined
      ? client.createStreamKey({
          name,
          body: {
            ...until,
            ...(label !== undefined && { label }),
            ...(allow !== undefined && { allow: allow.split(',') }),
          },
        })
      : client.rotateStreamKey({ name, id: rotate, body: { ...until, ...(overlap !== undefined && { overlap }) } }),
  );
  if (json) sayJson(created);
  else say(fieldsOf(created));
}

function rowOf({ id, label, createdAt, expiresAt, usedAt }: PublishKeyView): string[] {
  return [id, label || '-', createdAt, expiresAt ?? 'never', usedAt ?? 'never'];
}

function fieldsOf({ key, publish: { rtmp, rtmps, srt, srtla, whip } }: CreatedPublishKey): string {
  const rows = [['key', key]];
  for (const fields of [rtmp, rtmps]) {
    if (fields) rows.push(['server', fields.server], ['stream key', fields.streamKey]);
  }
  if (srt !== undefined) rows.push(['SRT', srt]);
  if (srtla !== undefined) rows.push(['SRTLA', srtla]);
  if (whip !== undefined) rows.push(['WHIP', whip]);
  return table(rows);
}
