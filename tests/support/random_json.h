// JSON values made at random, small enough to be alike now and then.
#pragma once

#include <initializer_list>
#include <string>

#include "base/random.h"

namespace kimdb::support {

// "a", "b" or "c".
std::string random_name(Random& random);
std::string random_number(Random& random);
std::string random_value(Random& random, int depth);
std::string random_object(Random& random, int depth);

class RandomFilter {
 public:
  explicit RandomFilter(Random& random) : random_(random) {}

  std::string filter(int depth) {
    std::string members;
    for (const std::string name : {"x", "y"}) {
      if (!members.empty() && random_.below(2) == 0) break;
      std::string member;
      if (depth > 0 && random_.below(4) == 0) {
        member = "\"" + pick({"$and", "$or", "$nor"}) + "\":[" + filter(depth - 1) + "," +
                 filter(depth - 1) + "]";
      } else {
        member = "\"" + path() +
                 "\":" + (random_.below(3) == 0 ? random_value(random_, 1) : operators(depth));
      }
      // Names differ in one object.
      if (members.find(member.substr(0, member.find(':'))) != std::string::npos) continue;
      members += (members.empty() ? "" : ",") + member;
    }
    return "{" + members + "}";
  }

 private:
  std::string pick(std::initializer_list<const char*> from) {
    return *(from.begin() + random_.below(from.size()));
  }
  std::string path() {
    std::string path = random_name(random_);
    while (random_.below(2) == 0)
      path += "." + (random_.below(3) == 0 ? pick({"0", "0", "1"}) : random_name(random_));
    return path;
  }
  std::string scalar() {
    if (random_.below(2) == 0) return random_number(random_);
    return pick({"\"a\"", "\"b\"", "\"\"", "true", "false"});
  }
  std::string pattern() {
    return "{\"$regex\":\"" + pick({"a", "^b", "^$"}) + "\"" +
           (random_.below(2) == 0 ? ",\"$options\":\"i\"}" : "}");
  }
  std::string value() {
    switch (random_.below(12)) {
      case 0:
        return "null";
      case 1:
        return pattern();
      default:
        return random_value(random_, 1);
    }
  }
  std::string values() { return "[" + value() + "," + value() + "]"; }
  std::string matched_items(int depth) {
    return "{\"$elemMatch\":" + (random_.below(2) == 0 ? operators(depth - 1) : filter(depth - 1)) +
           "}";
  }
  std::string operators(int depth) {
    std::string one;
    switch (random_.below(depth > 0 ? 9 : 6)) {
      case 0:
        one = "\"" + pick({"$eq", "$ne"}) + "\":" + random_value(random_, 1);
        break;
      case 1:
        one = "\"" + pick({"$in", "$nin", "$all"}) + "\":" + values();
        break;
      case 2:
        one = "\"" + pick({"$lt", "$lte"}) + "\":" + scalar();
        if (random_.below(2) == 0) one += ",\"" + pick({"$gt", "$gte"}) + "\":" + scalar();
        break;
      case 3:
        one = "\"$exists\":" + pick({"true", "false"});
        break;
      case 4:
        one = "\"$size\":" + std::to_string(random_.below(3));
        break;
      case 5:
        return pattern();
      case 6:
        one = "\"$not\":" + operators(depth - 1);
        break;
      case 7:
        one = "\"$all\":[" + matched_items(depth) + "," + matched_items(depth) + "]";
        break;
      default:
        return matched_items(depth);
    }
    return "{" + one + "}";
  }

  Random& random_;
};

}  // namespace kimdb::support
