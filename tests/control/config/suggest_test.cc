#include "control/config/suggest.h"

#include "gtest/gtest.h"

namespace evenkeel {
namespace {

TEST(SuggestTest, CountsEdits) {
  EXPECT_EQ(EditDistance("weight", "weight"), 0u);
  EXPECT_EQ(EditDistance("wieght", "weight"), 1u);  // a swap
  EXPECT_EQ(EditDistance("Weight", "weight"), 0u);  // case
  EXPECT_EQ(EditDistance("wight", "weight"), 1u);
  EXPECT_EQ(EditDistance("weights", "weight"), 1u);
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("abc", ""), 3u);
}

TEST(SuggestTest, NamesTheKeyThatWasMeant) {
  EXPECT_EQ(SuggestKey("wieght", {"address", "weight", "host"}), "did you mean `weight`?");
  EXPECT_EQ(SuggestKey("adress", {"address", "weight", "host"}), "did you mean `address`?");
}

TEST(SuggestTest, ListsTheKeysWhenNoneIsNear) {
  EXPECT_EQ(SuggestKey("colour", {"address", "weight"}), "known here: address, weight");
}

TEST(SuggestTest, SeesTheMissingSpaceOfAFlowMapping) {
  EXPECT_EQ(SuggestKey("weight:100", {"address", "weight"}),
            "write a space after the colon: `weight: …`");
}

}  // namespace
}  // namespace evenkeel
