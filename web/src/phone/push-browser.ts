/**
 * The subscription of this browser to messages, and what the person chose here.
 * In: the push manager of the browser, the API. Out: calls of both, in step with the session of the browser.
 */
import type { PushKind, PushSubscriptionView, PushView } from '../../../src/api/push/push-shapes.ts';
import { askServer } from '../api/client.ts';
import { readStored, store } from '../viewer/storage.ts';
import { registerWorker } from './start-worker.ts';

/** Choices of this browser. */
export interface PushChoice {
  readonly kinds: readonly PushKind[];
  readonly streams: 'followed' | 'all';
}

/** What is stored while messages are on: its person and session. */
interface StoredChoice extends PushChoice {
  /** Id of the account; empty for the administrator of the command line. */
  readonly person: string;
  readonly session: string;
}

const KEY = 'oxbow.push';

/** Why a browser gets no messages. `install`: an iPhone permits them only in an installed app. */
export type PushProblem = 'insecure' | 'install' | 'unsupported' | 'blocked';

/** @returns null if the browser may subscribe */
export function pushProblem(): PushProblem | null {
  if (!isSecureContext) return 'insecure';
  const isApple =
    /iPhone|iPad/.test(navigator.userAgent) || (navigator as { standalone?: boolean }).standalone === false;
  if (!('serviceWorker' in navigator) || !('PushManager' in window)) return isApple ? 'install' : 'unsupported';
  return Notification.permission === 'denied' ? 'blocked' : null;
}

/** What was chosen in this browser; null while messages are off. */
export function readChoice(): StoredChoice | null {
  try {
    return JSON.parse(readStored(KEY) ?? 'null') as StoredChoice | null;
  } catch {
    return null;
  }
}

/** Who is signed in here. */
export interface PushPerson {
  readonly person: string;
  readonly session: string;
}

/**
 * Subscribes this browser, or changes what it subscribed to. Call it in the event of a press: the browser
 * asks the person for permission.
 *
 * @returns null if the person or the browser refuses
 * @throws ApiError; the signal's reason
 */
export async function turnOn(
  choice: PushChoice,
  who: PushPerson,
  view: PushView,
  signal: AbortSignal,
): Promise<PushSubscriptionView | null> {
  if (view.publicKey === null || (await Notification.requestPermission()) !== 'granted') return null;
  const subscription = await subscribe(view.publicKey);
  if (!subscription) return null;
  const { endpoint, keys } = subscription.toJSON();
  const body = {
    endpoint: endpoint!,
    keys: { p256dh: keys!.p256dh!, auth: keys!.auth! },
    kinds: [...choice.kinds],
    streams: choice.streams,
  };
  const made = await askServer(signal, (client, options) => client.createPushSubscription({ body }, options));
  const stored: StoredChoice = {
    kinds: choice.kinds,
    streams: choice.streams,
    person: who.person,
    session: who.session,
  };
  store(KEY, JSON.stringify(stored));
  return made;
}

/** Ends the messages for this browser. @param id of its subscription; null: unknown @throws ApiError */
export async function turnOff(id: string | null, signal: AbortSignal): Promise<void> {
  store(KEY, 'null');
  await endHere();
  if (id !== null) await askServer(signal, (client, options) => client.deletePushSubscription({ id }, options));
}

/**
 * Subscribes again after a sign-in, or after the server has another key. Another person than the one who
 * chose it gets no messages here.
 */
export async function renewPush(who: PushPerson, signal: AbortSignal): Promise<void> {
  const choice = readChoice();
  if (!choice || pushProblem() !== null || Notification.permission !== 'granted') return;
  if (choice.person !== who.person) return await turnOff(null, signal);
  const view = await askServer(signal, (client, options) => client.getPush(options));
  const before = await (await registerWorker())?.pushManager.getSubscription();
  const isSame = before && view.publicKey !== null && isForKey(before, view.publicKey);
  if (!isSame || choice.session !== who.session) await turnOn(choice, who, view, signal);
}

/** The subscription with this key, in place of one with another; null if the browser refuses. */
async function subscribe(publicKey: string): Promise<PushSubscription | null> {
  const registration = await registerWorker();
  if (!registration) return null;
  await navigator.serviceWorker.ready;
  const before = await registration.pushManager.getSubscription();
  if (before && isForKey(before, publicKey)) return before;
  await before?.unsubscribe();
  const options = { userVisibleOnly: true, applicationServerKey: bytesOf(publicKey) };
  return await registration.pushManager.subscribe(options).catch(() => null);
}

async function endHere(): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration('/');
  await (await registration?.pushManager.getSubscription())?.unsubscribe();
}

function isForKey({ options }: PushSubscription, publicKey: string): boolean {
  const bytes = new Uint8Array(options.applicationServerKey ?? new ArrayBuffer(0));
  const wanted = bytesOf(publicKey);
  return bytes.length === wanted.length && bytes.every((byte, i) => byte === wanted[i]);
}

/** The bytes of base64url. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const words = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(words, (letter) => letter.charCodeAt(0));
}
