#include "tests/packets/reference_hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <cstdio>
#include <cstdlib>

namespace evenkeel::packets {

uint64_t ReferenceSipHash13(const HashKey& key, const Bytes& message) {
  unsigned int compression_rounds = 1;
  unsigned int final_rounds = 3;
  size_t size = 8;
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_C_ROUNDS, &compression_rounds),
      OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_D_ROUNDS, &final_rounds),
      OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
      OSSL_PARAM_construct_end(),
  };
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "SIPHASH", nullptr);
  EVP_MAC_CTX* context = EVP_MAC_CTX_new(mac);
  uint8_t out[8] = {};
  size_t length = 0;
  if (EVP_MAC_init(context, key.data(), key.size(), params) != 1 ||
      EVP_MAC_update(context, message.data(), message.size()) != 1 ||
      EVP_MAC_final(context, out, &length, sizeof(out)) != 1 || length != sizeof(out)) {
    std::fprintf(stderr, "OpenSSL has no SipHash-1-3\n");
    std::abort();
  }
  EVP_MAC_CTX_free(context);
  EVP_MAC_free(mac);
  uint64_t hash = 0;
  for (int i = 7; i >= 0; i--) hash = hash << 8 | out[i];
  return hash;
}

Bytes FlowKeyBytes(const Address& source, const Address& destination, uint16_t source_port,
                   uint16_t destination_port, uint8_t protocol, bool client_only) {
  Bytes key;
  PutAddress(key, source);
  const size_t source_bytes = key.size();
  PutAddress(key, destination);
  Put16(key, source_port);
  Put16(key, destination_port);
  Put32(key, uint32_t{protocol} << 24);
  if (client_only) std::fill(key.begin() + static_cast<long>(source_bytes), key.end(), 0);
  return key;
}

}  // namespace evenkeel::packets
