"""What rafthttp builds on, as repositories under their upstreams' names.

Each is a face over a Debian package, and is declared only where the consumer
has not declared the name before: whoever brings the real source wins.
"""

load("//bazel/system:rules_cc.bzl", "rules_cc_stand_in")
load("//bazel/system:system_library.bzl", "absl_system_library", "system_library")

def _maybe(rule, name, **kwargs):
    if not native.existing_rule(name):
        rule(name = name, **kwargs)

def _library(name, package, include, links = {}):
    _maybe(
        system_library,
        name,
        build_file = Label("//bazel/system:%s.BUILD" % name),
        package = package,
        include = include,
        links = links,
    )

def rafthttp_deps():
    """Declares every repository that rafthttp's targets name."""

    # Bazel's own rules. Without network they must be named before Bazel's
    # built-in suffix of the WORKSPACE asks for them.
    _maybe(rules_cc_stand_in, "rules_cc")
    for name, path in {
        "bazel_skylib": "/usr/share/bazel/tools/skylib",
        "platforms": "/usr/share/bazel/tools/platforms",
        "rules_java": "/usr/share/bazel/rules/java",
        "rules_proto": "/usr/share/bazel/rules/proto",
    }.items():
        _maybe(native.local_repository, name, path = path)
    _maybe(
        native.new_local_repository,
        "remote_coverage_tools",
        path = "/usr/share/bazel/platforms",
        build_file_content = """
filegroup(
    name = "coverage_report_generator",
    visibility = ["//visibility:public"],
)
""",
    )

    _maybe(absl_system_library, "com_google_absl")
    _library("cli11", "libcli11-dev", ["CLI"])
    _library("com_github_google_benchmark", "libbenchmark-dev", ["benchmark"])
    _library("com_google_googletest", "libgmock-dev", ["gtest", "gmock"])
    _library("http_parser", "libhttp-parser-dev", ["http_parser.h"])
    _library("isal", "libisal-dev", ["isa-l.h", "isa-l"])
    _library("libuv", "libuv1-dev", ["uv.h", "uv"])
    _library("nlohmann_json", "nlohmann-json3-dev", ["nlohmann"])
    _library("openssl", "libssl-dev", ["openssl"], links = {
        # The part of the headers that depends on the architecture.
        "include_arch/openssl": "/usr/include/x86_64-linux-gnu/openssl",
    })
    _library("prometheus_cpp", "prometheus-cpp-dev", ["prometheus"])
    _library("raft", "libraft-dev", ["raft.h", "raft"])
    _library("com_google_protobuf", "libprotobuf-dev", ["google/protobuf"], links = {
        "protoc": "/usr/bin/protoc",
    })
    _maybe(
        system_library,
        "com_github_grpc_grpc",
        build_file = Label("//bazel/system:com_github_grpc_grpc.BUILD"),
        files = {
            Label("//bazel/system:empty.BUILD"): "bazel/BUILD.bazel",
            Label("//bazel/system:cc_grpc_library.bzl"): "bazel/cc_grpc_library.bzl",
        },
        include = ["grpc", "grpc++", "grpcpp", "grpc_impl"],
        links = {"grpc_cpp_plugin": "/usr/bin/grpc_cpp_plugin"},
        package = "libgrpc++-dev",
    )
