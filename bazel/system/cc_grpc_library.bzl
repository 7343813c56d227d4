"""C++ stubs of gRPC services, under upstream's name and signature."""

load("@rules_proto//proto:defs.bzl", "ProtoInfo")

def _cc_grpc_sources(ctx):
    info = ctx.attr.proto[ProtoInfo]
    outputs = []
    for source in info.direct_sources:
        base = source.basename[:-len(".proto")]
        outputs.append(ctx.actions.declare_file(base + ".grpc.pb.h"))
        outputs.append(ctx.actions.declare_file(base + ".grpc.pb.cc"))

    # protoc writes below the root of the tree of outputs.
    args = ctx.actions.args()
    args.add("--plugin=protoc-gen-grpc=" + ctx.executable._plugin.path)
    args.add("--grpc_out=" + ctx.bin_dir.path)
    args.add_joined(
        "--descriptor_set_in",
        info.transitive_descriptor_sets,
        join_with = ":",
    )
    args.add_all([source.short_path for source in info.direct_sources])
    ctx.actions.run(
        arguments = [args],
        executable = ctx.executable._protoc,
        inputs = info.transitive_descriptor_sets,
        mnemonic = "CcGrpc",
        outputs = outputs,
        tools = [ctx.executable._plugin],
    )
    headers = [f for f in outputs if f.extension == "h"]
    return [
        DefaultInfo(files = depset(outputs)),
        OutputGroupInfo(hdrs = depset(headers)),
    ]

_cc_grpc_sources_rule = rule(
    implementation = _cc_grpc_sources,
    attrs = {
        "proto": attr.label(mandatory = True, providers = [ProtoInfo]),
        "_plugin": attr.label(
            default = "@com_github_grpc_grpc//:grpc_cpp_plugin",
            allow_single_file = True,
            cfg = "host",
            executable = True,
        ),
        "_protoc": attr.label(
            default = "@com_google_protobuf//:protoc",
            allow_single_file = True,
            cfg = "host",
            executable = True,
        ),
    },
)

def cc_grpc_library(name, srcs, deps, grpc_only = True, **kwargs):
    """Service stubs of one proto_library.

    Args:
      name: of the cc_library.
      srcs: one proto_library.
      deps: its cc_proto_library.
      grpc_only: as upstream's; messages are always left to `deps`.
      **kwargs: handed on to cc_library.
    """
    if not grpc_only or len(srcs) != 1:
        fail("cc_grpc_library wants one proto_library and grpc_only = True")
    sources = "_%s_sources" % name
    _cc_grpc_sources_rule(name = sources, proto = srcs[0])
    native.filegroup(
        name = "_%s_headers" % name,
        srcs = [sources],
        output_group = "hdrs",
    )
    native.cc_library(
        name = name,
        srcs = [sources],
        hdrs = ["_%s_headers" % name],
        deps = deps + ["@com_github_grpc_grpc//:grpc++"],
        **kwargs
    )
