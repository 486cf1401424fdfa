/**
 * Commands: `connect`, `publish` and their results.
 * In: bodies of command messages; values to send. Out: commands; bodies. RTMP 1.0 specification (Adobe,
 * 2012), 7.2; Enhanced RTMP 2, Enhancing NetConnection connect Command.
 */
import { parseAmf0, printAmf0 } from '@oxbow/media/amf/amf0';
import { type AmfObject, type AmfValue, isAmfObject } from '@oxbow/media/amf/value';
import { messageType } from './message.ts';

/** Longest text that is taken from a client, characters: a token in a query fits. */
const MAX_TEXT = 4096;
/** Names of codecs in a list. */
const MAX_FOUR_CCS = 64;

export interface Command {
  readonly name: string;
  /** Number that the result repeats; 0: no result is expected. */
  readonly transaction: number;
  /** The command object, which may be absent. */
  readonly object: AmfObject | undefined;
  /** Values after the command object. */
  readonly rest: readonly AmfValue[];
}

/**
 * Reads a command.
 *
 * @param type `command`, or `commandAmf3`, whose body is a zero byte and then the same
 * @throws FormatError if the body is not AMF or has no name
 */
export function parseCommand(type: number, body: Uint8Array): Command {
  const start = type === messageType.commandAmf3 && body[0] === 0 ? 1 : 0;
  const [name, transaction, object, ...rest] = parseAmf0(body, { start });
  return {
    name: typeof name === 'string' ? name.slice(0, 64) : '',
    transaction: typeof transaction === 'number' && Number.isFinite(transaction) ? transaction : 0,
    object: isAmfObject(object) ? object : undefined,
    rest,
  };
}

/** A text of a client, bounded; empty if it is none. */
export function textOf(value: AmfValue): string {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT) : '';
}

/** What a client announces with `connect`. */
export interface ConnectRequest {
  /** E.g. `live`; may have a query. */
  readonly app: string;
  /** The address as the client has it, e.g. `rtmp://host/live`; may be empty. */
  readonly tcUrl: string;
  /** The program as it names itself. */
  readonly flashVer: string;
  /** Version of the AMF of its commands: 0 or 3. */
  readonly objectEncoding: number;
  /** Codecs of enhanced RTMP that it can send, e.g. `hvc1`; `*` is all. Empty: not enhanced. */
  readonly fourCcs: readonly string[];
  /** Bits of `capsEx`; 0 if it says nothing. */
  readonly capsEx: number;
}

/** The announcement in a `connect` command. */
export function connectRequestOf({ object = {} }: Pick<Command, 'object'>): ConnectRequest {
  const { fourCcList, videoFourCcInfoMap, audioFourCcInfoMap } = object;
  const listed = Array.isArray(fourCcList) ? (fourCcList as readonly AmfValue[]) : [];
  const mapped = [videoFourCcInfoMap, audioFourCcInfoMap].flatMap((map) => (isAmfObject(map) ? Object.keys(map) : []));
  const fourCcs = [...listed, ...mapped].filter((each): each is string => typeof each === 'string' && each.length <= 4);
  return {
    app: textOf(object.app),
    tcUrl: textOf(object.tcUrl),
    flashVer: textOf(object.flashVer).slice(0, 128),
    objectEncoding: object.objectEncoding === 3 ? 3 : 0,
    fourCcs: [...new Set(fourCcs)].slice(0, MAX_FOUR_CCS),
    capsEx: typeof object.capsEx === 'number' && object.capsEx > 0 ? object.capsEx & 0xff : 0,
  };
}

/** Bits of `capsEx`: what both sides support (Enhanced RTMP 2). */
export const capsEx = { reconnect: 1, multitrack: 2, modEx: 4, timestampNanoOffset: 8 } as const;
/** Bits of the values of `videoFourCcInfoMap` and `audioFourCcInfoMap`. */
export const fourCcInfo = { decode: 1, encode: 2, forward: 4 } as const;

/** What a server can take. */
export interface ServerAbilities {
  /** Codecs of enhanced RTMP for video. */
  readonly video: readonly string[];
  readonly audio: readonly string[];
  /** Bits of `capsEx`. */
  readonly capsEx: number;
}

/**
 * The result of `connect`. The codecs are repeated for clients of enhanced RTMP only, since old ones may not
 * expect the fields.
 *
 * @returns the body of a command message
 */
export function printConnectResult(
  transaction: number,
  request: ConnectRequest,
  abilities: ServerAbilities,
): Uint8Array {
  const isEnhanced = request.fourCcs.length > 0;
  const infoOf = (codecs: readonly string[]) =>
    Object.fromEntries(codecs.map((codec) => [codec, fourCcInfo.decode | fourCcInfo.forward]));
  return printAmf0([
    '_result',
    transaction,
    {
      fmsVer: 'FMS/3,0,1,123',
      capabilities: 31,
      ...(isEnhanced && {
        fourCcList: [...abilities.video, ...abilities.audio],
        videoFourCcInfoMap: infoOf(abilities.video),
        audioFourCcInfoMap: infoOf(abilities.audio),
        capsEx: abilities.capsEx,
      }),
    },
    {
      level: 'status',
      code: 'NetConnection.Connect.Success',
      description: 'Connection succeeded.',
      objectEncoding: request.objectEncoding,
    },
  ]);
}

/** Body of a `_result`, or of an `_error` with information. */
export function printResult(
  name: '_result' | '_error',
  transaction: number,
  ...values: readonly AmfValue[]
): Uint8Array {
  return printAmf0([name, transaction, ...values]);
}

/** Level and code of a status, e.g. `NetStream.Publish.Start`. */
export interface Status {
  readonly level: 'status' | 'warning' | 'error';
  readonly code: string;
  /** A sentence for the user. */
  readonly description: string;
}

/** Body of `onStatus`. */
export function printStatus(status: Status): Uint8Array {
  return printAmf0(['onStatus', 0, null, { ...status }]);
}

/** Code of the status by which a server leads a client to another connection. */
export const RECONNECT_REQUEST = 'NetConnection.Connect.ReconnectRequest';

/**
 * Body of the status by which a server leads a client to another connection (Enhanced RTMP 2, Reconnect
 * Request).
 *
 * @param tcUrl where to; undefined: where it has connected to
 */
export function printReconnectRequest(description: string, tcUrl: string | undefined): Uint8Array {
  const status = { level: 'status', code: RECONNECT_REQUEST, description };
  return printAmf0(['onStatus', 0, null, tcUrl === undefined ? status : { ...status, tcUrl }]);
}
