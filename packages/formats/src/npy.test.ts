import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isNpy, readNpy, writeNpy } from "./npy.js";
import { NpzFile, writeNpz } from "./npz.js";
import { Code } from "./status.js";
import { stringTensor, type Tensor, tensor } from "./tensor.js";
import { mutations, readOrRefuse } from "./testing/mutations.js";

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, "base64"));

/** Arrays that NumPy 2.4 wrote (numpy.lib.format.write_array), and what is in them. */
const arrays: readonly (readonly [about: string, file: string, expected: Tensor])[] = [
  [
    "float32 [2,3]",
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAACAPgAAAD8AAEA/AACAPwAAoD8=",
    tensor("float32", [2, 3], Float32Array.of(0, 0.25, 0.5, 0.75, 1, 1.25)),
  ],
  [
    "fortran float64 [2,3]",
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAAhAAAAAAAAA8D8AAAAAAAAQQAAAAAAAAABAAAAAAAAAFEA=",
    tensor("float64", [2, 3], Float64Array.of(0, 1, 2, 3, 4, 5)),
  ],
  [
    "fortran int16 [2,2,2]",
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGkyJywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMiwgMiksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAQAAgAGAAEABQADAAcA",
    tensor("int16", [2, 2, 2], Int16Array.of(0, 1, 2, 3, 4, 5, 6, 7)),
  ],
  [
    "big-endian int32 [3]",
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPmk0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAB/////n////8=",
    tensor("int32", [3], Int32Array.of(1, -2, 2 ** 31 - 1)),
  ],
  [
    "big-endian complex64 [1]",
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPmM4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAo/wAAAwAAAAA==",
    tensor("complex64", [1], Float32Array.of(1.5, -2)),
  ],
  [
    "bool [3]",
    "k05VTVBZAQB2AHsnZGVzY3InOiAnfGIxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAAE=",
    tensor("bool", [3], Uint8Array.of(1, 0, 1)),
  ],
  [
    "uint64 []",
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPHU4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAr//////////w==",
    tensor("uint64", [], BigUint64Array.of(2n ** 64n - 1n)),
  ],
  [
    "int64 [0,4]",
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDAsIDQpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAo=",
    tensor("int64", [0, 4], new BigInt64Array()),
  ],
  [
    "float16 [2]",
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAPAC4",
    tensor("float16", [2], Uint16Array.of(0x3c00, 0xb800)),
  ],
  [
    "bytes [2]",
    "k05VTVBZAQB2AHsnZGVzY3InOiAnfFMyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAphYmMA",
    stringTensor([2], ["ab", "c"]),
  ],
  [
    "text [1,2]",
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPFUyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsIDIpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIApoAAAA6QAAAAD2AQAhAAAA",
    stringTensor([1, 2], ["hé", "😀!"]),
  ],
  [
    "version 2",
    "k05VTVBZAgB0AAAAeydkZXNjcic6ICd8dTEnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMSwpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoH",
    tensor("uint8", [1], Uint8Array.of(7)),
  ],
  [
    "version 3",
    "k05VTVBZAwB0AAAAeydkZXNjcic6ICd8aTEnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMSwpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoH",
    tensor("int8", [1], Int8Array.of(7)),
  ],
];

/** Arrays of NumPy's that are no tensors. */
const refused: readonly (readonly [about: string, file: string, message: RegExp])[] = [
  [
    "objects",
    "k05VTVBZAQB2AHsnZGVzY3InOiAnfE8nLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMiwpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAqABJWPAAAAAAAAAIwWbnVtcHkuX2NvcmUubXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsBSwKFlGgDjAVkdHlwZZSTlIwCTziUiYiHlFKUKEsDjAF8lE5OTkr/////Sv////9LP3SUYoldlChDAWGUTmV0lGIu",
    /Python objects is a pickle/,
  ],
  [
    "fields",
    "k05VTVBZAQB2AHsnZGVzY3InOiBbKCdhJywgJzxpNCcpLCAoJ2InLCAnPGY0JyldLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMSwpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAA==",
    /named fields/,
  ],
  [
    "times",
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPE04W0RdJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIApWRwAAAAAAAA==",
    /'<M8\[D\]'/,
  ],
];

describe("NPY files of NumPy", () => {
  for (const [about, file, expected] of arrays) {
    it(`hold ${about}`, () => {
      assert.ok(isNpy(bytesOf(file)));
      assert.deepEqual(plain(readNpy(bytesOf(file), "x.npy")), plain(expected));
    });
  }

  it("hold truth whatever byte stands for it", () => {
    const file = writeNpy(tensor("bool", [3], Uint8Array.of(1, 0, 1)));
    file[file.length - 1] = 255;
    assert.deepEqual(readNpy(file, "x.npy").data, Uint8Array.of(1, 0, 1));
  });

  for (const [about, file, message] of refused) {
    it(`are refused when they hold ${about}`, () => {
      assert.throws(() => readNpy(bytesOf(file), "x.npy"), { code: Code.UNIMPLEMENTED, message });
    });
  }

  const damaged: readonly (readonly [about: string, bytes: Uint8Array, message: RegExp])[] = [
    ["is empty", new Uint8Array(), /does not begin with/],
    ["ends in the header", npy("{'descr': '<f4'", 0).subarray(0, 12), /ends in its header/],
    [
      "has no shape",
      npy("{'descr': '<f4', 'fortran_order': False, }", 4),
      /without descr, fortran_order or shape/,
    ],
    [
      "has fewer elements than its shape says",
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 4),
      /shape \[2\] has 8 bytes, got 4/,
    ],
    [
      "says that it has more elements than can be counted",
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }", 4),
      /too many elements/,
    ],
  ];
  for (const [about, bytes, message] of damaged) {
    it(`are refused when one ${about}`, () => {
      assert.throws(() => readNpy(bytes, "x.npy"), { code: Code.DATA_LOSS, message });
    });
  }

  it("are refused when they stand for a billion strings in no bytes", () => {
    const bytes = npy("{'descr': '|S0', 'fortran_order': False, 'shape': (1000000000,), }", 0);
    const message = /1000000000 empty strings/;
    assert.throws(() => readNpy(bytes, "x.npy"), { code: Code.RESOURCE_EXHAUSTED, message });
  });

  it("are read or refused however they are damaged", () => {
    for (const [about, file] of arrays) {
      for (const { label, bytes } of mutations(bytesOf(file), 1, 100)) {
        readOrRefuse(`${about}, ${label}`, () => readNpy(bytes, "x.npy"));
      }
    }
  });
});

