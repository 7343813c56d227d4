"""Fuzz targets that are ordinary tests until somebody fuzzes."""

load("@rules_cc//cc:defs.bzl", "cc_test")
load("//bazel:copts.bzl", "RAFTHTTP_TEST_COPTS")

def rafthttp_fuzz_test(name, srcs, corpus, deps = [], **kwargs):
    """A test that replays `corpus`; under --config=fuzz, a libFuzzer binary.

    Args:
      name: ends in _fuzz.
      srcs: define LLVMFuzzerTestOneInput and no main.
      corpus: the files to replay. An empty corpus fails the test.
      deps: as in cc_test.
      **kwargs: handed on to cc_test.
    """
    cc_test(
        name = name,
        size = "small",
        srcs = srcs,
        # Both mains run each file that they are given once.
        args = ["$(rootpaths :%s_corpus)" % name],
        copts = RAFTHTTP_TEST_COPTS,
        data = [":%s_corpus" % name],
        linkopts = select({
            "//bazel:is_fuzzing": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        deps = deps + select({
            "//bazel:is_fuzzing": [],
            "//conditions:default": ["//bazel:corpus_replay_main"],
        }),
        **kwargs
    )
    native.filegroup(
        name = name + "_corpus",
        testonly = True,
        srcs = corpus,
    )
