/**
 * The columns of rows whose addresses have secrets: the address without them in clear, and all of it sealed
 * in the column `sealed`. Without a seal the rows are in clear, as those of older versions are.
 * In: settings of streams, relays and webhooks; rows. Out: columns; settings. docs/decisions/0119.
 */
import { KEPT, publicAddress, publicTarget } from '../../config/public-address.ts';
import type { SourceConfig } from '../../config/source-config.ts';
import type { RelayTable } from '../../features/relays/tables.ts';
import type { StreamTable, WebhookTable } from '../schema.ts';
import type { TextSeal } from './text-seal.ts';

/** What another key has sealed, as it is stored: it is kept until it is set again. */
export interface LockedTexts {
  /** Sealed JSON of the source. */
  readonly source?: string;
  /** Sealed JSON of `heal_from`. */
  readonly healFrom?: string;
}

export type StreamAddressColumns = Pick<StreamTable, 'source' | 'heal_from' | 'sealed'>;

interface StreamAddresses {
  readonly source: SourceConfig;
  readonly healFrom?: readonly string[] | undefined;
  /** Stays as it is stored. */
  readonly locked?: LockedTexts | undefined;
}

/**
 * A source without what may be a secret; the same object if it has none. Its headers keep their names, with
 * `***` as values: without the key it is known what is missing.
 */
export function publicSource(source: SourceConfig): SourceConfig {
  if (source.type === 'push') {
    const { passphrase, ...rest } = source;
    return passphrase === undefined ? source : rest;
  }
  if (source.type !== 'pull') return source;
  const { url, backup, headers } = source;
  const names = Object.fromEntries(Object.keys(headers).map((name) => [name, KEPT]));
  const shown = {
    ...source,
    url: publicAddress(url),
    ...(backup && { backup: publicAddress(backup) }),
    headers: names,
  };
  const isSame = shown.url === url && shown.backup === backup && Object.keys(headers).length === 0;
  return isSame ? source : shown;
}

/** The columns of a stream with these addresses. */
export function streamColumns(
  { source, healFrom, locked: lockedBefore }: StreamAddresses,
  seal: TextSeal | undefined,
): StreamAddressColumns {
  const locked = textsOf(lockedBefore ?? {});
  const clear = { source: JSON.stringify(source), heal_from: healFrom ? JSON.stringify(healFrom) : null };
  if (!seal) return { ...clear, sealed: Object.keys(locked).length > 0 ? JSON.stringify(locked) : null };
  const shown = {
    source: JSON.stringify(publicSource(source)),
    heal_from: healFrom ? JSON.stringify(healFrom.map(publicAddress)) : null,
  };
  const sealedSource = locked.source ?? (shown.source === clear.source ? undefined : seal.seal(clear.source));
  const hasSecrets = clear.heal_from !== null && shown.heal_from !== clear.heal_from;
  const sealedFrom = locked.healFrom ?? (hasSecrets ? seal.seal(clear.heal_from!) : undefined);
  const sealed = { ...(sealedSource && { source: sealedSource }), ...(sealedFrom && { healFrom: sealedFrom }) };
  return { ...shown, sealed: Object.keys(sealed).length > 0 ? JSON.stringify(sealed) : null };
}

/** The same columns with the addresses in clear; `locked` has what this server cannot open. */
export function openStreamColumns(
  { source, heal_from, sealed }: StreamAddressColumns,
  seal: TextSeal | undefined,
): Omit<StreamAddressColumns, 'sealed'> & { readonly locked: LockedTexts | undefined } {
  const texts = sealed === null ? {} : readTexts(sealed);
  const opened = {
    source: texts.source === undefined ? source : seal?.open(texts.source),
    healFrom: texts.healFrom === undefined ? heal_from : seal?.open(texts.healFrom),
  };
  const locked = {
    ...(opened.source === undefined && { source: texts.source! }),
    ...(opened.healFrom === undefined && { healFrom: texts.healFrom! }),
  };
  return {
    source: opened.source ?? source,
    heal_from: opened.healFrom === undefined ? heal_from : opened.healFrom,
    locked: Object.keys(locked).length > 0 ? locked : undefined,
  };
}

