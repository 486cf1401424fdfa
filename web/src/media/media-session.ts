/**
 * Reports what plays to the system, and handles media keys, headset and lock screen. W3C Media Session.
 * In: the browser's media session, the page. Out: calls of the page's actions.
 */

/** The actions of the page. Offsets are seconds. */
interface MediaActions {
  play(): void;
  pause(): void;
  step(bySeconds: number): void;
  goLive(): void;
}

/** Step of a media key without an offset, seconds. */
const STEP_S = 10;
const handled = ['play', 'pause', 'stop', 'seekbackward', 'seekforward', 'nexttrack'] as const;

/**
 * Handles the system's media keys until it is closed. Next track goes live.
 *
 * @param session of the browser; null if it has none
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
      // The browser does not support this action.
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
 * Sets the metadata that the system shows, once per change.
 *
 * @param still address of a picture; null if there is none
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
