// Opens as many connections to 127.0.0.1:PORT as it is told, sends nothing on
// any of them, and says how many it has opened. Then it waits to be killed.
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int port = std::atoi(argv[1]);
  int wanted = std::atoi(argv[2]);
  rlimit files = {};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  const auto most = static_cast<int>(files.rlim_cur) - 16;
  if (wanted > most) {
    std::fprintf(stderr, "only %d connections: the limit on open files\n",
                 most);
    wanted = most;
  }
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int opened = 0;
  for (int i = 0; i < wanted; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) break;
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) !=
        0) {
      close(fd);
      continue;
    }
    ++opened;
  }
  std::printf("%d\n", opened);
  std::fflush(stdout);
  pause();
  return 0;
}
