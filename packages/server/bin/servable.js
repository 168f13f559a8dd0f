#!/usr/bin/env -S MALLOC_MMAP_THRESHOLD_=131072 node
// The first line keeps glibc from raising its threshold for memory of its own, as it does when such memory is first
// freed: weights would then come from its heaps, which give nothing back when a model is unloaded.
//
// The file is kept in the repository, and not built, because npm links a command at `npm ci` only if its file exists.
import "../dist/bundle/servable.js";
