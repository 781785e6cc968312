// A set kept in order, of items that are small and cheap to copy (pointers, mostly): a B+ tree of
// two levels.
//
//   blocks    [a c e] [f g] [h k m n]     sorted vectors of up to kBlockItems; a full one is split
//
// Looking for an item takes two binary searches. The first level is one vector of blocks: at 256
// items a block it stays small for any number of items that a partition can hold.
//
// Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace kimdb::engine {

// `Less` compares items with each other, and with whatever else is looked for.
template <class Item, class Less>
class OrderedSet {
 public:
  static constexpr std::size_t kBlockItems = 256;

  struct Position {
    std::size_t block = 0;
    std::size_t index = 0;  // within the block
    friend bool operator==(const Position&, const Position&) = default;
  };

  explicit OrderedSet(Less less = {}) : less_(less) {}

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Bytes of the blocks; not of what items point to.
  std::size_t memory() const { return memory_; }

  // False, and nothing happens, where an equal one is there.
  bool insert(Item item);
  // Removes the item that is equal to this one; false where there is none.
  bool erase(const Item& item);
  // Puts an item in the place of the one equal to it, which is there.
  void replace(const Item& item) {
    const Position position = lower_bound(item);
    blocks_[position.block][position.index] = item;
  }

  Position begin() const { return {}; }
  Position end() const { return {blocks_.size(), 0}; }
  const Item& operator[](const Position& position) const {
    return blocks_[position.block][position.index];
  }
  Position next(Position position) const {
    if (++position.index == blocks_[position.block].size()) position = {position.block + 1, 0};
    return position;
  }
  Position previous(Position position) const {
    if (position.index > 0) return {position.block, position.index - 1};
    return {position.block - 1, blocks_[position.block - 1].size() - 1};
  }
  // The first item that is not before what is looked for.
  template <class Sought>
  Position lower_bound(const Sought& sought) const {
    return first_not([&](const Item& item) { return less_(item, sought); });
  }
  // The first item that is behind it.
  template <class Sought>
  Position upper_bound(const Sought& sought) const {
    return first_not([&](const Item& item) { return !less_(sought, item); });
  }

 private:
  using Block = std::vector<Item>;

  // The first position for which `before` is false.
  template <class Before>
  Position first_not(Before&& before) const {
    const auto block =
        std::partition_point(blocks_.begin(), blocks_.end(),
                             [&](const Block& candidate) { return before(candidate.back()); });
    if (block == blocks_.end()) return end();
    const auto item = std::partition_point(block->begin(), block->end(), before);
    return {static_cast<std::size_t>(block - blocks_.begin()),
            static_cast<std::size_t>(item - block->begin())};
  }
  void split(std::size_t index);
  void merge_with_next(std::size_t index);
  static std::size_t memory_of(const Block& block) {
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an item may be a pointer
    return sizeof(Block) + block.capacity() * sizeof(Item);
  }
  // Calls change() and accounts for what it does to the block.
  template <class Change>
  void change_block(Block& block, Change&& change) {
    memory_ -= memory_of(block);
    change();
    memory_ += memory_of(block);
  }

  Less less_;
  std::vector<Block> blocks_;  // none is empty
  std::size_t size_ = 0;
  std::size_t memory_ = 0;
};

template <class Item, class Less>
bool OrderedSet<Item, Less>::insert(Item item) {
  Position position = lower_bound(item);
  const bool last = position == end();
  if (!last && !less_(item, (*this)[position])) return false;
  if (last && (blocks_.empty() || blocks_.back().size() == kBlockItems)) {
    // Ascending items fill their blocks.
    blocks_.emplace_back();
    memory_ += memory_of(blocks_.back());
    position = {blocks_.size() - 1, 0};
  } else if (last) {
    position = {blocks_.size() - 1, blocks_.back().size()};
  } else if (blocks_[position.block].size() == kBlockItems) {
    split(position.block);
    if (const std::size_t half = blocks_[position.block].size(); position.index > half)
      position = {position.block + 1, position.index - half};
  }
  Block& block = blocks_[position.block];
  change_block(block, [&] {
    block.insert(block.begin() + static_cast<std::ptrdiff_t>(position.index), std::move(item));
  });
  ++size_;
  return true;
}

template <class Item, class Less>
bool OrderedSet<Item, Less>::erase(const Item& item) {
  const Position position = lower_bound(item);
  if (position == end() || less_(item, (*this)[position])) return false;
  Block& block = blocks_[position.block];
  block.erase(block.begin() + static_cast<std::ptrdiff_t>(position.index));
  --size_;
  if (block.empty()) {
    memory_ -= memory_of(block);
    blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(position.block));
  } else if (position.block + 1 < blocks_.size() &&
             block.size() + blocks_[position.block + 1].size() <= kBlockItems / 2) {
    merge_with_next(position.block);
  } else if (position.block > 0 &&
             block.size() + blocks_[position.block - 1].size() <= kBlockItems / 2) {
    merge_with_next(position.block - 1);
  }
  return true;
}

template <class Item, class Less>
void OrderedSet<Item, Less>::split(std::size_t index) {
  Block& block = blocks_[index];
  const auto half = block.begin() + static_cast<std::ptrdiff_t>(block.size() / 2);
  Block behind(half, block.end());
  block.erase(half, block.end());
  memory_ += memory_of(behind);
  blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(behind));
}

template <class Item, class Less>
void OrderedSet<Item, Less>::merge_with_next(std::size_t index) {
  Block& block = blocks_[index];
  Block& behind = blocks_[index + 1];
  change_block(block, [&] { block.insert(block.end(), behind.begin(), behind.end()); });
  memory_ -= memory_of(behind);
  blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(index) + 1);
}

}  // namespace kimdb::engine
