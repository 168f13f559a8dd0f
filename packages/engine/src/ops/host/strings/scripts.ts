/**
 * The script of a code point as ICU numbers them (UScriptCode in icu4c's uscript.h), for UnicodeScript. Which code
 * points belong to a script is what JavaScript's regular expressions know.
 */

/** ISO 15924 names in the order of ICU's numbers; those that name no code points of their own are left empty. */
const names =
  "Zyyy Zinh Arab Armn Beng Bopo Cher Copt Cyrl Dsrt Deva Ethi Geor Goth Grek Gujr Guru Hani Hang Hebr Hira Knda Kana " +
  "Khmr Laoo Latn Mlym Mong Mymr Ogam Ital Orya Runr Sinh Syrc Taml Telu Thaa Thai Tibt Cans Yiii Tglg Hano Buhd Tagb " +
  "Brai Cprt Limb Linb Osma Shaw Tale Ugar - Bugi Glag Khar Sylo Talu Tfng Xpeo Bali Batk - Brah Cham - - - - Egyp - - " +
  "- Hmng Hung - Java Kali - - Lepc Lina Mand - Mero Nkoo Orkh Perm Phag Phnx Plrd - - - - - - Vaii - Xsux - - Cari - " +
  "Lana Lyci Lydi Olck Rjng Saur Sgnw Sund - Mtei Armi Avst Cakm - Kthi Mani Phli Phlp - Prti Samr Tavt - - Bamu Lisu - " +
  "Sarb Bass Dupl Elba Gran - - Mend Merc Narb Nbat Palm Sind Wara - - Mroo Nshu Shrd Sora Takr Tang - Hluw Khoj Tirh " +
  "Aghb Mahj Ahom Hatr Modi Mult Pauc Sidd Adlm Bhks Marc Newa Osge - - - Gonm Soyo Zanb Dogr Gong Maka Medf Rohg Sogd " +
  "Sogo Elym Hmnp Nand Wcho Chrs Diak Kits Yezi Cpmn Ougr Tnsa Toto Vith Kawi Nagm";

const UNKNOWN = 103;
const INVALID = -1;

const tests: { readonly script: number; readonly contains: RegExp }[] = [];
const known = new Map<number, number>();

/** The number of a code point's script; UNKNOWN for unassigned ones, -1 for what is no code point. */
export function scriptOf(codePoint: number): number {
  if (!(codePoint >= 0 && codePoint <= 0x10ffff)) return INVALID;
  let script = known.get(codePoint);
  if (script === undefined) {
    script = findScript(String.fromCodePoint(codePoint));
    // The cache stays within what one page of text needs.
    if (known.size > MAX_CACHED) known.clear();
    known.set(codePoint, script);
  }
  return script;
}

const MAX_CACHED = 100_000;

function findScript(character: string): number {
  if (tests.length === 0) tests.push(...makeTests());
  return tests.find(({ contains }) => contains.test(character))?.script ?? UNKNOWN;
}

/** Scripts that this version of JavaScript does not know are skipped: nothing is found in them. */
function makeTests(): { script: number; contains: RegExp }[] {
  return names.split(" ").flatMap((name, script) => {
    if (name === "-") return [];
    try {
      return [{ script, contains: new RegExp(`\\p{Script=${name}}`, "u") }];
    } catch {
      return [];
    }
  });
}
