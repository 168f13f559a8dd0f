// Writes docs/ops.md: every TensorFlow op with its support, read off the op tables. The tests compare.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { opsDocument } from "../packages/engine/dist/support-document.js";

writeFileSync(fileURLToPath(new URL("../docs/ops.md", import.meta.url)), opsDocument());
