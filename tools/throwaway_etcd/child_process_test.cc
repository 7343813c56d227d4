#include "tools/throwaway_etcd/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace rafthttpctl {
namespace {

constexpr absl::Duration kLong = absl::Seconds(60);

ChildProcess::Options Shell(const std::string& script) {
  ChildProcess::Options options;
  options.program = "/bin/sh";
  options.arguments = {"-c", script};
  return options;
}

// What arrives at `fd` until it is closed at the other end.
std::string ReadAll(int fd) {
  std::string text;
  char buffer[256];
  ssize_t got = 0;
  while ((got = read(fd, buffer, sizeof(buffer))) > 0) {
    text.append(buffer, static_cast<size_t>(got));
  }
  return text;
}

TEST(ChildProcessTest, TellsTheExitCode) {
  auto child = ChildProcess::Spawn(Shell("exit 7"));
  ASSERT_TRUE(child.ok()) << child.status();
  const auto end = (*child)->WaitFor(kLong);
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->code, 7);
  EXPECT_EQ(end->signal, 0);
  EXPECT_FALSE((*child)->IsRunning());
}

TEST(ChildProcessTest, TellsTheSignal) {
  auto child = ChildProcess::Spawn(Shell("exec sleep 1000"));
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_TRUE((*child)->IsRunning());
  (*child)->Signal(SIGTERM);
  const auto end = (*child)->WaitFor(kLong);
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->signal, SIGTERM);
  (*child)->Signal(SIGTERM);  // to nobody
}

TEST(ChildProcessTest, AProgramThatIsMissingIsAnError) {
  ChildProcess::Options options;
  options.program = "/nonexistent/program";
  const auto child = ChildProcess::Spawn(std::move(options));
  ASSERT_FALSE(child.ok());
  EXPECT_NE(child.status().message().find("No such file"), std::string::npos)
      << child.status();
}

TEST(ChildProcessTest, PassesDescriptorsAndEnvironment) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  ChildProcess::Options options = Shell("echo $GREETING; echo two >&2");
  options.environment = {"GREETING=one"};
  options.stdout_fd = fds[1];
  options.stderr_fd = fds[1];
  auto child = ChildProcess::Spawn(std::move(options));
  close(fds[1]);
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_EQ(ReadAll(fds[0]), "one\ntwo\n");
  close(fds[0]);
}

TEST(ChildProcessTest, PassesNoOtherDescriptor) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);  // without close-on-exec
  ChildProcess::Options options = Shell("exec sleep 1000");
  auto child = ChildProcess::Spawn(std::move(options));
  ASSERT_TRUE(child.ok()) << child.status();
  close(fds[1]);
  // Ends at once, since the child does not hold the other end.
  EXPECT_EQ(ReadAll(fds[0]), "");
  close(fds[0]);
  EXPECT_TRUE((*child)->IsRunning());
}

TEST(ChildProcessTest, OutlivesTheThreadThatAskedForIt) {
  std::unique_ptr<ChildProcess> child;
  std::thread([&child] {
    auto spawned = ChildProcess::Spawn(Shell("exec sleep 1000"));
    if (spawned.ok()) child = *std::move(spawned);
  }).join();
  ASSERT_NE(child, nullptr);
  EXPECT_FALSE(child->WaitFor(absl::Milliseconds(100)).has_value());
}

TEST(ChildProcessTest, DiesWithItsOwner) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  ChildProcess::Options options = Shell("echo up; exec sleep 1000");
  options.stdout_fd = fds[1];
  auto child = ChildProcess::Spawn(std::move(options));
  close(fds[1]);
  ASSERT_TRUE(child.ok()) << child.status();
  (*child).reset();
  // The end of the pipe is the end of the child.
  const std::string text = ReadAll(fds[0]);
  EXPECT_TRUE(text.empty() || text == "up\n") << text;
  close(fds[0]);
}

TEST(ChildProcessTest, DiesWithAProcessThatIsKilled) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  const pid_t owner = fork();
  ASSERT_GE(owner, 0);
  if (owner == 0) {
    ChildProcess::Options options = Shell("echo up; exec sleep 1000");
    options.stdout_fd = fds[1];
    auto child = ChildProcess::Spawn(std::move(options));
    while (child.ok()) pause();
    _exit(1);
  }
  close(fds[1]);
  char up[3];
  ASSERT_EQ(read(fds[0], up, sizeof(up)), 3);
  kill(owner, SIGKILL);
  ASSERT_EQ(waitpid(owner, nullptr, 0), owner);
  EXPECT_EQ(ReadAll(fds[0]), "");
  close(fds[0]);
}

}  // namespace
}  // namespace rafthttpctl
