/**
 * A key server that answers JSON: a few lines of a program that has the keys.
 * In: a period. Out: its key, from the answer. docs/4-watch/drm.md has the form.
 */
import { parseBase64 } from '@oxbow/media/base64';
import { bytesOfUuid, hexOf, SYSTEM, uuidOf } from '@oxbow/media/cenc/protection';
import { FormatError } from '@oxbow/media/errors';
import type { KeyTag } from '@oxbow/media/m3u8/playlist';
import type { Net } from '../../net/net.ts';
import type { DrmKey, DrmSystem } from '../encryption/drm-key.ts';
import { type KeyPeriod, type KeyServer, type KeyServerAddress, requestKey } from './key-server.ts';

/** DRM systems of one key. */
const MAX_SYSTEMS = 16;
const NAMES: Readonly<Record<string, string>> = {
  fairplay: SYSTEM.fairPlay,
  playready: SYSTEM.playReady,
  widevine: SYSTEM.widevine,
};

/** A server at an address. */
export function webhookServer(net: Pick<Net, 'fetch'>, address: KeyServerAddress): KeyServer {
  return {
    keyOf(period, options) {
      const { content, number, kid } = period;
      const body = JSON.stringify({ content, period: number, kid: uuidOf(kid), scheme: 'cbcs' });
      return requestKey(
        net,
        address,
        { type: 'application/json', body, read: (text) => readKey(text, period) },
        options,
      );
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

function readKey(text: string, { kid }: KeyPeriod): DrmKey | undefined {
  const answer = fieldsOf(parseJson(text), 'the answer');
  const answered = bytesOfUuid(textOf(answer, 'kid') ?? uuidOf(kid));
  if (!answered || hexOf(answered) !== hexOf(kid)) return undefined;
  const key = keyBytes(answer, 'key');
  if (!key) throw new FormatError('`key` is missing', 0);
  const systems = answer.systems ?? [];
  if (!Array.isArray(systems) || systems.length > MAX_SYSTEMS) {
    throw new FormatError(`\`systems\` is not a list of at most ${MAX_SYSTEMS}`, 0);
  }
  return { key, iv: keyBytes(answer, 'iv'), systems: systems.map(systemOf) };
}

function systemOf(value: unknown): DrmSystem {
  const fields = fieldsOf(value, 'an entry of `systems`');
  const name = textOf(fields, 'system') ?? '';
  const id = bytesOfUuid(NAMES[name.toLowerCase()] ?? name);
  if (!id) throw new FormatError(`\`system\` is "${name.slice(0, 80)}", neither a known name nor a UUID`, 0);
  const pssh = textOf(fields, 'pssh');
  const uri = textOf(fields, 'uri');
  const keyFormat = textOf(fields, 'keyFormat');
  const versions = textOf(fields, 'keyFormatVersions');
  const tag: KeyTag | undefined =
    uri !== undefined && keyFormat !== undefined
      ? { method: 'SAMPLE-AES', uri, keyFormat, ...(versions !== undefined && { keyFormatVersions: versions }) }
      : undefined;
  return {
    system: uuidOf(id),
    pssh: pssh === undefined ? undefined : decode(pssh, 'pssh'),
    contentProtection: textOf(fields, 'contentProtection'),
    uri,
    tags: tag ? [tag] : [],
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FormatError('it is not JSON', 0);
  }
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FormatError(`${what} is not an object`, 0);
  }
  return value as Fields;
}

function textOf(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new FormatError(`\`${name}\` is not a text`, 0);
  return value;
}

/** 16 bytes as 32 hex digits or base64. */
function keyBytes(fields: Fields, name: string): Uint8Array | undefined {
  const value = textOf(fields, name);
  if (value === undefined) return undefined;
  const bytes = bytesOfUuid(value) ?? parseBase64(value);
  if (bytes?.length !== 16) throw new FormatError(`\`${name}\` is not 16 bytes in hex digits or base64`, 0);
  return bytes;
}

function decode(text: string, name: string): Uint8Array {
  const bytes = parseBase64(text);
  if (!bytes) throw new FormatError(`\`${name}\` is not base64`, 0);
  return bytes;
}
