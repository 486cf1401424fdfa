/**
 * Packets for the tests of depacketizers, and what becomes of them.
 * In: payloads. Out: units, configurations, damage. Used by tests only.
 */
import { concatBytes } from '../../bytes.ts';
import type { AudioConfig, VideoConfig } from '../../frame.ts';
import { createDepacketizer } from './depacketizer.ts';
import type { Depacketizer, PayloadCodec, PayloadFormat, Unit } from './payload.ts';

/** What a depacketizer gave. */
export interface Collected {
  readonly depacketizer: Depacketizer;
  readonly units: Unit[];
  readonly configs: (VideoConfig | AudioConfig)[];
  readonly damage: string[];
  readonly refused: string[];
  readonly bytes: Uint8Array[];
  /** Sends an access unit; the last payload has the marker. */
  send(timestamp: number, ...payloads: readonly Uint8Array[]): void;
  /** Sends one packet. */
  packet(timestamp: number, marker: boolean, payload: Uint8Array): void;
}

/** A format with parameters. */
export function formatOf(
  codec: PayloadCodec,
  clockRate: number,
  parameters: Record<string, string> = {},
): PayloadFormat {
  return { codec, clockRate, parameters: new Map(Object.entries(parameters)) };
}

/** Opens a depacketizer and collects its output. */
export function collect(format: PayloadFormat): Collected {
  const units: Unit[] = [];
  const configs: (VideoConfig | AudioConfig)[] = [];
  const damage: string[] = [];
  const refused: string[] = [];
  const bytes: Uint8Array[] = [];
  const depacketizer = createDepacketizer(format, {
    config: (config) => configs.push(config),
    unit: (unit) => units.push(unit),
    damage: (reason) => damage.push(reason),
    refused: ({ name }) => refused.push(name),
    bytes: (piece) => bytes.push(piece),
  });
  let sequence = 0;
  const packet = (timestamp: number, marker: boolean, payload: Uint8Array) => {
    depacketizer.push({ payloadType: 96, ssrc: 1, sequence: sequence++ & 0xffff, timestamp, marker, payload });
  };
  const send = (timestamp: number, ...payloads: readonly Uint8Array[]) => {
    for (const [i, payload] of payloads.entries()) packet(timestamp, i === payloads.length - 1, payload);
  };
  return { depacketizer, units, configs, damage, refused, bytes, send, packet };
}

/** Bytes of hexadecimal text with spaces. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
}

/** NAL units after their lengths. */
export function sample(...nals: readonly Uint8Array[]): Uint8Array {
  return concatBytes(nals.flatMap((nal) => [Uint8Array.of(0, 0, nal.length >> 8, nal.length & 0xff), nal]));
}

/** The same bytes in base64. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
