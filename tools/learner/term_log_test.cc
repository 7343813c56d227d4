#include "tools/learner/term_log.h"

#include <map>
#include <optional>
#include <random>

#include "gtest/gtest.h"

namespace rafthttpctl {
namespace {

using Position = TermLog::Position;

TEST(TermLogTest, KnowsItsBaseOnlyAtFirst) {
  const TermLog log({9, 3});
  EXPECT_EQ(log.base(), (Position{9, 3}));
  EXPECT_EQ(log.last(), (Position{9, 3}));
  EXPECT_EQ(log.TermAt(8), std::nullopt);
  EXPECT_EQ(log.TermAt(9), 3u);
  EXPECT_EQ(log.TermAt(10), std::nullopt);
}

TEST(TermLogTest, RunsGrowWithElectionsNotWithEntries) {
  TermLog log({0, 0});
  for (int term = 1; term <= 3; ++term) {
    for (int i = 0; i < 100000; ++i) log.Append(term);
  }
  EXPECT_EQ(log.runs(), 4u);
  EXPECT_EQ(log.TermAt(100000), 1u);
  EXPECT_EQ(log.TermAt(100001), 2u);
  EXPECT_EQ(log.last(), (Position{300000, 3}));
  log.ForgetBefore(250000);
  EXPECT_EQ(log.runs(), 1u);
  EXPECT_EQ(log.base(), (Position{250000, 3}));
}

TEST(TermLogTest, HintSkipsTermsThatTheLeaderCannotHave) {
  TermLog log({4, 1});
  log.Append(1);  // 5
  log.Append(3);  // 6
  log.Append(3);  // 7
  log.Append(5);  // 8
  EXPECT_EQ(log.ConflictHint({20, 9}), (Position{8, 5}));
  EXPECT_EQ(log.ConflictHint({8, 4}), (Position{7, 3}));
  EXPECT_EQ(log.ConflictHint({7, 2}), (Position{5, 1}));
  // Even the base is of too high a term: one step before it.
  EXPECT_EQ(TermLog({4, 3}).ConflictHint({7, 2}), (Position{3, 0}));
  EXPECT_EQ(TermLog({0, 0}).ConflictHint({7, 2}), (Position{0, 0}));
}

// Against a plain map, by seed.
TEST(TermLogTest, AgreesWithAMapOverRandomHistories) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const uint64_t start = random() % 5;
    TermLog log({start, 1});
    std::map<uint64_t, uint64_t> model = {{start, 1}};
    for (int step = 0; step < 200; ++step) {
      const uint64_t low = model.begin()->first;
      const uint64_t high = model.rbegin()->first;
      switch (random() % 8) {
        case 0:
          if (high > low) {
            const uint64_t from = low + 1 + random() % (high - low);
            log.TruncateFrom(from);
            model.erase(model.lower_bound(from), model.end());
          }
          break;
        case 1: {
          const uint64_t from = low + random() % (high - low + 1) / 4;
          log.ForgetBefore(from);
          model.erase(model.begin(), model.lower_bound(from));
          break;
        }
        default: {
          const uint64_t term =
              model.rbegin()->second + (random() % 5 == 0 ? 1 : 0);
          log.Append(term);
          model[high + 1] = term;
        }
      }
      ASSERT_EQ(log.base().index, model.begin()->first) << "seed " << seed;
      ASSERT_EQ(log.last().index, model.rbegin()->first) << "seed " << seed;
      const uint64_t probe = random() % (model.rbegin()->first + 3);
      const auto found = model.find(probe);
      ASSERT_EQ(log.TermAt(probe), found == model.end()
                                       ? std::nullopt
                                       : std::optional(found->second))
          << "seed " << seed << " index " << probe;
    }
  }
}

}  // namespace
}  // namespace rafthttpctl
