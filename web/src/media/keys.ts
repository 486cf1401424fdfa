/**
 * The keyboard shortcuts of all players, and their list in the help.
 * In: a key press, the focused element. Out: the name of the action. Pure.
 */
import type { TextKey } from '../text/text.ts';

/** An action of a key; numbers in a name are seconds. */
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
  | 'point-back'
  | 'point-forward'
  | 'go-to-time'
  | 'catch-up'
  | 'live'
  | 'mute'
  | 'louder'
  | 'quieter'
  | 'fullscreen'
  | 'theatre'
  | 'picture'
  | 'subtitles'
  | 'clip'
  | 'clip-from'
  | 'clip-to'
  | 'clips'
  | 'marker'
  | 'help';

/** Keys as `KeyboardEvent.key` in lower case, including the wide forms of Chinese keyboards. */
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
  '[': 'point-back',
  '【': 'point-back',
  ']': 'point-forward',
  '】': 'point-forward',
  t: 'go-to-time',
  m: 'mute',
  arrowup: 'louder',
  arrowdown: 'quieter',
  f: 'fullscreen',
  w: 'theatre',
  p: 'picture',
  c: 'subtitles',
  x: 'clip',
  i: 'clip-from',
  o: 'clip-to',
  e: 'clips',
  n: 'marker',
  '?': 'help',
  '？': 'help',
};
const shifted: Readonly<Record<string, KeyAction>> = {
  arrowleft: 'back-60',
  arrowright: 'forward-60',
  g: 'catch-up',
};

/** Actions that repeat while a key is held; the others happen once. */
const repeated: ReadonlySet<KeyAction> = new Set<KeyAction>([
  ...(['frame-back', 'frame-forward', 'back-5', 'forward-5', 'back-10', 'forward-10'] as const),
  ...(['back-60', 'forward-60', 'louder', 'quieter', 'point-back', 'point-forward'] as const),
]);

/**
 * The kind of the focused element, by the keys that it needs: `field` all, `slider` arrows, Home and End,
 * `button` the space bar, `scroller` up, down, Home and End, `page` none.
 */
type Focus = 'field' | 'slider' | 'button' | 'scroller' | 'page';

const ownKeys: Readonly<Record<Exclude<Focus, 'field'>, ReadonlySet<string>>> = {
  slider: new Set(['arrowleft', 'arrowright', 'arrowup', 'arrowdown', 'home', 'end']),
  button: new Set([' ']),
  scroller: new Set([' ', 'arrowup', 'arrowdown', 'home', 'end']),
  page: new Set(),
};

/** A key press from the browser, and the element it was pressed on. */
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

/** The action of a key press; undefined if the key has none or belongs to the focused element. */
export function keyAction(press: KeyPress): KeyAction | undefined {
  const { key: pressed, on, shiftKey = false, repeat = false } = press;
  if (press.ctrlKey || press.metaKey || press.altKey || on === 'field') return undefined;
  const key = pressed.toLowerCase();
  if (ownKeys[on].has(key)) return undefined;
  const table = shiftKey && Object.hasOwn(shifted, key) ? shifted : actions;
  const action = Object.hasOwn(table, key) ? table[key] : undefined;
  return action && repeat && !repeated.has(action) ? undefined : action;
}

/** The fields of an element that decide its kind of focus. */
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
  if (role === 'tabpanel' || role === 'log') return 'scroller';
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

/** One line of the help: keys with the same meaning or two directions, and what they do. */
export interface KeyRow {
  readonly keys: readonly string[];
  readonly text: TextKey;
}

/** Keys under a heading. */
export interface KeyGroup {
  readonly title: TextKey;
  readonly rows: readonly KeyRow[];
}

/** The help, in groups. */
export const keyHelp: readonly KeyGroup[] = [
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
      { keys: ['⇧ G'], text: 'keys.catchUp' },
      { keys: ['Home'], text: 'keys.oldest' },
      { keys: ['[', ']'], text: 'keys.point' },
      { keys: ['T'], text: 'keys.time' },
    ],
  },
  {
    title: 'keys.audioVideo',
    rows: [
      { keys: ['M'], text: 'keys.mute' },
      { keys: ['↑', '↓'], text: 'keys.volume' },
      { keys: ['F'], text: 'keys.fullscreen' },
      { keys: ['W'], text: 'keys.theatre' },
      { keys: ['P'], text: 'keys.picture' },
      { keys: ['C'], text: 'keys.subtitles' },
    ],
  },
  {
    title: 'keys.markersAndClips',
    rows: [
      { keys: ['X'], text: 'watch.clipHow' },
      { keys: ['I', 'O'], text: 'keys.clip' },
      { keys: ['E'], text: 'keys.clips' },
      { keys: ['N'], text: 'keys.marker' },
      { keys: ['?'], text: 'keys.help' },
    ],
  },
];
