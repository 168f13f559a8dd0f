"""gRPC's interoperability tests (doc/interop-test-descriptions.md of gRPC) by the client of grpcio.

    pip install grpcio-tools
    python interop_client.py --server_host=127.0.0.1 --server_port=50051 --test_case=large_unary

Runs one case; the exit status is 1 when it fails, and stderr says why. main.mjs starts it for every case.

grpcio shows no flags of messages, so that the cases of compressed answers only check what arrives, and compresses either
all messages of a call or none, so that client_compressed_streaming can't be written.
"""

import argparse
import queue
from pathlib import Path

import grpc

protos, services = grpc.protos_and_services("test.proto")

DEADLINE_S = 20
LARGE_REQUEST, LARGE_RESPONSE = 271828, 314159
STREAM_OF_REQUESTS = (27182, 8, 1828, 45904)
STREAM_OF_RESPONSES = (31415, 9, 2653, 58979)
METADATA = (
    ("x-grpc-test-echo-initial", "test_initial_metadata_value"),
    ("x-grpc-test-echo-trailing-bin", b"\xab\xab\xab"),
)


def expect(what, actual, expected):
    if actual != expected:
        raise AssertionError(f"{what}: {actual!r} in place of {expected!r}")


def payload(size):
    return protos.Payload(body=bytes(size))


def large_request(**fields):
    return protos.SimpleRequest(
        response_size=LARGE_RESPONSE, payload=payload(LARGE_REQUEST), **fields
    )


def expect_zeros(response, size):
    expect("bytes of the response", len(response.payload.body), size)
    expect("the response is all zeros", response.payload.body == bytes(size), True)


def output_request(response_sizes, request_size=None):
    parameters = [protos.ResponseParameters(size=size) for size in response_sizes]
    sent = None if request_size is None else payload(request_size)
    return protos.StreamingOutputCallRequest(response_parameters=parameters, payload=sent)


def expect_responses(responses, sizes):
    received = list(responses)
    expect("number of responses", len(received), len(sizes))
    for response, size in zip(received, sizes):
        expect_zeros(response, size)


class Duplex:
    """A FullDuplexCall whose requests are sent one at a time."""

    def __init__(self, stub, timeout=DEADLINE_S, metadata=None):
        self._requests = queue.SimpleQueue()
        requests = iter(self._requests.get, None)
        self.call = stub.FullDuplexCall(requests, timeout=timeout, metadata=metadata)

    def send(self, request):
        self._requests.put(request)

    def close(self):
        self._requests.put(None)


def expect_status(call, code, message=None):
    """Reads what comes until the call fails."""
    try:
        for _ in call:
            pass
    except grpc.RpcError:
        pass
    expect("status", call.code(), code)
    if message is not None:
        expect("status message", call.details(), message)


def expect_failure(method, request, code, message=None, **options):
    """A call with one response that fails."""
    try:
        method(request, timeout=DEADLINE_S, **options)
    except grpc.RpcError as error:
        expect("status", error.code(), code)
        if message is not None:
            expect("status message", error.details(), message)
    else:
        raise AssertionError(f"the call went well; it should end with {code}")


def empty_unary(stub):
    expect("response", stub.EmptyCall(protos.Empty(), timeout=DEADLINE_S), protos.Empty())


def large_unary(stub):
    expect_zeros(stub.UnaryCall(large_request(), timeout=DEADLINE_S), LARGE_RESPONSE)


def client_compressed_unary(stub):
    claimed = large_request(expect_compressed=protos.BoolValue(value=True))
    plain = large_request(expect_compressed=protos.BoolValue(value=False))
    off, gzip = grpc.Compression.NoCompression, grpc.Compression.Gzip
    expect_failure(stub.UnaryCall, claimed, grpc.StatusCode.INVALID_ARGUMENT, compression=off)
    expect_zeros(stub.UnaryCall(claimed, timeout=DEADLINE_S, compression=gzip), LARGE_RESPONSE)
    expect_zeros(stub.UnaryCall(plain, timeout=DEADLINE_S, compression=off), LARGE_RESPONSE)


def server_compressed_unary(stub):
    for compressed in (True, False):
        request = large_request(response_compressed=protos.BoolValue(value=compressed))
        expect_zeros(stub.UnaryCall(request, timeout=DEADLINE_S), LARGE_RESPONSE)


def client_streaming(stub):
    requests = (
        protos.StreamingInputCallRequest(payload=payload(size)) for size in STREAM_OF_REQUESTS
    )
    response = stub.StreamingInputCall(requests, timeout=DEADLINE_S)
    expect("aggregated_payload_size", response.aggregated_payload_size, 74922)


def server_streaming(stub):
    request = output_request(STREAM_OF_RESPONSES)
    expect_responses(stub.StreamingOutputCall(request, timeout=DEADLINE_S), STREAM_OF_RESPONSES)


def server_compressed_streaming(stub):
    request = output_request((31415, 92653))
    for parameters, compressed in zip(request.response_parameters, (True, False)):
        parameters.compressed.value = compressed
    expect_responses(stub.StreamingOutputCall(request, timeout=DEADLINE_S), (31415, 92653))