/** Without what a definition notes with them. */
function textsOf({ source, healFrom }: LockedTexts): LockedTexts {
  return { ...(source !== undefined && { source }), ...(healFrom !== undefined && { healFrom }) };
}

/** Damaged texts count as none. */
function readTexts(sealed: string): LockedTexts {
  try {
    return textsOf(JSON.parse(sealed) as LockedTexts);
  } catch {
    return {};
  }
}

export type RelayAddressColumns = Pick<RelayTable, 'url' | 'sealed'>;

/** The columns of a relay to an address. */
export function relayColumns(url: string, seal: TextSeal | undefined): RelayAddressColumns {
  return seal ? { url: publicTarget(url), sealed: seal.seal(url) } : { url, sealed: null };
}

/** The address of a relay; undefined: another key sealed it. */
export function openRelayColumns({ url, sealed }: RelayAddressColumns, seal: TextSeal | undefined): string | undefined {
  return sealed === null ? url : seal?.open(sealed);
}

/** The columns of a webhook that have its address and its secret. */
export type WebhookAddressColumns = Pick<WebhookTable, 'url' | 'secret' | 'sealed'>;

export function webhookColumns(
  { url, secret }: Pick<WebhookTable, 'url' | 'secret'>,
  seal: TextSeal | undefined,
): WebhookAddressColumns {
  if (!seal) return { url, secret, sealed: null };
  return { url: publicTarget(url), secret: '', sealed: seal.seal(JSON.stringify([url, secret])) };
}

/** Address and secret of a webhook; undefined: another key sealed them. */
export function openWebhookColumns(
  { url, secret, sealed }: WebhookAddressColumns,
  seal: TextSeal | undefined,
): Pick<WebhookTable, 'url' | 'secret'> | undefined {
  if (sealed === null) return { url, secret };
  const text = seal?.open(sealed);
  if (text === undefined) return undefined;
  const [openedUrl, openedSecret] = JSON.parse(text) as [string, string];
  return { url: openedUrl, secret: openedSecret };
}

/** The request headers of an entry's media elsewhere, in the JSON of its target: they have tokens. */
interface TargetHeaders {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sealed JSON of `headers`. */
  readonly sealedHeaders?: string;
}

/** Of a target in memory: what another key has sealed. It goes back into the row, and into no answer. */
const LOCKED = Symbol('locked headers');

/** The column `target` of an entry of a room: the JSON with its headers sealed. */
export function targetColumn(target: object, seal: TextSeal | undefined): string {
  const { headers, [LOCKED]: sealedHeaders, ...rest } = target as TargetHeaders & { readonly [LOCKED]?: string };
  if (headers === undefined && sealedHeaders !== undefined) return JSON.stringify({ ...rest, sealedHeaders });
  if (!seal || headers === undefined) return JSON.stringify(target);
  return JSON.stringify({ ...rest, sealedHeaders: seal.seal(JSON.stringify(headers)) });
}

/**
 * The target of an entry; without headers if another key sealed them: they stay in its row.
 *
 * @throws SyntaxError
 */
export function openTarget<T extends object>(column: string, seal: TextSeal | undefined): T {
  const { sealedHeaders, ...target } = JSON.parse(column) as T & TargetHeaders;
  if (sealedHeaders === undefined) return target as T;
  const text = seal?.open(sealedHeaders);
  return { ...target, ...(text === undefined ? { [LOCKED]: sealedHeaders } : { headers: JSON.parse(text) }) } as T;
}

/** A target that takes the place of another one, with the headers of that which another key has sealed. */
export function withLockedHeaders<T extends object>(target: T, before: object): T {
  const { [LOCKED]: sealedHeaders } = before as { readonly [LOCKED]?: string };
  return sealedHeaders === undefined ? target : ({ ...target, [LOCKED]: sealedHeaders } as T);
}

/** The column as this seal writes it; undefined if another key has sealed its headers. @throws SyntaxError */
export function sealTarget(column: string, open: TextSeal | undefined, seal: TextSeal | undefined): string | undefined {
  const target = openTarget<TargetHeaders & { readonly [LOCKED]?: string }>(column, open);
  return target[LOCKED] === undefined ? targetColumn(target, seal) : undefined;
}
