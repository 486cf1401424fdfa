/**
 * The call of a room: who takes part, what they send, and signals between their browsers.
 * In: messages of connections, changes of people. Out: messages; offers go to the forwarder.
 * docs/7-together/messages.md.
 */
import type { UserRef } from '../../../accounts/users/user.ts';
import {
  type CallMedia,
  type CallParticipant,
  MAX_CALL,
  MAX_CALL_PICTURES,
  MAX_MESH,
  type RoomCall,
} from '../../../api/room/call-shapes.ts';
import type { ClientMessage, ClientMessageOf, ServerMessage } from '../../../api/room/messages.ts';
import type { RoomPermission } from '../../../api/room/permissions.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { Members } from '../members/members.ts';
import type { Connection } from '../participants/connection.ts';
import type { CallParts, CountedCall } from './call-parts.ts';
import { Forwarder } from './forward/forwarder.ts';

export type CallClientMessage = ClientMessageOf<'call-join' | 'call-media' | 'call-leave' | 'call-signal'>;

/** The room, as its call sees it. */
interface CallOwner {
  readonly id: string;
  broadcast(message: ServerMessage): void;
  may(user: UserRef, permission: RoomPermission): boolean;
  readonly members: Pick<Members, 'find'>;
}

/** One participant with their connection to the room. */
interface Participant {
  readonly connection: Connection;
  view: CallParticipant;
}

/** Whether a message belongs to the call. */
export function isCallMessage(message: ClientMessage): message is CallClientMessage {
  return message.t.startsWith('call-');
}

/** The call of one room. */
export class Call implements CountedCall {
  readonly #room: CallOwner;
  readonly #parts: CallParts | undefined;
  /** By the id of their connection, in the order in which they joined. */
  readonly #participants = new Map<string, Participant>();
  #forwarder: Forwarder | undefined;

  /** @param parts undefined: there are no calls */
  constructor(room: CallOwner, parts: CallParts | undefined) {
    this.#room = room;
    this.#parts = parts;
  }

