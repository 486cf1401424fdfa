/**
 * The help on the keys of a room.
 * In: nothing. Out: HelpDialog.
 */
import type { KeyGroup } from '../../media/keys.ts';

/** The help, in groups. */
export const roomKeyHelp: readonly KeyGroup[] = [
  {
    title: 'keys.together',
    rows: [
      { keys: ['Space', 'K'], text: 'keys.play' },
      { keys: [',', '.'], text: 'keys.frame' },
      { keys: ['<', '>'], text: 'keys.speed' },
      { keys: ['←', '→'], text: 'keys.five' },
      { keys: ['J', 'L'], text: 'keys.ten' },
      { keys: ['⇧ ←', '⇧ →'], text: 'keys.minute' },
      { keys: ['End', 'G'], text: 'keys.live' },
      { keys: ['Home'], text: 'keys.first' },
    ],
  },
  {
    title: 'keys.audioVideo',
    rows: [
      { keys: ['M'], text: 'keys.mute' },
      { keys: ['↑', '↓'], text: 'keys.volume' },
      { keys: ['F'], text: 'keys.fullscreen' },
      { keys: ['P'], text: 'keys.picture' },
    ],
  },
  {
    title: 'call.area',
    rows: [
      { keys: ['B'], text: 'call.keys.microphone' },
      { keys: ['V'], text: 'call.keys.hold' },
    ],
  },
  {
    title: 'rooms.chat',
    rows: [
      { keys: ['C'], text: 'keys.chat' },
      { keys: ['Enter'], text: 'keys.send' },
      { keys: ['⇧ Enter'], text: 'keys.newLine' },
      { keys: ['@'], text: 'keys.mention' },
      { keys: ['Esc'], text: 'keys.closeReply' },
    ],
  },
  {
    title: 'rooms.playlist',
    rows: [
      { keys: ['Alt ↑', 'Alt ↓'], text: 'keys.moveItem' },
      { keys: ['Del'], text: 'keys.removeItem' },
      { keys: ['?'], text: 'keys.help' },
    ],
  },
];
