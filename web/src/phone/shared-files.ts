/**
 * Files that the system shared to oxbow: the service worker has them for a minute.
 * In: the address of the page, the service worker. Out: files, once.
 */
import type { TakeShared } from './worker-protocol.ts';

/** Longest wait for the service worker, ms. */
const WITHIN_MS = 10_000;

/** Whether the page was opened to take shared files over. */
export function isShared(search: string): boolean {
  return new URLSearchParams(search).has('shared');
}

/** Takes the files over; none if there are no files any more. Never rejects. */
export function takeShared(): Promise<readonly File[]> {
  const worker = navigator.serviceWorker?.controller;
  if (!worker) return Promise.resolve([]);
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    const timer = setTimeout(() => end([]), WITHIN_MS);
    const end = (files: readonly File[]) => {
      clearTimeout(timer);
      port1.close();
      resolve(files);
    };
    port1.onmessage = ({ data }: MessageEvent<readonly File[]>) => end(data);
    const message: TakeShared = { type: 'take-shared' };
    worker.postMessage(message, [port2]);
  });
}
