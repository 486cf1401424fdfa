/**
 * Datagrams between the one that has the port of SRTLA and the processes that have the streams, within this
 * computer.
 * In: a group, a link, a datagram of it; answers to it. Out: one datagram with both. Pure.
 *
 * To a process: group (4 bytes), link (1), flags (1), port of the link (2), its address, port of the group
 * (2), its address, the datagram. An address is its length (1) and its text. From a process: group (4), link
 * (1), the datagram; with link 0: whether the group has an SRT connection (1).
 */
import { readU32, writeU32 } from '../srt/packet/header.ts';
import type { GroupLink, SrtlaGroup } from './group.ts';

const NUMBER_AT = 4;
const FLAGS_AT = 5;
const LINK_AT = 6;
/** Longest text of an address; an IPv6 address with its zone is shorter. */
const MAX_ADDRESS_BYTES = 96;
/** The process may pass the group on. */
const MAY_MOVE = 1;
const ANSWER_BYTES = 5;

/** Where a datagram came from. */
interface RelaySource {
  readonly address: string;
  readonly port: number;
}

/** What a process gets. */
export interface RelayedDatagram {
  readonly group: number;
  /** The number of the link, 1 and above. */
  readonly link: number;
  readonly mayMove: boolean;
  readonly linkAt: RelaySource;
  readonly groupAt: RelaySource;
  /** A view. */
  readonly packet: Uint8Array;
}

/** What precedes all datagrams of a link. */
export function printRelayPrefix({ number, address, port, group }: GroupLink): Buffer {
  const bytes = Buffer.alloc(LINK_AT + 2 * (3 + MAX_ADDRESS_BYTES));
  writeU32(bytes, 0, group.number);
  bytes[NUMBER_AT] = number;
  let at = LINK_AT;
  for (const place of [{ address, port }, group]) {
    bytes.writeUInt16BE(place.port, at);
    const length = bytes.write(place.address, at + 3, MAX_ADDRESS_BYTES, 'latin1');
    bytes[at + 2] = length;
    at += 3 + length;
  }
  return bytes.subarray(0, at);
}

/** A datagram of a link, for a process. @param prefix of the link; is not changed */
export function printRelayed(prefix: Uint8Array, mayMove: boolean, packet: Uint8Array): Buffer {
  const bytes = Buffer.concat([prefix, packet]);
  bytes[FLAGS_AT] = mayMove ? MAY_MOVE : 0;
  return bytes;
}

/** What a process got; undefined if it is malformed. */
export function parseRelayed(bytes: Uint8Array): RelayedDatagram | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const places: RelaySource[] = [];
  let at = LINK_AT;
  for (let i = 0; i < 2; i++) {
    const length = view[at + 2];
    if (length === undefined || at + 3 + length > view.length) return undefined;
    places.push({ port: view.readUInt16BE(at), address: view.toString('latin1', at + 3, at + 3 + length) });
    at += 3 + length;
  }
  return {
    group: readU32(view, 0),
    link: view[NUMBER_AT]!,
    mayMove: (view[FLAGS_AT]! & MAY_MOVE) !== 0,
    linkAt: places[0]!,
    groupAt: places[1]!,
    packet: view.subarray(at),
  };
}

/** A datagram for a link, from a process. */
export function printRelayAnswer(group: SrtlaGroup, link: number, packet: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(ANSWER_BYTES + packet.length);
  writeU32(bytes, 0, group.number);
  bytes[NUMBER_AT] = link;
  bytes.set(packet, ANSWER_BYTES);
  return bytes;
}

/** Whether a group has an SRT connection, from its process. */
export function printRelayState(group: SrtlaGroup): Buffer {
  return printRelayAnswer(group, 0, Uint8Array.of(group.idleSinceUs === undefined ? 1 : 0));
}

/** An answer of a process; undefined if it is malformed. */
export function parseRelayAnswer(
  bytes: Uint8Array,
):
  | { readonly group: number; readonly link: number; readonly packet: Uint8Array }
  | { readonly group: number; readonly isUsed: boolean }
  | undefined {
  if (bytes.length <= ANSWER_BYTES) return undefined;
  const group = readU32(bytes, 0);
  const link = bytes[NUMBER_AT]!;
  if (link === 0) return { group, isUsed: bytes[ANSWER_BYTES] === 1 };
  return { group, link, packet: bytes.subarray(ANSWER_BYTES) };
}
