/**
 * `oxbow doctor --proxy URL`: looks at a server from outside, as a browser does, and finds what a proxy in
 * front of it does wrong.
 * In: its public address. Out: findings, as they come.
 */
import { lookup } from 'node:dns/promises';
import { messageOf, OxbowError } from '../../../lib/errors.ts';
import { type Finding, failed, ok, warning } from '../finding.ts';
import {
  announcedIn,
  checkCertificate,
  checkClientAddress,
  checkHttp2,
  checkHttp3,
  checkLinks,
  checkVersion,
} from './connection-checks.ts';
import { checkEvents, checkSocket } from './event-checks.ts';
import { checkLive } from './live-checks.ts';
import { PublicServer } from './public-server.ts';
import { probeQuic } from './quic-probe.ts';

/** Where findings go, and which stream is checked. */
interface ProxyCheckOptions {
  /** A public stream that is live; default: the first one. */
  readonly stream?: string | undefined;
  readonly add: (finding: Finding) => void;
  readonly signal: AbortSignal;
}

/**
 * Checks a public address.
 *
 * @throws OxbowError `bad-setting` if it is none; the reason of the signal
 */
export async function checkProxy(text: string, options: ProxyCheckOptions): Promise<void> {
  const url = parseAddress(text);
  const { add, signal } = options;
  let server: PublicServer;
  try {
    server = await PublicServer.open(url, { signal });
  } catch (error) {
    signal.throwIfAborted();
    const hint = 'Check the name, the proxy and the firewall.';
    add(failed('address', `${url.origin} cannot be reached: ${messageOf(error)}`, hint));
    return;
  }
  using opened = server;
  add(ok('address', `${url.origin} is at ${opened.address}`));
  try {
    await look(opened, options);
  } catch (error) {
    signal.throwIfAborted();
    add(failed('answers', messageOf(error), 'Check the log of the proxy.'));
  }
}

async function look(server: PublicServer, { stream, add, signal }: ProxyCheckOptions): Promise<void> {
  add(checkCertificate(server.tls, Date.now()));
  if (server.tls) add(checkHttp2(server.tls));
  const version = await server.ask('/version', { signal });
  const answered = checkVersion(version);
  add(answered);
  if (answered.state === 'failed') return;
  if (server.tls) add(await lookAtHttp3(server, version.headers['alt-svc'], signal));
  add(checkClientAddress(await server.ask('/metrics', { signal })));
  add(await checkEvents(server, { signal }));
  add(await checkSocket(server, { signal }));
  const name = stream ?? (await findStream(server, signal));
  if (name === undefined) {
    add(
      warning(
        'live stream',
        'no public stream is live; reloads, parts and caching were not checked',
        'Start one, and run this again; or name one: --stream NAME.',
      ),
    );
    return;
  }
  const links = checkLinks(await server.ask(`/watch/${encodeURIComponent(name)}`, { signal }), server.url.origin);
  if (links) add(links);
  for (const finding of await checkLive(server, encodeURIComponent(name), { signal })) add(finding);
}

async function lookAtHttp3(server: PublicServer, field: string | undefined, signal: AbortSignal): Promise<Finding> {
  const { host, port } = announcedIn(field) ?? { host: '', port: Number(server.url.port) || 443 };
  const address = host === '' ? server.address : await addressOf(host);
  const versions = address === undefined ? undefined : await probeQuic({ address, port }, { signal });
  return checkHttp3(field, port, versions);
}

/** @returns undefined if the name does not exist */
async function addressOf(host: string): Promise<string | undefined> {
  try {
    return (await lookup(host.replace(/^\[|\]$/g, ''))).address;
  } catch {
    return undefined; // reported as a port without an answer
  }
}

/** The first stream that is live, as everyone may list them. */
async function findStream(server: PublicServer, signal: AbortSignal): Promise<string | undefined> {
  const { status, text } = await server.ask('/api/v1/streams', { signal });
  if (status !== 200) return undefined;
  const { items = [] } = JSON.parse(text) as { items?: readonly { readonly name: string; readonly state: string }[] };
  return items.find(({ state }) => state === 'live')?.name;
}

/** @throws OxbowError `bad-setting` */
function parseAddress(text: string): URL {
  const url = URL.parse(text);
  const isPlain = url?.pathname === '/' && url.search === '' && url.hash === '' && url.username === '';
  if (url && isPlain && (url.protocol === 'https:' || url.protocol === 'http:')) return url;
  throw new OxbowError(
    'bad-setting',
    `\`--proxy\` (${text.slice(0, 200)}) is not the address of a server, such as https://tv.example.`,
    { extra: { hint: 'Write the address that viewers use, without a path.' } },
  );
}
