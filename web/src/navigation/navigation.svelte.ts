/**
 * The router: the current page, links within the interface without a reload, back and forward with their
 * scroll position.
 * In: clicks, history. Out: App, which calls `arrived` when a page is rendered.
 */
import { parseRoute, type Route } from '../routes.ts';
import { ScrollMemory } from './scroll-memory.ts';

/** Longest wait for a page's content before scrolling, milliseconds. */
const CONTENT_WITHIN_MS = 3_000;

function tabStorage(): Storage | null {
  try {
    return sessionStorage;
  } catch {
    return null; // storage forbidden
  }
}

/** Key of the current history entry. */
function entryKey(): string {
  const { oxbow } = (history.state ?? {}) as { oxbow?: string };
  if (oxbow) return oxbow;
  const key = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
  history.replaceState({ ...history.state, oxbow: key }, '');
  return key;
}

class Navigation {
  #route = $state.raw<Route>(parseRoute(location.pathname, location.search));
  /** Number of navigations. */
  #turns = $state(0);
  readonly #scroll = new ScrollMemory(tabStorage());
  #entry = entryKey();
  /** Path and query of the current page. */
  #path = location.pathname + location.search;
  #waiting: AbortController | null = null;
  /**
   * Called before the page is left; true: it stays, and `leave` may be called later. Null: it is left at
   * once.
   */
  hold: ((leave: () => void) => boolean) | null = null;

  get route(): Route {
    return this.#route;
  }

  /** Number of navigations; 0 for the first page. Reading it in a component follows it. */
  get turns(): number {
    return this.#turns;
  }

  /** Navigates to a page of the interface, without a reload. */
  go(path: string): void {
    if (this.hold?.(() => this.go(path))) return;
    this.#leave();
    history.pushState(null, '', path);
    this.#read();
    scrollTo(0, 0);
  }

  /**
   * The history has changed; for a target within the current page the browser has scrolled already and
   * nothing else happens.
   */
  moved(): void {
    if (location.pathname + location.search === this.#path) {
      this.#entry = entryKey();
      return;
    }
    const path = location.pathname + location.search;
    if (this.hold?.(() => this.go(path))) {
      history.pushState(null, '', this.#path);
      return;
    }
    this.#leave();
    this.#read();
    this.#restore();
  }

  /** Saves the scroll position, before the tab is closed. */
  save(): void {
    this.#leave();
    this.#scroll.save();
  }

  /** Restores the scroll position after a reload. */
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

  /** Scrolls once the page is long enough, unless the user scrolls first. */
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

/** The current page; reading it in a component follows it. */
export const navigation = new Navigation();

/** Handles links and history from now on. */
export function startNavigation(): void {
  history.scrollRestoration = 'manual'; // pages are filled later than the browser scrolls
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
