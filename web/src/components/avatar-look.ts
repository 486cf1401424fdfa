/**
 * How the avatar of a person looks: the first letter of the name on a colour derived from it.
 * In: a name. Out: letter and hue. Pure.
 */

interface AvatarLook {
  /** Upper case; empty for an empty name. */
  readonly letter: string;
  /** Degrees. */
  readonly hue: number;
}

/** The look of the avatar of a name. */
export function avatarLook(name: string): AvatarLook {
  const letter = [...name.trim()][0]?.toUpperCase() ?? '';
  return { letter, hue: [...name].reduce((sum, each) => (sum * 31 + each.codePointAt(0)!) % 360, 180) };
}
