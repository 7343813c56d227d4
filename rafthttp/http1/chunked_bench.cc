// Chunks: taken apart and put together. One item is one chunk.
//
//   bazel run --config=opt //rafthttp/http1:chunked_bench
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "rafthttp/base/check.h"
#include "rafthttp/http1/chunked.h"
#include "rafthttp/http1/limits.h"

namespace rafthttp::http1 {
namespace {

void Sizes(benchmark::internal::Benchmark* benchmark) {
  for (const int64_t bytes : {64, 4 << 10, 256 << 10}) benchmark->Arg(bytes);
}

void BM_Encode(benchmark::State& state) {
  const std::string data(static_cast<size_t>(state.range(0)), 'x');
  ChunkEncoder chunk;
  for (auto _ : state) {
    chunk.Clear();
    chunk.Add(data);
    benchmark::DoNotOptimize(chunk.Finish().data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Encode)->Apply(Sizes);

// Reads of 64 KiB, as the loop has them.
void BM_Decode(benchmark::State& state) {
  constexpr size_t kReadBytes = 64 << 10;
  const std::string data(static_cast<size_t>(state.range(0)), 'x');
  std::string body;
  int64_t chunks = 0;
  while (body.size() < 8 * kReadBytes) {
    ChunkEncoder chunk;
    chunk.Add(data);
    for (const absl::string_view piece : chunk.Finish()) {
      body.append(piece.data(), piece.size());
    }
    ++chunks;
  }
  for (auto _ : state) {
    ChunkDecoder decoder{Limits()};
    absl::string_view left = body;
    while (!left.empty()) {
      absl::string_view input = left.substr(0, kReadBytes);
      left.remove_prefix(input.size());
      while (true) {
        const auto span = decoder.Next(input);
        CHECK(span.ok());
        if (span->empty()) break;
        benchmark::DoNotOptimize(span->data());
      }
    }
  }
  state.SetItemsProcessed(state.iterations() * chunks);
}
BENCHMARK(BM_Decode)->Apply(Sizes);

}  // namespace
}  // namespace rafthttp::http1
