#!/usr/bin/env node
// Kept in the repository, and not built, because npm links a command at `npm ci` only if its file exists.
import "../dist/cli/main.js";
