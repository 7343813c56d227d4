"""Faces over installed Debian packages.

A repository made here holds links to the package's own headers, so that they
are found by the names that upstream uses and nothing else of /usr/include is in
the way, and a BUILD file with upstream's target names.
"""

def _link(ctx, target, name, package):
    if not ctx.path(target).exists:
        fail("%s is missing: apt-get install %s" % (target, package))
    ctx.symlink(target, name)

def _system_library(ctx):
    for header in ctx.attr.include:
        path = "/usr/include/" + header

        # Some packages have a folder only in some versions.
        if header == "grpc_impl" and not ctx.path(path).exists:
            continue
        _link(ctx, path, "include/" + header, ctx.attr.package)
    for name, target in ctx.attr.links.items():
        if ctx.path(target).exists or not name.startswith("include_arch/"):
            _link(ctx, target, name, ctx.attr.package)
    for label, name in ctx.attr.files.items():
        ctx.symlink(label, name)
    ctx.symlink(ctx.attr.build_file, "BUILD.bazel")
    ctx.file("WORKSPACE", 'workspace(name = "%s")\n' % ctx.name)

system_library = repository_rule(
    implementation = _system_library,
    attrs = {
        "build_file": attr.label(mandatory = True, allow_single_file = True),
        "files": attr.label_keyed_string_dict(
            doc = "Further files of the repository: label to path.",
            allow_files = True,
        ),
        "include": attr.string_list(
            doc = "Headers or folders of headers below /usr/include.",
        ),
        "links": attr.string_dict(
            doc = "Further links: path in the repository to absolute path.",
        ),
        "package": attr.string(
            doc = "The Debian package to name when something is missing.",
            mandatory = True,
        ),
    },
    doc = "Headers and libraries of one Debian package.",
)

# Upstream's targets that are used here, by package; each links the library of
# its pkg-config module absl_TARGET.
_ABSL = {
    "absl/algorithm": ["container"],
    "absl/base": ["config", "core_headers"],
    "absl/cleanup": ["cleanup"],
    "absl/container": ["btree", "fixed_array", "flat_hash_map", "flat_hash_set", "inlined_vector"],
    "absl/functional": ["any_invocable", "bind_front", "function_ref"],
    "absl/hash": ["hash"],
    "absl/memory": ["memory"],
    "absl/numeric": ["bits", "int128"],
    "absl/random": ["random"],
    "absl/status": ["status", "statusor"],
    "absl/strings": ["cord", "str_format", "strings"],
    "absl/synchronization": ["synchronization"],
    "absl/time": ["time"],
    "absl/types": ["optional", "span", "variant"],
    "absl/utility": ["utility"],
}

_ABSL_ROOT = """
cc_library(
    name = "headers",
    hdrs = glob(["include/absl/**/*.h", "include/absl/**/*.inc"]),
    includes = ["include"],
    visibility = ["//:__subpackages__"],
)
"""

_ABSL_TARGET = """
cc_library(
    name = "{name}",
    hdrs = ["//:headers"],
    linkopts = {linkopts},
    visibility = ["//visibility:public"],
    deps = ["//:headers"],
)
"""

def _unique(words):
    """The last of equal words stays: a library stands before those it needs."""
    kept = {}
    for word in reversed(words):
        kept[word] = True
    return reversed(kept.keys())

def _absl_module(target):
    return {
        "container": "algorithm_container",
        "random": "random_random",
    }.get(target, target)

def _absl_system_library(ctx):
    _link(ctx, "/usr/include/absl", "include/absl", "libabsl-dev")
    ctx.file("WORKSPACE", 'workspace(name = "%s")\n' % ctx.name)
    ctx.file("BUILD.bazel", _ABSL_ROOT)
    for package, targets in _ABSL.items():
        text = ""
        for target in targets:
            module = "absl_" + _absl_module(target)
            result = ctx.execute(["pkg-config", "--libs", module])
            if result.return_code:
                fail("pkg-config knows no %s: apt-get install libabsl-dev pkg-config" % module)
            text += _ABSL_TARGET.format(
                name = target,
                linkopts = repr(_unique([
                    word
                    for word in result.stdout.replace("\n", " ").split(" ")
                    if word.startswith("-l")
                ])),
            )
        ctx.file(package + "/BUILD.bazel", text)

absl_system_library = repository_rule(
    implementation = _absl_system_library,
    doc = "Abseil as Debian's libabsl-dev, with upstream's target names.",
)
