/**
 * The emoji that can be picked, and their words for search and screen readers.
 * In: nothing. Out: the picker, quick reactions. Each row is one emoji, its English and its Chinese words.
 */
import { furtherName } from '../../text/text.ts';

interface Emoji {
  readonly emoji: string;
  readonly en: string;
  readonly zh: string;
}

const rows: readonly (readonly [emoji: string, en: string, zh: string])[] = [
  ['👍', 'thumbs up', '赞'],
  ['👎', 'thumbs down', '踩'],
  ['❤️', 'heart', '爱心'],
  ['😂', 'tears of joy', '笑哭'],
  ['😮', 'surprised', '惊讶'],
  ['😢', 'crying', '哭'],
  ['😡', 'angry', '生气'],
  ['🎉', 'party', '庆祝'],
  ['😀', 'grin', '咧嘴笑'],
  ['😄', 'smile', '笑'],
  ['😅', 'sweat', '苦笑'],
  ['🤣', 'rolling', '笑翻'],
  ['😉', 'wink', '眨眼'],
  ['😊', 'blush', '害羞'],
  ['😍', 'heart eyes', '喜爱'],
  ['😘', 'kiss', '飞吻'],
  ['😎', 'cool', '酷'],
  ['🤩', 'star eyes', '崇拜'],
  ['🤔', 'thinking', '思考'],
  ['🤨', 'doubt', '怀疑'],
  ['😐', 'neutral', '面无表情'],
  ['🙄', 'eye roll', '翻白眼'],
  ['😴', 'sleeping', '睡觉'],
  ['😭', 'sobbing', '大哭'],
  ['😱', 'scream', '惊恐'],
  ['😳', 'flushed', '脸红'],
  ['🥺', 'pleading', '恳求'],
  ['😤', 'huffing', '哼'],
  ['🤯', 'mind blown', '震惊'],
  ['🥳', 'celebrating', '派对'],
  ['😇', 'angel', '天使'],
  ['🤫', 'hush', '嘘'],
  ['🤗', 'hug', '拥抱'],
  ['🫡', 'salute', '敬礼'],
  ['🫠', 'melting', '融化'],
  ['💀', 'skull', '骷髅'],
  ['👻', 'ghost', '鬼'],
  ['🤖', 'robot', '机器人'],
  ['👀', 'eyes', '眼睛'],
  ['👋', 'wave', '挥手'],
  ['👏', 'clap', '鼓掌'],
  ['🙏', 'please', '拜托'],
  ['🙌', 'hooray', '万岁'],
  ['💪', 'strong', '加油'],
  ['✌️', 'victory', '胜利'],
  ['👌', 'OK', '好的'],
  ['🤝', 'deal', '握手'],
  ['🔥', 'fire', '火'],
  ['✨', 'sparkles', '闪亮'],
  ['⭐', 'star', '星'],
  ['💯', 'hundred', '满分'],
  ['💔', 'broken heart', '心碎'],
  ['🚀', 'rocket', '火箭'],
  ['🎬', 'film', '电影'],
  ['🍿', 'popcorn', '爆米花'],
  ['🎵', 'music', '音乐'],
  ['⚽', 'football', '足球'],
  ['🏆', 'trophy', '奖杯'],
  ['☕', 'coffee', '咖啡'],
  ['🍺', 'beer', '啤酒'],
  ['🌙', 'moon', '月亮'],
  ['✅', 'yes', '对'],
  ['❌', 'no', '错'],
  ['❓', 'question', '问号'],
];

/** All of them. */
export const emojis: readonly Emoji[] = rows.map(([emoji, en, zh]) => ({ emoji, en, zh }));

/** The word of an emoji in a language; the emoji itself if it is not in the table. */
export function emojiName(emoji: string, language: string): string {
  const entry = emojis.find((entry) => entry.emoji === emoji);
  if (!entry) return emoji;
  return furtherName(language, 'emoji', entry.en) ?? (language === 'zh-CN' ? entry.zh : entry.en);
}

/**
 * The emoji whose words contain a text; all for an empty one.
 *
 * @param language whose words are searched besides English and Chinese
 */
export function findEmojis(search: string, language = 'en'): readonly Emoji[] {
  const key = search.trim().toLowerCase();
  return key === ''
    ? emojis
    : emojis.filter(({ emoji, en, zh }) =>
        [en, zh, emojiName(emoji, language)].some((word) => word.toLowerCase().includes(key)),
      );
}

/** Whether a text is only emoji, at most six: it is shown larger. */
export function isOnlyEmoji(text: string): boolean {
  const trimmed = text.replace(/\s+/g, '');
  return trimmed.length <= 60 && /^\p{RGI_Emoji}{1,6}$/v.test(trimmed);
}
