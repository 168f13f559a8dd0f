/**
 * `node bench/checkpoint.mjs [--gigabytes=2.5] [--rounds=3] [--folder=DIR]`: writes and reads a checkpoint that is larger than what
 * should be in memory, and compares with copying its file. Each step is a process of its own, whose peak memory is its
 * own; files are removed afterwards.
 *
 * What it is compared with is a copy of the file that is on the disk when it is done, as the checkpoint is. Reading
 * verifies every checksum.
 */
import { spawnSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { TensorBundleReader, TensorBundleWriter } from "@servable/formats";

const MEGABYTE = 1e6;
const MAX_RSS = 400 * MEGABYTE;
const TENSOR_BYTES = 100 * MEGABYTE;
const CHUNK_BYTES = 4 * 2 ** 20;

const { values: flags } = parseArgs({
  options: {
    gigabytes: { type: "string", default: "2.5" },
    rounds: { type: "string", default: "3" },
    folder: { type: "string", default: tmpdir() },
    step: { type: "string" },
    prefix: { type: "string" },
    to: { type: "string" },
  },
});
const totalBytes = Math.round(Number(flags.gigabytes) * 1e9);

/** @type {Readonly<Record<string, (prefix: string) => void>>} */
const steps = { write, read, copy };

const step = flags.step === undefined ? undefined : steps[flags.step];
if (step === undefined) main();
else {
  const start = performance.now();
  step(String(flags.prefix));
  const seconds = (performance.now() - start) / 1000;
  process.stdout.write(JSON.stringify({ seconds, rss: process.resourceUsage().maxRSS * 1024 }));
}

/**
 * One tensor of half the size, in parts, and many of 100 MB as they would come from a network.
 *
 * @param {string} prefix
 */
function write(prefix) {
  const writer = TensorBundleWriter.create(prefix);
  const noise = noiseBytes(CHUNK_BYTES);
  const half = Math.floor(totalBytes / 2 / 4) * 4;
  writer.addChunks("embedding", "float32", [half / 4], parts(noise, half));
  const tensor = new Float32Array(TENSOR_BYTES / 4);
  for (let left = totalBytes - half, i = 0; left > 0; left -= TENSOR_BYTES, i++) {
    const data = tensor.subarray(0, Math.ceil(Math.min(left, TENSOR_BYTES) / 4));
    data.fill(i);
    writer.add(`layer_${i}/kernel`, { dtype: "float32", shape: [data.length], data });
  }
  writer.finish();
}

/**
 * @param {Uint8Array} noise
 * @param {number} total
 */
function* parts(noise, total) {
  for (let left = total; left > 0; left -= noise.length)
    yield noise.subarray(0, Math.min(left, noise.length));
}

/**
 * Bytes that no file system stores for nothing.
 *
 * @param {number} length
 */
function noiseBytes(length) {
  const words = new Uint32Array(length / 4);
  let state = 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer);
}

/**
 * All bytes, with their checksums, in parts.
 *
 * @param {string} prefix
 */
function read(prefix) {
  const reader = TensorBundleReader.open(prefix);
  let bytes = 0;
  for (const name of reader.names()) for (const part of reader.chunks(name)) bytes += part.length;
  reader.close();
  if (bytes < totalBytes) throw new Error(`read ${bytes} of ${totalBytes} bytes`);
}

/** @param {string} prefix */
function copy(prefix) {
  const [from, to] = [dataFile(prefix), String(flags.to)];
  copyFileSync(from, to);
  const file = openSync(to, "r+");
  fsyncSync(file);
  closeSync(file);
}

/** @param {string} prefix */
function dataFile(prefix) {
  return `${prefix}.data-00000-of-00001`;
}

/**
 * @param {string} name
 * @param {string} prefix
 * @returns {{ seconds: number, rss: number }}
 */
function measure(name, prefix, to = prefix) {
  const args = [
    fileURLToPath(import.meta.url),
    `--step=${name}`,
    `--prefix=${prefix}`,
    `--to=${to}`,
    `--gigabytes=${flags.gigabytes}`,
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${name}: ${stderr}`);
  return JSON.parse(stdout);
}

function main() {
  const { bavail, bsize } = statfsSync(flags.folder);
  const needed = 3.5 * totalBytes;
  if (bavail * bsize < needed) {
    console.error(`${flags.folder} has ${bavail * bsize} bytes left; ${needed} are needed`);
    process.exit(1);
  }
  const folder = mkdtempSync(path.join(flags.folder, "servable-checkpoint-bench-"));
  try {
    report(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param {string} folder */
function report(folder) {
  const prefix = path.join(folder, "model.ckpt");
  measure("write", prefix);
  const size = statSync(dataFile(prefix)).size;
  // In turns, and the best of each. What a step wrote is removed at once: the next one finds memory that the system
  // has used before, which virtual machines take long to get.
  const rounds = Array.from({ length: Number(flags.rounds) }, () => {
    const copying = measure("copy", prefix, `${prefix}.copy`);
    rmSync(`${prefix}.copy`);
    const writing = measure("write", `${prefix}-again`);
    const reading = measure("read", `${prefix}-again`);
    for (const file of [dataFile(`${prefix}-again`), `${prefix}-again.index`]) rmSync(file);
    return { copying, writing, reading };
  });
  /** @param {"writing" | "copying" | "reading"} what */
  const best = (what) => ({
    seconds: Math.min(...rounds.map((round) => round[what].seconds)),
    rss: Math.max(...rounds.map((round) => round[what].rss)),
  });
  const [writing, copying, reading] = [best("writing"), best("copying"), best("reading")];
  /** @param {{ seconds: number }} result */
  const speed = ({ seconds }) => size / MEGABYTE / seconds;
  /**
   * @param {string} what
   * @param {{ seconds: number, rss: number }} result
   */
  const line = (what, result) =>
    console.log(
      `${what.padEnd(8)} ${result.seconds.toFixed(2).padStart(7)} s ${speed(result).toFixed(0).padStart(6)} MB/s ` +
        `${(result.rss / MEGABYTE).toFixed(0).padStart(5)} MB resident at most`,
    );
  console.log(`${(size / 1e9).toFixed(2)} GB`);
  line("write", writing);
  line("read", reading);
  line("copy", copying);
  const faults = Object.entries({ write: writing, read: reading }).flatMap(([what, result]) => [
    ...(result.rss > MAX_RSS ? [`${what} takes more than ${MAX_RSS / MEGABYTE} MB of memory`] : []),
    ...(speed(result) < speed(copying) / 2 ? [`${what} is slower than half of a copy`] : []),
  ]);
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
}
