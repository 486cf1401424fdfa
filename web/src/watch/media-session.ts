/**
 * Tells the system what plays, and does what its media keys, headset and lock screen ask. W3C Media Session.
 * In: the browser's media session, the page. Out: calls of the page's actions.
 */

/** What the system may ask of the page. Offsets are seconds. */
export interface MediaActions {
  play(): void;
  pause(): void;
  step(bySeconds: number): void;
  goLive(): void;
}

/** Seconds that a system's key steps where it does not say. */
const STEP_S = 10;
const handled = ['play', 'pause', 'stop', 'seekbackward', 'seekforward', 'nexttrack'] as const;

/**
 * Takes the system's media keys until it is closed. Next track means live.
 *
 * @param session of the browser; null where it has none
 */
export function openMediaKeys(session: MediaSession | null, actions: MediaActions): { close(): void } {
  const react: Record<(typeof handled)[number], MediaSessionActionHandler> = {
    play: () => actions.play(),
    pause: () => actions.pause(),
    stop: () => actions.pause(),
    seekbackward: ({ seekOffset }) => actions.step(-(seekOffset ?? STEP_S)),
    seekforward: ({ seekOffset }) => actions.step(seekOffset ?? STEP_S),
    nexttrack: () => actions.goLive(),
  };
  const set = (action: (typeof handled)[number], handler: MediaSessionActionHandler | null) => {
    try {
      session?.setActionHandler(action, handler);
    } catch {
      // A browser that does not know this action goes without.
    }
  };
  for (const action of handled) set(action, react[action]);
  return {
    close() {
      for (const action of handled) set(action, null);
      if (session) {
        session.metadata = null;
        session.playbackState = 'none';
      }
    },
  };
}

/**
 * Tells the system what is seen, once per change.
 *
 * @param still address of a picture; null where there is none
 */
export function setMediaMetadata(
  session: MediaSession | null,
  title: string,
  place: string,
  still: string | null,
): void {
  if (!session || typeof MediaMetadata === 'undefined') return;
  session.metadata = new MediaMetadata({
    title,
    artist: place,
    artwork: still === null ? [] : [{ src: still, sizes: '320x180', type: 'image/jpeg' }],
  });
}
