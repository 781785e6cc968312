#include "engine/mutation.h"

#include "base/varint.h"

namespace kimdb::engine {

std::size_t encoded_size(const Operation& o) {
  const std::size_t replaces = varint_size(o.replaces);
  switch (o.kind) {
    case OperationKind::put:
      return 2 + replaces + varint_size(static_cast<std::uint64_t>(o.expires_at)) +
             sized_bytes_size(o.key) + sized_bytes_size(o.value);
    case OperationKind::remove:
      return 3 + replaces + sized_bytes_size(o.key);
    case OperationKind::set_expiry:
      return 2 + replaces + varint_size(static_cast<std::uint64_t>(o.expires_at)) +
             sized_bytes_size(o.key);
    case OperationKind::write_range:
      return 2 + replaces + varint_size(o.number) + sized_bytes_size(o.key) +
             sized_bytes_size(o.value);
    case OperationKind::flush:
      return 2;
    case OperationKind::request:
      return 1 + sized_bytes_size(o.key) + varint_size(o.number) + sized_bytes_size(o.value);
    case OperationKind::forget:
      return 1 + sized_bytes_size(o.key);
    case OperationKind::dropped:
      return 1 + sized_bytes_size(o.key) + varint_size(o.number);
  }
  return 0;
}

char* encode(char* out, const Operation& o) {
  *out++ = static_cast<char>(o.kind);
  if (o.kind == OperationKind::request) {
    out = put_varint(put_sized_bytes(out, o.key), o.number);
    return put_sized_bytes(out, o.value);
  }
  if (o.kind == OperationKind::forget) return put_sized_bytes(out, o.key);
  if (o.kind == OperationKind::dropped) return put_varint(put_sized_bytes(out, o.key), o.number);
  *out++ = static_cast<char>(o.keyspace);
  if (o.kind == OperationKind::flush) return out;
  out = put_varint(out, o.replaces);
  switch (o.kind) {
    case OperationKind::put:
      out = put_varint(out, static_cast<std::uint64_t>(o.expires_at));
      return put_sized_bytes(put_sized_bytes(out, o.key), o.value);
    case OperationKind::remove:
      *out++ = static_cast<char>(o.reason);
      return put_sized_bytes(out, o.key);
    case OperationKind::set_expiry:
      return put_sized_bytes(put_varint(out, static_cast<std::uint64_t>(o.expires_at)), o.key);
    default:
      return put_sized_bytes(put_sized_bytes(put_varint(out, o.number), o.key), o.value);
  }
}

void append_encoded(std::string& out, const Operation& operation) {
  const std::size_t start = out.size();
  out.resize(start + encoded_size(operation));
  encode(out.data() + start, operation);
}

namespace {

// Reads fields off the front of the input; after the first that is cut short, `good` stays false.
struct Fields {
  std::string_view& in;
  bool good = true;

  std::uint8_t byte() {
    if (in.empty()) return good = false, std::uint8_t{0};
    const auto value = static_cast<std::uint8_t>(in.front());
    in.remove_prefix(1);
    return value;
  }
  std::uint64_t number() {
    const auto value = take_varint(in);
    good = good && value.has_value();
    return value.value_or(0);
  }
  std::int64_t time() {
    const std::uint64_t value = number();
    good = good && value <= static_cast<std::uint64_t>(INT64_MAX);
    return static_cast<std::int64_t>(value);
  }
  std::string_view bytes() {
    const auto value = take_sized_bytes(in);
    good = good && value.has_value();
    return value.value_or(std::string_view{});
  }
};

}  // namespace

Result<Operation> take_operation(std::string_view& mutation) {
  Fields fields{mutation};
  Operation o;
  const std::uint8_t kind = fields.byte();
  o.kind = static_cast<OperationKind>(kind);
  if (kind >= 1 && kind <= 5) {
    o.keyspace = fields.byte();
    fields.good =
        fields.good && (o.keyspace < kKeyspaces || (kind == 5 && o.keyspace == kEveryKeyspace));
    if (kind != 5) o.replaces = fields.number();
  }
  switch (o.kind) {
    case OperationKind::put:
      o.expires_at = fields.time();
      o.key = fields.bytes();
      o.value = fields.bytes();
      break;
    case OperationKind::remove: {
      const std::uint8_t reason = fields.byte();
      fields.good = fields.good && reason <= static_cast<std::uint8_t>(RemoveReason::evicted);
      o.reason = static_cast<RemoveReason>(reason);
      o.key = fields.bytes();
      break;
    }
    case OperationKind::set_expiry:
      o.expires_at = fields.time();
      o.key = fields.bytes();
      break;
    case OperationKind::write_range:
      o.number = fields.number();
      o.key = fields.bytes();
      o.value = fields.bytes();
      fields.good =
          fields.good && o.number <= kValueBytesMax && o.value.size() <= kValueBytesMax - o.number;
      break;
    case OperationKind::flush:
      break;
    case OperationKind::request:
      o.key = fields.bytes();
      o.number = fields.number();
      o.value = fields.bytes();
      break;
    case OperationKind::forget:
      o.key = fields.bytes();
      break;
    case OperationKind::dropped:
      o.key = fields.bytes();
      o.number = fields.number();
      break;
    default:
      return Error{ErrorCode::unsupported,
                   "unknown kind of operation " + std::to_string(kind) +
                       " in a record: written by a newer version of kimdb?"};
  }
  if (kind <= 5 && o.keyspace >= kKeyKeyspaces && o.keyspace != kEveryKeyspace)
    fields.good = fields.good && o.expires_at == 0 &&
                  (o.kind == OperationKind::put || o.kind == OperationKind::remove);
  if (!fields.good || o.key.size() > kKeyBytesMax || o.value.size() > kValueBytesMax)
    return Error{ErrorCode::corrupt,
                 "malformed operation of kind " + std::to_string(kind) + " in a record"};
  return o;
}

}  // namespace kimdb::engine
