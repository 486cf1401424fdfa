/**
 * What the keyboard does on a watch page, and the list of it that the help shows.
 * In: a key press, and what has the focus. Out: the name of the action. Pure.
 */
import type { TextKey } from '../../text/text.ts';

/** Something a key can ask for; numbers in a name are seconds. */
export type KeyAction =
  | 'play'
  | 'frame-back'
  | 'frame-forward'
  | 'slower'
  | 'faster'
  | 'back-5'
  | 'forward-5'
  | 'back-10'
  | 'forward-10'
  | 'back-60'
  | 'forward-60'
  | 'oldest'
  | 'live'
  | 'mute'
  | 'louder'
  | 'quieter'
  | 'fullscreen'
  | 'picture'
  | 'subtitles'
  | 'clip-from'
  | 'clip-to'
  | 'clips'
  | 'marker'
  | 'help';

/** Keys as `KeyboardEvent.key` in lower case. Those of Chinese keyboards in their wide form stand beside the narrow ones. */
const actions: Readonly<Record<string, KeyAction>> = {
  ' ': 'play',
  k: 'play',
  ',': 'frame-back',
  '，': 'frame-back',
  '.': 'frame-forward',
  '。': 'frame-forward',
  '<': 'slower',
  '《': 'slower',
  '>': 'faster',
  '》': 'faster',
  arrowleft: 'back-5',
  arrowright: 'forward-5',
  j: 'back-10',
  l: 'forward-10',
  home: 'oldest',
  end: 'live',
  g: 'live',
  m: 'mute',
  arrowup: 'louder',
  arrowdown: 'quieter',
  f: 'fullscreen',
  p: 'picture',
  c: 'subtitles',
  i: 'clip-from',
  o: 'clip-to',
  e: 'clips',
  n: 'marker',
  '?': 'help',
  '？': 'help',
};
const shifted: Readonly<Record<string, KeyAction>> = { arrowleft: 'back-60', arrowright: 'forward-60' };

/** Actions that a key held down goes on doing; the others it does once. */
const repeated: ReadonlySet<KeyAction> = new Set<KeyAction>([
  ...(['frame-back', 'frame-forward', 'back-5', 'forward-5', 'back-10', 'forward-10'] as const),
  ...(['back-60', 'forward-60', 'louder', 'quieter'] as const),
]);

/**
 * What has the focus, by the keys that it wants for itself: `field` all, `slider` arrows, Home and End, `button` the space bar,
 * `scroller` up, down, Home and End, `page` none.
 */
export type Focus = 'field' | 'slider' | 'button' | 'scroller' | 'page';

const own: Readonly<Record<Exclude<Focus, 'field'>, ReadonlySet<string>>> = {
  slider: new Set(['arrowleft', 'arrowright', 'arrowup', 'arrowdown', 'home', 'end']),
  button: new Set([' ']),
  scroller: new Set([' ', 'arrowup', 'arrowdown', 'home', 'end']),
  page: new Set(),
};

/** A key press as the browser tells it, and what it was pressed on. */
export interface KeyPress {
  readonly key: string;
  readonly on: Focus;
  readonly shiftKey?: boolean;
  readonly ctrlKey?: boolean;
  readonly metaKey?: boolean;
  readonly altKey?: boolean;
  /** The key is held down. */
  readonly repeat?: boolean;
}

/** The action of a key press; undefined where the key means nothing here or belongs to the element with the focus. */
export function keyAction(press: KeyPress): KeyAction | undefined {
  const { key: pressed, on, shiftKey = false, repeat = false } = press;
  if (press.ctrlKey || press.metaKey || press.altKey || on === 'field') return undefined;
  const key = pressed.toLowerCase();
  if (own[on].has(key)) return undefined;
  const table = shiftKey && Object.hasOwn(shifted, key) ? shifted : actions;
  const action = Object.hasOwn(table, key) ? table[key] : undefined;
  return action && repeat && !repeated.has(action) ? undefined : action;
}

/** What of an element tells its kind of focus. */
export interface FocusedElement {
  readonly tagName: string;
  getAttribute(name: string): string | null;
  readonly isContentEditable?: boolean;
}

const PRESSED = new Set(['BUTTON', 'A', 'SUMMARY']);
const fieldRoles = new Set(['textbox', 'combobox', 'searchbox', 'spinbutton', 'menu', 'menuitem', 'menuitemradio']);

/** The kind of focus of the element that a key was pressed on. */
export function focusOf(element: FocusedElement): Focus {
  const role = element.getAttribute('role') ?? '';
  if (element.isContentEditable || fieldRoles.has(role)) return 'field';
  if (role === 'slider') return 'slider';
  if (role === 'tabpanel') return 'scroller';
  switch (element.tagName) {
    case 'INPUT':
      switch (element.getAttribute('type')) {
        case 'range':
        case 'radio':
          return 'slider';
        case 'checkbox':
        case 'button':
        case 'submit':
          return 'button';
        default:
          return 'field';
      }
    case 'SELECT':
    case 'TEXTAREA':
      return 'field';
    default:
      return PRESSED.has(element.tagName) || role === 'button' ? 'button' : 'page';
  }
}

/** One line of the help: keys that stand for each other or for two directions, and what they do. */
export interface KeyRow {
  readonly keys: readonly string[];
  readonly text: TextKey;
}

/** The help, in groups. */
export const keyHelp: readonly { readonly title: TextKey; readonly rows: readonly KeyRow[] }[] = [
  {
    title: 'keys.playing',
    rows: [
      { keys: ['Space', 'K'], text: 'keys.play' },
      { keys: [',', '.'], text: 'keys.frame' },
      { keys: ['<', '>'], text: 'keys.speed' },
    ],
  },
  {
    title: 'keys.seek',
    rows: [
      { keys: ['←', '→'], text: 'keys.five' },
      { keys: ['J', 'L'], text: 'keys.ten' },
      { keys: ['⇧ ←', '⇧ →'], text: 'keys.minute' },
      { keys: ['End', 'G'], text: 'keys.live' },
      { keys: ['Home'], text: 'keys.oldest' },
    ],
  },
  {
    title: 'keys.audioVideo',
    rows: [
      { keys: ['M'], text: 'keys.mute' },
      { keys: ['↑', '↓'], text: 'keys.volume' },
      { keys: ['F'], text: 'keys.fullscreen' },
      { keys: ['P'], text: 'keys.picture' },
      { keys: ['C'], text: 'keys.subtitles' },
    ],
  },
  {
    title: 'keys.markersAndClips',
    rows: [
      { keys: ['I', 'O'], text: 'keys.clip' },
      { keys: ['E'], text: 'keys.clips' },
      { keys: ['N'], text: 'keys.marker' },
      { keys: ['?'], text: 'keys.help' },
    ],
  },
];
