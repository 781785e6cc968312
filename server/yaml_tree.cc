#include "server/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <stdexcept>
#include <utility>

namespace kimdb::server {
namespace {

constexpr std::size_t kNodesMax = 100'000;

// What went wrong inside the parser's callbacks, on its way to parse().
struct Refused : std::runtime_error {
  Refused(YamlPosition where, const std::string& what)
      : std::runtime_error(what), position(where) {}
  YamlPosition position;
};

YamlPosition position_of(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

// Builds a tree of nodes from the parser's events.
class TreeBuilder final : public YAML::EventHandler {
 public:
  YamlNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    add(YamlNode::Kind::null, mark, {});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse_alias(mark); }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override { refuse_alias(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    add(YamlNode::Kind::scalar, mark, value)->quoted = tag == "!";
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open_.push_back(add(YamlNode::Kind::list, mark, {}));
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open_.push_back(add(YamlNode::Kind::map, mark, {}));
  }
  void OnMapEnd() override { open_.pop_back(); }

 private:
  [[noreturn]] static void refuse_alias(const YAML::Mark& mark) {
    throw Refused(position_of(mark), "anchors and aliases (& and *) are not read here");
  }

  // Only the last child of an open node is ever open itself, so the pointers in open_ stay good.
  YamlNode* add(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& text) {
    if (open_.size() >= kYamlDepthMax) throw Refused(position_of(mark), "nested too deeply");
    if (++nodes_ > kNodesMax) throw Refused(position_of(mark), "too many values");
    YamlNode node{kind, position_of(mark), text, false, {}};
    if (open_.empty()) {
      root_ = std::move(node);
      return &root_;
    }
    open_.back()->children.push_back(std::move(node));
    return &open_.back()->children.back();
  }

  YamlNode root_;
  std::vector<YamlNode*> open_;
  std::size_t nodes_ = 0;
};

}  // namespace

std::string yaml_place(std::string_view name, YamlPosition position) {
  std::string text(name);
  if (position.line > 0) {
    text += ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
  }
  return text;
}

Error yaml_error(std::string_view name, YamlPosition position, std::string_view message) {
  return {ErrorCode::invalid_argument, yaml_place(name, position).append(": ").append(message)};
}

Result<YamlNode> parse_yaml(std::string_view text, std::string_view name) {
  if (text.size() > kYamlBytesMax) {
    return Error{ErrorCode::too_large, std::string(name) + ": larger than 1 MiB"};
  }
  if (text.find('\0') != std::string_view::npos)
    return yaml_error(name, {}, "holds a zero byte: not YAML");
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder;
    parser.HandleNextDocument(builder);
    YamlNode root = builder.take_root();
    TreeBuilder second;
    if (parser.HandleNextDocument(second)) {
      return yaml_error(name, second.take_root().position,
                        "a second document (---) is not read here");
    }
    return root;
  } catch (const Refused& refused) {
    return yaml_error(name, refused.position, refused.what());
  } catch (const YAML::Exception& failure) {
    const YamlPosition position =
        failure.mark.is_null() ? YamlPosition{} : position_of(failure.mark);
    return yaml_error(name, position, "not YAML: " + failure.msg);
  } catch (const std::exception& failure) {
    return yaml_error(name, {}, std::string("not YAML: ") + failure.what());
  }
}

}  // namespace kimdb::server
