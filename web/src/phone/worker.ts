/**
 * The service worker: pages open without a network, messages are shown, shared files reach the upload page.
 * It answers nothing else, so media and the API are as without it. It takes over at once: it knows no version
 * of the interface.
 * In: requests, pushes, messages of pages. Out: /sw.js. W3C Service Workers; Push API; Web Share Target.
 */
import { shownOf } from './push-text.ts';
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
interface WindowClient {
  readonly visibilityState: string;
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

/** Shared files wait this long for the upload page, ms. */
const SHARED_FOR_MS = 60_000;
/** Not pages: media, the API, files, the player for frames. */
const NO_PAGE =
  /^\/(?:api|assets|clip|embed|health|healthz|iptv|live|metrics|player|ready|start|thumb|ui|vod)(?:[/.]|$)|\.\w{2,11}$/;

const worker = self as unknown as WorkerScope;
const { origin } = location;
const shell = new ShellCache({ caches, fetch: (url, init) => fetch(url, init), origin });
let shared: readonly File[] = [];
/** Ends the wait for the upload page. */
let taken: () => void = () => {};

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
  else if (request.mode === 'navigate' && of === origin && !NO_PAGE.test(pathname)) event.respondWith(pageOf(request));
});

on<SaidEvent>('message', (event) => {
  if (event.data.type === 'keep') event.waitUntil(shell.keep(event.data));
  if (event.data.type !== 'take-shared') return;
  event.ports[0]?.postMessage(shared);
  taken();
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
  const windows = await worker.clients.matchAll({ type: 'window' });
  const client = windows.find(({ visibilityState }) => visibilityState === 'visible') ?? windows[0];
  if (!client) await worker.clients.openWindow(path);
  else (await client.focus()).postMessage({ type: 'go', path });
}

/** Keeps the files of a form for the upload page, which follows. They are not copied. */
async function takeShared(event: RequestEvent): Promise<Response> {
  const form = await event.request.formData();
  shared = form.getAll(SHARE_FIELD).filter((part) => part instanceof File);
  taken();
  event.waitUntil(
    new Promise<void>((resolve) => {
      const forget = () => {
        clearTimeout(timer);
        shared = [];
        resolve();
      };
      const timer = setTimeout(forget, SHARED_FOR_MS);
      taken = forget;
    }),
  );
  return Response.redirect(SHARED_PAGE, 303);
}
