/** Unix sockets that a server left behind when it was killed: nobody listens at them, and nobody else can. */
import { lstatSync, rmSync } from "node:fs";
import { connect } from "node:net";

/** Removes the socket of an address "unix:path" at which nobody listens. Leaves alone everything else. */
export async function removeStaleSocket(address: string): Promise<void> {
  if (!address.startsWith("unix:")) return;
  const path = address.slice("unix:".length);
  const isSocket = lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
  if (isSocket && (await isRefused(path))) rmSync(path, { force: true });
}

function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const finish = (refused: boolean) => {
      socket.destroy();
      resolve(refused);
    };
    socket.once("connect", () => finish(false));
    socket.once("error", ({ code }: NodeJS.ErrnoException) => finish(code === "ECONNREFUSED"));
  });
}
