/**
 * The places of anchors: an event for webhooks, an object in a bucket, another server, a timestamp authority.
 * In: settings. Out: AnchorPlace. docs/5-record/evidence.md, "Anchors".
 */
import { randomBytes } from 'node:crypto';
import type { ObjectTargets } from '../../archive/objects/object-targets.ts';
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Net } from '../../net/net.ts';
import type { AnchorPlace } from './anchors.ts';
import type { EvidenceConfig } from './settings.ts';
import { checkTimestamp, printTimestampQuery, TIMESTAMP_QUERY } from './timestamp.ts';

/** Bounds of a request to a witness or an authority. */
const bounds = { maxBytes: 1024 * 1024, deadlineMs: 20_000, idleMs: 10_000 } as const;

/** What places need. */
interface PlaceParts {
  readonly bus: Pick<EventBus, 'publish'>;
  readonly net: Pick<Net, 'fetch'>;
  readonly targets: Pick<ObjectTargets, 'client'> | undefined;
}

/**
 * The places of the settings.
 *
 * @throws OxbowError `bad-setting` for a target without object stores
 */
export function anchorPlaces(
  { anchorTarget, witnessUrl, timestampUrl }: EvidenceConfig,
  { bus, net, targets }: PlaceParts,
): AnchorPlace[] {
  const places: AnchorPlace[] = [eventPlace(bus)];
  if (anchorTarget !== '') {
    if (!targets) {
      throw new OxbowError('bad-setting', `evidence.anchorTarget is ${anchorTarget}, and storage.targets is empty.`);
    }
    places.push(bucketPlace(targets, anchorTarget));
  }
  if (witnessUrl !== undefined) places.push(witnessPlace(net, new URL(witnessUrl)));
  if (timestampUrl !== undefined) places.push(timestampPlace(net, new URL(timestampUrl)));
  return places;
}

function eventPlace(bus: Pick<EventBus, 'publish'>): AnchorPlace {
  return {
    name: 'webhook',
    async send({ at, root, key, signature, blocks }) {
      bus.publish('evidence.anchored', { at, root, key, signature, blocks: blocks.length });
      return undefined;
    },
  };
}

function bucketPlace(targets: Pick<ObjectTargets, 'client'>, target: string): AnchorPlace {
  return {
    name: 'bucket',
    async send(document, { signal }) {
      const [day, time] = new Date(document.at / 1000).toISOString().split('T') as [string, string];
      const node = document.node === '' ? '' : `-${document.node}`;
      const bytes = Buffer.from(JSON.stringify(document));
      const client = await targets.client(target);
      const source = {
        size: bytes.length,
        read: async (at: number, length: number) => bytes.subarray(at, at + length),
      };
      await client.put(`evidence/${day}/${time.replaceAll(/[:.]/g, '')}${node}.json`, source, { signal });
      return undefined;
    },
  };
}

function witnessPlace(net: Pick<Net, 'fetch'>, url: URL): AnchorPlace {
  return {
    name: 'witness',
    async send(document, { signal }) {
      const headers = { 'content-type': 'application/json' };
      await post(net, url, { headers, body: Buffer.from(JSON.stringify(document)), signal });
      return undefined;
    },
  };
}

function timestampPlace(net: Pick<Net, 'fetch'>, url: URL): AnchorPlace {
  return {
    name: 'rfc3161',
    async send({ root }, { signal }) {
      const digest = Buffer.from(root, 'base64url');
      const nonce = randomBytes(8);
      const headers = { 'content-type': TIMESTAMP_QUERY };
      const answer = await post(net, url, { headers, body: printTimestampQuery(digest, nonce), signal });
      checkTimestamp(answer, digest, nonce);
      return answer;
    },
  };
}

/** @throws OxbowError `source-failed` unless the answer is 2xx */
async function post(
  net: Pick<Net, 'fetch'>,
  url: URL,
  {
    headers,
    body,
    signal,
  }: { readonly headers: Record<string, string>; readonly body: Uint8Array; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  using answer = await net.fetch(url, { signal, headers, trusted: url, post: body, ...bounds });
  if (answer.status < 200 || answer.status > 299) {
    throw new OxbowError('source-failed', `${url.host} answered ${answer.status} to an anchor.`);
  }
  return answer.body();
}
