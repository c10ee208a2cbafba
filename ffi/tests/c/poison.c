/* A panic inside the library, seen from C: only in builds with the feature test-hooks. */
#include "check.h"

tidings_status tidings_test_panic(void);
tidings_status tidings_test_panic_decoder(tidings_decoder *decoder);
tidings_status tidings_test_panic_hub(tidings_hub *hub);
tidings_status tidings_test_panic_client(tidings_client *client);

int main(void) {
  tidings_decoder *decoder;
  tidings_hub *hub;
  tidings_client *client;
  tidings_str why;
  EXPECT(TIDINGS_ERR_PANIC, tidings_test_panic());

  OK(tidings_decoder_new(NULL, &decoder));
  EXPECT(TIDINGS_ERR_PANIC, tidings_test_panic_decoder(decoder));
  EXPECT(TIDINGS_ERR_POISONED, tidings_decoder_reset(decoder));
  OK(tidings_decoder_error(decoder, &why));
  CHECK(has(why, "panicked"));
  tidings_decoder_free(decoder);

  OK(tidings_hub_new(NULL, &hub));
  EXPECT(TIDINGS_ERR_PANIC, tidings_test_panic_hub(hub));
  EXPECT(TIDINGS_ERR_POISONED, tidings_hub_handle_timeout(hub, 0));
  tidings_hub_free(hub);

  OK(tidings_client_new(NULL, &client));
  EXPECT(TIDINGS_ERR_PANIC, tidings_test_panic_client(client));
  EXPECT(TIDINGS_ERR_POISONED, tidings_client_close(client));
  tidings_client_free(client);
  return 0;
}
