/* A program that loads the library, starts engines and unloads it again, be it that their threads still
 * run. It works where the program is not linked with the shared library itself. */
#include "check.h"
#include <dlfcn.h>

enum { ROUNDS = 20 };

/* A function of a library; ISO C has no cast for it. */
#define FIND(library, name, function)                  \
  do {                                                 \
    void *found = dlsym((library), (name));            \
    CHECK(found && sizeof found == sizeof(function));  \
    memcpy(&(function), &found, sizeof found);         \
  } while (0)

int main(void) {
  for (int round = 0; round < ROUNDS; round++) {
    void *library = dlopen("libtidings.so", RTLD_NOW | RTLD_LOCAL);
    tidings_status (*make)(const tidings_engine_options *, tidings_engine **);
    tidings_status (*start)(const tidings_engine *);
    void (*end)(tidings_engine *);
    tidings_engine *engine = NULL;
    CHECK(library);
    FIND(library, "tidings_engine_new", make);
    FIND(library, "tidings_engine_start", start);
    FIND(library, "tidings_engine_free", end);
    if (make(NULL, &engine) == TIDINGS_ERR_UNSUPPORTED) {
      return 0;
    }
    CHECK(engine && start(engine) == TIDINGS_OK);
    if (round % 2) {
      end(engine);
    }
    CHECK(dlclose(library) == 0);
  }
  return 0;
}
