/**
 * Which page is shown: the address, links within the interface without a reload, back and forward with their scroll position.
 * In: clicks, history. Out: App, which calls `arrived` once a page stands.
 */
import { parseRoute, type Route } from '../routes.ts';
import { ScrollMemory } from './scroll-memory.ts';

/** A page whose content comes later is waited for so long before it is scrolled, milliseconds. */
const CONTENT_WITHIN_MS = 3_000;

function tabStorage(): Storage | null {
  try {
    return sessionStorage;
  } catch {
    return null; // storage forbidden
  }
}

/** Names the entry of the history that is shown. */
function entryKey(): string {
  const { oxbow } = (history.state ?? {}) as { oxbow?: string };
  if (oxbow) return oxbow;
  const key = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
  history.replaceState({ ...history.state, oxbow: key }, '');
  return key;
}

class Navigation {
  #route = $state.raw<Route>(parseRoute(location.pathname, location.search));
  /** How many pages were gone to after the first. */
  #turns = $state(0);
  readonly #scroll = new ScrollMemory(tabStorage());
  #entry = entryKey();
  /** Path and query of the page that is shown. */
  #path = location.pathname + location.search;
  #waiting: AbortController | null = null;

  get route(): Route {
    return this.#route;
  }

  /** Counts pages gone to; 0 while the first is shown. Reading it in a component follows it. */
  get turns(): number {
    return this.#turns;
  }

  /** Goes to a page of the interface, without a reload. */
  go(path: string): void {
    this.#leave();
    history.pushState(null, '', path);
    this.#read();
    scrollTo(0, 0);
  }

  /** The history moved; to a place within the page that is shown, the browser has scrolled already and the page goes on. */
  moved(): void {
    if (location.pathname + location.search === this.#path) {
      this.#entry = entryKey();
      return;
    }
    this.#leave();
    this.#read();
    this.#restore();
  }

  /** Remembers where the page is scrolled, before the tab goes. */
  save(): void {
    this.#leave();
    this.#scroll.save();
  }

  /** Scrolls to where this page was left, after a reload. */
  restoreFirst(): void {
    this.#restore();
  }

  #leave(): void {
    this.#scroll.keep(this.#entry, scrollY);
  }

  #read(): void {
    this.#waiting?.abort();
    this.#entry = entryKey();
    this.#path = location.pathname + location.search;
    this.#route = parseRoute(location.pathname, location.search);
    this.#turns += 1;
  }

  /** Scrolls once the page is long enough; whoever scrolls meanwhile keeps their place. */
  #restore(): void {
    const top = this.#scroll.recall(this.#entry);
    if (top === 0) {
      scrollTo(0, 0);
      return;
    }
    const waiting = new AbortController();
    this.#waiting = waiting;
    const { signal } = waiting;
    const untilMs = performance.now() + CONTENT_WITHIN_MS;
    for (const type of ['wheel', 'touchstart', 'keydown', 'pointerdown']) {
      addEventListener(type, () => waiting.abort(), { signal, passive: true });
    }
    const look = () => {
      if (signal.aborted) return;
      const longEnough = document.documentElement.scrollHeight >= top + innerHeight;
      if (!longEnough && performance.now() < untilMs) return void requestAnimationFrame(look);
      waiting.abort();
      scrollTo(0, top);
    };
    look();
  }
}

/** The page that is shown; reading it in a component follows it. */
export const navigation = new Navigation();

/** Follows links and history from now on. */
export function startNavigation(): void {
  history.scrollRestoration = 'manual'; // pages are filled later than the browser would scroll
  navigation.restoreFirst();
  addEventListener('popstate', () => navigation.moved());
  addEventListener('pagehide', () => navigation.save());
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || link.origin !== location.origin || link.target || link.hasAttribute('download')) return;
    if (parseRoute(link.pathname, link.search).page === 'missing' || link.hash) return;
    event.preventDefault();
    if (link.href === location.href) scrollTo(0, 0);
    else navigation.go(link.href);
  });
}
