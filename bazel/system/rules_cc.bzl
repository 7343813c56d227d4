"""A stand-in for rules_cc: Debian's is too new for Debian's Bazel."""

_DEFS = '''"""Hands on Bazel's built-in C++ rules."""

cc_binary = native.cc_binary
cc_import = native.cc_import
cc_library = native.cc_library
cc_proto_library = native.cc_proto_library
cc_test = native.cc_test
cc_toolchain = native.cc_toolchain
cc_toolchain_suite = native.cc_toolchain_suite
'''

def _rules_cc_stand_in(ctx):
    ctx.file("WORKSPACE", 'workspace(name = "rules_cc")\n')
    ctx.file("BUILD.bazel", "")
    ctx.file("cc/BUILD.bazel", "")
    ctx.file("cc/defs.bzl", _DEFS)

rules_cc_stand_in = repository_rule(
    implementation = _rules_cc_stand_in,
    doc = "Defines @rules_cc//cc:defs.bzl over the rules that Bazel brings.",
)
