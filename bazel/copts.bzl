"""The warnings and checks of every C++ target here, in one place."""

RAFTHTTP_COPTS = [
    "-Wall",
    "-Wextra",
    "-Wextra-semi",
    "-Wimplicit-fallthrough",
    "-Wnon-virtual-dtor",
    "-Woverloaded-virtual",
    "-Wshadow",
    "-Wvla",
]

# googletest's macros shadow and leave parameters unused.
RAFTHTTP_TEST_COPTS = RAFTHTTP_COPTS + [
    "-Wno-shadow",
    "-Wno-unused-parameter",
]
