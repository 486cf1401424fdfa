/**
 * A visit to the page of a room: its state before entering, entering, and why not.
 * In: the room's id, the visitor's name and password. Out: the screen of the page, and the room's session
 * while the visitor is inside.
 */
import { ApiError, type Failure, failureOf } from '../../api/client.ts';
import { createGuest, getRoom, joinRoom, type RoomView } from '../../api/rooms.ts';
import { t } from '../../viewer/preferences.svelte.ts';
import { session as account } from '../../viewer/session.svelte.ts';
import { RoomSession } from '../session/room-session.svelte.ts';
import { type Screen, screenOf, screenOfCode } from './screen.ts';

/** Timeout of a request, milliseconds. */
const WITHIN_MS = 20_000;

/** One visit; `close` with the page. */
export class RoomVisit {
  readonly id: string;
  /** Null before the first response. */
  room = $state.raw<RoomView | null>(null);
  /** The room from inside; null before entering. */
  session = $state.raw<RoomSession | null>(null);
  /** The last attempt to read or to enter failed. */
  failure = $state.raw<Failure | null>(null);
  isJoining = $state(false);
  /** The room has a password and this person has not given the right one. */
  needsPassword = $state(false);
  isPasswordWrong = $state(false);
  /** The viewer pressed a button with sound. */
  hasSound = $state(true);
  readonly screen = $derived.by(() => {
    if (!this.session) return this.#outside;
    const { status, view } = this.session;
    return screenOf({ status, room: view.room }, this.#outside);
  });
  #outside = $state.raw<Screen>('loading');
  readonly #ends = new AbortController();
  #leaves = new AbortController();

  constructor(id: string) {
    this.id = id;
  }

  /**
   * Who enters; null: not signed in. The administrator of the command line has no account, and enters all the
   * same.
   */
  get visitor(): { readonly id: string; readonly name: string; readonly isGuest: boolean } | null {
    if (account.user) return { id: account.user.id, name: account.user.name, isGuest: account.isGuest };
    return account.isAdmin || account.isTelevision ? { id: 'admin', name: t('account.admin'), isGuest: false } : null;
  }

  /** Reads the room and the account. */
  async open(): Promise<void> {
    const { signal } = this.#ends;
    this.failure = null;
    this.#outside = 'loading';
    try {
      [this.room] = await Promise.all([getRoom(this.id, signal), account.read(signal)]);
      this.needsPassword = this.room.hasPassword && this.visitor?.id !== this.room.owner.id;
      const hasAccount = this.visitor !== null && !this.visitor.isGuest;
      this.#outside = hasAccount || this.room.options.guests ? 'join' : 'guests-off';
    } catch (error) {
      if (!signal.aborted) this.#refused(failureOf(error));
    }
  }

  /** Enters the room, as a guest of this name if not signed in. */
  async join({ name, password, sound }: { name: string; password: string; sound: boolean }): Promise<void> {
    const signal = AbortSignal.any([this.#ends.signal, AbortSignal.timeout(WITHIN_MS)]);
    this.isJoining = true;
    this.failure = null;
    this.isPasswordWrong = false;
    this.hasSound = sound;
    try {
      const isNew = this.visitor === null;
      if (isNew) await createGuest(name, signal);
      const entered = joinRoom(this.id, password, signal).then(() => this.#enter());
      await Promise.all([entered, isNew && account.read(signal)]);
    } catch (error) {
      if (!this.#ends.signal.aborted) this.#notJoined(error, password !== '');
    } finally {
      this.isJoining = false;
    }
  }

  /** Leaves the room; the page shows how to enter it again. */
  leave(): void {
    this.#leaves.abort();
    this.session = null;
    void this.open();
  }

  /** Ends everything. */
  close(): void {
    this.#ends.abort();
    this.#leaves.abort();
  }

  #enter(): void {
    this.#leaves.abort();
    this.#leaves = new AbortController();
    const session = new RoomSession(this.id);
    void session.open(this.#leaves.signal);
    this.session = session;
  }

  #notJoined(error: unknown, hadPassword: boolean): void {
    const failure =
      error instanceof ApiError ? failureOf(error) : { code: 'unreachable', status: 0, title: '', hint: '' };
    if (failure.code === 'room-pending')
      this.#enter(); // its connection waits until a moderator agrees
    else if (failure.code === 'room-password') {
      this.needsPassword = true;
      this.isPasswordWrong = hadPassword;
    } else this.#refused(failure);
  }

  #refused(failure: Failure): void {
    this.failure = failure;
    this.#outside = screenOfCode(failure.code) ?? (this.room === null ? 'failed' : 'join');
  }
}
