#!/usr/bin/env -S MALLOC_MMAP_THRESHOLD_=131072 node
// As servable.js beside it, which says why.
import "../dist/bundle/tensorflow-model-server.js";
