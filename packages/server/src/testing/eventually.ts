/** Waits until a check no longer throws; after twenty seconds, throws what it throws. */
export async function eventually(check: () => Promise<void> | void): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await check();
      return;
    } catch (reason) {
      if (tries > 1000) throw reason;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