  /** The call as everyone in the room sees it; null: none. */
  get view(): RoomCall | null {
    if (this.#participants.size === 0) return null;
    const participants = [...this.#participants.values()].map(({ view }) => view);
    return { mode: this.#forwarder ? 'forwarded' : 'mesh', participants };
  }

  /** See CountedCall. */
  get paused(): number {
    return this.#forwarder?.paused ?? 0;
  }

  /** Takes a message of a connection; refusals are answered. */
  receive(connection: Connection, message: CallClientMessage): void {
    if (message.t === 'call-leave') this.left(connection);
    else if (message.t === 'call-signal') this.#signal(connection, message);
    else this.#answer(connection, message);
  }

  /** A connection has left the call, or the room. */
  left(connection: Connection): void {
    if (this.#participants.delete(connection.id)) this.#changed();
  }

  /** The permissions of a person have changed: without `talk`, or muted, they are removed. */
  check(user: UserRef): void {
    if (this.#participants.size === 0 || (this.#room.may(user, 'talk') && !this.#isMuted(user))) return;
    const participants = [...this.#participants.values()].filter(({ connection }) => connection.user.id === user.id);
    this.#remove(participants, 'muted');
  }

  /** Ends the call after `rooms.calls` was turned off. */
  tick(): void {
    if (this.#participants.size > 0 && !this.#parts?.isOn()) this.#remove([...this.#participants.values()], 'stopped');
  }

  /**
   * Opens the connection of a participant to the server, or replaces it.
   *
   * @param user to whose connection the participant belongs
   * @returns the answer
   * @throws OxbowError `call-unknown`, `call-direct`, `webrtc-off`, `not-ready`, `webrtc-full`, `bad-offer`,
   *   `offer-refused`
   */
  connect(participant: string, user: UserRef, offer: string, reachedAt: string | undefined): string {
    this.#assertOwn(participant, user);
    if (!this.#forwarder) throw new OxbowError('call-direct', 'The participants of this call connect to each other.');
    return this.#forwarder.open(participant, offer, reachedAt);
  }

  /** Ends the connection of a participant to the server. @throws OxbowError `call-unknown` */
  disconnect(participant: string, user: UserRef): void {
    this.#assertOwn(participant, user);
    this.#forwarder?.close(participant);
  }

  #remove(removed: readonly Participant[], reason: 'muted' | 'stopped'): void {
    for (const { connection } of removed) {
      this.#participants.delete(connection.id);
      connection.send({ t: 'call-ended', reason });
    }
    if (removed.length > 0) this.#changed();
  }

  #assertOwn(participant: string, user: UserRef): void {
    if (this.#participants.get(participant)?.connection.user.id !== user.id)
      throw new OxbowError('call-unknown', `You have no participant "${participant.slice(0, 64)}" in the call.`);
  }

  #isMuted({ id }: UserRef): boolean {
    return (this.#room.members.find(id)?.mutedUntilMs ?? 0) > (this.#parts?.clock.nowMs() ?? 0);
  }

  #signal(connection: Connection, { to, signal }: ClientMessageOf<'call-signal'>): void {
    const other = this.#participants.get(to);
    if (this.#forwarder || !this.#participants.has(connection.id) || !other || other.connection === connection) return;
    other.connection.send({ t: 'call-signal', from: connection.id, signal });
  }

  #answer(connection: Connection, message: ClientMessageOf<'call-join' | 'call-media'>): void {
    const { t, id, microphone, camera, screen, recording = false } = message;
    try {
      this.#set(connection, { microphone, camera, screen }, { recording, isJoin: t === 'call-join' });
      connection.send({ t: 'ack', id });
    } catch (error) {
      if (!(error instanceof OxbowError)) throw error;
      connection.send({ t: 'refused', id, code: error.code, detail: error.message });
    }
  }

  /**
   * @throws OxbowError `call-off`, `room-forbidden`, `room-muted`, `call-unknown`, `call-full`,
   *   `call-pictures`, `call-record`
   */
  #set(connection: Connection, media: CallMedia, { recording, isJoin }: { recording: boolean; isJoin: boolean }): void {
    const { user } = connection;
    const participant = this.#participants.get(connection.id);
    if (!participant && !isJoin) throw new OxbowError('call-unknown', 'You are not in the call.');
    const parts = this.#parts;
    if (!parts?.isOn()) throw new OxbowError('call-off', 'There are no calls on this server.');
    if (!this.#room.may(user, 'talk'))
      throw new OxbowError('room-forbidden', 'You lack the permission talk in this room.');
    if (this.#isMuted(user)) throw new OxbowError('room-muted', 'You are muted in this room.');
    // As the routes that create streams and their keys.
    if (recording && user.role !== 'admin')
      throw new OxbowError('call-record', 'Only administrators record calls, because the recording is a stream.');
    const others = [...this.#participants.values()].filter(({ connection: other }) => other !== connection);
    const pictures = [media, ...others.map(({ view }) => view)].reduce((sum, sent) => sum + picturesOf(sent), 0);
    // A picture can be turned off in any case.
    if (pictures > MAX_CALL_PICTURES && picturesOf(media) > (participant ? picturesOf(participant.view) : 0))
      throw new OxbowError('call-pictures', `A call has at most ${MAX_CALL_PICTURES} cameras and screens.`);
    const most = parts.canForward() ? MAX_CALL : MAX_MESH;
    if (!participant && others.length >= most) throw new OxbowError('call-full', `A call has at most ${most} people.`);
    const view: CallParticipant = {
      id: connection.id,
      user: user.id,
      name: user.name,
      ...media,
      ...(recording && { recording }),
    };
    if (participant) participant.view = view;
    else this.#participants.set(connection.id, { connection, view });
    if (this.#participants.size > MAX_MESH) this.#forwarder ??= this.#openForwarder(parts);
    parts.stats.open.add(this);
    if (isJoin) connection.send({ t: 'call-joined', participant: connection.id, iceServers: parts.iceServers() });
    this.#changed();
  }

  #openForwarder(parts: CallParts): Forwarder {
    return new Forwarder(parts, this.#room.id, (participant, slots) => {
      this.#participants.get(participant)?.connection.send({ t: 'call-slots', slots });
    });
  }

  #changed(): void {
    const { view } = this;
    if (!view) {
      this.#forwarder?.[Symbol.dispose]();
      this.#forwarder = undefined;
      this.#parts?.stats.open.delete(this);
    }
    this.#forwarder?.update(view?.participants ?? []);
    this.#room.broadcast({ t: 'call', call: view });
  }
}

function picturesOf({ camera, screen }: CallMedia): number {
  return Number(camera) + Number(screen);
}