def ping_pong(stub):
    duplex = Duplex(stub)
    for request_size, response_size in zip(STREAM_OF_REQUESTS, STREAM_OF_RESPONSES):
        duplex.send(output_request([response_size], request_size))
        expect_responses([next(duplex.call)], [response_size])
    duplex.close()
    expect_responses(duplex.call, [])
    expect("status", duplex.call.code(), grpc.StatusCode.OK)


def empty_stream(stub):
    duplex = Duplex(stub)
    duplex.close()
    expect_responses(duplex.call, [])
    expect("status", duplex.call.code(), grpc.StatusCode.OK)


def custom_metadata(stub):
    response, unary = stub.UnaryCall.with_call(
        large_request(), timeout=DEADLINE_S, metadata=METADATA
    )
    expect_zeros(response, LARGE_RESPONSE)
    expect_echo(unary)
    duplex = Duplex(stub, metadata=METADATA)
    duplex.send(output_request([LARGE_RESPONSE], LARGE_REQUEST))
    duplex.close()
    expect_responses(duplex.call, [LARGE_RESPONSE])
    expect_echo(duplex.call)


def expect_echo(call):
    for kind, metadata, (name, value) in zip(
        ("initial", "trailing"), (call.initial_metadata(), call.trailing_metadata()), METADATA
    ):
        found = [each.value for each in metadata if each.key == name]
        expect(f"{name} in the {kind} metadata", found, [value])


def expect_echoed_status(stub, message, kinds):
    status = protos.EchoStatus(code=grpc.StatusCode.UNKNOWN.value[0], message=message)
    if "unary" in kinds:
        request = protos.SimpleRequest(response_status=status)
        expect_failure(stub.UnaryCall, request, grpc.StatusCode.UNKNOWN, message)
    if "duplex" in kinds:
        duplex = Duplex(stub)
        duplex.send(protos.StreamingOutputCallRequest(response_status=status))
        duplex.close()
        expect_status(duplex.call, grpc.StatusCode.UNKNOWN, message)


def status_code_and_message(stub):
    expect_echoed_status(stub, "test status message", {"unary", "duplex"})


def special_status_message(stub):
    text = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
    expect_echoed_status(stub, text, {"unary"})


def unimplemented_method(stub):
    expect_failure(stub.UnimplementedCall, protos.Empty(), grpc.StatusCode.UNIMPLEMENTED)


def unimplemented_service(stub):
    expect_failure(stub.UnimplementedCall, protos.Empty(), grpc.StatusCode.UNIMPLEMENTED)


def cancel_after_begin(stub):
    requests = queue.SimpleQueue()
    call = stub.StreamingInputCall.future(iter(requests.get, None), timeout=DEADLINE_S)
    call.cancel()
    requests.put(None)
    expect("cancelled", call.cancelled(), True)
    expect("status", call.code(), grpc.StatusCode.CANCELLED)


def cancel_after_first_response(stub):
    duplex = Duplex(stub)
    duplex.send(output_request([31415], 27182))
    expect_responses([next(duplex.call)], [31415])
    duplex.call.cancel()
    expect_status(duplex.call, grpc.StatusCode.CANCELLED)
    duplex.close()


def timeout_on_sleeping_server(stub):
    duplex = Duplex(stub, timeout=0.001)
    duplex.send(output_request([], 27182))
    expect_status(duplex.call, grpc.StatusCode.DEADLINE_EXCEEDED)
    duplex.close()


CASES = {
    case.__name__: case
    for case in (
        empty_unary,
        large_unary,
        client_compressed_unary,
        server_compressed_unary,
        client_streaming,
        server_streaming,
        server_compressed_streaming,
        ping_pong,
        empty_stream,
        custom_metadata,
        status_code_and_message,
        special_status_message,
        unimplemented_method,
        unimplemented_service,
        cancel_after_begin,
        cancel_after_first_response,
        timeout_on_sleeping_server,
    )
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server_host", default="127.0.0.1")
    parser.add_argument("--server_port", type=int, required=True)
    parser.add_argument("--server_host_override", help="the name in the server's certificate")
    parser.add_argument("--use_tls", choices=["true", "false"], default="false")
    parser.add_argument("--ca_file", type=Path, help="certificates to check the server's against")
    parser.add_argument("--test_case", choices=CASES, required=True)
    return parser.parse_args()


def connect(args):
    address = f"{args.server_host}:{args.server_port}"
    if args.use_tls == "false":
        return grpc.insecure_channel(address)
    roots = None if args.ca_file is None else args.ca_file.read_bytes()
    name = args.server_host_override
    options = [] if name is None else [("grpc.ssl_target_name_override", name)]
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(roots), options)


def main():
    args = arguments()
    is_of_other = args.test_case == "unimplemented_service"
    stub_of = services.UnimplementedServiceStub if is_of_other else services.TestServiceStub
    with connect(args) as channel:
        CASES[args.test_case](stub_of(channel))


if __name__ == "__main__":
    main()
