/**
 * The context of a call on our own HTTP/2 server. Beyond what every transport has, it tells of compression message by
 * message, which gRPC's interoperability tests ask for (conformance/grpc-interop).
 */
import { MethodContext } from "../method-context.js";
import type { CallContext } from "../transport.js";
import type { RequestHeaders } from "./request-headers.js";

export class LeanContext extends MethodContext implements CallContext {
  /** Whether the request, or that which was read last, came compressed. */
  isRequestCompressed = false;
  /** To be set to false by a method whose next answers go as they are, though the client would take them compressed. */
  compressesAnswers = true;

  constructor(
    deadline: number | undefined,
    private readonly headers: RequestHeaders,
  ) {
    super(deadline);
  }

  header(name: string): string | undefined {
    return this.headers.fields.get(name);
  }
}
