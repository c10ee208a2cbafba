/* Calls on one engine from many threads at once. */
#include "engine_world.h"
#include <pthread.h>

enum { THREADS = 4, ROUNDS = 50 };

static tidings_engine *engine;

static void *come_and_go(void *thread) {
  uint64_t first = 1 + (uint64_t)(uintptr_t)thread * ROUNDS;
  for (uint64_t tag = first; tag < first + ROUNDS; tag++) {
    int ends[2];
    tidings_stats stats = TIDINGS_INIT(tidings_stats);
    tidings_publish publish = news("hello");
    tidings_cursor cursor;
    tcp(ends);
    uint64_t connection = adopt(engine, ends[1], tag);
    OK(tidings_engine_publish(engine, &publish, NULL));
    OK(tidings_engine_post(engine, &publish, 0, NULL));
    OK(tidings_engine_subscribe(engine, connection, TIDINGS_STR("more")));
    OK(tidings_engine_stats(engine, &stats));
    OK(tidings_engine_cursor(engine, &cursor));
    read_until(ends[0], "data: hello\n\n");
    if (tag % 2) {
      OK(tidings_engine_close(engine, connection));
      read_to_end(ends[0]);
    }
    close(ends[0]);
  }
  return NULL;
}

static void *take_outputs(void *seen) {
  for (int count = 0; count < THREADS * ROUNDS; count++) {
    tidings_engine_output output = next_output(engine);
    CHECK(output.kind == TIDINGS_ENGINE_CLOSED);
    CHECK(output.tag >= 1 && output.tag <= THREADS * ROUNDS);
    CHECK(!((char *)seen)[output.tag]);
    ((char *)seen)[output.tag] = 1;
  }
  return NULL;
}

int main(void) {
  static char seen[THREADS * ROUNDS + 1];
  pthread_t taking, working[THREADS];
  tidings_engine_options options = TIDINGS_INIT(tidings_engine_options);
  options.shards = 2;
  engine = start(&options);
  if (!engine) {
    return 0;
  }
  CHECK(pthread_create(&taking, NULL, take_outputs, seen) == 0);
  for (uintptr_t thread = 0; thread < THREADS; thread++) {
    CHECK(pthread_create(&working[thread], NULL, come_and_go, (void *)thread) == 0);
  }
  for (int thread = 0; thread < THREADS; thread++) {
    CHECK(pthread_join(working[thread], NULL) == 0);
  }
  CHECK(pthread_join(taking, NULL) == 0);
  nothing_to_tell(engine);
  tidings_engine_free(engine);
  return 0;
}
