/** Everything that @servable/engine offers. */
export {};
