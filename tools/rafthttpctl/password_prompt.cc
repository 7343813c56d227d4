#include "tools/rafthttpctl/password_prompt.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "absl/status/status.h"

namespace rafthttpctl {
namespace {

constexpr char kCtrlC = 3;
constexpr char kCtrlD = 4;

// A terminal that neither shows what is typed nor turns it into signals, which
// would leave it so; as it was before once this is destroyed.
class SilentTerminal {
 public:
  explicit SilentTerminal(const char* path)
      : fd_(open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    is_terminal_ = fd_ >= 0 && tcgetattr(fd_, &before_) == 0;
    if (!is_terminal_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL | ISIG | ICANON);
    silent.c_cc[VMIN] = 1;
    silent.c_cc[VTIME] = 0;
    tcsetattr(fd_, TCSAFLUSH, &silent);
  }
  ~SilentTerminal() {
    if (is_terminal_) tcsetattr(fd_, TCSAFLUSH, &before_);
    if (fd_ >= 0) close(fd_);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;

  bool is_terminal() const { return is_terminal_; }

  void Write(absl::string_view text) {
    // Without a prompt one can still type.
    static_cast<void>(!write(fd_, text.data(), text.size()));
  }
  // False at the end.
  bool Read(char* c) {
    ssize_t count = 0;
    do {
      count = read(fd_, c, 1);
    } while (count < 0 && errno == EINTR);
    return count == 1;
  }

 private:
  const int fd_;
  bool is_terminal_ = false;
  termios before_ = {};
};

}  // namespace

absl::StatusOr<std::string> AskPassword(absl::string_view prompt,
                                        const char* terminal) {
  SilentTerminal tty(terminal);
  if (!tty.is_terminal()) {
    return absl::InvalidArgumentError("no terminal to ask for the password on");
  }
  tty.Write(prompt);
  std::string password;
  char c = 0;
  while (tty.Read(&c)) {
    if (c == '\n' || c == '\r') {
      tty.Write("\n");
      return password;
    }
    if (c == kCtrlC || c == kCtrlD) break;
    if (c == '\b' || c == 0x7f) {
      if (!password.empty()) password.pop_back();
    } else {
      password.push_back(c);
    }
  }
  tty.Write("\n");
  return absl::CancelledError("no password was given");
}

}  // namespace rafthttpctl
