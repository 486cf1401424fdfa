/**
 * The service worker: pages open without a network, messages are shown, shared files reach the upload page.
 * It answers nothing else, so media and the API are as without it. It takes over at once: it knows no version
 * of the interface.
 * In: requests, pushes, messages of pages. Out: /sw.js. W3C Service Workers; Push API; Web Share Target.
 */
import { isPage, type OpenWindow, windowFor } from './open-windows.ts';
import { shownOf } from './push-text.ts';
import { SharedHold } from './shared-hold.ts';
import { ShellCache } from './shell-cache.ts';
import {
  type GoTo,
  type PushTexts,
  SHARE_FIELD,
  SHARE_PATH,
  SHARED_PAGE,
  TEXTS_CACHE,
  TEXTS_PATH,
  type ToWorker,
} from './worker-protocol.ts';

/** The part of ServiceWorkerGlobalScope that is used; the library of types for pages does not have it. */
interface WorkerScope extends EventTarget {
  readonly registration: ServiceWorkerRegistration;
  readonly clients: {
    claim(): Promise<void>;
    matchAll(options: { readonly type: 'window' }): Promise<readonly WindowClient[]>;
    openWindow(path: string): Promise<unknown>;
  };
  skipWaiting(): Promise<void>;
}
interface WindowClient extends OpenWindow {
  focus(): Promise<WindowClient>;
  postMessage(message: GoTo): void;
}
interface LastingEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface RequestEvent extends LastingEvent {
  readonly request: Request;
  respondWith(response: Response | Promise<Response>): void;
}
interface PushEvent extends LastingEvent {
  readonly data: { text(): string } | null;
}
interface PressEvent extends LastingEvent {
  readonly notification: Notification;
}
interface SaidEvent extends LastingEvent {
  readonly data: ToWorker;
  readonly ports: readonly MessagePort[];
}

const worker = self as unknown as WorkerScope;
const { origin } = location;
const shell = new ShellCache({ caches, fetch: (url, init) => fetch(url, init), origin });
const shared = new SharedHold();

function on<E extends LastingEvent>(type: string, handle: (event: E) => void): void {
  worker.addEventListener(type, (event) => handle(event as E));
}

on('install', (event) => event.waitUntil(worker.skipWaiting()));
on('activate', (event) => event.waitUntil(worker.clients.claim()));

on<RequestEvent>('fetch', (event) => {
  const { request } = event;
  const { origin: of, pathname } = new URL(request.url);
  if (request.method === 'POST' && of === origin && pathname === SHARE_PATH) event.respondWith(takeShared(event));
  else if (request.method !== 'GET') return;
  else if (shell.isFile(request.url)) event.respondWith(fileOf(request));
  else if (request.mode === 'navigate' && of === origin && isPage(pathname)) event.respondWith(pageOf(request));
});

on<SaidEvent>('message', (event) => {
  if (event.data.type === 'keep') event.waitUntil(shell.keep(event.data));
  if (event.data.type === 'take-shared') event.ports[0]?.postMessage(shared.take());
});

on<PushEvent>('push', (event) => event.waitUntil(show(event.data?.text() ?? '')));

on<PressEvent>('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(open((event.notification.data as { readonly path: string }).path));
});

/** The page from the network; without one, the stored page, which shows what it can. */
async function pageOf(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const stored = await shell.shell();
    if (stored) return stored;
    throw error;
  }
}

async function fileOf(request: Request): Promise<Response> {
  return (await shell.file(request.url)) ?? (await fetch(request));
}

async function show(text: string): Promise<void> {
  const { title, body, tag, path, atMs } = shownOf(text, await readTexts());
  const options = { body, tag, timestamp: atMs, renotify: true, data: { path } };
  const pictures = { icon: '/icon-192.png', badge: '/badge-96.png' };
  await worker.registration.showNotification(title, Object.assign(options, pictures));
}

async function readTexts(): Promise<Partial<PushTexts>> {
  try {
    const stored = await (await caches.open(TEXTS_CACHE)).match(TEXTS_PATH);
    return ((await stored?.json()) as Partial<PushTexts> | undefined) ?? {};
  } catch {
    return {};
  }
}

/** Shows a page in a window that is open, or in another one. */
async function open(path: string): Promise<void> {
  const client = windowFor(await worker.clients.matchAll({ type: 'window' }));
  const focused = await client?.focus().catch(() => undefined); // it was closed meanwhile
  if (focused) focused.postMessage({ type: 'go', path });
  else await worker.clients.openWindow(path);
}

/** Keeps the files of a form for the upload page, which follows. They are not copied. */
async function takeShared(event: RequestEvent): Promise<Response> {
  try {
    const form = await event.request.formData();
    event.waitUntil(shared.hold(form.getAll(SHARE_FIELD).filter((part) => part instanceof File)));
  } catch {
    // The form cannot be read: the page says that the files did not arrive.
  }
  return Response.redirect(SHARED_PAGE, 303);
}
