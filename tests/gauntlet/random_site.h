// Sites drawn at random, and random edits of them, as configuration texts: what an operator might
// write, right and wrong. Everything follows from the seed.
#ifndef TESTS_GAUNTLET_RANDOM_SITE_H_
#define TESTS_GAUNTLET_RANDOM_SITE_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace evenkeel {

struct RandomBackend {
  uint32_t number = 0;  // its name and its address
  uint32_t weight = 100;
  bool drained = false;
};

struct RandomPool {
  std::string name;
  uint32_t slots = 4096;
  bool maglev = false;
  std::vector<RandomBackend> backends;
};

struct RandomService {
  std::string name;
  std::string vip;    // 203.0.113.N or a prefix of it
  std::string ports;  // as in the file
  std::string protocol;
  std::string pool;
  bool by_client = false;
};

struct RandomSite {
  std::vector<RandomPool> pools;
  std::vector<RandomService> services;

  std::string Text() const;
};

class SiteDice {
 public:
  explicit SiteDice(uint32_t seed) : random_(seed) {}

  RandomSite Draw();
  // One to three changes of `site`.
  void Edit(RandomSite& site);
  uint32_t Below(uint32_t limit) {
    return std::uniform_int_distribution<uint32_t>(0, limit - 1)(random_);
  }

 private:
  bool OneIn(uint32_t n) { return Below(n) == 0; }
  RandomBackend DrawBackend();
  RandomService DrawService(const RandomSite& site);
  void EditPool(RandomPool& pool);
  void EditService(RandomSite& site);

  std::mt19937 random_;
  uint32_t backends_ = 0;
  uint32_t services_ = 0;
};

}  // namespace evenkeel

#endif  // TESTS_GAUNTLET_RANDOM_SITE_H_
