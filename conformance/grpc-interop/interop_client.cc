// gRPC's interoperability tests (doc/interop-test-descriptions.md of gRPC) by the client of gRPC for C++, which is its C
// core without anything around it.
//
//     make
//     dist/interop_client --server_host=127.0.0.1 --server_port=50051 --test_case=large_unary
//
// Runs one case; the exit status is 1 when it fails, and stderr says why. main.mjs starts it for every case.

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "test.grpc.pb.h"

// gRPC's libraries have this for tests, no header of theirs does: the flags of the message that came last.
uint32_t grpc_call_test_only_get_message_flags(grpc_call* call);

namespace {

using grpc::ClientContext;
using grpc::Status;
using grpc::StatusCode;
using namespace grpc::testing;

// GRPC_WRITE_INTERNAL_TEST_ONLY_WAS_COMPRESSED: the core sets it when it has decompressed a message.
constexpr uint32_t kWasCompressed = 0x40000000u;
constexpr auto kDeadline = std::chrono::seconds(20);
constexpr int kLargeRequest = 271828;
constexpr int kLargeResponse = 314159;
const std::vector<int> kRequestSizes = {27182, 8, 1828, 45904};
const std::vector<int> kResponseSizes = {31415, 9, 2653, 58979};
const std::string kInitialKey = "x-grpc-test-echo-initial";
const std::string kInitialValue = "test_initial_metadata_value";
const std::string kTrailingKey = "x-grpc-test-echo-trailing-bin";
const std::string kTrailingValue = "\xab\xab\xab";

// ---- expectations -------------------------------------------------------------------------------------------------

template <typename Actual, typename Expected>
void Expect(const std::string& what, const Actual& actual, const Expected& expected) {
  if (actual == expected) return;
  std::ostringstream message;
  message << what << ": " << actual << " in place of " << expected;
  throw std::runtime_error(message.str());
}

void ExpectOk(const Status& status) {
  Expect("status (" + status.error_message() + ")", status.error_code(), StatusCode::OK);
}

template <typename Response>
void ExpectZeros(const Response& response, int size) {
  Expect("bytes of the response", response.payload().body().size(), static_cast<size_t>(size));
  Expect("the response is all zeros", response.payload().body() == std::string(size, '\0'), true);
}

void ExpectCompressed(ClientContext& context, bool expected) {
  const bool actual = (grpc_call_test_only_get_message_flags(context.c_call()) & kWasCompressed) != 0;
  Expect("the response is compressed", actual, expected);
}

void ExpectEntry(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata, const std::string& key,
                 const std::string& value) {
  Expect("entries of " + key, metadata.count(key), 1u);
  const grpc::string_ref actual = metadata.find(key)->second;
  Expect(key, std::string(actual.data(), actual.size()), value);
}

void ExpectEcho(const ClientContext& context) {
  ExpectEntry(context.GetServerInitialMetadata(), kInitialKey, kInitialValue);
  ExpectEntry(context.GetServerTrailingMetadata(), kTrailingKey, kTrailingValue);
}

// ---- calls --------------------------------------------------------------------------------------------------------

// A context whose call ends some time whatever the server does.
struct Context : ClientContext {
  Context() { set_deadline(std::chrono::system_clock::now() + kDeadline); }
};

void AddMetadata(ClientContext& context) {
  context.AddMetadata(kInitialKey, kInitialValue);
  context.AddMetadata(kTrailingKey, kTrailingValue);
}

SimpleRequest LargeRequest() {
  SimpleRequest request;
  request.set_response_size(kLargeResponse);
  request.mutable_payload()->set_body(std::string(kLargeRequest, '\0'));
  return request;
}

StreamingOutputCallRequest OutputRequest(const std::vector<int>& response_sizes, int request_size = 0) {
  StreamingOutputCallRequest request;
  for (const int size : response_sizes) request.add_response_parameters()->set_size(size);
  if (request_size > 0) request.mutable_payload()->set_body(std::string(request_size, '\0'));
  return request;
}

StreamingInputCallRequest InputRequest(int size) {
  StreamingInputCallRequest request;
  request.mutable_payload()->set_body(std::string(size, '\0'));
  return request;
}

struct Stubs {
  std::unique_ptr<TestService::Stub> test;
  std::unique_ptr<UnimplementedService::Stub> unimplemented;
};

// Reads responses of these sizes and no more.
template <typename Stream>
void ReadAll(Stream& stream, const std::vector<int>& sizes) {
  StreamingOutputCallResponse response;
  for (const int size : sizes) {
    Expect("a response came", stream.Read(&response), true);
    ExpectZeros(response, size);
  }
  Expect("one more response came", stream.Read(&response), false);
}

// ---- cases --------------------------------------------------------------------------------------------------------

void EmptyUnary(Stubs& stubs) {
  Context context;
  Empty response;
  ExpectOk(stubs.test->EmptyCall(&context, Empty(), &response));
  Expect("bytes of the response", response.ByteSizeLong(), 0u);
}

void LargeUnary(Stubs& stubs) {
  Context context;
  SimpleResponse response;
  ExpectOk(stubs.test->UnaryCall(&context, LargeRequest(), &response));
  ExpectZeros(response, kLargeResponse);
}

// A call whose request says that it is compressed or not, and is so or not.
Status CompressedCall(Stubs& stubs, bool is_expected, bool is_compressed, SimpleResponse* response) {
  Context context;
  if (is_compressed) context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  SimpleRequest request = LargeRequest();
  request.mutable_expect_compressed()->set_value(is_expected);
  return stubs.test->UnaryCall(&context, request, response);
}

void ClientCompressedUnary(Stubs& stubs) {
  SimpleResponse response;
  Expect("status of the probe", CompressedCall(stubs, true, false, &response).error_code(),
         StatusCode::INVALID_ARGUMENT);
  for (const bool is_compressed : {true, false}) {
    ExpectOk(CompressedCall(stubs, is_compressed, is_compressed, &response));
    ExpectZeros(response, kLargeResponse);
  }
}

void ServerCompressedUnary(Stubs& stubs) {
  for (const bool is_compressed : {true, false}) {
    Context context;
    SimpleRequest request = LargeRequest();
    request.mutable_response_compressed()->set_value(is_compressed);
    SimpleResponse response;
    ExpectOk(stubs.test->UnaryCall(&context, request, &response));
    ExpectCompressed(context, is_compressed);
    ExpectZeros(response, kLargeResponse);
  }
}

void ClientStreaming(Stubs& stubs) {
  Context context;
  StreamingInputCallResponse response;
  auto stream = stubs.test->StreamingInputCall(&context, &response);
  for (const int size : kRequestSizes) Expect("sent", stream->Write(InputRequest(size)), true);
  stream->WritesDone();
  ExpectOk(stream->Finish());
  Expect("aggregated_payload_size", response.aggregated_payload_size(), 74922);
}

void ProbeCompressedStreaming(Stubs& stubs) {
  Context context;
  StreamingInputCallResponse response;
  auto stream = stubs.test->StreamingInputCall(&context, &response);
  StreamingInputCallRequest probe = InputRequest(27182);
  probe.mutable_expect_compressed()->set_value(true);
  stream->Write(probe);
  stream->WritesDone();
  Expect("status of the probe", stream->Finish().error_code(), StatusCode::INVALID_ARGUMENT);
}

void ClientCompressedStreaming(Stubs& stubs) {
  ProbeCompressedStreaming(stubs);
  Context context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  StreamingInputCallResponse response;
  auto stream = stubs.test->StreamingInputCall(&context, &response);
  StreamingInputCallRequest compressed = InputRequest(27182);
  compressed.mutable_expect_compressed()->set_value(true);
  Expect("sent", stream->Write(compressed), true);
  StreamingInputCallRequest plain = InputRequest(45904);
  plain.mutable_expect_compressed()->set_value(false);
  Expect("sent", stream->Write(plain, grpc::WriteOptions().set_no_compression()), true);
  stream->WritesDone();
  ExpectOk(stream->Finish());
  Expect("aggregated_payload_size", response.aggregated_payload_size(), 73086);
}

void ServerStreaming(Stubs& stubs) {
  Context context;
  auto stream = stubs.test->StreamingOutputCall(&context, OutputRequest(kResponseSizes));
  ReadAll(*stream, kResponseSizes);
  ExpectOk(stream->Finish());
}

void ServerCompressedStreaming(Stubs& stubs) {
  Context context;
  StreamingOutputCallRequest request = OutputRequest({31415, 92653});
  request.mutable_response_parameters(0)->mutable_compressed()->set_value(true);
  request.mutable_response_parameters(1)->mutable_compressed()->set_value(false);
  auto stream = stubs.test->StreamingOutputCall(&context, request);
  StreamingOutputCallResponse response;
  for (const auto& expected : request.response_parameters()) {
    Expect("a response came", stream->Read(&response), true);
    ExpectCompressed(context, expected.compressed().value());
    ExpectZeros(response, expected.size());
  }
  ReadAll(*stream, {});
  ExpectOk(stream->Finish());
}

void PingPong(Stubs& stubs) {
  Context context;
  auto stream = stubs.test->FullDuplexCall(&context);
  StreamingOutputCallResponse response;
  for (size_t i = 0; i < kRequestSizes.size(); i++) {
    Expect("sent", stream->Write(OutputRequest({kResponseSizes[i]}, kRequestSizes[i])), true);
    Expect("a response came", stream->Read(&response), true);
    ExpectZeros(response, kResponseSizes[i]);
  }
  stream->WritesDone();
  ReadAll(*stream, {});
  ExpectOk(stream->Finish());
}

void EmptyStream(Stubs& stubs) {
  Context context;
  auto stream = stubs.test->FullDuplexCall(&context);
  stream->WritesDone();
  ReadAll(*stream, {});
  ExpectOk(stream->Finish());
}

void CustomMetadata(Stubs& stubs) {
  Context unary;
  AddMetadata(unary);
  SimpleResponse response;
  ExpectOk(stubs.test->UnaryCall(&unary, LargeRequest(), &response));
  ExpectZeros(response, kLargeResponse);
  ExpectEcho(unary);

  Context duplex;
  AddMetadata(duplex);
  auto stream = stubs.test->FullDuplexCall(&duplex);
  Expect("sent", stream->Write(OutputRequest({kLargeResponse}, kLargeRequest)), true);
  stream->WritesDone();
  ReadAll(*stream, {kLargeResponse});
  ExpectOk(stream->Finish());
  ExpectEcho(duplex);
}

void ExpectStatus(const Status& status, const EchoStatus& expected) {
  Expect("status", status.error_code(), expected.code());
  Expect("status message", status.error_message(), expected.message());
}

void ExpectUnaryStatus(Stubs& stubs, const EchoStatus& expected) {
  Context context;
  SimpleRequest request;
  *request.mutable_response_status() = expected;
  SimpleResponse response;
  ExpectStatus(stubs.test->UnaryCall(&context, request, &response), expected);
}

EchoStatus UnknownStatus(const std::string& message) {
  EchoStatus status;
  status.set_code(StatusCode::UNKNOWN);
  status.set_message(message);
  return status;
}

void StatusCodeAndMessage(Stubs& stubs) {
  const EchoStatus expected = UnknownStatus("test status message");
  ExpectUnaryStatus(stubs, expected);
  Context context;
  auto stream = stubs.test->FullDuplexCall(&context);
  StreamingOutputCallRequest request;
  *request.mutable_response_status() = expected;
  stream->Write(request);
  stream->WritesDone();
  ReadAll(*stream, {});
  ExpectStatus(stream->Finish(), expected);
}

void SpecialStatusMessage(Stubs& stubs) {
  ExpectUnaryStatus(
      stubs, UnknownStatus("\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"));
}

void UnimplementedMethod(Stubs& stubs) {
  Context context;
  Empty response;
  Expect("status", stubs.test->UnimplementedCall(&context, Empty(), &response).error_code(),
         StatusCode::UNIMPLEMENTED);
}

void UnimplementedServices(Stubs& stubs) {
  Context context;
  Empty response;
  Expect("status", stubs.unimplemented->UnimplementedCall(&context, Empty(), &response).error_code(),
         StatusCode::UNIMPLEMENTED);
}

void CancelAfterBegin(Stubs& stubs) {
  Context context;
  StreamingInputCallResponse response;
  auto stream = stubs.test->StreamingInputCall(&context, &response);
  context.TryCancel();
  Expect("status", stream->Finish().error_code(), StatusCode::CANCELLED);
}

void CancelAfterFirstResponse(Stubs& stubs) {
  Context context;
  auto stream = stubs.test->FullDuplexCall(&context);
  Expect("sent", stream->Write(OutputRequest({31415}, 27182)), true);
  StreamingOutputCallResponse response;
  Expect("a response came", stream->Read(&response), true);
  ExpectZeros(response, 31415);
  context.TryCancel();
  Expect("status", stream->Finish().error_code(), StatusCode::CANCELLED);
}

void TimeoutOnSleepingServer(Stubs& stubs) {
  ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(1));
  auto stream = stubs.test->FullDuplexCall(&context);
  stream->Write(OutputRequest({}, 27182));
  ReadAll(*stream, {});
  Expect("status", stream->Finish().error_code(), StatusCode::DEADLINE_EXCEEDED);
}