describe("NPY files of ours", () => {
  for (const [about, , expected] of arrays) {
    it(`hold ${about}`, () => {
      assert.deepEqual(plain(readNpy(writeNpy(expected), "x.npy")), plain(expected));
    });
  }

  it("are those that NumPy writes", () => {
    for (const about of ["float32 [2,3]", "bool [3]", "bytes [2]", "int64 [0,4]"]) {
      const [, file, value] = arrays.find(([name]) => name === about) as (typeof arrays)[number];
      assert.deepEqual(
        Buffer.from(writeNpy(value)).toString("latin1"),
        Buffer.from(file, "base64").toString("latin1"),
      );
    }
  });

  it("hold bfloat16 as float32, which has all its values", () => {
    const half = tensor("bfloat16", [2], Uint16Array.of(0x3fc0, 0xc000));
    assert.deepEqual(
      plain(readNpy(writeNpy(half), "x.npy")),
      plain(tensor("float32", [2], Float32Array.of(1.5, -2))),
    );
  });
});

/** Archives of x = int32 [1, 2] and y = float32 [[0.5]], by numpy.savez and numpy.savez_compressed. */
const archives: Readonly<Record<string, string>> = {
  stored:
    "UEsDBC0AAAAAAAAAIQAL+aot//////////8FABQAeC5ucHkBABAAiAAAAAAAAACIAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxpNCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAQAAAAIAAABQSwMELQAAAAAAAAAhALfrltj//////////wUAFAB5Lm5weQEAEACEAAAAAAAAAIQAAAAAAAAAk05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsIDEpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAA/UEsBAi0DLQAAAAAAAAAhAAv5qi2IAAAAiAAAAAUAAAAAAAAAAAAAAIABAAAAAHgubnB5UEsBAi0DLQAAAAAAAAAhALfrltiEAAAAhAAAAAUAAAAAAAAAAAAAAIABvwAAAHkubnB5UEsFBgAAAAACAAIAZgAAAHoBAAAAAA==",
  compressed:
    "UEsDBC0AAAAIAAAAIQAL+aot//////////8FABQAeC5ucHkBABAAiAAAAAAAAABLAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TaaKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6mjoKtQoUAC5GBgYGJiAGAFBLAwQtAAAACAAAACEAt+uW2P//////////BQAUAHkubnB5AQAQAIQAAAAAAAAASgAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2airqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RqGOgqGmjoKtQpkAy4GBgZ7AFBLAQItAy0AAAAIAAAAIQAL+aotSwAAAIgAAAAFAAAAAAAAAAAAAACAAQAAAAB4Lm5weVBLAQItAy0AAAAIAAAAIQC365bYSgAAAIQAAAAFAAAAAAAAAAAAAACAAYIAAAB5Lm5weVBLBQYAAAAAAgACAGYAAAADAQAAAAA=",
};

describe("NPZ files", () => {
  const x = tensor("int32", [2], Int32Array.of(1, 2));
  const y = tensor("float32", [1, 1], Float32Array.of(0.5));
  const ours = Buffer.from(
    writeNpz(
      new Map<string, Tensor>([
        ["x", x],
        ["y", y],
      ]),
    ),
  ).toString("base64");

  for (const [about, file] of Object.entries({ ...archives, "of ours": ours })) {
    it(`give their arrays by name: ${about}`, () => {
      const npz = new NpzFile(bytesOf(file), "a.npz");
      assert.deepEqual(npz.names(), ["x", "y"]);
      assert.deepEqual(plain(npz.read("x") as Tensor), plain(x));
      assert.deepEqual(plain(npz.read("y") as Tensor), plain(y));
      assert.equal(npz.read("z"), undefined);
    });

    it(`are read or refused however they are damaged: ${about}`, () => {
      for (const { label, bytes } of mutations(bytesOf(file), 2, 300)) {
        readOrRefuse(label, () => {
          const npz = new NpzFile(bytes, "a.npz");
          for (const name of npz.names()) npz.read(name);
        });
      }
    });
  }
});

/** An NPY file of version 1 with this header and that many bytes of data. */
function npy(header: string, dataBytes: number): Uint8Array {
  const head = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0);
  return Uint8Array.from(Buffer.concat([head, Buffer.from(header), Buffer.alloc(dataBytes)]));
}

/** Dtype, shape and values without their place in memory. */
function plain({ dtype, shape, data }: Tensor): unknown {
  const values =
    dtype === "string" ? data.map((value) => Buffer.from(value).toString()) : Array.from<unknown>(data);
  return { dtype, shape: [...shape], values };
}
