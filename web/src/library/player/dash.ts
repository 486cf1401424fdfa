/**
 * Plays a DASH manifest in a media element with Shaka Player, which is loaded for the first such video.
 * In: a video element, an address, where to begin. Out: playback; failures. ISO 23009-1.
 */

/** The part of Shaka Player that is used. */
interface ShakaPlayer {
  attach(video: HTMLVideoElement): Promise<unknown>;
  load(url: string, startS?: number): Promise<unknown>;
  configure(settings: object): boolean;
  getVariantTracks(): readonly { readonly active: boolean; readonly bandwidth: number }[];
  destroy(): Promise<void>;
  addEventListener(type: 'error', listener: (event: { readonly detail?: ShakaError }) => void): void;
}

interface ShakaError {
  readonly severity?: number;
  /** 6: of DRM. */
  readonly category?: number;
}

interface Shaka {
  readonly Player: { new (): ShakaPlayer; isBrowserSupported(): boolean };
  readonly polyfill: { installAll(): void };
}

/** Of an error that ends playback. */
const CRITICAL = 2;
/** Errors of DRM. */
const DRM = 6;
/** Media ahead of and behind the picture, seconds. */
const AHEAD_S = 30;
const BEHIND_S = 60;

/** A playing manifest. */
export interface DashPlayer {
  /** See SyncTarget. */
  ease(isSlow: boolean): void;
  /** Ends it; the element is free. */
  destroy(): void;
}

/**
 * Loads the player.
 *
 * @returns null if its code could not be loaded
 */
export async function loadShaka(): Promise<Shaka | null> {
  try {
    const loaded = (await import('shaka-player')) as unknown as { readonly default: Shaka };
    loaded.default.polyfill.installAll();
    return loaded.default;
  } catch {
    return null;
  }
}

/**
 * Begins to play.
 *
 * @param startS where to begin, seconds; below 0: where the manifest begins, live at its edge
 * @param licenceUrl where ClearKey has its keys; undefined: where the manifest says
 * @param onFailed called when it cannot be played, or no longer; with whether its protection is why
 */
export function playDash(
  { Player }: Shaka,
  video: HTMLVideoElement,
  {
    url,
    startS,
    licenceUrl,
    onFailed,
  }: {
    readonly url: string;
    readonly startS: number;
    readonly licenceUrl: string | undefined;
    readonly onFailed: (isProtected: boolean) => void;
  },
): DashPlayer {
  const player = new Player();
  let isEnded = false;
  const failed = (error: ShakaError | undefined) => {
    if (!isEnded) onFailed(error?.category === DRM);
  };
  player.addEventListener('error', ({ detail }) => {
    if (detail?.severity === CRITICAL) failed(detail);
  });
  player.configure({ streaming: { bufferingGoal: AHEAD_S, bufferBehind: BEHIND_S } });
  if (licenceUrl !== undefined) player.configure({ drm: { servers: { 'org.w3.clearkey': licenceUrl } } });
  player
    .attach(video)
    .then(() => player.load(url, startS < 0 ? undefined : startS))
    .catch(failed);
  return {
    ease(isSlow) {
      const now = player.getVariantTracks().find(({ active }) => active)?.bandwidth;
      const maxBandwidth = isSlow && now !== undefined ? now - 1 : Number.POSITIVE_INFINITY;
      // Where nothing is lower the lowest is played.
      player.configure({ abr: { restrictions: { maxBandwidth } } });
    },
    destroy() {
      isEnded = true;
      player.destroy().catch(() => {}); // it has failed before
    },
  };
}