const std::map<std::string, std::function<void(Stubs&)>> kCases = {
    {"empty_unary", EmptyUnary},
    {"large_unary", LargeUnary},
    {"client_compressed_unary", ClientCompressedUnary},
    {"server_compressed_unary", ServerCompressedUnary},
    {"client_streaming", ClientStreaming},
    {"client_compressed_streaming", ClientCompressedStreaming},
    {"server_streaming", ServerStreaming},
    {"server_compressed_streaming", ServerCompressedStreaming},
    {"ping_pong", PingPong},
    {"empty_stream", EmptyStream},
    {"custom_metadata", CustomMetadata},
    {"status_code_and_message", StatusCodeAndMessage},
    {"special_status_message", SpecialStatusMessage},
    {"unimplemented_method", UnimplementedMethod},
    {"unimplemented_service", UnimplementedServices},
    {"cancel_after_begin", CancelAfterBegin},
    {"cancel_after_first_response", CancelAfterFirstResponse},
    {"timeout_on_sleeping_server", TimeoutOnSleepingServer},
};

// ---- command line -------------------------------------------------------------------------------------------------

using Flags = std::map<std::string, std::string>;

constexpr char kUsage[] =
    "interop_client --test_case=CASE --server_port=PORT [--server_host=127.0.0.1]\n"
    "  [--use_tls=true [--ca_file=FILE] [--server_host_override=NAME IN THE CERTIFICATE]]\n";

