/* A program that leaves SIGPIPE as it is survives readers that vanish. */
#include "engine_world.h"
#include <signal.h>

enum { READERS = 50 };

int main(void) {
  struct sigaction action;
  tidings_engine *engine = start(NULL);
  if (!engine) {
    return 0;
  }
  CHECK(sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
  for (int local = 0; local < 2; local++) {
    int clients[READERS];
    tidings_publish publish = news("to somebody who is gone");
    for (int reader = 0; reader < READERS; reader++) {
      int ends[2];
      if (local) {
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
      } else {
        tcp(ends);
      }
      adopt(engine, ends[1], 1);
      clients[reader] = ends[0];
    }
    for (int reader = 0; reader < READERS; reader++) {
      /* Events are under way while one after the other goes, with what it has not read. */
      OK(tidings_engine_post(engine, &publish, 0, NULL));
      close(clients[reader]);
      OK(tidings_engine_post(engine, &publish, 0, NULL));
      OK(tidings_engine_publish(engine, &publish, NULL));
    }
    for (int reader = 0; reader < READERS; reader++) {
      CHECK(next_output(engine).reason == TIDINGS_CLOSE_GONE);
    }
    nothing_to_tell(engine);
  }
  tidings_engine_free(engine);
  return 0;
}
