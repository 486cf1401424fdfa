/**
 * The API of stream keys: implements PublishKeysApi on the keys and the catalog.
 * In: names and settings that HTTP has checked. Out: PublishKeyView; secrets of new keys, once.
 */
import { keyUnknown, type PublishKey, type PublishKeys } from '../../accounts/publish-keys.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { KeyWithSecret, NewKey, PublishKeysApi } from '../../api/publish/publish-keys-api.ts';
import type { PublishKeyView } from '../../api/publish/publish-shapes.ts';
import type { Config } from '../../config/schema.ts';
import type { Current } from '../../lib/current.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { parseCidr } from '../../net/address.ts';
import type { Catalog } from '../catalog.ts';

export function createPublishKeysApi(
  keys: PublishKeys,
  catalog: Catalog,
  settings: Current<Pick<Config, 'publish'>>,
): PublishKeysApi {
  const idOf = (stream: string) => catalog.get(stream).definition.id;
  const find = (stream: string | null, id: string): PublishKey => {
    const { scope } = keys.get(id) ?? {};
    const matches =
      stream === null ? scope?.type === 'prefix' : scope?.type === 'stream' && scope.streamId === idOf(stream);
    if (stream !== null) idOf(stream); // an unknown stream is reported as such
    const key = keys.get(id);
    if (!key || !matches) throw keyUnknown(id);
    return key;
  };
  return {
    list(stream) {
      if (stream === null) return keys.ofPrefixes.map((key) => viewOf(key, ''));
      return keys.ofStream(idOf(stream)).map((key) => viewOf(key, stream));
    },
    async create(stream, key) {
      const scope = { type: 'stream', streamId: idOf(stream) } as const;
      return shown(await keys.create({ scope, ...checked(key) }), stream);
    },
    async createForPrefix(prefix, { maxStreams = settings.now.publish.maxStreams, ...key }) {
      const scope = { type: 'prefix', prefix, maxStreams } as const;
      return shown(await keys.create({ scope, ...checked(key) }), null);
    },
    async rotate(stream, id, rotation) {
      find(stream, id);
      return shown(await keys.rotate(id, rotation), stream);
    },
    async remove(stream, id) {
      find(stream, id);
      await keys.remove(id);
    },
    revokerOf(stream) {
      const id = catalog.find(stream)?.definition.id;
      return async () => void (id !== undefined && (await keys.removeStream(id)));
    },
  };
}

function shown({ key, secret }: { key: PublishKey; secret: string }, stream: string | null): KeyWithSecret {
  const example = key.scope.type === 'prefix' ? `${key.scope.prefix}NAME` : '';
  return { view: viewOf(key, stream ?? ''), secret, stream: stream ?? example };
}

function viewOf(key: PublishKey, stream: string): PublishKeyView {
  const { id, label, scope, allow, createdMs, expiresMs, usedMs } = key;
  const time = (ms: number | undefined) => (ms === undefined ? null : printRfc3339(ms));
  return {
    id,
    label,
    scope: scope.type === 'prefix' ? `publish:${scope.prefix}*` : `publish:${stream}`,
    maxStreams: scope.type === 'prefix' ? scope.maxStreams : null,
    allow: [...allow],
    createdAt: printRfc3339(createdMs),
    expiresAt: time(expiresMs),
    usedAt: time(usedMs),
  };
}

function checked({ label, allow, expiresMs }: NewKey): NewKey {
  try {
    for (const range of allow) parseCidr(range);
  } catch (error) {
    if (!(error instanceof OxbowError)) throw error;
    throw new OxbowError('bad-request', `\`allow\`: ${sentenceOf(error)}`, { cause: error });
  }
  return { label, allow, expiresMs };
}
