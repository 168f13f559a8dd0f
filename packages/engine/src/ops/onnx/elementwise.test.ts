import { describeRows } from "./testing/recorded-rows.js";

describeRows("elementwise", {
  refused: [
    /^(Atan|Sinh|Cosh|Asinh|Asin|Acos|Acosh|Atanh|Erf|Erfc|Atan2)\(float64/,
    /^(FloorDiv|FloorMod|TruncateDiv|TruncateMod|Mod|Div)\(int.*: by minus one/,
    /^Pow\(int\d+\[\d\], int\d+\[\d\]\)/,
    /^Bucketize\(float32\[1\], boundaries=\[\]\)/,
    /shapes that do not fit/,
  ],
  lenient: [/shapes that do not fit/],
});
