/** Looks at the model config file again and again, and has the server serve what it says. */
import { StatusError } from "@servable/formats";
import { type Clock, systemClock } from "../core/clock.js";
import type { Log } from "../log.js";
import type { ModelConfig } from "./model-config.js";
import { readModelConfigs } from "./server-settings.js";

/**
 * Runs until the signal is aborted. A file that can't be read, or a configuration that is refused, is logged; the
 * next look comes all the same.
 */
export async function pollModelConfig(
  path: string,
  intervalMs: number,
  reload: (configs: readonly ModelConfig[], signal: AbortSignal) => Promise<void>,
  log: Log,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<void> {
  for (;;) {
    await clock.sleep(intervalMs, signal);
    if (signal.aborted) return;
    try {
      await reload(await readModelConfigs(path), signal);
    } catch (reason) {
      const { codeName, message } = StatusError.from(reason);
      if (!signal.aborted) log.error(`ReloadConfig failed: ${codeName}: ${message}`);
    }
  }
}