// From "--name=value".
Flags ParseFlags(int argc, char** argv) {
  Flags flags = {{"server_host", "127.0.0.1"}, {"server_port", ""},          {"use_tls", "false"},
                 {"ca_file", ""},              {"server_host_override", ""}, {"test_case", ""}};
  for (int i = 1; i < argc; i++) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    const std::string name = argument.rfind("--", 0) == 0 ? argument.substr(2, equals - 2) : "";
    if (equals == std::string::npos || flags.count(name) == 0) throw std::invalid_argument(kUsage);
    flags[name] = argument.substr(equals + 1);
  }
  return flags;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + " can't be read");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::shared_ptr<grpc::Channel> Connect(const Flags& flags) {
  const std::string address = flags.at("server_host") + ":" + flags.at("server_port");
  if (flags.at("use_tls") != "true") return grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  grpc::SslCredentialsOptions options;
  if (!flags.at("ca_file").empty()) options.pem_root_certs = ReadFile(flags.at("ca_file"));
  grpc::ChannelArguments arguments;
  const std::string& name = flags.at("server_host_override");
  if (!name.empty()) arguments.SetSslTargetNameOverride(name);
  return grpc::CreateCustomChannel(address, grpc::SslCredentials(options), arguments);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Flags flags = ParseFlags(argc, argv);
    const auto found = kCases.find(flags.at("test_case"));
    if (found == kCases.end()) throw std::invalid_argument(kUsage);
    const auto channel = Connect(flags);
    Stubs stubs = {TestService::NewStub(channel), UnimplementedService::NewStub(channel)};
    found->second(stubs);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
