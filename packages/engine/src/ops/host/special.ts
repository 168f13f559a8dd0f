/** Rows of special functions, element by element. */
import type { HostTable } from "../op-table.js";
import { binary, ternary, unary, zipped } from "./elementwise.js";
import { compute } from "./kernel.js";
import * as special from "./special-functions.js";

const ofFloats = (f: (x: number) => number) => unary({ float: f });

export const specialKernels: HostTable = {
  Lgamma: ofFloats(special.lgamma),
  Digamma: ofFloats(special.digamma),
  Erf: ofFloats(special.erf),
  Erfc: ofFloats(special.erfc),
  Erfinv: ofFloats(special.erfinv),
  Ndtri: ofFloats(special.ndtri),
  Dawsn: ofFloats(special.dawson),
  Expint: ofFloats(special.expint),
  FresnelCos: ofFloats((x) => special.fresnel(x).cos),
  FresnelSin: ofFloats((x) => special.fresnel(x).sin),
  Spence: ofFloats(special.spence),
  BesselI0: ofFloats((x) => special.besselI(0, x)),
  BesselI1: ofFloats((x) => special.besselI(1, x)),
  BesselI0e: ofFloats((x) => special.besselIScaled(0, x)),
  BesselI1e: ofFloats((x) => special.besselIScaled(1, x)),
  BesselK0: ofFloats((x) => special.besselK(0, x)),
  BesselK1: ofFloats((x) => special.besselK(1, x)),
  BesselK0e: ofFloats((x) => special.besselKScaled(0, x)),
  BesselK1e: ofFloats((x) => special.besselKScaled(1, x)),
  BesselJ0: ofFloats((x) => special.besselJ(0, x)),
  BesselJ1: ofFloats((x) => special.besselJ(1, x)),
  BesselY0: ofFloats((x) => special.besselY(0, x)),
  BesselY1: ofFloats((x) => special.besselY(1, x)),
  Igamma: binary({ float: special.igamma }),
  Igammac: binary({ float: special.igammac }),
  Zeta: binary({ float: special.zeta }),
  Polygamma: binary({ float: special.polygamma }),
  Betainc: ternary(special.betainc),
  NextAfter: compute(() => (x, y) => zipped(x, y, x.dtype, special.nextAfter(x.dtype === "float32"))),
};
