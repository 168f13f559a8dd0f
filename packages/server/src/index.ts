/**
 * The server as a part of another program. As a process of its own it is `servable serve`.
 *
 *     const server = await serve({ model_base_path: "/models/mnist", rest_api_port: 8501 });
 *     await server.settled;  // models are loaded, or could not be
 *     await server.stop();   // requests under way are answered first
 */
import type { FlagValues } from "./config/flags.js";
import { parseFlags } from "./config/parse-flags.js";
import { settingsOf } from "./config/server-settings.js";
import { type Log, standardErrorLog } from "./log.js";
import { WorkerSupply } from "./servables/worker-supply.js";
import { type RunningServer, startServer } from "./server.js";

export type { FlagValues, Log, RunningServer };

/**
 * Starts a server with the flags of `servable serve`, all of which have defaults but the models' place. Resolves when
 * it listens; models load in the background. INVALID_ARGUMENT for flags that don't make a server, UNAVAILABLE when an
 * address can't be had.
 */
export async function serve(
  flags: Partial<FlagValues>,
  log: Log = standardErrorLog(),
): Promise<RunningServer> {
  const settings = await settingsOf({ ...parseFlags([]).values, ...flags });
  return await startServer(settings, new WorkerSupply(), log);
}
