#include "tools/rafthttpctl/password_prompt.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"

namespace rafthttpctl {
namespace {

// A terminal with a test at its keyboard.
class PasswordPromptTest : public testing::Test {
 protected:
  PasswordPromptTest() : keyboard_(posix_openpt(O_RDWR | O_NOCTTY)) {
    EXPECT_EQ(grantpt(keyboard_), 0);
    EXPECT_EQ(unlockpt(keyboard_), 0);
    path_ = ptsname(keyboard_);
    // Keeps the terminal there between two who open it.
    terminal_ = open(path_.c_str(), O_RDWR | O_NOCTTY);
  }
  ~PasswordPromptTest() override {
    close(terminal_);
    close(keyboard_);
  }

  // Waits for the prompt, types, and returns what came of it.
  absl::StatusOr<std::string> Type(const std::string& keys) {
    absl::StatusOr<std::string> password;
    std::thread asker(
        [&] { password = AskPassword("Password: ", path_.c_str()); });
    screen_.clear();
    while (screen_.find("Password: ") == std::string::npos) ReadScreen();
    EXPECT_EQ(write(keyboard_, keys.data(), keys.size()),
              static_cast<ssize_t>(keys.size()));
    asker.join();
    pollfd polled = {.fd = keyboard_, .events = POLLIN, .revents = 0};
    while (poll(&polled, 1, 0) == 1) ReadScreen();
    return password;
  }
  void ReadScreen() {
    char buffer[256];
    const ssize_t count = read(keyboard_, buffer, sizeof(buffer));
    ASSERT_GT(count, 0);
    screen_.append(buffer, static_cast<size_t>(count));
  }
  tcflag_t LocalFlags() {
    termios now = {};
    EXPECT_EQ(tcgetattr(terminal_, &now), 0);
    return now.c_lflag;
  }

  const int keyboard_;
  int terminal_ = -1;
  std::string path_;
  std::string screen_;
};

TEST_F(PasswordPromptTest, TakesALineThatIsNotShown) {
  const tcflag_t before = LocalFlags();
  ASSERT_NE(before & ECHO, 0u);
  const auto password = Type("se cret\n");
  ASSERT_TRUE(password.ok()) << password.status();
  EXPECT_EQ(*password, "se cret");
  EXPECT_EQ(screen_.find("cret"), std::string::npos) << screen_;
  EXPECT_EQ(LocalFlags(), before);
  EXPECT_EQ(*Type("\n"), "");
}

TEST_F(PasswordPromptTest, KeysThatDeleteDo) {
  EXPECT_EQ(*Type("\x7f"
                  "ab\x7f"
                  "c\n"),
            "ac");
}

TEST_F(PasswordPromptTest, CtrlCGivesUpAndRestoresTheTerminal) {
  const tcflag_t before = LocalFlags();
  EXPECT_TRUE(absl::IsCancelled(Type("ab\x03").status()));
  EXPECT_EQ(LocalFlags(), before);
  EXPECT_TRUE(absl::IsCancelled(Type("\x04").status()));
}

TEST(PasswordPromptErrorTest, WithoutATerminalThereIsNobodyToAsk) {
  EXPECT_TRUE(absl::IsInvalidArgument(AskPassword("", "/dev/null").status()));
  EXPECT_TRUE(
      absl::IsInvalidArgument(AskPassword("", "/no/such/file").status()));
}

}  // namespace
}  // namespace rafthttpctl
