/**
 * `oxbow db promote`: makes a replica of the database the primary, and fences off what runs on the old one.
 * In: the settings of the region that continues. Out: a higher epoch in the database, in the buckets and at
 * the nodes that answer. docs/9-run/regions.md.
 */
import type { Command } from 'commander';
import { epochKey, readEpochObject, writeEpochObject } from '../../archive/objects/epoch-object.ts';
import { ObjectTargets } from '../../archive/objects/object-targets.ts';
import { askEpoch } from '../../cluster/requests/ask-epoch.ts';
import { NodeClient } from '../../cluster/requests/node-client.ts';
import { NodeSignature } from '../../cluster/requests/node-signature.ts';
import type { Config } from '../../config/schema.ts';
import { readPeers } from '../../config/sections/cluster-section.ts';
import { type DatabaseServer, databaseServer, storeSection } from '../../config/sections/store-section.ts';
import { waitFor, withDeadline } from '../../lib/abort.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { version } from '../../lib/version.ts';
import { createNet, type Net } from '../../net/net.ts';
import { type KnownNode, type Promotion, promoteServer } from '../../store/epoch/promote.ts';
import { addSettingFlags, readSettings } from '../setting-flags.ts';
import { onStopSignal } from '../stop-signals.ts';
import { type ExitCode, say, sayJson } from '../terminal.ts';

/** A bucket or a node that does not answer for this long is left out, ms. */
const ANSWER_MS = 5000;
/** A connection that was open since the epoch was read may just have been closed by the bucket. */
const BUCKET_TRIES = 2;
/** Sender of the requests to nodes. */
const SENDER = 'db-promote';

/** How a bucket or a node has taken the epoch. */
interface Notified {
  readonly name: string;
  /** Empty: it has it. */
  readonly problem: string;
}

/** Adds the verb below `db`. */
export function addPromote(db: Command, exit: (code: ExitCode) => void): void {
  const promote = db
    .command('promote')
    .summary('makes a replica the primary, in another region')
    .description(
      'Makes a streaming replica of PostgreSQL the primary, and raises the epoch of the database: oxbow in the lost region ends as soon as it sees that, ' +
        'and its later writes are refused. A server that is a primary already only gets a higher epoch. Start oxbow on the promoted database afterwards.',
    )
    .option('--to <URL>', 'The replica (default: store.url of the settings).')
    .option('--old <URL>', 'The primary until now, if it answers: then nothing is lost. Leave it out if it is lost.')
    .option('--json', 'Print the result as JSON.')
    .addHelpText('after', examples);
  addSettingFlags(promote, ['store.url']);
  promote.action(async () => exit(await runPromote(promote)));
}

const examples = `
Examples:
  oxbow db promote --config region2.yaml
  oxbow db promote --config region2.yaml --old postgres://oxbow:SECRET@db.region1.example/oxbow`;

async function runPromote(command: Command): Promise<ExitCode> {
  const { to, old, json } = command.opts<{ to?: string; old?: string; json?: true }>();
  const { config } = await readSettings(command);
  const server = to === undefined ? databaseServer(config.store) : serverAt(config, '--to', to);
  if (!server) {
    throw new OxbowError('bad-request', 'The command names no PostgreSQL database.', {
      extra: { hint: 'Give the address of the replica with --to, or set store.url.' },
    });
  }
  const controller = new AbortController();
  using _signals = onStopSignal(() => controller.abort(new DOMException('stopped', 'AbortError')));
  const { signal } = controller;
  await using targets = new ObjectTargets(config.storage.targets);
  const seen = await epochOfBuckets(targets, signal);
  const { promotion, nodes } = await promoteServer({
    server,
    old: old === undefined ? undefined : serverAt(config, '--old', old),
    seen,
    nowMs: Date.now,
    signal,
  });
  const { epoch } = promotion;
  await using net = createNet({ allow: config.net.allow, userAgent: `oxbow/${version}` });
  const notified = await Promise.all([
    ...targets.names.map((name) =>
      notify(
        `bucket ${name}`,
        signal,
        async (limit) => writeEpochObject(await targets.client(name), epochKey(targets.find(name)!), epoch, limit),
        BUCKET_TRIES,
      ),
    ),
    ...notifyNodes(config, { nodes, net }, epoch, signal),
  ]);
  if (json) sayJson({ ...promotion, notified });
  else sayPromotion(promotion, notified);
  return 0;
}

function serverAt({ store }: Pick<Config, 'store'>, option: string, url: string): DatabaseServer {
  try {
    return { ...store, url: storeSection.children.url.parse(url)! };
  } catch (error) {
    throw new OxbowError('bad-request', `${option}: ${sentenceOf(error)}`, { cause: error });
  }
}

/** The highest epoch of the buckets that answer. */
async function epochOfBuckets(targets: ObjectTargets, signal: AbortSignal): Promise<number> {
  const epochs = targets.names.map(async (name) => {
    using limit = withDeadline(ANSWER_MS, `reading the epoch of ${name}`, { signal });
    const reading = targets
      .client(name)
      .then((client) => readEpochObject(client, epochKey(targets.find(name)!), limit))
      .catch(() => undefined); // one that does not answer is reported when the epoch is written
    return (await waitFor(reading, limit).catch(() => undefined)) ?? 0;
  });
  const numbers = await Promise.all(epochs);
  signal.throwIfAborted();
  return Math.max(0, ...numbers);
}

async function notify(
  name: string,
  signal: AbortSignal,
  send: (limit: { readonly signal: AbortSignal }) => Promise<unknown>,
  maxTries = 1,
): Promise<Notified> {
  let problem = '';
  for (let tries = 0; tries < maxTries; tries++) {
    using limit = withDeadline(ANSWER_MS, `notifying ${name}`, { signal });
    const sending = send(limit);
    try {
      await waitFor(sending, limit);
      return { name, problem: '' };
    } catch (error) {
      sending.catch(() => undefined);
      signal.throwIfAborted();
      problem = sentenceOf(error);
    }
  }
  return { name, problem };
}

/** Notifies the nodes that the database knows, and those of the settings. */
function notifyNodes(
  { cluster: { secret, peers } }: Config,
  { nodes: known, net }: { readonly nodes: readonly KnownNode[]; readonly net: Net },
  epoch: number,
  signal: AbortSignal,
): readonly Promise<Notified>[] {
  if (secret === undefined) return [];
  const signature = new NodeSignature({ secret, node: SENDER, clock: createSystemClock() });
  const client = new NodeClient({ net, signature });
  const nodes = new Map([...readPeers(peers), ...known].map((node) => [node.name, node]));
  return Array.from(nodes.values(), (node) =>
    notify(`node ${node.name}`, signal, (limit) => askEpoch(client, node, epoch, limit)),
  );
}

function sayPromotion({ epoch, wasReplica, lastMs, lostS }: Promotion, notified: readonly Notified[]): void {
  say(
    wasReplica ? `Promoted: the database has epoch ${epoch}.` : `The server was a primary; it has epoch ${epoch} now.`,
  );
  if (lostS === 0) say('  The replica has everything that the old primary had.');
  else if (lostS !== undefined) {
    say(`  The last transaction of the old primary that it has is of ${new Date(lastMs!).toISOString()}.`);
    say(`  What the old primary has committed since is not here: at most ${lostS.toFixed(1)} s.`);
  }
  for (const { name, problem } of notified) say(`  ${name}: ${problem === '' ? 'has the epoch' : problem}`);
  say('Start oxbow with this database now. Make the old primary its replica before it is used again.');
}
