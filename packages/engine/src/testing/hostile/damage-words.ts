/**
 * Damages a format whose offsets, sizes and numbers lie at multiples of four bytes, such as FlatBuffers: a word becomes
 * one that no file should have, or another word of the file, so that an offset leads to a wrong place that is there.
 */
import { readFileSync, writeFileSync } from "node:fs";
import type { Random } from "./damage-message.js";

const hostileWords = [0, 1, 2, 3, 4, 7, 100, 65_536, 10_000_019, 2 ** 31 - 1, -1, -2, -7, -(2 ** 31)];

/** Changes one word, or one of its bytes; says which. */
export function damageWords(file: string, random: Random): string {
  const bytes = readFileSync(file);
  const words = Math.floor(bytes.length / 4);
  const at = 4 * random(words);
  switch (random(4)) {
    case 0: {
      const from = 4 * random(words);
      bytes.copyWithin(at, from, from + 4);
      writeFileSync(file, bytes);
      return `word ${at} is word ${from}`;
    }
    case 1: {
      const place = at + random(4);
      const value = random(3) === 0 ? 255 : random(140);
      bytes[place] = value;
      writeFileSync(file, bytes);
      return `byte ${place} is ${value}`;
    }
    default: {
      const value = hostileWords[random(hostileWords.length)] as number;
      bytes.writeInt32LE(value, at);
      writeFileSync(file, bytes);
      return `word ${at} is ${value}`;
    }
  }
}
