/**
 * The settings of a push source as form fields.
 * In: settings of the API. Out: values of the fields, and the changes to send. Pure.
 */
import type { PushSourcePatch, SourceSettings } from '../../../src/api/shapes.ts';

/** Values of the fields. */
export interface SourceFields {
  second: 'refuse' | 'replace' | 'standby';
  away: 'nothing' | 'last-picture' | 'slate';
  /** Which of several pictures is that of the stream, and which others are qualities; empty: the default. */
  quality: string;
  qualities: string;
  /** Latency of SRT, ms; null: the setting of the server. */
  latencyMs: number | null;
  isEncrypted: boolean;
  /** Empty: the current one stays. */
  passphrase: string;
  /** By how much audio is presented later, ms. Null while the field is empty. */
  audioMs: number | null;
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** A duration of the API, as `1s200ms` or `-80ms`, in ms. */
export function msOf(text: string): number {
  const pieces = [...text.matchAll(/(\d+)(ms|s|m)/g)];
  const ms = pieces.reduce((sum, [, count, unit = '']) => sum + Number(count) * (unitMs[unit] ?? 0), 0);
  return text.startsWith('-') ? -ms : ms;
}

/** The fields of saved settings. */
export function sourceFields(settings: SourceSettings): SourceFields {
  const { onSecondPublisher, quality, qualities, whileAway, latency, hasPassphrase, audioOffset } = settings;
  return {
    second: onSecondPublisher ?? 'refuse',
    away: whileAway ?? 'nothing',
    quality: quality ?? '',
    qualities: qualities ?? '',
    latencyMs: latency === null ? null : msOf(latency),
    isEncrypted: hasPassphrase,
    passphrase: '',
    audioMs: msOf(audioOffset),
  };
}

/** What the fields change; empty if nothing. */
export function sourceChanges(saved: SourceSettings, fields: SourceFields): PushSourcePatch {
  const before = sourceFields(saved);
  const { second, away, latencyMs, isEncrypted, passphrase } = fields;
  const audioMs = fields.audioMs ?? 0;
  const [quality, qualities] = [fields.quality.trim(), fields.qualities.trim()];
  return {
    ...(second !== before.second && { onSecondPublisher: second }),
    ...(away !== before.away && { whileAway: away }),
    ...(quality !== before.quality && { quality: quality || null }),
    ...(qualities !== before.qualities && { qualities: qualities || null }),
    ...(latencyMs !== before.latencyMs && { latency: latencyMs === null ? null : `${latencyMs}ms` }),
    ...(isEncrypted && passphrase !== '' && { passphrase }),
    ...(!isEncrypted && before.isEncrypted && { passphrase: null }),
    ...(isEncrypted && !before.isEncrypted && { passphrase }),
    ...(audioMs !== before.audioMs && { audioOffset: `${audioMs}ms` }),
  };
}
