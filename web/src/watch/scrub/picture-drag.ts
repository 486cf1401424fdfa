/**
 * A finger that moves sideways across the picture scrubs; up and down it scrolls the page.
 * In: pointer events of the picture. Out: scrubs, at the end a seek.
 */
import type { Scrub } from '../../timeline/state.svelte.ts';

/** What a drag acts on. Times in unix milliseconds. */
interface PictureDragTarget {
  canStart(): boolean;
  /** The shown time. */
  start(): number;
  /** The time after a drag by a share of the picture's width. */
  to(startMs: number, share: number): number;
  /** The drag continues, is released (before `goTo`), or given up (null). */
  scrub(scrub: Scrub | null): void;
  goTo(atMs: number): void;
}

/** A shorter or a steeper movement is not a drag, CSS pixels. */
const START_PX = 14;

/** Listens on the picture. Returns the function that ends it. */
export function dragPicture(surface: HTMLElement, on: PictureDragTarget): () => void {
  const ends = new AbortController();
  const { signal } = ends;
  let finger: { readonly id: number; readonly x: number; readonly y: number } | null = null;
  let startMs: number | null = null;

  const giveUp = () => {
    if (startMs !== null) on.scrub(null);
    finger = null;
    startMs = null;
  };
  const timeAt = (event: PointerEvent) =>
    on.to(startMs!, (event.clientX - finger!.x) / Math.max(1, surface.clientWidth));
  surface.addEventListener(
    'pointerdown',
    (event) => {
      if (event.pointerType !== 'touch') return;
      const isSecond = finger !== null;
      giveUp();
      if (!isSecond && event.isPrimary) finger = { id: event.pointerId, x: event.clientX, y: event.clientY };
    },
    { signal },
  );
  surface.addEventListener(
    'pointermove',
    (event) => {
      if (event.pointerId !== finger?.id) return;
      const [x, y] = [event.clientX - finger.x, event.clientY - finger.y];
      if (startMs === null) {
        if (Math.abs(x) < START_PX || Math.abs(x) < 1.5 * Math.abs(y) || !on.canStart()) return;
        startMs = on.start();
        finger = { ...finger, x: event.clientX };
        surface.setPointerCapture(event.pointerId);
      }
      on.scrub({ atMs: timeAt(event), held: true });
    },
    { signal },
  );
  surface.addEventListener(
    'pointerup',
    (event) => {
      if (event.pointerId !== finger?.id) return;
      const atMs = startMs === null ? null : timeAt(event);
      finger = null;
      startMs = null;
      if (atMs === null) return;
      on.scrub({ atMs, held: false });
      on.goTo(atMs);
    },
    { signal },
  );
  surface.addEventListener('pointercancel', giveUp, { signal });
  return () => {
    ends.abort();
    giveUp();
  };
}
